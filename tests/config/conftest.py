"""Property tests here have no deadline: a busy machine is no failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from written_config import Written

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)
