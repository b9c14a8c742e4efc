"""The table of faults is what the tests say."""

from __future__ import annotations

import fault_table as table


def test_the_table_is_made_from_the_tests() -> None:
    assert table.README.read_text("utf-8") == table.page(), "python tests/faults/fault_table.py"


def test_no_fault_is_named_twice_with_different_results() -> None:
    results: dict[tuple[str, str], set[str]] = {}
    for row in table.rows():
        results.setdefault((row.group, row.fault), set()).add(row.result)
    assert {fault: told for fault, told in results.items() if len(told) > 1} == {}
