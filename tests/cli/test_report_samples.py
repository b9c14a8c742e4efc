"""`netmon report`: results from the samples that a killed run left; words for whatever else it is given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from check_runs import Ran, clean_environment, command
from monitor_runs import has_open, recorded_checks, report_of, wait_for, watched
from sealed_lines import line_of

from pytest_netmon.cli.main import main
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of

HEADER = {"netmon": 1, "started_unix_us": 1_782_000_000_000_000}


class InProcess:
    """Runs `netmon report` in this process, in an empty folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        status = main(["report", *arguments])
        captured = self._capsys.readouterr()
        return Ran(status, captured.out, captured.err)


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InProcess:
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return InProcess(capsys)


def header_of(*endpoints: Endpoint) -> str:
    plan = record_of(Plan(endpoints=list(endpoints)))
    context = {"plan": plan, "selected": [*range(len(endpoints))], "machine": {"host": "m"}}
    return line_of({**HEADER, "context": context})


def opened(check: int, endpoint: int = 0, us: int = 15_230) -> str:
    return line_of([endpoint, check, check * 1_000_000, "open", us, us, None, us, 0, "10.0.0.1", None])


def refused(check: int) -> str:
    detail = {"errno": "ECONNREFUSED"}
    return line_of([0, check, check * 1_000_000, "refused", None, 90, None, None, 0, "10.0.0.1", detail])


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """Four samples of a counted run that was killed in the middle of a line."""
    path = tmp_path / "r.json.samples.ndjson"
    endpoint = watched("db.internal", 5432, count=100)
    path.write_text(header_of(endpoint) + opened(1) + refused(2) + opened(3) + opened(4) + opened(5)[:20])
    return path


def test_any_report_can_be_made_of_them(report: InProcess, killed: Path) -> None:
    ran = report(killed.name, "--html", "r.html", "--markdown", "r.md", "--openmetrics", "r.prom")
    assert ran.status == 0
    assert ran.out.endswith("Results saved to r.html\nResults saved to r.md\nResults saved to r.prom\n")
    assert "db.internal:5432" in Path("r.html").read_text()
    assert "netmon: 1 endpoint" in Path("r.md").read_text()
    assert Path("r.prom").read_text().endswith("# EOF\n")


@pytest.mark.parametrize("option", ["--junit", "--html", "--markdown", "--openmetrics"])
def test_only_the_json_goes_to_standard_output(report: InProcess, killed: Path, option: str) -> None:
    ran = report(killed.name, option, "-")
    assert (ran.status, ran.out) == (2, "")
    assert f"{option}: expected a file, got -" in ran.err


def test_every_recorded_sample_is_shown_and_saved(report: InProcess, killed: Path) -> None:
    ran = report(killed.name, "--json", "r.json", "--junit", "r.xml")
    results = report_of(Path("r.json"))
    (case,) = ElementTree.parse("r.xml").iter("testcase")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[5:] == [
        "Target: db.internal",
        "  Total Checks: 4",
        "  Success Rate: 75.00%",
        "  Ping: 15.23ms avg, 15.23ms min, 15.23ms max",
        "  Port 5432: 75.00% success, 15.23ms avg",
        "  Errors: 1 (refused 1)",
        "",
        "4 samples recovered; the run was cut off",
        "Results saved to r.json",
        "Results saved to r.xml",
    ]
    assert recorded_checks(results) == {("5432", check) for check in range(1, 5)}
    assert results["monitoring_session"]["partial"]
    assert case.get("name") == "db.internal:5432"
    assert killed.exists()


def test_a_run_that_had_ended_is_complete(report: InProcess, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text(header_of(watched()) + opened(1) + line_of({"event": "end", "reason": "stopped"}))
    ran = report("s", "--json", "r.json")

    assert "1 sample recovered; the run is complete\n" in ran.out
    assert not report_of(Path("r.json"))["monitoring_session"]["partial"]


def test_the_json_may_go_to_standard_output(report: InProcess, killed: Path) -> None:
    ran = report(killed.name, "--json", "-")

    assert len(recorded_checks(json.loads(ran.out))) == 4
    assert "4 samples recovered" in ran.err


def test_damage_is_told_and_the_rest_recovered(report: InProcess, killed: Path) -> None:
    lines = killed.read_bytes().split(b"\n")
    killed.write_bytes(b"\n".join([lines[0], lines[1], b"\0\0\0", *lines[3:]]))
    ran = report(killed.name, "--json", "r.json")

    assert ran.status == 0
    assert ran.err.startswith(
        f"netmon report: warning: 1 line of {killed.name} cannot be read and are left out, the first at byte "
    )
    assert recorded_checks(report_of(Path("r.json"))) == {("5432", check) for check in (1, 3, 4)}
    assert report_of(Path("r.json"))["monitoring_session"]["partial"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected a netmon.json or a sample file, got none: name one"),
        (("nothing",), "cannot read nothing: No such file or directory"),
        (("folder",), "cannot read folder: Is a directory"),
        (("notes",), "expected a netmon.json or a sample file: notes: byte 0: no line of a sample file"),
        (("results",), "results: monitoring_session: no schema_version"),
        (
            ("empty",),
            "expected a netmon.json or a sample file: empty: expected the first line of a sample file, found none",
        ),
        (("without-plan",), "expected a netmon.json or a sample file: without-plan: the plan in it cannot be read"),
        (("r.json.samples.ndjson", "--json", "no/f.json"), "cannot write no/f.json: No such file or directory"),
        (("r.json.samples.ndjson", "--json", "r.json.samples.ndjson"), "would be written over"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    report: InProcess, killed: Path, arguments: tuple[str, ...], said: str
) -> None:
    Path("folder").mkdir()
    Path("notes").write_text("my notes\n")
    Path("results").write_text('{\n  "monitoring_session": {}\n}\n')
    Path("empty").write_text("")
    Path("without-plan").write_text(line_of({**HEADER, "context": {}}))
    ran = report(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err.splitlines()[0]
    assert ran.err.startswith("netmon report: ")


def test_a_name_that_could_steer_a_terminal_is_shown(report: InProcess, tmp_path: Path) -> None:
    (tmp_path / "\x1b[2J").write_text("x\n")

    assert "\x1b" not in report("\x1b[2J").err


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process has open is looked up in /proc")
def test_ctrl_c_while_a_large_file_is_read_ends_it(tmp_path: Path) -> None:
    lines = "".join(opened(check) for check in range(1, 200_000))
    (tmp_path / "large").write_text(header_of(watched()) + lines)
    with subprocess.Popen(
        command("report", "large", "--json", "r.json"), cwd=tmp_path, env=clean_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        wait_for(lambda: has_open(process.pid, tmp_path / "large"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (130, "", "")
    assert not (tmp_path / "r.json").exists()
