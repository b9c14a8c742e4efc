"""The seed's live statistics as text: one block for all targets. Pure.

One line more than the seed has, where there is something to say: what went wrong and how often. A figure
without a sample is `n/a`.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..run import Result, Run
from ..safe import for_terminal
from ..statistics import Glance
from .rounds import Rounds, rounds_of

RULE = "=" * 60
NOTHING = "n/a"
_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class HostFigures:
    """host: as reports show it. rounds: of all its ports. ports: the figures of each port's endpoints, in the
    order of the plan (several where entries of different names share a port)."""

    host: str
    rounds: Rounds
    ports: Mapping[int, Sequence[Glance]]


def block_lines(started_at: datetime.datetime, hosts: Iterable[HostFigures]) -> list[str]:
    """Return the block's lines, harmless for a terminal. The time is shown in `started_at`'s own zone."""
    lines = [RULE, "Network Monitor - Live Statistics", f"Started: {started_at:%Y-%m-%d %H:%M:%S}", RULE]
    for host in hosts:
        lines += ["", *_host_lines(host)]
    return lines


def hosts_of(run: Run) -> list[HostFigures]:
    """Return the figures of a run that has ended, in the order of its plan."""
    hosts: dict[str, list[Result]] = {}
    for result in run.results:
        hosts.setdefault(result.endpoint.shown_host, []).append(result)
    return [HostFigures(host, rounds_of(results), _by_port(results)) for host, results in hosts.items()]


def _by_port(results: Sequence[Result]) -> dict[int, list[Glance]]:
    ports: dict[int, list[Glance]] = {}
    for result in results:
        ports.setdefault(result.endpoint.port, []).append(result.statistics.glance)
    return ports


def _host_lines(host: HostFigures) -> list[str]:
    ping = _joined(glance for glances in host.ports.values() for glance in glances)
    lines = [
        f"Target: {for_terminal(host.host)}",
        f"  Total Checks: {host.rounds.total}",
        f"  Success Rate: {_percent(host.rounds.successful, host.rounds.total)}",
        f"  Ping: {_avg(ping)} avg, {_ms(ping.min_us)} min, {_ms(ping.max_us)} max",
    ]
    for port, glances in host.ports.items():
        figures = _joined(glances)
        lines.append(f"  Port {port}: {_percent(figures.successful, figures.checks)} success, {_avg(figures)} avg")
    if ping.errors:
        lines.append(f"  Errors: {sum(ping.errors.values())} ({_counts(ping.errors)})")
    if ping.local_errors:
        lines.append(f"  Left out: {ping.local_errors} (this machine could not make them)")
    return lines


def _joined(glances: Iterable[Glance]) -> Glance:
    """The figures of several endpoints as if they were one."""
    parts = list(glances)
    errors: Counter[str] = Counter()
    for part in parts:
        errors.update(part.errors)
    return Glance(
        checks=sum(part.checks for part in parts),
        successful=sum(part.successful for part in parts),
        errors=errors,
        local_errors=sum(part.local_errors for part in parts),
        sum_us=sum(part.sum_us for part in parts),
        min_us=min((part.min_us for part in parts if part.min_us is not None), default=None),
        max_us=max((part.max_us for part in parts if part.max_us is not None), default=None),
    )


def _counts(errors: Mapping[str, int]) -> str:
    """`timeout 2, refused 1`: the most frequent first."""
    ordered = sorted(errors.items(), key=lambda error: (-error[1], error[0]))
    return ", ".join(f"{for_terminal(outcome)} {times}" for outcome, times in ordered)


def _avg(figures: Glance) -> str:
    return _ms(figures.sum_us / figures.successful if figures.successful else None)


def _ms(value_us: float | None) -> str:
    return NOTHING if value_us is None else f"{value_us / 1000:.{_DECIMALS}f}ms"


def _percent(part: int, whole: int) -> str:
    """`99.93%`; with more decimals where two would make all, or nothing, of what is not quite that."""
    if not whole:
        return NOTHING
    decimals, rate = _DECIMALS, part / whole
    while 0 < part < whole and round(rate, decimals + 2) in (0, 1):
        decimals += 1
    return f"{round(rate, decimals + 2) * 100:.{decimals}f}%"
