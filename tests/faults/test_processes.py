"""Commands that are stopped and continued, and commands that are process 1 of a container."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from check_runs import clean_environment, command
from processes import children_of, eventually, samples_in, started
from servers import Servers

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="children are looked up in /proc")
CHECKS = 60
#: Longer than what is taken for a stall (1 s).
STOPPED_S = 1.5


@pytest.mark.fault("process", "SIGSTOP of the command alone, and SIGCONT", "the prober measures on: nothing is missing")
@pytest.mark.fault("process", "SIGSTOP of everything, and SIGCONT", "a recorded gap, no failure, no burst")
@pytest.mark.parametrize("whom", ["command", "everything"])
def test_stopped_and_continued_it_passes_with_all_its_checks(tmp_path: Path, servers: Servers, whom: str) -> None:
    server = servers.open()
    measure = command("check", server.target, "--count", str(CHECKS), "--interval", "20ms", "-o", "r.json")
    with started(measure, tmp_path, env=clean_environment(TMPDIR=str(tmp_path))) as process:
        eventually(lambda: b"[0,5," in samples_in(tmp_path))
        (prober,) = children_of(process.pid)
        hit = [process.pid] if whom == "command" else [process.pid, prober]
        for pid in hit:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        for pid in hit:
            os.kill(pid, signal.SIGCONT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert server.connects == CHECKS
    result = json.loads((tmp_path / "r.json").read_text())
    gaps = result["monitoring_session"]["gaps"]
    assert [gap["cause"] for gap in gaps] == (["stalled"] if whom == "everything" else [])
    (ports,) = result["raw_data"].values()
    (samples,) = ports.values()
    assert [sample["outcome"] for sample in samples] == ["open"] * CHECKS
    assert [sample["check"] for sample in samples] == [*range(1, CHECKS + 1)]


def is_no_container() -> str | None:
    """Why a process cannot be made process 1 here; None where it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("unshare") is None:
        return "a process number of one's own needs root on Linux, and unshare"
    made = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, check=False)
    return None if made.returncode == 0 else "this machine makes no process namespaces"


@pytest.mark.skipif(is_no_container() is not None, reason=str(is_no_container()))
@pytest.mark.fault("process", "as process 1 of a container: SIGTERM", "valid results marked partial, nobody left")
@pytest.mark.parametrize("of", ["check", "monitor"])
def test_as_process_1_it_ends_well_with_sigterm(tmp_path: Path, servers: Servers, of: str) -> None:
    server = servers.open()
    arguments = {
        "check": [server.target, "--count", "100000", "--interval", "5ms"],
        "monitor": [server.host, "-p", str(server.port), "-i", "0.01"],
    }[of]
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with started([*alone, *command(of, *arguments, "-o", "r.json")], tmp_path, env=clean_environment()) as process:
        eventually(lambda: server.connects > 30)
        (first,) = children_of(process.pid)
        os.kill(first, signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == {"check": 143, "monitor": 0}[of], said
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["monitoring_session"]["partial"] == (of == "check")
    assert len(result["raw_data"][server.host][str(server.port)]) > 10
