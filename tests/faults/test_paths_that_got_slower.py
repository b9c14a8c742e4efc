"""A real path that takes longer than it did, against a baseline (root on Linux)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from check_runs import clean_environment, command
from namespaces import Cable, missing, slow_path

pytestmark = [pytest.mark.namespace, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


@pytest.fixture
def cable():
    with Cable() as cable:
        yield cable


def check(cable: Cable, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    asked = command("check", "-p", "80,81", "--count", "20", "--interval", "50ms", *arguments)
    return subprocess.run(
        cable.in_near(*asked),
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.fault("loss", "a path of 20 ms takes 60 ms", "slower than its baseline; of another 20 ms nothing is said")
def test_a_path_that_got_slower_is_told_and_one_that_did_not_is_not(cable: Cable, tmp_path: Path) -> None:
    with slow_path(cable, 20_000) as host:
        assert check(cable, tmp_path, host, "-o", "old.json").returncode == 0
    with slow_path(cable, 20_000) as host:
        again = check(cable, tmp_path, host, "--baseline", "old.json")
    with slow_path(cable, 60_000) as host:
        slower = check(cable, tmp_path, host, "--baseline", "old.json", "-o", "new.json")
    assert (again.returncode, again.stderr) == (0, "")
    assert slower.returncode == 1
    assert slower.stdout.count("slower than its baseline") == 2
    assert "allowed +30 % and 20 ms; p = 1.5e-11 after Holm over 2" in slower.stdout
    endpoints = json.loads((tmp_path / "new.json").read_text("utf-8"))["endpoints"]
    assert [each["baseline"]["increase"] for each in endpoints] == [pytest.approx(2, abs=0.7)] * 2
