"""SIGKILL at random moments, of the command and of its prober: what was recorded is all there, and nobody lives on.

NETMON_KILLS=50 kills each of them 50 times. `netmon monitor` has a test of its own, with 50 kills.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from check_runs import clean_environment, command, netmon, pytest_command
from processes import children_of, eventually, is_running, samples_in, started
from servers import Open, Servers

from pytest_netmon.judging import recover

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="children are looked up in /proc")
KILLS = int(os.environ.get("NETMON_KILLS", "2"))
#: Checks in flight when the kill comes have reached the server and are not recorded yet, later ones may be. On
#: loopback each is held open for 50 ms.
IN_FLIGHT = 25


def command_of(of: str, target: str) -> list[str]:
    if of == "check":
        return [*command("check", target), "--count", "100000", "--interval", "5ms"]
    options = [f"--netmon-target={target}", "--netmon-count=100000", "--netmon-interval=5ms", "--netmon-report="]
    return pytest_command("-q", *options)


def killed(of: str, whom: str, server: Open, folder: Path, after_s: float) -> tuple[int, str]:
    """Kill one of the two after that time; return the command's status and words, once its prober is gone."""
    folder.mkdir()
    with started(command_of(of, server.target), folder, env=clean_environment(TMPDIR=str(folder))) as process:
        eventually(lambda: b"[0,1," in samples_in(folder))
        (prober,) = children_of(process.pid)
        time.sleep(after_s)
        os.kill(prober if whom == "prober" else process.pid, signal.SIGKILL)
        eventually(lambda: not is_running(prober))
        said, _ = process.communicate(timeout=60)
        return process.returncode, said


@pytest.mark.fault("process", "SIGKILL at random: `netmon check`, pytest", "no recorded sample is missing; no orphan")
@pytest.mark.parametrize("of", ["check", "pytest"])
def test_a_killed_command_has_lost_no_sample_and_leaves_no_prober(tmp_path: Path, servers: Servers, of: str) -> None:
    dice = random.Random(7)
    for kill in range(KILLS):
        server, folder = servers.open(), tmp_path / str(kill)
        assert killed(of, "command", server, folder, dice.random() * 0.2)[0] == -signal.SIGKILL
        (file,) = folder.glob("netmon-*/samples.ndjson")
        (result,) = recover(file).results
        numbers = [sample.check for sample in result.samples]
        assert len({*numbers}) == len(numbers) >= max(numbers) - IN_FLIGHT
        assert server.connects - IN_FLIGHT <= len(numbers) <= server.connects
    ran = netmon("report", str(file), cwd=tmp_path)
    assert ran.status == 3
    assert f"interrupted: {len(numbers)} of 100000 checks were made" in ran.out


@pytest.mark.fault("process", "SIGKILL at random: the prober", "inconclusive with the reason, never a failed target")
@pytest.mark.parametrize(("of", "status", "words"), [("check", 3, "1 inconclusive in "), ("pytest", 1, "1 error in ")])
def test_a_killed_prober_blames_no_target(tmp_path: Path, servers: Servers, of: str, status: int, words: str) -> None:
    dice = random.Random(8)
    for kill in range(KILLS):
        ended, said = killed(of, "prober", servers.open(), tmp_path / str(kill), dice.random() * 0.2)
        assert (ended, words in said) == (status, True), said
