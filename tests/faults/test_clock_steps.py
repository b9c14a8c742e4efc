"""The wall clock is stepped in mid-run, as by ntpd or on a resumed machine: nothing that is measured depends on it."""

from __future__ import annotations

import datetime
import itertools
import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from check_runs import clean_environment, command
from servers import Servers

CC = shutil.which("cc")
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the clock is stepped by LD_PRELOAD"),
    pytest.mark.skipif(CC is None, reason="stepping the clock needs a C compiler"),
]
SOURCE = Path(__file__).with_name("stepped_clock.c")
CHECKS = 40
HOUR_S = 3600
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clock") / "stepped_clock.so"
    assert CC is not None
    subprocess.run([CC, "-shared", "-fPIC", "-O1", "-o", str(made), str(SOURCE), "-ldl"], check=True)
    return made


@pytest.mark.fault(
    "process", "the clock is stepped by an hour or two days, forth or back", "no gap, no failure; times go on evenly"
)
@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S, 48 * HOUR_S, -48 * HOUR_S])
@pytest.mark.parametrize("of", ["check", "monitor"])
def test_a_stepped_clock_changes_no_time_and_no_verdict(
    servers: Servers, tmp_path: Path, library: Path, step_s: int, of: str
) -> None:
    clock, server = tmp_path / "clock", servers.open()
    clock.write_bytes(struct.pack("=q", 0))
    arguments = {
        "check": [server.target, "--count", str(CHECKS), "--interval", "25ms"],
        "monitor": [server.host, "-p", str(server.port), "-c", str(CHECKS), "-i", "0.025"],
    }[of]
    environment = clean_environment(LD_PRELOAD=str(library), NETMON_CLOCK=str(clock))
    started = datetime.datetime.now(datetime.timezone.utc)
    with subprocess.Popen(
        command(of, *arguments, "-o", "r.json"), cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        while server.connects < CHECKS // 4 and process.poll() is None:
            time.sleep(0.005)
        with clock.open("r+b") as file:
            file.write(struct.pack("=q", step_s))
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert server.connects == CHECKS
    result = json.loads((tmp_path / "r.json").read_text())
    session = result["monitoring_session"]
    begun, ended = (datetime.datetime.fromisoformat(session[key]) for key in ("start_time", "end_time"))
    assert abs(begun - started) < MINUTE
    assert datetime.timedelta(0) < ended - begun < MINUTE
    assert not session["gaps"]
    (ports,) = result["raw_data"].values()
    (samples,) = ports.values()
    times = [datetime.datetime.fromisoformat(sample["timestamp"]) for sample in samples]
    assert [sample["outcome"] for sample in samples] == ["open"] * CHECKS
    assert all(datetime.timedelta(0) < later - one < MINUTE for one, later in itertools.pairwise(times))


def test_the_stepped_clock_is_what_a_process_sees(library: Path, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("=q", 48 * HOUR_S))
    shown = subprocess.run(
        [sys.executable, "-I", "-c", "import time; print(time.time(), time.monotonic())"],
        env=clean_environment(LD_PRELOAD=str(library), NETMON_CLOCK=str(clock)), capture_output=True, check=True,
    ).stdout.split()  # fmt: skip
    assert abs(float(shown[0]) - time.time() - 48 * HOUR_S) < 60
    assert abs(float(shown[1]) - time.monotonic()) < 60
