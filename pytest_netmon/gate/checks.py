"""The tests that a netmon.yaml comes to: `collecting.NetmonModule` collects this module for each file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_netmon.reports.failure import failure_text

from .logs import for_log

if TYPE_CHECKING:
    from pytest_netmon.run import Result


@pytest.mark.netmon
def test_tcp(netmon_result: Result) -> None:
    """The endpoint keeps its limits."""
    if netmon_result.verdict.status == "failed":
        pytest.fail(for_log(failure_text(netmon_result)), pytrace=False)


# A user's own `python_functions = check_*` must not hide the gate.
test_tcp.__test__ = True  # type: ignore[attr-defined]
