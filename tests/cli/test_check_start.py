"""How `netmon check` starts: its prober first, and what judges only once that measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from check_runs import InProcess, clean_environment
from servers import Servers

from pytest_netmon.campaign import Campaign
from pytest_netmon.cli import check as command
from pytest_netmon.cli import measuring
from pytest_netmon.cli.signals import Ending
from pytest_netmon.launching import Launch
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.prober_process import ProberProcess

#: Runs a check and prints, when its prober is started and again when that is told its job, what is imported by then.
NOTED = """\
import sys
from pytest_netmon.cli.main import main
from pytest_netmon.prober_process import ProberProcess

def noting(method):
    def noted(self, *arguments):
        print("imported:", *sys.modules)
        method(self, *arguments)
    return noted

ProberProcess.__init__ = noting(ProberProcess.__init__)
ProberProcess.tell = noting(ProberProcess.tell)
sys.exit(main(["check", *sys.argv[1:]]))
"""
#: What nobody needs to read a plan of targets; what judges and shows is imported while the prober measures.
AFTER_START = {
    *("baseline", "baseline_record", "campaign", "distributions", "judging", "ranks", "recording", "results", "run"),
    *("sample_lines", "samples", "statistics", "verdict", "waited", "relay", "relay_process", "reports"),
    *("cli.check_run", "cli.measuring", "cli.result_lines", "cli.screen", "config.document", "config.schema"),
}
#: Before the prober is started: whatever reads a plan.
AFTER_SPAWN = {"config", "plan", "launching", "limits", "cli.check_arguments", *AFTER_START}
STANDARD_AFTER_START = {
    *("asyncio", "datetime", "decimal", "difflib", "email", "fractions"),
    *("logging", "platform", "shlex", "socket", "ssl"),
}
STANDARD_AFTER_SPAWN = {"dataclasses", "json", "pathlib", "tempfile", "shutil", *STANDARD_AFTER_START}


def imported_by_then(*arguments: str) -> list[set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", NOTED, *arguments], env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done
    told = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("imported:")]
    return [{name.removeprefix("pytest_netmon.") for name in names} for names in told]


def test_what_judges_is_imported_while_the_prober_measures(servers: Servers) -> None:
    at_spawn, at_start = imported_by_then(servers.open().target, servers.open().target)
    assert at_spawn & (AFTER_SPAWN | STANDARD_AFTER_SPAWN) == set()
    assert at_start & (AFTER_START | STANDARD_AFTER_START) == set()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ProberProcess]:
    """The probers that a check starts in advance."""
    found: list[ProberProcess] = []

    class Noted(ProberProcess):
        def __init__(self) -> None:
            super().__init__()
            found.append(self)

    monkeypatch.setattr(command, "ProberProcess", Noted)
    return found


def test_the_prober_that_is_started_first_is_the_one_that_measures(
    check: InProcess, servers: Servers, started: list[ProberProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[ProberProcess] = []
    tell = ProberProcess.tell

    def noted(self: ProberProcess, job: bytes) -> None:
        told.append(self)
        tell(self, job)

    monkeypatch.setattr(ProberProcess, "tell", noted)
    assert check(servers.open().target).status == 0
    assert told == started
    assert len(started) == 1
    assert started[0].has_exited


@pytest.mark.parametrize("arguments", [["no-port"], ["--wiat", "5s"], ["127.0.0.1:1", "--limit", "p95 < 5"]])
def test_a_check_that_comes_to_nothing_leaves_no_prober(
    check: InProcess, started: list[ProberProcess], arguments: list[str]
) -> None:
    assert check(*arguments).status == 2
    assert [prober.has_exited for prober in started] == [True]


def test_a_check_without_anything_to_measure_leaves_no_prober(check: InProcess, started: list[ProberProcess]) -> None:
    Path("netmon.yaml").write_text("targets: [{host: db, ports: [1], skip: not yet}]\n")
    assert check("netmon.yaml").status == 0
    assert [prober.has_exited for prober in started] == [True]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--dry-run", "db:1"]])
def test_help_and_a_dry_run_start_none(check: InProcess, started: list[ProberProcess], arguments: list[str]) -> None:
    assert check(*arguments).status == 0
    assert started == []


def test_a_prober_that_died_before_its_job_is_replaced(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dead(ProberProcess):
        def __init__(self) -> None:
            super().__init__()
            self.kill()

    monkeypatch.setattr(command, "ProberProcess", Dead)
    assert check(servers.open().target).status == 0


def test_a_process_of_its_own_looks_for_no_garbage_at_its_end() -> None:
    code = "import gc; from pytest_netmon.cli.main import command; command(); print(gc.get_freeze_count() > 1000)"
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "True", done


def test_later_results_come_in_pieces_so_that_the_progress_line_can_be_read(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_AT_ONCE_S", 0.0)
    told: list[str] = []
    poll = Campaign.poll
    monkeypatch.setattr(Campaign, "poll", lambda self: (told.append("looked"), poll(self)))
    server, silent = servers.open(), servers.silent()
    endpoints = [
        Endpoint(host=server.host, port=server.port, timeout_s=5.0),
        Endpoint(host=silent.host, port=silent.port, count=1, timeout_s=0.6, measured=True),
    ]
    plan = Plan(endpoints=endpoints)
    launch = Launch(plan, [0, 1])
    launch.start()
    running = measuring.Measuring(
        plan,
        launch,
        ending=Ending(),
        decided=lambda result: told.append(result.verdict.status),
        progress=lambda _: told.append("progress"),
    )
    running.measure()
    running.close()
    assert told[told.index("passed") + 1] == "progress"
