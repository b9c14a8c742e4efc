"""No recorded sample is ever lost: killed monitors, what the next start does, full disks, links, damage."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from check_runs import Ran, clean_environment, netmon
from monitor_runs import InProcess, calm, has_open, lines_of, recorded_checks, report_of, running, wait_for
from servers import Servers

from pytest_netmon.cli.main import main
from pytest_netmon.prober.protocol import sealed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")

SAMPLES = "f.json.samples.ndjson"
KILLS = 50


def checks_in(samples: Path) -> set[tuple[str, int]]:
    """Port and check number of every line that a reader of the file finds."""
    header = json.loads(samples.read_bytes().split(b"\n")[0])
    ports = [str(endpoint["port"]) for endpoint in header["context"]["plan"]["endpoints"]]
    return {(ports[fields[0]], fields[1]) for fields in map(json.loads, lines_of(samples))}


def left_behind(folder: Path, servers: Servers, least: int = 20) -> set[tuple[str, int]]:
    """Kill a monitor that has measured for a moment; return what it had recorded."""
    arguments = (servers.open().target, servers.closed().target, "-i", "0.01", "-o", "f.json")
    with running(folder, *arguments) as process:
        wait_for(lambda: lines_of(folder / SAMPLES), lambda lines: len(lines) > least)
        process.kill()
        process.wait()
        wait_for(lambda: b'"event":"end"' in (folder / SAMPLES).read_bytes())
    return checks_in(folder / SAMPLES)


@pytest.mark.fault("process", "SIGKILL 50 times at random: `netmon monitor`", "no recorded sample is missing")
def test_killed_at_random_moments_no_recorded_sample_is_missing(tmp_path: Path, servers: Servers) -> None:
    """Fifty monitors, each killed at another moment, also while it starts and while it writes its results."""
    moment = random.Random(1)
    ports = [str(servers.open().port), str(servers.closed().port)]
    folders = [tmp_path / str(number) for number in range(KILLS)]
    with ThreadPoolExecutor(5) as threads:
        for folder in folders:
            folder.mkdir()
            threads.submit(run_and_kill, folder, ports, moment.random() < 0.5, moment.uniform(0.0, 0.8))
    written = [folder for folder in folders if (folder / "f.json").exists()]
    recorded = [folder for folder in folders if lines_of(folder / SAMPLES)]

    assert len(written) + len(recorded) > KILLS / 4
    for folder in written:
        assert len(recorded_checks(report_of(folder / "f.json"))) == 120
    for folder in recorded:
        assert main(["report", str(folder / SAMPLES), "--json", str(folder / "recovered.json")]) == 0
        assert recorded_checks(report_of(folder / "recovered.json")) == checks_in(folder / SAMPLES)


def run_and_kill(folder: Path, ports: list[str], has_begun: bool, after_s: float) -> None:
    with running(folder, "127.0.0.1", "-p", *ports, "-i", "0.01", "-c", "60", "-o", "f.json") as process:
        if has_begun:
            wait_for(lambda: lines_of(folder / SAMPLES) or process.poll() is not None)
        time.sleep(after_s)
        process.kill()


def test_the_next_start_saves_what_was_left_before_it_measures(tmp_path: Path, servers: Servers) -> None:
    recorded = left_behind(tmp_path, servers)
    (tmp_path / "f.json").write_text("an earlier result")
    (tmp_path / "f.recovered-1.json").write_text("an earlier recovery")
    ran = netmon("monitor", servers.open().target, "-c", "2", "-i", "0.01", "-o", "f.json", cwd=tmp_path)

    assert ran.status == 0
    assert calm(ran.err).endswith(
        f"WARNING an earlier monitor did not end in good order: its {len(recorded)} samples are in f.recovered-2.json\n"
    )
    assert recorded_checks(report_of(tmp_path / "f.recovered-2.json")) == recorded
    assert len(recorded_checks(report_of(tmp_path / "f.json"))) == 2
    assert (tmp_path / "f.recovered-1.json").read_text() == "an earlier recovery"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.json", "f.recovered-1.json", "f.recovered-2.json"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process has open is looked up in /proc")
def test_ctrl_c_while_it_is_saved_ends_it_and_changes_nothing(tmp_path: Path, servers: Servers) -> None:
    left_behind(tmp_path, servers)
    lines = (tmp_path / SAMPLES).read_bytes().splitlines(keepends=True)
    samples = (b'[0,%d,%d,"open",40,90,null,40,0,"127.0.0.1",null]\n' % (at, at * 10_000) for at in range(1, 150_000))
    (tmp_path / SAMPLES).write_bytes(lines[0] + b"".join(map(sealed, samples)) + lines[-1])
    before = (tmp_path / SAMPLES).read_bytes()
    with running(tmp_path, servers.open().target, "-o", "f.json") as process:
        wait_for(lambda: has_open(process.pid, tmp_path / SAMPLES))
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr and process.stderr.read()) == (130, "")

    assert sorted(path.name for path in tmp_path.iterdir()) == [SAMPLES]
    assert (tmp_path / SAMPLES).read_bytes() == before


@pytest.mark.fault("disk", "a damaged sample file", "what can be read, with a word about the rest; the file stays")
def test_a_damaged_file_gives_what_can_be_read_and_is_kept(tmp_path: Path, servers: Servers) -> None:
    recorded = left_behind(tmp_path, servers)
    lines = (tmp_path / SAMPLES).read_bytes().split(b"\n")
    lines[5] = b"\0" * 60
    (tmp_path / SAMPLES).write_bytes(b"\n".join(lines))
    ran = netmon("monitor", servers.open().target, "-c", "1", "-o", "f.json", cwd=tmp_path)

    assert ran.status == 0
    assert "1 line of f.json.samples.ndjson cannot be read and are left out" in ran.err
    assert f"kept as {SAMPLES}.damaged-1" in ran.err
    assert len(recorded_checks(report_of(tmp_path / "f.recovered-1.json"))) == len(recorded) - 1
    assert (tmp_path / f"{SAMPLES}.damaged-1").exists()


def test_a_file_that_a_monitor_had_not_begun_to_write_is_in_nobodys_way(monitor: InProcess, servers: Servers) -> None:
    for content in ("", '{"netmon":1,"sta'):
        Path(SAMPLES).write_text(content)
        os.utime(SAMPLES, (0, 0))
        ran = monitor(servers.open().target, "-c", "1", "-o", "f.json")
        assert (ran.status, ran.err) == (0, "")


def test_something_else_in_the_way_is_left_as_it_is(monitor: InProcess, servers: Servers) -> None:
    Path(SAMPLES).write_text("my notes\n")
    os.utime(SAMPLES, (0, 0))
    ran = monitor(servers.open().target, "-c", "1", "-o", "f.json")

    assert ran.status == 2
    assert ran.err.startswith(f"netmon monitor: cannot write {SAMPLES}: no samples can be read from it: ")
    assert ran.err.endswith("; move it away\n")
    assert Path(SAMPLES).read_text() == "my notes\n"


def test_a_lock_that_a_killed_monitor_left_locks_nobody_out(monitor: InProcess, servers: Servers) -> None:
    Path(f"{SAMPLES}.lock").write_text("1\n")
    ran = monitor(servers.open().target, "-c", "1", "-o", "f.json")

    assert (ran.status, ran.err) == (0, "")
    assert not Path(f"{SAMPLES}.lock").exists()


@pytest.mark.fault("disk", "the output is a symbolic link", "the link stays; what it leads to is replaced whole")
def test_samples_lie_beside_what_a_link_leads_to_and_the_link_stays(tmp_path: Path, servers: Servers) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "f.json").symlink_to("there/g.json")
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "f.json") as process:
        wait_for(lambda: lines_of(tmp_path / "there" / "g.json.samples.ndjson"))
        process.send_signal(signal.SIGINT)
        process.wait(30)

    assert (tmp_path / "f.json").is_symlink()
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["g.json"]


@pytest.mark.fault("disk", "the results cannot be written", "the samples stay, and the message says where")
def test_results_that_cannot_be_written_in_the_end_leave_the_samples(tmp_path: Path, servers: Servers) -> None:
    (tmp_path / "out").mkdir()
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "out/f.json", "--junit", "x/f.xml") as process:
        assert process.wait(30) == 2  # found out at the start, before any check
    with running(tmp_path, servers.open().target, "-i", "0.01", "-o", "out/f.json") as process:
        recorded = wait_for(lambda: lines_of(tmp_path / "out" / SAMPLES))
        (tmp_path / "out" / "f.json").mkdir()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "cannot write out/f.json: Is a directory" in err
    assert f"the samples stay in out/{SAMPLES}: `netmon report out/{SAMPLES} --json FILE` recovers them" in err
    assert lines_of(tmp_path / "out" / SAMPLES)[: len(recorded)] == recorded


class TestFullDisk:
    """A small file system, in a mount namespace of its own."""

    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Path:
        if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("unshare") is None:
            pytest.skip("needs root and unshare to mount a small disk")
        folder = tmp_path / "small"
        folder.mkdir()
        return folder

    def run(self, folder: Path, script: str, kib: int = 256) -> Ran:
        """Run a shell script with $NETMON in the folder, on a disk of that size."""
        netmon_command = f"{sys.executable} -m pytest_netmon"
        mounted = f"mount -t tmpfs -o size={kib}k none {folder} && cd {folder} || exit; {script}"
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mounted], env=clean_environment(NETMON=netmon_command), capture_output=True,
            text=True, timeout=60,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def test_a_disk_that_is_full_at_the_start_is_found_out(self, small_disk: Path, servers: Servers) -> None:
        script = (
            f"dd if=/dev/zero of=filler bs=1k count=300 2>/dev/null; $NETMON monitor {servers.open().target} -o f.json"
        )
        ran = self.run(small_disk, script)

        assert ran.status in (2, 3)
        assert "No space left on device" in ran.err
        assert len(ran.err.splitlines()) <= 2

    def test_a_disk_that_fills_up_costs_samples_that_are_counted(self, small_disk: Path, servers: Servers) -> None:
        """Filled after the start and freed before the end: what waited is written then, and no word is lost."""
        target = servers.open().target
        script = (
            f"$NETMON monitor {target} -i 0.005 -c 300 -o f.json &"
            f" until grep -q open {SAMPLES} 2>/dev/null; do sleep 0.02; done;"
            " dd if=/dev/zero of=filler bs=1k count=300 2>/dev/null; sleep 0.3; rm filler; wait $!;"
            " echo status $?; cat f.json"
        )
        ran = self.run(small_disk, script)
        _, _, rest = ran.out.rpartition("status ")
        report = json.loads(rest[rest.index("{") :])

        assert rest.startswith("0\n")
        assert len(recorded_checks(report)) + report["monitoring_session"]["lost_samples"] == 300

    def test_results_that_do_not_fit_leave_the_samples_to_recover(self, small_disk: Path, servers: Servers) -> None:
        script = (
            f"$NETMON monitor {servers.open().target} -i 0.005 -c 300 -o f.json; echo status $?; ls; wc -l < {SAMPLES}"
        )
        ran = self.run(small_disk, script, kib=64)
        _, _, rest = ran.out.rpartition("status ")

        assert rest.split()[0] == "2"
        assert "f.json" not in rest.split()
        assert int(rest.split()[-1]) >= 300
        assert "No space left on device" in ran.err
        assert "recovers them" in ran.err
