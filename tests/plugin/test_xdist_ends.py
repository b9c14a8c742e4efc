"""However a session of several processes ends, what was measured is in the artifacts, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from pytest_netmon.judging import recover

pytest.importorskip("xdist")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

#: Writes down the process ids of all that a session starts, and how workers end.
NOTES = """
import os
from pathlib import Path
from pytest_netmon.campaign import Campaign

real = Campaign.start

def start(self):
    real(self)
    Path(f"process-{self._process.pid}").touch()
    Path(f"prober-{self._process.pid}").touch()

Campaign.start = start

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        Path(f"process-{os.getpid()}").touch()
        Path(f"worker-{os.getpid()}").touch()

def pytest_sessionfinish(session, exitstatus):
    if hasattr(session.config, "workerinput"):
        Path(f"status-{os.getpid()}").write_text(str(int(exitstatus)))
"""


def measured(server, **settings):
    return {"host": server.host, "ports": [server.port], "count": 2, "interval": "50ms", **settings}


def slow(server, **settings):
    """A target that a test would wait for much too long."""
    return measured(server, count=1000, interval="100ms", **settings)


@pytest.fixture
def temporary(monkeypatch, tmp_path_factory):
    """The folder for temporary files of a session."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def _with_ctrl_c():
    """Also where a script has started all this in the background, with SIGINT ignored: processes would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def left_behind(project):
    """The processes of a session that are still there."""
    started = pids(project, "process")
    assert started
    return [pid for pid in started if _is_running(pid)]


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pids(project, kind):
    return [int(path.name.partition("-")[2]) for path in project.path.glob(f"{kind}-*")]


def wait_until(met):
    until_s = time.monotonic() + 60
    while not met():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def recorded(temporary):
    """What stands in the sample file of a session, in lines without spaces."""
    return b"".join(file.read_bytes().replace(b" ", b"") for file in temporary.glob("netmon-*/samples.ndjson"))


def is_partial(project):
    return project.artifact()["monitoring_session"]["partial"]


def test_nothing_is_left_behind(project, servers, temporary):
    project.write_targets(measured(servers.open()), measured(servers.closed()))
    project.write("conftest.py", NOTES)
    project.run_apart("--netmon", "-n2").assert_outcomes(passed=1, failed=1)
    assert left_behind(project) == []
    assert list(temporary.glob("netmon-*")) == []


@pytest.mark.fault("process", "Ctrl-C under pytest-xdist", "workers that wait are freed; a partial report")
@posix
@pytest.mark.usefixtures("_with_ctrl_c")
@pytest.mark.parametrize("whole_group", [False, True])
def test_ctrl_c_frees_workers_that_wait_and_keeps_what_was_measured(project, servers, temporary, whole_group):
    server, quick = servers.open(), servers.open()
    project.write_targets(slow(server), measured(quick))
    project.write("conftest.py", NOTES)
    process = project.popen("--netmon", "-n2", start_new_session=True)
    wait_until(lambda: b"[0,2," in recorded(temporary) and b'"done","endpoint":1' in recorded(temporary))
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, out + err
    assert "INTERNALERROR" not in out + err
    assert out.count("written: netmon-report/netmon.json") == 1
    assert is_partial(project)
    checks = {endpoint["port"]: endpoint["statistics"]["checks"] for endpoint in project.artifact()["endpoints"]}
    assert checks[quick.port] == 2
    assert checks[server.port] >= 2
    assert left_behind(project) == []
    assert list(temporary.glob("netmon-*")) == []


@posix
def test_sigterm_ends_a_session_in_good_order(project, servers, temporary):
    server = servers.open()
    project.write_targets(slow(server))
    project.write("conftest.py", NOTES)
    process = project.popen("--netmon", "-n2")
    wait_until(lambda: server.connects > 2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert is_partial(project)
    assert left_behind(project) == []


@pytest.mark.parametrize(("option", "failures"), [("-x", 1), ("--maxfail=2", 2)])
def test_the_last_failure_frees_workers_that_wait_without_more_failures(project, servers, option, failures):
    server = servers.open()
    closed = [measured(servers.closed()) for _ in range(failures)]
    project.write_targets(*closed, slow(server, name="slow"), slow(servers.open(), name="slower"))
    result = project.run_apart("--netmon", "-n3", option)
    result.assert_outcomes(failed=failures)
    assert is_partial(project)
    assert server.connects < 1000


DIES = """
import os, signal

def test_dies(netmon_result):
    try:
        os.mkdir("died")
    except FileExistsError:
        return
    os._exit(9)
"""


def test_a_worker_that_dies_loses_nothing_and_its_replacement_goes_on(project, servers, temporary):
    up, down = servers.open(), servers.closed()
    project.write_targets(measured(up), measured(down))
    project.write("test_own.py", DIES)
    project.write("conftest.py", NOTES)
    result = project.run_apart("--netmon", "-n2")
    result.stdout.fnmatch_lines(["*crashed while running 'test_own.py::test_dies*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert up.connects == 2
    assert not is_partial(project)
    assert sorted(endpoint["verdict"] for endpoint in project.artifact()["endpoints"]) == ["failed", "passed"]
    assert left_behind(project) == []
    assert list(temporary.glob("netmon-*")) == []


@pytest.mark.fault("process", "all workers of pytest-xdist die at once", "red: nothing was checked")
def test_workers_that_die_before_they_have_collected_are_no_green_run(project, servers, temporary):
    server = servers.open()
    project.write_targets(server.target)
    project.write("test_own.py", "import os\nos._exit(9)\n")
    result = project.run_apart("--netmon", "-n2", "--max-worker-restart=0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["0 of 1 endpoint checked (tests could not be collected)", "no worker came to its tests*"]
    )
    assert server.connects == 0
    assert list(temporary.glob("netmon-*")) == []


@pytest.mark.fault("process", "SIGKILL of workers of pytest-xdist", "their tests fail, no sample is missing")
@posix
@pytest.mark.parametrize("victims", [1, 2])
def test_workers_that_are_killed_while_they_wait_lose_nothing(project, servers, temporary, victims):
    opened = [servers.open() for _ in range(3)]
    project.write_targets(*(measured(server, count=30, interval="100ms") for server in opened))
    project.write("conftest.py", NOTES)
    process = project.popen("--netmon", "-n2")
    wait_until(lambda: b"[0,5," in recorded(temporary))
    workers = pids(project, "worker")
    assert len(workers) == 2
    for worker in workers[:victims]:
        os.kill(worker, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert "INTERNALERROR" not in out + err
    assert out.count("crashed while running 'netmon.yaml::test_tcp") == victims
    assert [server.connects for server in opened] == [30] * 3
    assert not is_partial(project)
    assert [each["verdict"] for each in project.artifact()["endpoints"]] == ["passed"] * 3
    assert left_behind(project) == []
    assert list(temporary.glob("netmon-*")) == []


DIES_IN_ITS_RERUN = """
import os
from pathlib import Path

def test_dies_later(netmon_result):
    if not Path("failed").exists():
        Path("failed").touch()
        raise AssertionError
    if not Path("died").exists():
        Path("died").touch()
        os._exit(9)
"""


@pytest.mark.fault("process", "a worker of pytest-xdist dies in a re-run", "what it has measured anew is kept")
def test_what_a_worker_has_measured_anew_before_it_died_is_kept(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    server = servers.open()
    project.write_targets(measured(server))
    project.write("test_own.py", DIES_IN_ITS_RERUN)
    project.write("conftest.py", "def pytest_netmon_result(result): print('told:', len(result.samples), flush=True)\n")
    result = project.run_apart("--netmon", "-n1", "--reruns=1", "-s", "test_own.py")
    assert server.connects == 4
    assert sum("told: 2" in line for line in result.outlines) == 2
    assert not is_partial(project)


@posix
def test_a_prober_that_is_killed_is_told_of_and_nobody_waits_for_it(project, servers):
    project.write_targets(slow(servers.open()))
    project.write("conftest.py", NOTES + KILLED_AT_ONCE)
    result = project.run_apart("--netmon", "-n2")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the prober ended too early (SIGKILL*"])
    assert is_partial(project)


KILLED_AT_ONCE = """
import signal

start = Campaign.start

def start_and_kill(self):
    start(self)
    os.kill(self._process.pid, signal.SIGKILL)

Campaign.start = start_and_kill
"""


@pytest.mark.fault(
    "process", "SIGKILL of the prober, under pytest-xdist", "no worker waits for it; inconclusive, with the reason"
)
@posix
def test_a_prober_that_is_killed_in_mid_run_keeps_what_it_measured(project, servers, temporary):
    server, quick = servers.open(), servers.open()
    project.write_targets(slow(server), measured(quick))
    project.write("conftest.py", NOTES)
    process = project.popen("--netmon", "-n2")
    wait_until(lambda: b"[0,2," in recorded(temporary) and b'"done","endpoint":1' in recorded(temporary))
    (prober,) = pids(project, "prober")
    os.kill(prober, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.TESTS_FAILED, out + err
    assert "the prober ended too early (SIGKILL" in out
    assert is_partial(project)
    results = {each["port"]: each for each in project.artifact()["endpoints"]}
    assert (results[quick.port]["verdict"], results[server.port]["verdict"]) == ("passed", "inconclusive")
    assert results[server.port]["statistics"]["checks"] >= 2


def test_a_prober_that_cannot_be_started_is_told_of(project, servers):
    project.write_targets(servers.open().target)
    project.write(
        "conftest.py",
        "from pytest_netmon.campaign import Campaign, CampaignError\n"
        "def start(self): raise CampaignError('no more processes')\n"
        "Campaign.start = start\n",
    )
    result = project.run_apart("--netmon", "-n2")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nothing was probed: no more processes*"])
    assert not project.has_artifacts


@pytest.mark.fault("process", "SIGKILL of the controller of pytest-xdist", "no orphan; samples can be recovered")
@posix
def test_a_controller_that_is_killed_leaves_no_process(project, servers, temporary):
    server = servers.open()
    project.write_targets(slow(server))
    project.write("conftest.py", NOTES)
    process = project.popen("--netmon", "-n2")
    wait_until(lambda: b"[0,2," in recorded(temporary))
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not left_behind(project))
    (samples,) = temporary.glob("netmon-*/samples.ndjson")
    assert recover(samples).results[0].statistics.checks > 1
