"""`netmon monitor` from start to end: what it shows, logs and saves, and what its exit status says."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from check_runs import netmon
from monitor_runs import InProcess, calm, recorded_checks, report_of, running, wait_for
from servers import Servers

SCHEMA = json.loads((importlib.resources.files("pytest_netmon") / "schemas" / "results.schema.json").read_text("utf-8"))
FAST = ("-i", "0.02", "-c", "12")


def test_a_counted_run_shows_blocks_and_saves_the_seeds_json(
    monitor: InProcess, servers: Servers, tmp_path: Path
) -> None:
    ports = [str(servers.open().port), str(servers.closed().port)]
    ran = monitor("127.0.0.1", "-p", *ports, *FAST, "-o", "f.json")
    report = report_of(tmp_path / "f.json")

    assert ran.status == 0
    assert re.findall(r"Total Checks: (\d+)", ran.out) == ["1", "10", "12"]
    assert ran.out.endswith(
        f"  Port {ports[1]}: 0.00% success, n/a avg\n  Errors: 12 (refused 12)\n\nResults saved to f.json\n"
    )
    assert ran.err.count("\n") == 1
    assert f"WARNING 127.0.0.1:{ports[1]}: refused (" in ran.err
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert recorded_checks(report) == {(port, check) for port in ports for check in range(1, 13)}
    assert report["statistics"]["127.0.0.1"]["total_checks"] == 12
    assert report["monitoring_session"]["interval"] == 0.02
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.json"]


def test_the_last_block_and_the_json_say_the_same(monitor: InProcess, servers: Servers, tmp_path: Path) -> None:
    port = str(servers.open().port)
    ran = monitor("127.0.0.1", "-p", port, *FAST, "-o", "f.json")
    statistics = report_of(tmp_path / "f.json")["statistics"]["127.0.0.1"]
    ping, of_port = statistics["ping_statistics"], statistics["port_statistics"][port]

    block = ran.out.split("Target: 127.0.0.1\n")[-1]
    shown = [float(number) for number in re.findall(r"(?<![0-9])(\d+\.\d\d)(?:ms|%)", block)]

    # Rounded twice, to three decimals and to two.
    assert shown == pytest.approx(
        [
            statistics["success_rate"] * 100,
            *(ping[name] for name in ("avg_ms", "min_ms", "max_ms")),
            of_port["success_rate"] * 100,
            of_port["avg_response_time_ms"],
        ],
        abs=0.0101,
    )
    assert f"  Total Checks: {statistics['total_checks']}\n" in block


@pytest.mark.parametrize(
    ("limits", "with_open", "with_closed", "status"),
    [
        ((), True, True, 0),
        ((), False, True, 1),
        (("success >= 50%",), True, False, 0),
        (("p95 < 10s",), True, True, 1),
        (("p95 < 10s", "success >= 0%"), True, False, 0),
        (("max < 1ms", "max < 10s"), False, True, 1),
    ],
)
def test_the_exit_status_without_and_with_limits(
    monitor: InProcess, servers: Servers, limits: tuple[str, ...], with_open: bool, with_closed: bool, status: int
) -> None:
    targets = [servers.open().target] * with_open + [servers.closed().target] * with_closed
    ran = monitor(*targets, "-i", "0.01", "-c", "20", *(word for limit in limits for word in ("--limit", limit)))

    assert ran.status == status


def test_an_expected_failure_breaks_nothing_and_closed_may_be_asked_for(
    monitor: InProcess, servers: Servers, tmp_path: Path
) -> None:
    opened, closed = servers.open().port, servers.closed().port
    (tmp_path / "n.yaml").write_text(
        f"targets:\n  - {{host: 127.0.0.1, ports: [{closed}], expect: closed}}\n"
        f"  - {{host: 127.0.0.1, name: x, ports: [{opened}], expect: closed, xfail: later}}\n"
    )
    met = monitor("--config", "n.yaml", "-i", "0.01", "-c", "3")
    (tmp_path / "n.yaml").write_text(f"targets: [{{host: 127.0.0.1, ports: [{opened}], expect: closed}}]\n")
    broken = monitor("--config", "n.yaml", "-i", "0.01", "-c", "3")

    assert (met.status, broken.status) == (0, 1)


def test_junit_has_a_testcase_for_each_endpoint(monitor: InProcess, servers: Servers, tmp_path: Path) -> None:
    target = servers.open().target
    ran = monitor(target, *FAST, "--junit", "f.xml", "--limit", "success >= 99%")
    (case,) = ElementTree.parse(tmp_path / "f.xml").iter("testcase")

    assert (ran.status, case.get("name")) == (0, target)
    assert ran.out.endswith("Results saved to f.xml\n")


def test_html_holds_the_report_with_charts(monitor: InProcess, servers: Servers, tmp_path: Path) -> None:
    target = servers.open().target
    ran = monitor(target, *FAST, "--html", "f.html")
    assert ran.status == 0
    assert ran.out.endswith("Results saved to f.html\n")
    assert target in (tmp_path / "f.html").read_text()


def test_verbose_logs_each_check_and_a_file_gets_the_same(monitor: InProcess, servers: Servers, tmp_path: Path) -> None:
    target = servers.open().target
    ran = monitor(target, *FAST, "-v", "--log-file", "log.txt")

    # On a busy machine one that started later may be decided first.
    assert sorted(map(int, re.findall(r"check (\d+): open, ", ran.err))) == list(range(1, 13))
    assert calm((tmp_path / "log.txt").read_text()) == ran.err
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} INFO    {re.escape(target)}: check \d+: open, [0-9.]+ ms",
        ran.err.splitlines()[0],
    )


def test_twice_verbose_tells_decisions_too(monitor: InProcess, servers: Servers) -> None:
    ran = monitor(servers.open().target, "-c", "1", "-vv", "--timeout", "1")

    warning = "WARNING 1 endpoint has a timeout of 1s or less"
    decisions = ("samples are recorded in ", "the prober started at ", "all checks were made", "ended: complete")
    for words in (warning, *decisions):
        assert words in ran.err


def test_json_may_go_to_standard_output_and_the_rest_to_errors(servers: Servers, tmp_path: Path) -> None:
    ran = netmon("monitor", servers.open().target, *FAST, "-o", "-", cwd=tmp_path)

    assert ran.status == 0
    assert len(recorded_checks(json.loads(ran.out))) == 12
    assert "Total Checks: 12" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no such device here")
def test_the_output_may_be_a_device_or_a_pipe(servers: Servers, tmp_path: Path) -> None:
    ran = netmon("monitor", servers.open().target, *FAST, "-o", "/dev/stdout", cwd=tmp_path)
    nowhere = netmon("monitor", servers.open().target, "-c", "1", "-o", "/dev/null", cwd=tmp_path)

    assert (ran.status, nowhere.status) == (0, 0)
    assert '"raw_data"' in ran.out


def test_a_name_is_resolved_and_one_that_is_not_there_is_an_error(servers: Servers, tmp_path: Path) -> None:
    port = str(servers.open().port)
    ran = netmon(
        "monitor", "localhost", "no-such-host.invalid", "-p", port, "-i", "0.2", "-c", "2", "-o", "f.json", cwd=tmp_path
    )
    statistics = report_of(tmp_path / "f.json")["statistics"]

    assert ran.status == 0
    assert statistics["localhost"]["success_rate"] == 1
    assert statistics["no-such-host.invalid"]["port_statistics"][port]["errors"]
    assert "WARNING no-such-host.invalid" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_a_full_disk_under_the_screen_is_said_so(servers: Servers, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is Linux's")
    with Path("/dev/full").open("w") as full, running(
        tmp_path, servers.open().target, *FAST, "-o", "f.json", stdout=full
    ) as process:  # fmt: skip
        _, err = process.communicate()

    assert process.returncode != 0
    assert "No space left on device" in err
    assert (tmp_path / "f.json").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="127.0.0.2 and F_SETPIPE_SZ are Linux's")
def test_measuring_goes_on_while_nobody_takes_the_output(servers: Servers, tmp_path: Path) -> None:
    """A reader that stopped reading stops the log, not the checks: the prober is a process of its own."""
    import fcntl

    samples = tmp_path / "f.json.samples.ndjson"
    targets = [servers.open(f"127.0.0.{number}").target for number in range(1, 6)]
    unread, full = os.pipe()
    fcntl.fcntl(full, fcntl.F_SETPIPE_SZ, 4096)
    with running(tmp_path, *targets, "-i", "0.005", "-vv", "-o", "f.json", stderr=full) as process:
        wait_for(lambda: samples.exists() and samples.stat().st_size, lambda size: size > 50_000)
        assert process.poll() is None
    os.close(full)
    os.close(unread)
