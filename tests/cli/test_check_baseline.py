"""`netmon check --baseline` and `netmon report --baseline`, against runs that were much faster than any real one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from check_runs import InProcess
from made_runs import failed, measured, opened, reached, run_of
from sealed_lines import line_of
from servers import Servers

from pytest_netmon.cli.main import main
from pytest_netmon.comparing import compared
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.results import baseline_of
from pytest_netmon.run import Run
from pytest_netmon.tolerance import Tolerance

ANY_SLOWER = Tolerance(min_delta_ms=0.0)
FAST, SLOW = ([opened(ms + at / 1000) for at in range(20)] for ms in (12.0, 24.0))
NO_DELTA = "defaults: {interval: 5ms, baseline: {min_delta: 0ms}}"


def saved(path: Path, *probed: tuple[Endpoint, Sequence[dict[str, object]]], **fields: object) -> str:
    path.write_text("".join(json_chunks(run_of(probed, **fields))))
    return str(path)


def of(port: int, host: str = "127.0.0.1", **fields: object) -> Endpoint:
    return measured(host, port, count=20, **fields)


def faster(path: Path, *ports: int) -> str:
    """A baseline of one microsecond, which no connect is as fast as."""
    return saved(path, *((of(port), [opened(0.001)] * 20) for port in ports))


def test_what_is_slower_than_its_baseline_is_broken(check: InProcess, servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    old = faster(tmp_path / "old.json", server.port)
    (tmp_path / "n.yaml").write_text(f"{NO_DELTA}\ntargets: ['{server.target}']\n")
    ran = check("n.yaml", "--baseline", old, "-o", "new.json")
    assert ran.status == 1
    lines = ran.out.splitlines()
    assert lines[0] == f"FAIL   {server.target}: slower than its baseline"
    assert lines[1].startswith("    median 0.0")
    assert "baseline 0.00 ms: +" in lines[1]
    assert lines[1].endswith("allowed +30 % and 0 ms; p = 7.3e-12 after Holm over 1")
    assert "mtr -n 127.0.0.1" in lines[2]

    again = check(server.target, "--interval", "5ms", "--baseline", "new.json")  # within the built-in 20 ms
    assert (again.status, again.err) == (
        0,
        "netmon check: warning: baseline new.json: 1 of its endpoints did not pass\n",
    )
    document = json.loads((tmp_path / "new.json").read_text())
    assert document["monitoring_session"]["baseline"]["file"] == old
    (endpoint,) = document["endpoints"]
    assert endpoint["baseline"]["state"] == "slower"
    assert endpoint["reasons"] == [endpoint["baseline"]["text"]]


def test_without_a_count_what_is_compared_is_measured(check: InProcess, servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    ran = check(server.target, "--interval", "5ms", "--baseline", faster(tmp_path / "old.json", server.port))
    assert (ran.status, server.connects) == (0, 20)  # slower, but by less than 20 ms


def test_what_the_baseline_lacks_is_broken_unless_it_may_be_skipped(
    check: InProcess, servers: Servers, tmp_path: Path
) -> None:
    known, new = servers.open(), servers.open()
    old = faster(tmp_path / "old.json", known.port)
    ran = check(known.target, new.target, "--interval", "20ms", "--baseline", old)
    assert ran.status == 1
    assert f"FAIL   {new.target}: not compared with its baseline\n" in ran.out
    assert f"    no baseline for it in {old}\n" in ran.out
    assert "next: copy this run's netmon.json over the baseline: it measured it; or set `baseline: " in ran.out

    (tmp_path / "n.yaml").write_text(
        f"defaults: {{interval: 20ms, baseline: {{missing: skip}}}}\ntargets: ['{known.target}', '{new.target}']\n"
    )
    ran = check("n.yaml", "--baseline", old)
    assert ran.status == 0
    assert f"; not compared with the baseline: no baseline for it in {old}\n" in ran.out


def test_a_wait_comes_before_the_comparison(check: InProcess, servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    old = faster(tmp_path / "old.json", server.port)
    (tmp_path / "n.yaml").write_text(f"{NO_DELTA}\ntargets: ['{server.target}']\n")
    assert check("n.yaml", "--baseline", old, "--wait", "5s").status == 1


def test_a_baseline_is_not_written_over(check: InProcess, servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    old = faster(tmp_path / "old.json", server.port)
    before = Path(old).read_text()
    ran = check(server.target, "--baseline", old, "-o", old)
    assert (ran.status, Path(old).read_text()) == (2, before)
    assert "would be written over" in ran.err


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["report", *arguments])
    return (status, *capsys.readouterr())


def test_a_run_that_is_over_is_compared_and_nothing_else_is_judged_anew(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    same, slow, broken = (of(port, "h", baseline=ANY_SLOWER) for port in (1, 2, 3))
    timeouts = [failed("timeout", clock_ms=2000.0)] * 20
    new = saved(tmp_path / "new.json", (same, FAST), (slow, SLOW), (broken, timeouts), (reached("r", 4), [opened(1.0)]))
    old = saved(tmp_path / "old.json", (of(1, "h"), FAST), (of(2, "h"), FAST), (of(3, "h"), FAST))
    status, out, err = report(capsys, new, "--baseline", old, "--json", str(tmp_path / "c.json"))
    assert status == 1
    assert "FAIL   h:2 (10.0.3.7): slower than its baseline\n" in out
    assert "h:1       passed" in out
    assert "1 endpoint was only reached, not measured: it is not compared" in err
    assert report(capsys, new)[0] == 1  # for h:3
    written = json.loads((tmp_path / "c.json").read_text())
    states = [each["baseline"] and each["baseline"]["state"] for each in written["endpoints"]]
    assert states == ["kept", "slower", "few", None]

    status, out, err = report(capsys, str(tmp_path / "c.json"), "--baseline", new)
    assert "slower" not in out
    assert "baseline: 1 of its" not in err.partition(old)[2]


def test_a_monitor_is_compared_too_and_only_then_can_it_fail(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    watched = replace(of(1, "h"), watched=True, count=None)
    new = saved(tmp_path / "new.json", (watched, [opened(100.0 + at) for at in range(20)]))
    old = saved(tmp_path / "old.json", (of(1, "h"), FAST))
    assert report(capsys, new)[0] == 0
    status, out, _ = report(capsys, new, "--baseline", old)
    assert status == 1
    assert out.endswith("1 of 1 endpoint failed\n")


def test_a_dry_run_shows_what_would_be_compared_with_what(check: InProcess, tmp_path: Path) -> None:
    old = saved(tmp_path / "old.json", (of(1, "h"), FAST))
    (tmp_path / "n.yaml").write_text("targets: ['h:1', {host: 'h:2', count: 20, baseline: false}]")
    lines = check("n.yaml", "--baseline", old, "--dry-run").out.splitlines()
    assert lines[2].split() == ["baseline", "median", "+30", "%", "and", "20", "ms", f"({old})"]
    assert sum("baseline" in line for line in lines) == 1


def made(*probed: tuple[Endpoint, Sequence[dict[str, object]]]) -> Run:
    return run_of(probed)


def test_a_second_comparison_takes_the_place_of_the_first() -> None:
    run, old, slow = (made((of(1, "h", baseline=ANY_SLOWER), checks)) for checks in (SLOW, FAST, SLOW))
    once = compared(run, baseline_of(old, "old.json"))
    assert once.results[0].verdict.status == "failed"
    twice = compared(once, baseline_of(slow, "slow.json"))
    assert (twice.results[0].verdict.status, twice.results[0].verdict.reasons) == ("passed", ())
    assert twice.baseline is not None
    assert twice.baseline.file == "slow.json"
    assert compared(twice, baseline_of(old, "old.json")).results == once.results


def test_where_a_control_failed_a_regression_says_nothing() -> None:
    control = (reached("gw", 443, control=True), [failed("refused")])
    run = made(control, (of(1, "h", baseline=ANY_SLOWER), SLOW))
    run = replace(run, results=tuple(run.results))
    result = compared(run, baseline_of(made((of(1, "h"), FAST)), "old.json")).results[1]
    assert (result.verdict.status, result.verdict.failed_controls) == ("inconclusive", ("gw:443",))
    again = compared(
        replace(run, results=(run.results[0], result)), baseline_of(made((of(1, "h"), SLOW)), "x.json")
    ).results[1]
    assert (again.verdict.status, again.verdict.failed_controls) == ("passed", ())


def test_the_samples_of_a_killed_run_are_compared_with_the_baseline_that_it_had(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    endpoint = of(1, "h", baseline=ANY_SLOWER)
    plan = Plan(endpoints=[endpoint], baseline=baseline_of(made((of(1, "h"), FAST)), "old.json"))
    context = {"plan": record_of(plan), "selected": [0], "machine": {"host": "m"}}
    lines = [line_of({"netmon": 1, "started_unix_us": 1_782_000_000_000_000, "context": context})]
    lines += [
        line_of([0, check, check * 1000, "open", 24_000 + check, 24_000, None, 24_000, 0, "10.0.0.1", None])
        for check in range(1, 21)
    ]
    lines.append(line_of({"event": "done", "endpoint": 0}))
    (tmp_path / "s.ndjson").write_text("".join(lines))
    status, out, _ = report(capsys, str(tmp_path / "s.ndjson"))
    assert status == 1
    assert "slower than its baseline" in out
    assert "p = 7.3e-12 after Holm over 1" in out
