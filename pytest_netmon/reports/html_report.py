"""`netmon.html`: one file that needs nothing else, for a browser, a phone or paper. Pure.

The page is a template of jinja2 with autoescape on: no text of a run gets into it any other way, but for the rows of
its table (`html_rows`). Its one script and its
style sheet are ours and named by their hash in a Content-Security-Policy that forbids everything else, so that
nothing else could run or be loaded even if it got in. The script adds sorting and filters; without it nothing is lost.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import heapq
import importlib.resources
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from ..run import Result, Run
from ..safe import for_terminal
from .compared import baseline_line
from .html_charts import BOTTOM, TOP, WIDTH
from .html_rows import common_scale, row_markup, table_row_of, unprobed_row
from .html_scale import Scale
from .html_views import PHASE_HEAD, EndpointView, view_of
from .html_words import shown_time
from .layout import code_spans, counted, shown_ms, shown_span
from .matrix import matrix_of
from .standings import (
    RED,
    Cause,
    causes_of,
    headline,
    in_order,
    standing_of,
    status_of,
    tally_of,
    warnings_of,
    was_cut_off,
    without_result,
)

#: Endpoints with charts, and rows of the table: about 6 KB and 0.6 KB each.
MOST_DETAILED = 600
MOST_ROWS = 10_000
MOST_MATRIX_ROWS = 2_000
#: With as few as these all details are open.
_MOST_OPEN = 2
#: Red endpoints from which on it helps to count their causes.
_LEAST_FOR_CAUSES = 8
#: Endpoints from which on a reader searches.
_LEAST_FOR_CONTROLS = 6
#: Broken limits that fail nothing, listed at the top.
_MOST_WARNINGS = 20
#: Gaps to draw in each chart; all of them are counted above.
_MOST_GAPS = 50
#: Pieces of the template joined into one chunk.
_CHUNK = 2_000


def html_chunks(run: Run) -> Iterator[str]:
    """Yield the page in pieces. Samples are read an endpoint at a time, while the page is made.

    Past 600 endpoints the rest has no charts, past 10,000 no row, and the page says so: what needs a look comes
    first. A redacted endpoint is shown without host, address and words of the system.

    Raises what `run.store` raises where samples cannot be read.
    """
    ordered = in_order(run.results)
    red = [result for result in ordered if standing_of(result) in RED]
    detailed = ordered[:MOST_DETAILED]
    common = common_scale(ordered)
    matrix = matrix_of(run)
    style, script = _asset("report.css"), _asset("report.js")
    stream = _template().stream(
        page=_page_of(run, ordered, common),
        style=Markup(style),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
        style_hash=_hash(style),
        script_hash=_hash(script),
        rows=_rows(run, ordered, common),
        red=_views(detailed[: len(red)], run),
        rest=_views(detailed[len(red) :], run),
        matrix=matrix,
        places=matrix.rows[:MOST_MATRIX_ROWS] if matrix else (),
        places_left_out=max(0, len(matrix.rows) - MOST_MATRIX_ROWS) if matrix else 0,
        phase_head=PHASE_HEAD,
    )
    stream.enable_buffering(_CHUNK)
    yield from stream


@dataclass(frozen=True, slots=True)
class _Page:
    """What the page says of the run as a whole. red, rest: how many details of each kind there are."""

    version: str
    status: str
    headline: str
    told: str
    counts: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...]
    causes: tuple[Cause, ...]
    red: int
    rest: int
    opens_rest: bool
    has_controls: bool
    spread_bounds: str
    rows_note: str
    details_note: str
    facts: tuple[tuple[str, str], ...]

    @property
    def headline_start(self) -> str:
        return self.headline[:1].upper() + self.headline[1:]


def _page_of(run: Run, ordered: Sequence[Result], common: Scale | None) -> _Page:
    red = min(MOST_DETAILED, sum(standing_of(result) in RED for result in ordered))
    rest = min(len(ordered), MOST_DETAILED) - red
    causes = tuple(causes_of(run))
    return _Page(
        version=for_terminal(run.tool_version),
        status=status_of(run),
        headline=headline(run),
        told=_told(run),
        counts=tuple(tally_of(run).items()),
        warnings=tuple(_warnings(run)),
        causes=causes if sum(cause.endpoints for cause in causes) >= _LEAST_FOR_CAUSES else (),
        red=red,
        rest=rest,
        opens_rest=len(ordered) <= _MOST_OPEN,
        has_controls=len(run.plan.endpoints) >= _LEAST_FOR_CONTROLS,
        spread_bounds="" if common is None else f"{shown_ms(common.low_ms)} to {shown_ms(common.high_ms)} ms",
        rows_note=_rows_note(len(run.plan.endpoints)),
        details_note=_details_note(len(ordered)),
        facts=tuple(_facts(run)),
    )


def _told(run: Run) -> str:
    checks = sum(result.statistics.checks + result.statistics.local_errors for result in run.results)
    took = shown_span((run.ended_at - run.started_at).total_seconds())
    host = f" on {for_terminal(run.machine['host'])}" if run.machine.get("host") else ""
    return f"{counted(checks, 'check')} in {took}{host}, started {shown_time(run.started_at)}"


def _warnings(run: Run) -> Iterator[str]:
    if was_cut_off(run):
        yield "The run was cut off: figures are of what was measured until then."
    if run.gaps:
        stood_still = shown_span(sum(gap.length_us for gap in run.gaps) / 1e6)
        missed = counted(sum(gap.missed for gap in run.gaps), "check")
        yield f"The checker itself stood still for {stood_still} in all: {missed} left out."
    if run.lost_samples:
        yield f"{counted(run.lost_samples, 'sample')} could not be recorded."
    yield from map(for_terminal, run.warnings)
    broken = warnings_of(run.results)
    yield from broken[:_MOST_WARNINGS]
    if len(broken) > _MOST_WARNINGS:
        yield f"and {counted(len(broken) - _MOST_WARNINGS, 'more warning')} of this kind"


def _rows_note(endpoints: int) -> str:
    return f"{endpoints - MOST_ROWS} more are not shown." if endpoints > MOST_ROWS else ""


def _details_note(endpoints: int) -> str:
    if endpoints <= MOST_DETAILED:
        return ""
    return f"{endpoints - MOST_DETAILED} more endpoints have no charts here: netmon.json has all of their samples."


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    plan = run.plan
    yield "started", shown_time(run.started_at)
    yield "ended", shown_time(run.ended_at)
    if plan.files:
        yield "configuration", ", ".join(map(for_terminal, plan.files))
    if run.baseline:
        yield "compared with", baseline_line(run.baseline)
    yield "endpoints", str(len(plan.endpoints))
    if plan.planned_rate and math.isfinite(plan.planned_rate):
        yield "planned rate", f"up to {plan.planned_rate:.1f} checks a second"
    for name, value in run.machine.items():
        yield f"machine: {for_terminal(name)}", for_terminal(value)
    if run.measuring and run.measuring.lag.median_ms is not None:
        timed = counted(run.measuring.lag.count, "check")
        yield "timed by the kernel", f"{timed}; our own clock said {_signed(run.measuring.lag.median_ms)} in the median"
    if run.measuring and run.measuring.own_clock_checks:
        yield "timed by our own clock", counted(run.measuring.own_clock_checks, "check")
    yield "pytest-netmon", for_terminal(run.tool_version)


def _signed(value_ms: float) -> str:
    return f"{value_ms:.2f} ms more" if value_ms >= 0 else f"{-value_ms:.2f} ms less"


def _rows(run: Run, ordered: Sequence[Result], common: Scale | None) -> list[Markup]:
    rows = [
        row_markup(table_row_of(result, common, has_details=at < MOST_DETAILED), has_spreads=common is not None)
        for at, result in enumerate(ordered[:MOST_ROWS])
    ]
    for endpoint, standing in without_result(run)[: MOST_ROWS - len(rows)]:
        rows.append(row_markup(unprobed_row(-1, endpoint, standing), has_spreads=common is not None))
    return rows


def _views(results: Sequence[Result], run: Run) -> Iterator[EndpointView]:
    longest = heapq.nlargest(_MOST_GAPS, ((gap.length_us, gap.at_us) for gap in run.gaps))
    gaps = [(at_us, length_us) for length_us, at_us in longest]
    return (view_of(result, run, gaps) for result in results)


@functools.cache
def _template(name: str = "report.html.jinja") -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        cache_size=0,
        auto_reload=False,
    )
    environment.filters.update(ms=shown_ms, pieces=code_spans)
    environment.globals.update(charts=_charts, width=WIDTH, top=TOP, bottom=BOTTOM)
    return environment.from_string(_asset(name))


def _charts(view: EndpointView) -> Markup:
    """The charts of an endpoint. A page without any, as of endpoints that were only to be reached, does without a third
    of all that is to be compiled."""
    return Markup(_template("charts.html.jinja").render(view=view))  # noqa: S704 - escaped there


def _asset(name: str) -> str:
    return (importlib.resources.files(__package__) / "templates" / name).read_text("utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline script or style (CSP level 2, section 4.2.5)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
