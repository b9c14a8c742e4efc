"""Waiting for an endpoint before it is measured: how long and how often. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .plan_values import is_count, is_positive
from .units import show_duration

#: From try to try: soon enough for a person, and no load to a host.
WAIT_INTERVAL_S = 0.25


@dataclass(frozen=True, slots=True)
class Wait:
    """Try until it is as expected, whatever else it comes to: `stable` times in a row, starts `interval_s` apart, none
    later than `timeout_s` after the start of the campaign."""

    timeout_s: float
    interval_s: float = WAIT_INTERVAL_S
    stable: int = 1


def wait_texts(wait: object) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with what a plan has for a wait."""
    if wait is None:
        return
    if not isinstance(wait, Wait) or not all(map(is_positive, (wait.timeout_s, wait.interval_s))):
        yield f"expected a Wait with times above 0 s, got {wait!r:.80}"
    elif not is_count(wait.stable):
        yield f"expected a wait for 1 success in a row or more, got {wait.stable!r:.80}"
    elif wait.stable > 1 and (wait.stable - 1) * wait.interval_s >= wait.timeout_s:
        every, most = show_duration(wait.interval_s), show_duration(wait.timeout_s)
        yield f"expected a wait with room for {wait.stable} tries {every} apart, got {most}"


def tries_apart_s(hosts: Iterable[str], max_rate: float, max_rate_per_host: float) -> float:
    """Return how far apart tries must at least start, so that all endpoints that are waited for keep to the rates
    together; `hosts` has the host of each."""
    counts = Counter(hosts)
    return max(sum(counts.values()) / max_rate, max(counts.values(), default=0) / max_rate_per_host)
