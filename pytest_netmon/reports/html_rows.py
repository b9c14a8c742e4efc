"""Rows of the table of all endpoints in `netmon.html`. Pure.

There is one for each of thousands of endpoints, which is why they are written here and not by the template: that takes
five times as long. As there, every text that is not ours goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..distributions import Distribution
from ..plan import Endpoint
from ..run import Result
from ..safe import for_terminal
from .html_scale import Scale
from .layout import shown_ms
from .naming import where_of
from .standings import ORDER, standing_of

#: Below that many checks a percentile is the maximum (nearest rank).
_LEAST_FOR = {95: 20, 99: 100}
NOTHING = "-"
_WARNING = "warning"


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table of all endpoints. number: of the endpoint in the plan. rank, success_rate, *_ms, repeats: to
    sort by, None where there is none. spread: where on a common logarithmic scale the fastest, the median and the
    slowest check stand, in thousandths. warns: whether a limit that fails nothing is broken."""

    number: int
    name: str
    where: str
    standing: str
    rank: int
    success: str
    success_rate: float | None
    median_ms: float | None
    p95_ms: float | None
    max_ms: float | None
    repeats: int | None
    spread: tuple[int, int, int] | None
    note: str
    warns: bool
    has_details: bool


def table_row_of(result: Result, common: Scale | None, *, has_details: bool) -> TableRow:
    statistics, connect = result.statistics, result.statistics.connect
    standing = standing_of(result)
    return TableRow(
        number=result.index,
        name=for_terminal(result.endpoint.id),
        where=where_of(result),
        standing=standing,
        rank=ORDER.index(standing),
        success=_shown_success(result),
        success_rate=statistics.success_rate,
        median_ms=connect.median_ms,
        p95_ms=percentile_ms(connect, 95),
        max_ms=connect.max_ms,
        repeats=statistics.syn_repeats,
        spread=_spread(connect, common),
        note="",
        warns=has_warnings(result),
        has_details=has_details,
    )


def unprobed_row(number: int, endpoint: Endpoint, standing: str) -> TableRow:
    """Return the row of an endpoint without a result."""
    return TableRow(
        number=number,
        name=for_terminal(endpoint.id),
        where="",
        standing=standing,
        rank=ORDER.index(standing),
        success=NOTHING,
        success_rate=None,
        median_ms=None,
        p95_ms=None,
        max_ms=None,
        repeats=None,
        spread=None,
        note=for_terminal(endpoint.skip) if endpoint.skip else "",
        warns=False,
        has_details=False,
    )


def row_markup(row: TableRow, *, has_spreads: bool) -> Markup:
    """Return a row as HTML; `has_spreads`: whether the table has a column for them."""
    name = f'<span class="name">{escape(row.name)}</span>'
    if row.has_details:
        name = f'<a class="name" href="#e{row.number}">{escape(row.name)}</a>'
    beside = row.where or row.note
    where = f'<span class="where">{escape(beside)}</span>' if beside else ""
    repeats = NOTHING if row.repeats is None else str(row.repeats)
    return Markup(  # noqa: S704 - what is not ours is escaped above
        f'<tr data-standing="{row.standing}"><th scope="row">{name}{where}</th>'
        f'<td data-v="{row.rank}">{_badge(row.standing)}{f" {_badge(_WARNING)}" if row.warns else ""}</td>'
        f'<td class="n" data-v="{_sort_value(row.success_rate)}">{escape(row.success)}</td>'
        f'<td class="n" data-v="{_sort_value(row.median_ms)}">{shown_ms(row.median_ms)}</td>'
        f'<td class="n wide" data-v="{_sort_value(row.p95_ms)}">{shown_ms(row.p95_ms)}</td>'
        f'<td class="n" data-v="{_sort_value(row.max_ms)}">{shown_ms(row.max_ms)}</td>'
        f'<td class="n wide" data-v="{_sort_value(row.repeats)}">{repeats}</td>'
        f"{_spread_cell(row.spread) if has_spreads else ''}</tr>"
    )


def _badge(standing: str) -> str:
    """As the template's; of our own words only."""
    return f'<span class="badge {standing.replace(" ", "-")}">{standing}</span>'


def _spread_cell(spread: tuple[int, int, int] | None) -> str:
    if spread is None:
        return '<td class="wide"></td>'
    low, middle, high = spread
    return (
        '<td class="wide"><svg class="spread" width="120" height="12" viewBox="0 0 1000 12" preserveAspectRatio="none" '
        f'aria-hidden="true"><path stroke="#2f6fd0" d="M{low} 6H{high}"/>'
        f'<path class="mid" stroke="#2f6fd0" d="M{middle} 1v10"/></svg></td>'
    )


def _sort_value(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def common_scale(results: Sequence[Result]) -> Scale | None:
    """Return the logarithmic scale on which all connect times of a run stand; None without any."""
    bounds = [ms for each in results for ms in (each.statistics.connect.min_ms, each.statistics.connect.max_ms)]
    values = [ms for ms in bounds if ms is not None]
    if not values:
        return None
    low, high = max(min(values), 0.001), max(*values, 0.001)
    return Scale(low, high, is_log=True) if low < high else Scale(low / 2, high * 2, is_log=True)


def has_warnings(result: Result) -> bool:
    """Whether a limit that fails nothing is broken."""
    return any(not each.ok for each in result.verdict.warn)


def percentile_ms(phase: Distribution, percentile: int) -> float | None:
    """Return a percentile; None where the checks are too few for it to differ from the maximum (nearest rank)."""
    return phase.percentile_ms(percentile) if phase.count >= _LEAST_FOR[percentile] else None


def _shown_success(result: Result) -> str:
    statistics = result.statistics
    if not result.endpoint.expects_open and result.verdict.status == "passed":
        return result.endpoint.expect
    if result.is_unmeasured:
        return NOTHING
    return f"{statistics.successful}/{statistics.checks}"


def _spread(connect: Distribution, common: Scale | None) -> tuple[int, int, int] | None:
    if common is None or connect.min_ms is None or connect.median_ms is None or connect.max_ms is None:
        return None
    bounds_ms = (connect.min_ms, connect.median_ms, connect.max_ms)
    shares = {ms: round(common.share_of(ms) * 1000) for ms in {*bounds_ms}}  # of one check all are the same
    low, middle, high = (shares[ms] for ms in bounds_ms)
    return low, middle, high
