"""Endpoints by the places that they were checked from: red everywhere, or from one place only? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..run import Result, Run
from ..safe import for_terminal
from .layout import counted, fitted, in_columns, listed, shown_ms
from .standings import FAILED, INCONCLUSIVE, ORDER, PASSED, RED, WATCHED, main_cause, standing_of, without_result

#: Rows of the terminal's matrix, and the longest id and name of a place in it.
MOST_ROWS = 40
_WIDEST_ID, _WIDEST_VANTAGE = 48, 24
#: Places to name in one finding.
_MOST_NAMED = 3
#: A place from which an endpoint is not checked.
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Cell:
    """One endpoint from one place. standing: one of `standings.ORDER`, empty where it is not checked from there.
    text: the median of what is green, why it is red."""

    standing: str
    text: str

    @property
    def is_red(self) -> bool:
        return self.standing in RED


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint from every place, in the order of `Matrix.vantages`. finding: `red everywhere`, `red from paris
    only`, `red from 2 of 3 places`, `unknown from tokyo` where it is inconclusive; empty where all is well. All texts
    are harmless for a terminal."""

    id: str
    finding: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """vantages: the places, harmless for a terminal. rows: what is red from most places first."""

    vantages: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def findings(self) -> dict[str, int]:
        """How many endpoints are red in which way, the most frequent first."""
        found = [row.finding for row in self.rows if row.finding]
        return dict(sorted(((each, found.count(each)) for each in dict.fromkeys(found)), key=lambda item: -item[1]))


def vantages_of(run: Run) -> list[str]:
    """Return the places that the endpoints of a run were checked from, in the order of its plan."""
    return list(dict.fromkeys(endpoint.vantage for endpoint in run.plan.endpoints))


def matrix_of(run: Run) -> Matrix | None:
    """Return the matrix of a run; None where all was checked from one place."""
    vantages = vantages_of(run)
    if len(vantages) < 2:
        return None
    ids: dict[str, dict[str, Cell]] = {}
    for result in run.results:
        ids.setdefault(result.endpoint.id, {})[result.endpoint.vantage] = _cell(result)
    for endpoint, standing in without_result(run):
        ids.setdefault(endpoint.id, {})[endpoint.vantage] = Cell(standing, standing)
    rows = [_row(name, cells, vantages) for name, cells in ids.items()]
    rows.sort(key=lambda row: (-sum(cell.is_red for cell in row.cells), _worst(row)))
    return Matrix(tuple(map(for_terminal, vantages)), tuple(rows))


def matrix_lines(run: Run, width: int) -> list[str]:
    """Return the matrix for a terminal of `width` columns, its findings below it; nothing for a run from one place."""
    matrix = matrix_of(run)
    if matrix is None:
        return []
    shown, rest = matrix.rows[:MOST_ROWS], matrix.rows[MOST_ROWS:]
    head = ("endpoint", "", *(fitted(name, _WIDEST_VANTAGE) for name in matrix.vantages))
    rows = [(fitted(row.id, _WIDEST_ID), row.finding, *map(_shown, row.cells)) for row in shown]
    if not any(row.finding for row in shown):
        head, rows = (head[0], *head[2:]), [(row[0], *row[2:]) for row in rows]
    lines = in_columns([head, *rows])
    return [fitted(line, width) for line in [*lines, *([f"and {_rest(rest)}"] if rest else [])]]


def _cell(result: Result) -> Cell:
    standing = standing_of(result)
    if standing in RED:
        return Cell(standing, main_cause(result))
    median_ms = result.statistics.connect.median_ms
    if standing in (PASSED, WATCHED) and result.endpoint.expects_open:
        return Cell(standing, NOTHING if median_ms is None else f"{shown_ms(median_ms)} ms")
    return Cell(standing, result.endpoint.expect if standing == PASSED else standing)


def _row(name: str, cells: dict[str, Cell], vantages: Sequence[str]) -> Row:
    checked = [vantage for vantage in vantages if vantage in cells]
    failed, unknown = (
        [for_terminal(vantage) for vantage in checked if cells[vantage].standing == standing]
        for standing in (FAILED, INCONCLUSIVE)
    )
    findings = (
        _finding("red", failed, len(checked), is_all_that_is_told=not unknown),
        _finding("unknown", unknown, len(checked), is_all_that_is_told=False),
    )
    return Row(
        for_terminal(name),
        "; ".join(filter(None, findings)),
        tuple(cells.get(vantage, Cell("", NOTHING)) for vantage in vantages),
    )


def _finding(word: str, found: Sequence[str], places: int, *, is_all_that_is_told: bool) -> str:
    """What is red, or is not known for want of a check that proves anything: a place that was lost says nothing."""
    if not found:
        return ""
    if places == 1:
        return f"{word} from {found[0]}, the only place"
    if len(found) == places:
        return f"{word} everywhere"
    if len(found) == 1:
        return f"{word} from {found[0]}{' only' if is_all_that_is_told else ''}"
    if len(found) <= _MOST_NAMED:
        return f"{word} from {listed(found, _MOST_NAMED)}"
    return f"{word} from {len(found)} of {places} places"


def _worst(row: Row) -> int:
    return min((ORDER.index(cell.standing) for cell in row.cells if cell.standing), default=len(ORDER))


def _shown(cell: Cell) -> str:
    return f"{'FAILED' if cell.standing == RED[0] else 'INCONCLUSIVE'} {cell.text}" if cell.is_red else cell.text


def _rest(rows: Sequence[Row]) -> str:
    red = sum(bool(row.finding) for row in rows)
    return counted(len(rows), "more endpoint") + (f", {red} of them red" if red else "")
