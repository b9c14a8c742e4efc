"""Fixtures of the tests of `netmon monitor`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from check_runs import clean_environment
from monitor_runs import InProcess


@pytest.fixture
def monitor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InProcess:
    """Run `netmon monitor ARGUMENT...` in this process, in the folder `tmp_path`."""
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return InProcess(capsys)
