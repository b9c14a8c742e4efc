"""Property tests here have no deadline: a busy machine is no failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from written_config import Written


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)
