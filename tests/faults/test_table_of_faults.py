"""The table of faults is what the tests say, and the guards that may be taken out are there."""

from __future__ import annotations

from pathlib import Path

import fault_table as table
from without_guards import GUARDS

import pytest_netmon


def test_the_table_is_made_from_the_tests() -> None:
    assert table.README.read_text("utf-8") == table.page(), "python tests/faults/fault_table.py"


def test_no_fault_is_named_twice_with_different_results() -> None:
    results: dict[tuple[str, str], set[str]] = {}
    for row in table.rows():
        results.setdefault((row.group, row.fault), set()).add(row.result)
    assert {fault: told for fault, told in results.items() if len(told) > 1} == {}


def test_each_guard_that_may_be_taken_out_stands_once_in_its_file_and_has_tests() -> None:
    """Where code was rewritten, give its guard the new text in `without_guards.py`."""
    package = Path(pytest_netmon.__file__).parent
    stand = {guard.what: (package / guard.file).read_text("utf-8").count(guard.text) for guard in GUARDS}
    assert {what: times for what, times in stand.items() if times != 1} == {}
    assert [guard.what for guard in GUARDS if not (table.TESTS / guard.tests.partition(" ")[0]).is_file()] == []
