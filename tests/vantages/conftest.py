from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from servers import Servers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if sys.platform == "win32" and "vantages" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="vantages need process groups, which Windows has not"))


@pytest.fixture
def servers() -> Iterator[Servers]:
    with Servers() as made:
        yield made
