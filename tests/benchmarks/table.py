"""Figures and how they are shown: one table, as text, Markdown or JSON."""

from __future__ import annotations

import json
import statistics
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure. target: in words. reached: None where nothing was asked or nothing measured.

    beside: what others came to in the same run. numbers: raw, for JSON.
    """

    what: str
    target: str
    measured: str
    reached: bool | None
    beside: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """rows, and where they come from: the command, the machine, the date, notes on the ground."""

    rows: Sequence[Row]
    about: dict[str, str]
    notes: Sequence[str]


def not_measured(what: str, target: str, why: str) -> Row:
    return Row(what, target, f"not measured: {why}", None)


def spread(values: Iterable[float], digits: int, unit: str = "") -> str:
    """`median (min-max) unit`; the median alone where there is one value."""
    ordered = sorted(values)
    middle = f"{statistics.median(ordered):,.{digits}f}"
    if len(ordered) > 1:
        middle += f" ({ordered[0]:,.{digits}f}-{ordered[-1]:,.{digits}f})"
    return f"{middle} {unit}".rstrip()


def quantile(values: Iterable[float], q: float) -> float:
    """Nearest rank; not a number where there are no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


def as_json(table: Table) -> str:
    return json.dumps(asdict(table), indent=1)


def as_markdown(table: Table) -> str:
    lines = [f"`{table.about['command']}`, {table.about['date']}, {table.about['machine']}", ""]
    lines += ["| what | target | measured | reached | beside it |", "|---|---|---|---|---|"]
    for row in table.rows:
        cells = (row.what, row.target, row.measured, _word(row.reached), row.beside)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines)


def as_text(table: Table, width: int) -> str:
    lines = [f"{name}: {value}" for name, value in table.about.items()]
    lines += [*(f"note: {note}" for note in table.notes), ""]
    for row in table.rows:
        lines += _text_of(row, max(60, width))
    return "\n".join(lines)


def _text_of(row: Row, width: int) -> list[str]:
    lines = [f"{_word(row.reached):>4}  {row.what}  [{row.target}]"]
    for text in filter(None, (row.measured, row.beside)):
        lines += textwrap.wrap(text, width - 2, initial_indent=" " * 6, subsequent_indent=" " * 8)
    return lines


def _word(reached: bool | None) -> str:
    return {True: "yes", False: "NO", None: "-"}[reached]
