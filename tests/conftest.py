"""What all tests share."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from servers import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]

#: No time limit for an example: a busy machine would break it. NETMON_HYPOTHESIS=long tries fifty times as many.
settings.register_profile("tests", deadline=None)
settings.register_profile("long", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile(os.environ.get("NETMON_HYPOTHESIS", "tests"))


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Loopback servers, ended with the test: `servers.open()`, `.closed()`, `.silent()`, `.resetting()`."""
    with Servers() as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests that kill a process have it leave goes with pytest's own temporary folders."""
    folder = str(tmp_path_factory.mktemp("temporary"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", None)
        yield
