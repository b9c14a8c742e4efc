"""However a session ends, what was measured is in the artifacts, whole and marked."""

from __future__ import annotations

import os
import signal
import sys

import pytest


def slow(server, **settings):
    """A target that a test would wait for much too long."""
    return {"host": server.host, "ports": [server.port], "count": 1000, "interval": "100ms", **settings}


def is_partial(project):
    return project.artifact()["monitoring_session"]["partial"]


def test_exitfirst_stops_the_probing_and_writes_what_there_is(project, servers):
    closed, server = servers.closed(), servers.open()
    project.write_targets(closed.target, slow(server))
    result = project.run("--netmon", "-x")
    result.assert_outcomes(failed=1)
    assert is_partial(project)
    assert server.connects < 1000


def test_the_result_hook_is_told_of_what_was_cut_off(project, servers):
    project.write_targets(servers.closed().target, slow(servers.open(), name="slow"))
    project.write(
        "conftest.py",
        "def pytest_netmon_result(result): print('told:', result.endpoint.name, result.complete)\n",
    )
    result = project.run("--netmon", "-x", "-s")
    result.stdout.fnmatch_lines(["*told: slow False"])


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, pytest.ExitCode.INTERRUPTED),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
    ],
)
@pytest.mark.fault("process", "SIGINT, SIGTERM, SIGHUP: pytest", "valid artifacts, marked partial")
def test_a_signal_ends_the_wait_and_leaves_partial_artifacts(project, servers, number, status):
    server = servers.open()
    project.write_targets(slow(server))
    project.write("conftest.py", SIGNAL_WHEN_WAITING.format(number=int(number)))
    result = project.run_apart("--netmon")
    assert result.ret == status
    assert is_partial(project)
    assert project.artifact("netmon-junit.xml").startswith("<?xml")
    result.stdout.fnmatch_lines(["*written: netmon-report/netmon.json"])
    output = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in output


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_failure_whose_test_an_interrupt_came_before_is_told_with_that_reason(project, servers):
    closed = servers.closed()
    project.write_targets(slow(servers.open()), closed.target)
    project.write(
        "conftest.py",
        SIGNAL_WHEN_WAITING.format(number=int(signal.SIGINT)).replace("progress.checks", "progress.endpoints_done"),
    )
    result = project.run_apart("--netmon")
    told = f"{closed.target} failed, and no test says so: the session ended before its test did"
    result.stdout.fnmatch_lines([told])


#: Sends the session a signal once it waits and something has been measured.
SIGNAL_WHEN_WAITING = """
import os
from pytest_netmon.campaign import Campaign
real = Campaign.wait
def wait(self, index, tick=None):
    def signalled(progress):
        if progress.checks:
            os.kill(os.getpid(), {number})
    real(self, index, signalled)
Campaign.wait = wait
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_while_the_artifacts_are_being_written_waits_for_them(project, servers):
    project.write_targets(servers.open().target)
    project.write(
        "conftest.py",
        "import os, signal\ndef pytest_netmon_run(): os.kill(os.getpid(), signal.SIGTERM)\n",
    )
    assert project.run_apart("--netmon").ret == 128 + signal.SIGTERM
    assert not is_partial(project)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (signal.SIGINT, signal.SIGINT, pytest.ExitCode.INTERRUPTED),
        (signal.SIGINT, signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT, 128 + signal.SIGTERM),
        (signal.SIGTERM, signal.SIGTERM, 128 + signal.SIGTERM),
    ],
)
@pytest.mark.parametrize("moment", ["pytest_netmon_run", "pytest_unconfigure"])
@pytest.mark.fault("process", "a second signal: pytest", "the artifacts are written first")
def test_a_second_signal_waits_until_the_artifacts_are_written(project, servers, first, second, status, moment):
    project.write_targets(slow(servers.open()))
    later = f"def {moment}(): os.kill(os.getpid(), {int(second)})\n"
    project.write("conftest.py", SIGNAL_WHEN_WAITING.format(number=int(first)) + later)
    result = project.run_apart("--netmon")
    output = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert result.ret == (status if moment == "pytest_netmon_run" else exit_status_of(first))
    assert is_partial(project)
    assert project.artifact("netmon.html").rstrip().endswith("</html>")


def exit_status_of(number):
    return pytest.ExitCode.INTERRUPTED if number == signal.SIGINT else 128 + number


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_third_signal_kills(project, servers):
    project.write_targets(slow(servers.open()))
    later = "def pytest_netmon_run():\n    for _ in range(2): os.kill(os.getpid(), 15)\n"
    project.write("conftest.py", SIGNAL_WHEN_WAITING.format(number=int(signal.SIGTERM)) + later)
    assert project.run_apart("--netmon").ret == -signal.SIGTERM
    assert not project.has_artifacts


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_that_comes_back_leaves_the_session_to_its_parent(project, servers):
    server = servers.open()
    project.write_targets(server.target, slow(server, name="slow", count=20))
    project.write("test_own.py", "import os\ndef test_forks(): os.fork()\n")
    project.write("conftest.py", "import os\ndef pytest_netmon_run(): print('told by', os.getpid())\n")
    result = project.run_apart("--netmon", "-s")
    assert result.ret == pytest.ExitCode.OK
    assert result.stdout.str().count("told by") == 1
    assert result.stdout.str().count("written: netmon-report/netmon.json") == 1
    assert not is_partial(project)


SWALLOWS_SIGTERM = """
import os, signal

def test_a_swallows():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except Exception:
        pass

def test_b_never_runs():
    raise AssertionError
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_test_that_swallows_exceptions_does_not_keep_a_session_alive(project, servers):
    project.write_targets(servers.open().target)
    project.write("test_own.py", SWALLOWS_SIGTERM)
    result = project.run_apart("--netmon")
    assert result.ret == 128 + signal.SIGTERM
    result.stdout.no_fnmatch_line("*AssertionError*")
    assert project.has_artifacts


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_users_own_signal_handler_stays(project, servers):
    project.write_targets(servers.open().target)
    project.write(
        "conftest.py",
        "import signal\ndef own(number, frame): pass\nbefore = signal.signal(signal.SIGTERM, own)\n"
        "def pytest_runtest_setup(): assert signal.getsignal(signal.SIGTERM) is own\n"
        "def pytest_unconfigure(): signal.signal(signal.SIGTERM, before)\n",
    )
    project.run("--netmon").assert_outcomes(passed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_handlers_are_gone_after_the_tests(project, servers):
    project.write_targets(servers.open().target)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    project.run("--netmon").assert_outcomes(passed=1)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_report_folder_ignores_itself_and_may_be_moved(project, servers):
    project.write_targets(servers.open().target)
    project.run("--netmon", "--netmon-report=out/net").assert_outcomes(passed=1)
    assert not project.has_artifacts
    assert "*" in project.artifact(".gitignore", folder="out/net").splitlines()
    assert project.artifact(folder="out/net")["endpoints"]


def test_an_empty_report_folder_turns_artifacts_off(project, servers):
    project.write_targets(servers.open().target)
    result = project.run("--netmon", "--netmon-report=")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("written:*")
    assert not project.has_artifacts


def test_artifacts_stand_where_pytest_was_started(project, servers, monkeypatch):
    project.write_targets(servers.open().target)
    (project.path / "sub").mkdir()
    monkeypatch.chdir(project.path / "sub")
    project.run("--netmon", f"--rootdir={project.path}").assert_outcomes(passed=1)
    assert project.artifact(folder="sub/netmon-report")["endpoints"]


def test_a_file_in_place_of_the_report_folder_is_a_red_run_without_traceback(project, servers):
    project.write_targets(servers.open().target)
    blocking = project.write("netmon-report", "mine")
    result = project.run("--netmon")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["cannot write *netmon-report*: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert blocking.read_text() == "mine"


def test_a_report_that_cannot_be_replaced_leaves_the_other_one_written(project, servers):
    project.write_targets(servers.open().target)
    (project.path / "netmon-report" / "netmon.json").mkdir(parents=True)
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["written: netmon-report/netmon-junit.xml", "cannot write *netmon.json*"])


def test_samples_leave_no_temporary_file_behind(project, servers, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    project.write_targets(servers.open().target)
    project.run("--netmon").assert_outcomes(passed=1)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("netmon-")] == []


def test_a_host_name_that_a_test_has_patched_loses_no_artifact(project, servers):
    project.write_targets(servers.open().target)
    project.write("test_own.py", "import socket\ndef test_own(): socket.gethostname = None\n")
    assert project.run_apart("--netmon").ret == pytest.ExitCode.OK
    assert project.artifact()["monitoring_session"]["machine"]["host"]
