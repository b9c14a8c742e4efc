"""The prober as a process: how it starts, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest_prober import entry, job_of, records_of, samples_of
from sealed_lines import line_of
from servers import Servers

from pytest_netmon import campaign, prober_process
from pytest_netmon.campaign import Campaign, CampaignError
from pytest_netmon.judging import recover
from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of
from pytest_netmon.prober_process import ProberProcess
from pytest_netmon.run import Run
from pytest_netmon.samples import End

PROBER = str(Path(campaign.__file__).parent / "prober")
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


def eventually(what: Callable[[], object]) -> None:
    """Wait until `what()` is true; 30 s are for a machine that is very busy."""
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "waited 30 s in vain"
        time.sleep(0.005)


def endless(servers: Servers) -> dict[str, object]:
    server = servers.open()
    return entry(server.host, server.port, count=None, interval_us=5000)


@pytest.fixture
def prober(tmp_path: Path, servers: Servers) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A prober at work on an endless job, and its sample file."""
    path = tmp_path / "samples.ndjson"
    process = start(job_of(path, [endless(servers)], parent=os.getpid()))
    eventually(lambda: path.exists() and path.read_bytes().count(b"\n") > 5)
    yield process, path
    process.kill()
    process.wait()


def start(job: dict[str, object]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", prober_process.BOOTSTRAP, PROBER]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    return process


def test_the_end_of_its_input_ends_it_and_the_file_says_stopped(prober: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, path = prober
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0
    assert records_of(path)[-1] == End("stopped")


@pytest.mark.parametrize("said", [b"", b'{"netmon": 1, "sample_fi'])
def test_a_parent_that_dies_before_its_job_is_written_leaves_no_prober_and_no_words(said: bytes) -> None:
    command = [sys.executable, "-I", "-c", prober_process.BOOTSTRAP, PROBER]
    ended = subprocess.run(command, input=said, capture_output=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@posix_only
@pytest.mark.fault("process", "SIGINT and SIGHUP for the whole process group", "the prober leaves them to its parent")
def test_ctrl_c_and_a_hang_up_are_left_to_its_parent(prober: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, path = prober
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGHUP)
    before = path.stat().st_size
    eventually(lambda: path.stat().st_size > before + 500)
    assert process.poll() is None


@posix_only
def test_sigterm_ends_it_like_the_end_of_its_input(prober: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, path = prober
    process.terminate()
    assert process.wait(30) == 0
    assert records_of(path)[-1] == End("stopped")


@pytest.mark.fault("process", "SIGKILL of the prober", "whole lines; inconclusive, with the reason")
def test_killed_it_leaves_whole_lines(prober: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, path = prober
    process.kill()
    process.wait()
    # The kernel may cut a write in two where the process dies in it: of its last line only.
    path.write_bytes(path.read_bytes()[: path.read_bytes().rfind(b"\n") + 1])
    numbers = [sample.check for sample in samples_of(path)]
    # On a busy machine a few are in flight at once, and end in any order.
    assert len(numbers) == len({*numbers}) >= max(numbers) - 5


@posix_only
@pytest.mark.parametrize("how", ["kill -9 $$", "exit 0"])
@pytest.mark.fault("process", "SIGKILL of the parent", "the prober ends: no orphan")
def test_it_never_outlives_its_parent_even_if_its_input_stays_open(tmp_path: Path, servers: Servers, how: str) -> None:
    """The parent is a shell; a third process holds the pipe's other end open all the time."""
    path = tmp_path / "samples.ndjson"
    parent = (
        "import json, os, subprocess, sys, time\n"
        "job = json.loads(sys.argv[1]); job['parent'] = os.getpid()\n"
        "process = subprocess.Popen([sys.executable, '-I', '-c', sys.argv[2], sys.argv[3]], stdin=subprocess.PIPE)\n"
        "process.stdin.write(json.dumps(job).encode() + b'\\n'); process.stdin.flush()\n"
        "holder = subprocess.Popen(['sleep', '60'], pass_fds=[process.stdin.fileno()])\n"
        "print(process.pid, holder.pid, flush=True)\n"
        "while not os.path.exists(job['sample_file']): time.sleep(0.01)\n"
        "os._exit(0) if sys.argv[4] == 'exit 0' else os.kill(os.getpid(), 9)\n"
    )
    job = json.dumps(job_of(path, [endless(servers)]))
    run = subprocess.Popen(
        [sys.executable, "-c", parent, job, prober_process.BOOTSTRAP, PROBER, how], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    with run.stdout:
        _, holder = (int(pid) for pid in run.stdout.readline().split())
    run.wait()
    try:
        eventually(lambda: b'{"event":"end","reason":"orphaned",' in path.read_bytes())
    finally:
        os.kill(holder, signal.SIGKILL)


def test_a_users_modules_in_the_working_folder_cannot_break_it(
    tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch, run_of: Callable[..., Run]
) -> None:
    for name in ("types", "json", "socket", "signal", "pytest_netmon", "netmon_prober", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a user module was imported')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = servers.open()
    run = run_of(Endpoint(host=server.host, port=server.port))
    assert [result.verdict.status for result in run.results] == ["passed"]


@pytest.fixture
def run_of() -> Iterator[Callable[..., Run]]:
    """Run a campaign of these endpoints to its end."""
    campaigns: list[Campaign] = []

    def run(*endpoints: Endpoint) -> Run:
        running = Campaign(Plan(endpoints=list(endpoints)), range(len(endpoints)))
        campaigns.append(running)
        running.start()
        running.wait_all()
        return running.run()

    yield run
    for running in campaigns:
        running.close()


def test_a_campaign_gives_one_result_an_endpoint_in_the_order_of_the_plan(
    servers: Servers, run_of: Callable[..., Run]
) -> None:
    server, closed = servers.open(), servers.closed()
    run = run_of(
        Endpoint(host=closed.host, port=closed.port),
        Endpoint(host=server.host, port=server.port, measured=True, count=25, interval_s=0.002),
    )
    refused, measured = run.results
    assert (refused.verdict.status, refused.statistics.errors) == ("failed", {"refused": 1})
    assert (measured.verdict.status, measured.statistics.checks) == ("passed", 25)
    assert [sample.check for sample in measured.samples] == list(range(1, 26))
    assert not run.partial
    assert server.connects == 25


@pytest.mark.parametrize(("limit", "status"), [("dns.p95 < 0.001ms", "failed"), ("dns.p95 < 60s", "passed")])
def test_resolution_has_figures_and_limits_of_its_own(
    servers: Servers, run_of: Callable[..., Run], limit: str, status: str
) -> None:
    limits = (parse_limit(limit),)
    port = servers.open().port
    changes = {"measured": True, "count": 20, "interval_s": 0.002, "family": "4"}
    (result,) = run_of(Endpoint(host="localhost", port=port, limits=limits, **changes)).results
    assert (result.verdict.status, result.statistics.dns.count, result.statistics.successful) == (status, 1, 20)


def test_only_the_selected_endpoints_are_probed(servers: Servers) -> None:
    first, second = servers.open(), servers.open()
    plan = Plan(endpoints=[Endpoint(host=s.host, port=s.port) for s in (first, second)])
    running = Campaign(plan, [1])
    running.start()
    running.wait(1)
    run = running.run()
    running.close()
    assert [result.index for result in run.results] == [1]
    assert (first.connects, second.connects) == (0, 1)


@pytest.mark.fault("process", "thousands of checks while a test keeps the processor busy", "no sample is lost")
def test_no_sample_is_lost_under_load(servers: Servers) -> None:
    server, count = servers.open(), 40
    endpoints = [
        Endpoint(host=server.host, port=server.port, name=f"n{number}", measured=True, count=count, interval_s=0.001)
        for number in range(60)
    ]
    running = Campaign(Plan(endpoints=endpoints, max_rate=1e6, max_rate_per_host=1e6), range(60))
    running.start()
    while not running.ended:
        sum(range(20_000))
        running.poll()
    run = running.run()
    for result in run.results:
        assert [sample.check for sample in result.samples] == [*range(1, count + 1)]
        assert result.verdict.status == "passed"
    running.close()
    assert server.connects == 60 * count


def test_a_campaign_that_is_stopped_is_partial_and_keeps_what_it_measured(servers: Servers) -> None:
    server = servers.open()
    plan = Plan(endpoints=[Endpoint(host=server.host, port=server.port, measured=True, count=10_000, interval_s=0.01)])
    running = Campaign(plan, [0])
    running.start()
    eventually(lambda: running.poll() or running.progress.checks >= 5)
    run = running.run()
    running.close()
    assert run.partial
    (result,) = run.results
    assert result.verdict.status == "inconclusive"
    assert result.statistics.checks >= 5


@pytest.mark.fault("process", "SIGKILL of the prober", "whole lines; inconclusive, with the reason")
def test_a_prober_that_is_killed_leaves_an_inconclusive_result_with_the_reason(servers: Servers) -> None:
    server = servers.open()
    plan = Plan(endpoints=[Endpoint(host=server.host, port=server.port, measured=True, count=10_000, interval_s=0.01)])
    running = Campaign(plan, [0])
    running.start()
    assert running._process is not None
    eventually(lambda: running.poll() or running.progress.checks >= 5)
    running._process.kill()
    running.wait(0)
    result = running.result(0)
    running.close()
    assert result.verdict.status == "inconclusive"
    assert "the prober ended too early" in result.verdict.reasons[0]


def test_a_python_that_cannot_be_started_is_an_error_with_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    running = Campaign(Plan(endpoints=[Endpoint(host="127.0.0.1", port=1)]), [0])
    with pytest.raises(CampaignError, match="could not be started: No such file or directory: /nowhere/python"):
        running.start()
    running.close()


def test_a_sample_file_that_exists_already_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "samples.ndjson"
    path.write_text("mine\n")
    running = Campaign(Plan(endpoints=[Endpoint(host="127.0.0.1", port=1)]), [0], sample_file=path)
    with pytest.raises(CampaignError):
        running.start()
    running.close()
    assert path.read_text() == "mine\n"


@posix_only
@pytest.mark.fault("process", "SIGSTOP of the prober, and SIGCONT", "a recorded gap, no burst, no failed check")
def test_a_stopped_prober_that_is_continued_records_a_gap_and_makes_no_burst(
    prober: tuple[subprocess.Popen[bytes], Path],
) -> None:
    from pytest_netmon.samples import Gap

    process, path = prober
    process.send_signal(signal.SIGSTOP)
    time.sleep(2)  # it is the stop itself that is under test, not a wait for something
    process.send_signal(signal.SIGCONT)
    eventually(lambda: any(isinstance(record, Gap) for record in records_of(path)[:-1]))
    count = len(samples_of(path))
    eventually(lambda: len(samples_of(path)) > count + 20)
    (gap,) = [record for record in records_of(path) if isinstance(record, Gap) and record.cause != "late"]
    assert gap.length_us > 1_500_000
    assert gap.missed > 200
    samples = samples_of(path)
    assert {sample.outcome for sample in samples} == {"open"}
    starts = [sample.start_us for sample in samples]
    after = [start for start in starts if start >= gap.at_us + gap.length_us]
    assert len(after) - 2 <= (after[-1] - after[0]) / 5000 + 1


def test_no_room_for_a_temporary_folder_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(CampaignError, match=r"no temporary folder .*/nowhere/at/all"):
        Campaign(Plan(endpoints=[Endpoint(host="127.0.0.1", port=1)]), [0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full backlog drops SYNs on Linux")
def test_a_dead_address_behind_a_green_result_is_told(tmp_path: Path) -> None:
    """As recorded: the first address of the name did not answer, the second did."""
    endpoint = Endpoint(host="db.internal", port=5432, measured=True, count=2)
    plan = Plan(endpoints=[endpoint])
    context = {"plan": record_of(plan), "selected": [0], "machine": {}}
    lines = [line_of({"netmon": 1, "started_unix_us": 1, "context": context})]
    for check in (1, 2):
        detail = {"attempts": [["10.0.0.1", "timeout", 250_000]]}
        lines.append(line_of([0, check, check * 1000, "open", 40, 90, None, 40, 0, "10.0.0.2", detail]))
    path = tmp_path / "samples.ndjson"
    path.write_text("".join([*lines, line_of({"event": "done", "endpoint": 0})]))
    run = recover(path)
    assert run.results[0].verdict.status == "passed"
    told = "db.internal:5432: addresses failed before another one answered: 10.0.0.1 (timeout) in 2 of 2 checks"
    assert told in run.warnings


def test_a_prober_killed_by_a_signal_is_told_by_its_name() -> None:
    assert prober_process.end_of_process(-9) == "SIGKILL: killed, by hand or for want of memory?"
    assert prober_process.end_of_process(-11) == "SIGSEGV"
    assert prober_process.end_of_process(1) == "status 1"


def test_a_folder_that_takes_no_samples_is_named_with_the_reason(tmp_path: Path, servers: Servers) -> None:
    server = servers.open()
    plan = Plan(endpoints=[Endpoint(host=server.host, port=server.port)])
    running = Campaign(plan, [0], sample_file=tmp_path / "missing" / "samples.ndjson")
    with pytest.raises(CampaignError, match=r"samples cannot be recorded: No such file or directory: .*missing"):
        running.start()
    running.close()


def left_behind(temporary: Path, name: str, owner: int | str, age_s: float) -> Path:
    """A campaign's folder as a kill leaves it."""
    folder = temporary / name
    folder.mkdir()
    for file, text in (("owner.pid", str(owner)), ("samples.ndjson", "{}\n")):
        (folder / file).write_text(text)
        os.utime(folder / file, (time.time() - age_s,) * 2)
    os.utime(folder, (time.time() - age_s,) * 2)
    return folder


@posix_only
def test_what_killed_campaigns_left_is_removed_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    two_days_s = 2 * 24 * 3600.0
    old = left_behind(tmp_path, "netmon-old", ended.pid, two_days_s)
    new = left_behind(tmp_path, "netmon-new", ended.pid, 3600)
    alive = left_behind(tmp_path, "netmon-alive", os.getpid(), two_days_s)
    foreign = left_behind(tmp_path, "netmon-foreign", "none of ours", two_days_s)
    written = left_behind(tmp_path, "netmon-written", ended.pid, two_days_s)
    (written / "samples.ndjson").write_text("{}\n")
    elsewhere = left_behind(tmp_path, "elsewhere", ended.pid, two_days_s)
    (tmp_path / "netmon-link").symlink_to(elsewhere)
    running = Campaign(Plan(endpoints=[Endpoint(host="127.0.0.1", port=1)]), [0])
    running.start()
    running.close()
    assert not old.exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        *(path.name for path in (new, alive, foreign, written, elsewhere)),
        "netmon-link",
    }


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of an end in this way")
def test_a_rest_is_over_when_the_prober_ends() -> None:
    process = ProberProcess()
    process.close_input()
    began_s = time.monotonic()
    process.rest(300)
    assert time.monotonic() - began_s < 200
    eventually(lambda: process.has_exited)
    process.rest(0.001)  # no sooner over for a process that is gone
    process.close()


def test_a_campaign_ends_also_where_the_system_does_not_tell_of_the_end_of_a_process(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refused, raising=False)
    server = servers.open()
    running = Campaign(Plan(endpoints=[Endpoint(host=server.host, port=server.port)]), [0])
    running.start()
    running.wait_all()
    assert running.result(0).verdict.status == "passed"
    running.close()
