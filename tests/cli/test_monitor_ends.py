"""How `netmon monitor` ends before its time: signals, a second one, closed pipes; nothing measured is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from monitor_runs import calm, lines_of, recorded_checks, report_of, running, wait_for
from servers import Servers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
SAMPLES = "f.json.samples.ndjson"


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, calm(err)


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_counted_run_that_is_cut_short_says_so_and_saves_what_there_is(
    tmp_path: Path, servers: Servers, number: signal.Signals, status: int
) -> None:
    arguments = (servers.open().target, "-i", "0.01", "-c", "100000", "-o", "f.json", "--junit", "f.xml")
    with running(tmp_path, *arguments) as process:
        recorded = wait_for(lambda: lines_of(tmp_path / SAMPLES), lambda lines: len(lines) > 20)
        os.killpg(process.pid, number)
        ended, out, err = end_of(process)
    report = report_of(tmp_path / "f.json")

    assert (ended, err) == (status, "")
    assert report["monitoring_session"]["partial"]
    assert len(recorded_checks(report)) >= len(recorded)
    assert f"  Total Checks: {len(recorded_checks(report))}\n" in out.split("Live Statistics")[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.json", "f.xml"]


@pytest.mark.parametrize(("number", "_"), SIGNALS)
def test_a_run_without_end_ends_well_with_a_signal(
    tmp_path: Path, servers: Servers, number: signal.Signals, _: int
) -> None:
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "f.json") as process:
        wait_for(lambda: lines_of(tmp_path / SAMPLES))
        os.killpg(process.pid, number)
        assert end_of(process)[0] == 0
    assert not report_of(tmp_path / "f.json")["monitoring_session"]["partial"]


def test_ended_by_a_signal_it_is_judged_like_any_other(tmp_path: Path, servers: Servers) -> None:
    for limits, status in (((), 1), (("--limit", "success >= 0%"), 0), (("--limit", "errors == 0"), 1)):
        with running(tmp_path, servers.closed().target, "-i", "0.01", "-o", "f.json", *limits) as process:
            wait_for(lambda: lines_of(tmp_path / SAMPLES))
            process.send_signal(signal.SIGINT)
            assert end_of(process)[0] == status


@pytest.mark.fault("process", "a second signal: `netmon monitor`", "ends at once; the samples stay")
def test_a_second_signal_ends_at_once_and_leaves_the_samples(tmp_path: Path, servers: Servers) -> None:
    """Stopped while it writes a file that nobody reads: the first signal is noted, the second ends it."""
    os.mkfifo(tmp_path / "pipe.xml")
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "f.json", "--junit", "pipe.xml") as process:
        recorded = wait_for(lambda: lines_of(tmp_path / SAMPLES), lambda lines: len(lines) > 10)
        process.send_signal(signal.SIGINT)
        again_s = time.monotonic() + 0.1
        wait_for((tmp_path / "f.json").exists)
        wait_for(time.monotonic, lambda now_s: now_s > again_s)  # two within 50 ms are one
        process.send_signal(signal.SIGINT)
        ended, _, err = end_of(process)

    assert ended == 130
    assert err == (
        f"netmon monitor: ended at once; the samples stay in {SAMPLES}: "
        f"`netmon report {SAMPLES} --json FILE` recovers them\n"
    )
    assert lines_of(tmp_path / SAMPLES)[: len(recorded)] == recorded


@pytest.mark.fault("process", "`netmon monitor ... | head -1`", "ends quietly")
def test_a_closed_pipe_ends_it_quietly(tmp_path: Path, servers: Servers) -> None:
    for count, status in ((("-c", "100000"), 141), ((), 0)):
        arguments = (servers.open().target, "-i", "0.01", "-o", "f.json", *count)
        with running(tmp_path, *arguments) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            assert (process.wait(30), calm(process.stderr.read())) == (status, "")
        assert report_of(tmp_path / "f.json")["monitoring_session"]["partial"] == bool(count)


@pytest.mark.fault("disk", "two monitors with the same output", "the second is told of the first and touches nothing")
def test_a_second_monitor_of_the_same_output_is_told_of_the_first(tmp_path: Path, servers: Servers) -> None:
    target = servers.open().target
    with running(tmp_path, target, "-i", "0.01", "-o", "f.json") as first:
        wait_for(lambda: lines_of(tmp_path / SAMPLES))
        (tmp_path / "link.json").symlink_to("f.json")
        for name in ("f.json", "link.json"):
            with running(tmp_path, target, "-o", name) as second:
                ended, out, err = end_of(second)
            assert (ended, out) == (2, "")
            assert err == (
                f"netmon monitor: -o: netmon monitor is at work on f.json already (process {first.pid}): "
                "name another file\n"
            )
        first.send_signal(signal.SIGINT)
        assert end_of(first)[0] == 0
    with running(tmp_path, target, "-c", "1", "-o", "f.json") as again:
        assert end_of(again)[0] == 0


@pytest.mark.fault("process", "SIGKILL of the parent", "the prober ends: no orphan")
def test_the_prober_does_not_outlive_a_monitor_that_is_killed(tmp_path: Path, servers: Servers) -> None:
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "f.json") as process:
        wait_for(lambda: lines_of(tmp_path / SAMPLES))
        process.kill()
        process.wait()
        wait_for(lambda: b'{"event":"end","reason":"stopped",' in (tmp_path / SAMPLES).read_bytes())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="children are looked up in /proc")
def test_a_prober_that_is_killed_ends_the_run_as_inconclusive(tmp_path: Path, servers: Servers) -> None:
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "f.json") as process:
        recorded = wait_for(lambda: lines_of(tmp_path / SAMPLES))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        ended, _, err = end_of(process)

    assert ended == 3, err
    assert "ERROR   the prober ended too early (" in err
    assert len(recorded_checks(report_of(tmp_path / "f.json"))) >= len(recorded)


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path, servers: Servers) -> None:
    """`nohup netmon monitor ... &`"""
    ignore = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    from check_runs import clean_environment, command

    arguments = command("monitor", servers.open().target, "-i", "0.01", "-c", "100", "-o", "f.json")
    with subprocess.Popen(
        [sys.executable, "-c", ignore, *arguments], cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: lines_of(tmp_path / SAMPLES))
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
    assert len(recorded_checks(report_of(tmp_path / "f.json"))) == 100
