"""What the HTML report says in sentences of an endpoint's charts and settings. Pure."""

from __future__ import annotations

import datetime

from ..distributions import Distribution
from ..plan import Endpoint
from ..run import Result
from ..statistics import Statistics
from ..units import spell_duration
from ..waits import Wait
from .html_charts import TimeLine, shown_limits
from .layout import counted, listed, shown_ms, shown_span

_MOST_NUMBERS = 10


def shown_time(moment: datetime.datetime) -> str:
    """`2026-07-01 12:30:00 +02:00`."""
    zone = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M:%S} {zone[:3]}:{zone[3:5]}" if zone else f"{moment:%Y-%m-%d %H:%M:%S}"


def chart_in_words(result: Result, time_line: TimeLine, from_time: str, to_time: str) -> str:
    """Return what a time line shows, for those who do not see it."""
    statistics, connect = result.statistics, result.statistics.connect
    failed = statistics.checks - statistics.successful
    parts = [
        f"{counted(statistics.checks + statistics.local_errors, 'check')} from {from_time} to {to_time}",
        f"{statistics.successful} open in {shown_ms(connect.min_ms)} to {shown_ms(connect.max_ms)} ms, "
        f"median {shown_ms(connect.median_ms)} ms",
    ]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{statistics.local_errors} could not be made here"] if statistics.local_errors else []
    parts += [_repeats(statistics)] if statistics.repeated_checks else []
    parts += ["the checker stood still in between"] if time_line.gaps else []
    limits = [f"{each.result.limit.text} {each.state}" for each in shown_limits(result.verdict)]
    parts += [f"limits: {', '.join(limits)}"] if limits else []
    return "; ".join(parts)


def key_of(time_line: TimeLine) -> str:
    """Return what each kind of mark in a time line stands for."""
    if time_line.stretch_us is None:
        told = ["dot: an open check"]
    else:
        each = shown_span(time_line.stretch_us / 1e6)
        told = [f"bar: all open checks of {each}, from the fastest to the slowest"]
    told += ["ring: a SYN was repeated"] if time_line.rings else []
    if time_line.failed:
        told.append("red tick: failed" if time_line.stretch_us is None else "red tick: failed, its height the share")
    told += ["grey tick: could not be made here"] if time_line.left_out else []
    told += ["shaded: the checker stood still"] if time_line.gaps else []
    return "; ".join(told)


def middle_half(connect: Distribution) -> str:
    """Return between which times half of all connects took."""
    return f"the middle half: {shown_ms(connect.percentile_ms(25))} to {shown_ms(connect.percentile_ms(75))} ms"


def _repeats(statistics: Statistics) -> str:
    numbers = statistics.repeated_checks
    told = listed(numbers, _MOST_NUMBERS)
    return f"SYN repeated in check {told}" if len(numbers) == 1 else f"SYN repeated in checks {told}"


def schedule_of(endpoint: Endpoint) -> str:
    """Return how often an endpoint was to be checked: `40, every 250 ms, each within 2 s`."""
    within = f"each within {spell_duration(endpoint.timeout_s)}"
    if not endpoint.measured:
        if endpoint.wait is not None:
            return f"{_waiting_of(endpoint, endpoint.wait)}, {within}"
        return f"tried until it is open, {counted(endpoint.count or 1, 'time')} at most, {within}"
    every = f"every {spell_duration(endpoint.interval_s)}"
    if endpoint.count is None:
        return f"{every} until told to stop, {within}"
    told = f"1, {within}" if endpoint.count == 1 else f"{endpoint.count}, {every}, {within}"
    told = f"{_waiting_of(endpoint, endpoint.wait)}, then {told}" if endpoint.wait else told
    return f"{told}, after {endpoint.warmup} that are not counted" if endpoint.warmup else told


def _waiting_of(endpoint: Endpoint, wait: Wait) -> str:
    in_a_row = f" {wait.stable} times in a row" if wait.stable > 1 else ""
    every, most = spell_duration(wait.interval_s), spell_duration(wait.timeout_s)
    return f"tried every {every} until it is {endpoint.expect}{in_a_row}, for {most} at most"


def longest_outage(statistics: Statistics) -> str:
    """Return how long nothing was open, and for how many checks."""
    in_a_row = counted(statistics.consecutive_failures, "failed check")
    return f"{shown_span(statistics.outage_s)}, {in_a_row} in a row at most"
