"""Fixtures of the tests of `netmon check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_runs import InProcess, LatePort, clean_environment

sys.path.append(str(Path(__file__).parent.parent / "reports"))  # made_runs.py


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InProcess:
    """Run `netmon check ARGUMENT...` in this process, in the folder `tmp_path`."""
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return InProcess(capsys)


@pytest.fixture
def late_port() -> Iterator[LatePort]:
    port = LatePort()
    yield port
    port.close()
