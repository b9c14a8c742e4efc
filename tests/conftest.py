"""What all tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from servers import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Loopback servers, ended with the test: `servers.open()`, `.closed()`, `.silent()`, `.resetting()`."""
    with Servers() as made:
        yield made
