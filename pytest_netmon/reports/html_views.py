"""What the HTML report shows of an endpoint, as texts and numbers: the page only places them. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..addresses import choice_in_words
from ..limits import shown_limit, shown_measured, shown_validity
from ..outcomes import LOCAL_ERROR, OPEN, TIMEOUT, cause_of
from ..plan import Endpoint
from ..run import Result, Run
from ..safe import for_terminal
from ..samples import Sample
from ..statistics import Statistics
from ..waited import tries_in_words
from .compared import comparison_facts, comparison_row
from .failure import Told, told_of
from .html_charts import Axis, Histogram, TimeLine, axis_of, histogram_of, shown_limits, time_line_of
from .html_rows import NOTHING, has_warnings, percentile_ms
from .html_series import AddressTally, Series, series_of
from .html_words import chart_in_words, key_of, longest_outage, middle_half, schedule_of
from .layout import counted, shown_ms, shown_span
from .naming import where_of
from .stages import stage_words
from .standings import RED, standing_of

#: With fewer checks a chart says no more than a sentence.
_LEAST_FOR_CHART = 3
#: Phases that people call otherwise than limits do.
_PHASE_NAMES = {"dns": "name resolution", "rtt": "round trip", "tls": "TLS handshake"}

#: One row of a table, its cells as texts.
Row = tuple[str, ...]
#: Starts and lengths in microseconds since the start of the run.
Gaps = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Both charts, and what they say in words. from_time, to_time: of the first and the last start."""

    axis: Axis
    time_line: TimeLine
    histogram: Histogram | None
    from_time: str
    to_time: str
    span: str
    text: str
    key: str
    histogram_text: str


@dataclass(frozen=True, slots=True)
class EndpointView:
    """limits: metric, measured, allowed, state, origin. phases, outcomes, addresses, parts, checks: rows of
    tables, empty where there is nothing to tell. facts: terms and what is to say of them."""

    number: int
    name: str
    where: str
    standing: str
    is_red: bool
    warns: bool
    xfail: str | None
    told: Told
    limits: tuple[Row, ...]
    chart: Chart | None
    phases: tuple[Row, ...]
    outcomes: tuple[Row, ...]
    addresses: tuple[Row, ...]
    parts: tuple[Row, ...]
    checks: tuple[Row, ...]
    checks_caption: str
    facts: tuple[tuple[str, str], ...]


PHASE_HEAD = ("phase", "count", "min", "avg", "median", "p95", "p99", "max", "stdev", "jitter")


def view_of(result: Result, run: Run, gaps: Gaps = ()) -> EndpointView:
    """Return all that is shown of an endpoint; reads its samples once. `gaps` are those to draw."""
    series = series_of(result)
    standing = standing_of(result)
    told = told_of(result, series.evidence)
    return EndpointView(
        number=result.index,
        name=for_terminal(result.endpoint.id),
        where=where_of(result),
        standing=standing,
        is_red=standing in RED,
        warns=has_warnings(result),
        xfail=for_terminal(result.endpoint.xfail) if result.endpoint.xfail else None,
        told=told,
        limits=tuple(_limit_rows(result)),
        chart=_chart_of(result, series, run, gaps) if result.endpoint.expect == "open" else None,
        phases=tuple(_phase_rows(result.statistics)),
        outcomes=tuple(_outcome_rows(result)),
        addresses=tuple(_address_rows(result, series)),
        parts=tuple(_part_rows(result)),
        checks=tuple(_check_row(sample, result.endpoint, run) for sample in series.listed),
        checks_caption=_checks_caption(result.endpoint, series),
        facts=tuple(_facts(result, series)),
    )


def _limit_rows(result: Result) -> Iterator[Row]:
    for each in shown_limits(result.verdict):
        limit, measured = each.result.limit, shown_measured(each.result.limit, each.result.value)
        yield limit.metric.shown_name, measured, shown_limit(limit), each.state, limit.origin
    if row := comparison_row(result):
        yield row


def _phase_rows(statistics: Statistics) -> Iterator[Row]:
    for name, phase in statistics.told_phases.items():
        percentiles_ms = (percentile_ms(phase, 95), percentile_ms(phase, 99))
        figures_ms = (phase.min_ms, phase.avg_ms, phase.median_ms, *percentiles_ms, phase.max_ms)
        shown = map(shown_ms, (*figures_ms, phase.stdev_ms, phase.jitter_ms))
        yield _PHASE_NAMES.get(name, name), str(phase.count), *shown


def _outcome_rows(result: Result) -> Iterator[Row]:
    statistics = result.statistics
    made = statistics.checks
    if statistics.successful:
        yield OPEN, str(statistics.successful), _share(statistics.successful, made), cause_of(OPEN, 0.0)
    for outcome, times in sorted(statistics.errors.items(), key=lambda error: (-error[1], error[0])):
        cause = cause_of(outcome, result.endpoint.timeout_s)
        yield for_terminal(outcome), str(times), _share(times, made), cause
    if statistics.local_errors:
        yield LOCAL_ERROR, str(statistics.local_errors), "left out", cause_of(LOCAL_ERROR, 0.0)


def _share(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %"


def _address_rows(result: Result, series: Series) -> Iterator[Row]:
    if result.endpoint.redact or len(series.addresses) < 2:
        return
    for address, tally in series.addresses.items():
        yield _address_row(for_terminal(address), tally)
    if series.other_addresses.checks:
        yield _address_row("others", series.other_addresses)


def _part_rows(result: Result) -> Iterator[Row]:
    """Addresses or families that were judged one by one."""
    for name, part in result.statistics.parts.items():
        verdict, connect = result.verdict.parts.get(name), part.connect
        judged = verdict.status if verdict and result.endpoint.is_judged else NOTHING
        times = (connect.median_ms, percentile_ms(connect, 95), connect.max_ms)
        yield for_terminal(name), judged, str(part.checks), str(part.successful), *map(shown_ms, times)


def _address_row(name: str, tally: AddressTally) -> Row:
    average_ms = tally.sum_ms / tally.opened if tally.opened else None
    return name, str(tally.checks), str(tally.opened), shown_ms(average_ms)


def _checks_caption(endpoint: Endpoint, series: Series) -> str:
    what = f"were not {endpoint.expect}" if not endpoint.expects_open else "failed or needed a repeated SYN"
    shown = len(series.listed)
    first = f", the first {shown} of {shown + series.unlisted}" if series.unlisted else ""
    return f"Checks that {what}{first}"


def _check_row(sample: Sample, endpoint: Endpoint, run: Run) -> Row:
    moment = run.timestamp_of(sample)
    day = "" if run.started_at.date() == run.ended_at.date() else f"{moment:%Y-%m-%d} "
    time = f"{day}{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    told = [for_terminal(sample.outcome)]
    if sample.outcome == OPEN and sample.syn_repeats:
        told.append(f"after {counted(sample.syn_repeats, 'repeated SYN')}")
    if sample.outcome == TIMEOUT and sample.syn_repeats is not None:
        told.append(f"{counted(1 + sample.syn_repeats, 'SYN')} sent")
    if sample.icmp:
        told.append(f"ICMP {sample.icmp[0]}/{sample.icmp[1]}")
    told += [for_terminal(sample.errno)] if sample.errno else []
    address = NOTHING if endpoint.redact or not sample.address else for_terminal(sample.address)
    spent_ms = sample.connect_ms if sample.outcome == OPEN else sample.clock_ms
    return str(sample.check), time, ", ".join(told), shown_ms(spent_ms), address


def _facts(result: Result, series: Series) -> Iterator[tuple[str, str]]:
    endpoint, statistics = result.endpoint, result.statistics
    yield "checks", schedule_of(endpoint)
    if not endpoint.expects_open:
        yield "expected", "closed: it must not be reachable" if endpoint.expect == "closed" else endpoint.expect
    yield from stage_words(endpoint)
    if result.waited is not None and result.waited.took_s is not None:
        yield "waited", f"{shown_span(result.waited.took_s)}, {tries_in_words(result.waited)}"
    if statistics.checks:
        yield "open", f"{statistics.successful} of {counted(statistics.checks, 'check')}"
    yield from comparison_facts(result)
    if statistics.consecutive_failures > 1:
        yield "longest outage", longest_outage(statistics)
    if statistics.syn_repeats is not None:
        yield "SYN repeats", str(statistics.syn_repeats)
    if statistics.cert_expires_in_s is not None:
        yield "certificate", shown_validity(statistics.cert_expires_in_s)
    if not statistics.connect.is_exact:
        yield "percentiles", "within 0.1 %: too many different times to keep them all"
    if series.last_start_us is not None:
        yield "took", shown_span(series.evidence.duration_s)
    if choice := choice_in_words(endpoint.family, endpoint.addresses):
        yield "addresses", choice
    if endpoint.tags:
        yield "tags", ", ".join(map(for_terminal, endpoint.tags))
    if endpoint.source:
        yield "written in", for_terminal(str(endpoint.source))


def _chart_of(result: Result, series: Series, run: Run, gaps: Gaps) -> Chart | None:
    statistics = result.statistics
    if statistics.checks + statistics.local_errors < _LEAST_FOR_CHART:
        return None
    limits = shown_limits(result.verdict)
    axis = axis_of(statistics.connect, limits)
    first_us, last_us = series.evidence.first_us, series.last_start_us
    if axis is None or first_us is None or last_us is None:
        return None
    time_line = time_line_of(series, axis.scale, gaps)
    start, end = (run.started_at + datetime.timedelta(microseconds=us) for us in (first_us, last_us))
    shape = "%H:%M:%S" if start.date() == end.date() else "%m-%d %H:%M"
    times = (start.strftime(shape), end.strftime(shape))
    return Chart(
        axis=axis,
        time_line=time_line,
        histogram=histogram_of(statistics.connect, limits),
        from_time=times[0],
        to_time=times[1],
        span=shown_span((last_us - first_us) / 1e6),
        text=chart_in_words(result, time_line, *times),
        key=key_of(time_line),
        histogram_text=middle_half(statistics.connect),
    )
