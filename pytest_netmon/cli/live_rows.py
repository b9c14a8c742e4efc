"""The live table without a terminal: which rows, which columns, which texts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_netmon.outcomes import OPEN
from pytest_netmon.plan import Endpoint
from pytest_netmon.reports.layout import placed_id, width_of
from pytest_netmon.safe import for_terminal
from pytest_netmon.statistics import Glance

from .monitor_figures import Figures, Pulse, is_as_expected

#: Rows of a sparkline's eight heights, and what stands for a failed check; the same without Unicode.
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "__..--^^"
FAILED, ASCII_FAILED = "\u00d7", "x"
#: A sparkline's range is at least this much of its lowest value, and this: a steady line must not look wild.
_LEAST_RANGE, _LEAST_RANGE_MS = 0.5, 0.5
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint as the table shows it: texts by the keys of columns, harmless for a terminal."""

    cells: dict[str, str]
    is_failing: bool
    has_failed: bool
    recent_ms: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """key: of a row's cell. width: places that it takes. Figures stand on its right, texts on its left."""

    key: str
    title: str
    width: int
    is_figure: bool = True


def row_of(pulse: Pulse, figures: Figures, p95_ms: float | None) -> Row:
    """Return the row of an endpoint as it is now."""
    glance = figures.glance_of(pulse.index)
    failures = max(glance.errors.items(), key=lambda error: error[1], default=None)
    average_us = glance.sum_us / glance.successful if glance.successful else None
    success = glance.successful / glance.checks if glance.checks else None
    return Row(
        is_failing=pulse.is_failing,
        has_failed=bool(_share_failed(pulse.endpoint, glance) or glance.local_errors),
        cells={
            "name": placed_id(pulse.endpoint),
            "state": NOTHING if pulse.last is None else for_terminal(pulse.last.outcome),
            "success": _percent(success),
            "checks": compact_count(glance.checks + glance.local_errors),
            "worst": "" if failures is None else f"{compact_count(failures[1])} {for_terminal(failures[0])}",
            "avg": compact_ms(None if average_us is None else average_us / 1000),
            "min": compact_ms(None if glance.min_us is None else glance.min_us / 1000),
            "max": compact_ms(None if glance.max_us is None else glance.max_us / 1000),
            "p95": compact_ms(p95_ms),
        },
        recent_ms=tuple(pulse.recent_ms),
    )


def worst_first(pulses: Iterable[Pulse], figures: Figures) -> list[Pulse]:
    """Return what fails now, then what has failed most, then the rest in the order of the plan."""

    def badness(pulse: Pulse) -> tuple[bool, float]:
        return not pulse.is_failing, 1 - _share_failed(pulse.endpoint, figures.glance_of(pulse.index))

    return sorted(pulses, key=badness)


def columns_for(rows: Sequence[Row], width: int) -> list[Column]:
    """Return the columns that fit into `width`, a space between them; the last one is `recent` where it fits.

    The first to go are those whose figures others tell nearly as well.
    """
    widest = {key: max((width_of(row.cells[key]) for row in rows), default=0) for key in ("name", "state", "worst")}
    for roomy in (True, False):
        columns = _all_columns(widest, roomy)
        if _width_of(columns) <= width:
            return _widened(columns, width)
    for key in _LEAST_NEEDED_FIRST:
        columns = [column for column in columns if column.key != key]
        if _width_of(columns) <= width:
            break
    return _widened(columns, width)


def sparkline(recent_ms: Sequence[float | None], width: int, blocks: str = BLOCKS, failed: str = FAILED) -> str:
    """Return one character for each of the latest `width` checks, the newest on the right."""
    shown = recent_ms[-width:] if width > 0 else ()
    times = [value for value in shown if value is not None]
    if not times:
        return failed * len(shown)
    lowest = min(times)
    span = max(max(times) - lowest, lowest * _LEAST_RANGE, _LEAST_RANGE_MS)
    top = len(blocks) - 1
    return "".join(failed if value is None else blocks[round((value - lowest) / span * top)] for value in shown)


def compact_ms(value_ms: float | None) -> str:
    """Return milliseconds in at most five characters: `0.04`, `15.2`, `152`, `1034`, `12.3s`."""
    if value_ms is None:
        return NOTHING
    for decimals, below in ((2, 9.995), (1, 99.95), (0, 9999.5)):
        if value_ms < below:
            return f"{value_ms:.{decimals}f}"
    return f"{value_ms / 1000:.1f}s" if value_ms < 999_950 else f"{value_ms / 1000:.0f}s"


def compact_count(number: int) -> str:
    """Return a number in at most six characters: `9999`, `12.3k`, `4.5M`."""
    if number < 10_000:
        return str(number)
    return f"{number / 1_000:.1f}k" if number < 999_950 else f"{number / 1_000_000:.1f}M"


def clock_text(seconds: float) -> str:
    """Return `0:05`, `12:34`, `1:02:03` or `2d 1:02:03`."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if not hours:
        return f"{minute}:{second:02}"
    return f"{f'{days}d ' if days else ''}{hour}:{minute:02}:{second:02}"


def counts_text(pulses: Iterable[Pulse]) -> str:
    """Return `58 open, 3 failing, 1 not checked yet`; `as expected` where some must be closed."""
    pulses = list(pulses)
    well = "as expected" if any(not pulse.endpoint.expects_open for pulse in pulses) else "open"
    waiting = sum(pulse.last is None for pulse in pulses)
    failing = sum(pulse.is_failing for pulse in pulses)
    parts = [(len(pulses) - waiting - failing, well), (failing, "failing"), (waiting, "not checked yet")]
    return ", ".join(f"{number} {word}" for number, word in parts if number)


#: Which columns give way first in a narrow window. The name never does.
_LEAST_NEEDED_FIRST = ("min", "recent", "worst", "max", "p95", "avg", "success", "state")
_LEAST_RECENT = 8


def _all_columns(widest: dict[str, int], roomy: bool) -> list[Column]:
    def text(key: str, title: str, least: int, most: int) -> Column:
        """As wide as what stands in it, within bounds."""
        return Column(key, title, min(max(widest[key], len(title)), most if roomy else least), is_figure=False)

    columns = [text("name", "endpoint", 15, 40), text("state", "now", 8, 19), Column("success", "success", 7)]
    if roomy:
        columns.append(Column("checks", "checks", 7))
    columns.append(text("worst", "worst", 11, 26))
    columns += [Column(key, key, 5) for key in ("avg", "min", "max", "p95")]
    return [*columns, Column("recent", "recent", _LEAST_RECENT, is_figure=False)]


def _width_of(columns: Sequence[Column]) -> int:
    return sum(column.width + 1 for column in columns) - 1


def _widened(columns: list[Column], width: int) -> list[Column]:
    """Give a sparkline what is left."""
    last = columns[-1]
    if last.key != "recent":
        return columns
    return [*columns[:-1], replace(last, width=last.width + width - _width_of(columns))]


def _share_failed(endpoint: Endpoint, glance: Glance) -> float:
    """How many of the checks did not come to what they should."""
    outcomes = {**glance.errors, OPEN: glance.successful}
    failed = sum(times for outcome, times in outcomes.items() if not is_as_expected(endpoint, outcome))
    return failed / glance.checks if glance.checks else 0.0


def _percent(success: float | None) -> str:
    if success is None:
        return NOTHING
    if success in (0, 1):
        return f"{success:.0%}"
    return f"{min(max(success * 100, 0.01), 99.99):.2f}%"
