"""The soak itself is run for minutes by hand; here for seconds, so that it is known to work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc")
@pytest.mark.fault(
    "soak",
    "100 endpoints with faults that come and go",
    "flat memory, descriptors, threads; every sample accounted for",
)
def test_a_soak_of_seconds_finds_all_samples(tmp_path: Path) -> None:
    soak = [sys.executable, str(Path(__file__).parent / "soak.py"), "--folder", str(tmp_path)]
    ran = subprocess.run(
        [*soak, "--minutes", "0.05", "--endpoints", "12", "--interval", "0.1"],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("all is well\n")
