"""How the rates of a plan are divided among its vantages, and how long each may take. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .plan import Endpoint, Plan

#: A last resort, which a slow machine must not meet: so often the time that is planned, and so much more.
_PATIENCE, _PATIENCE_S = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Checks a second from one vantage: in all, and to single hosts that are checked from others too."""

    max_rate: float
    host_rates: dict[str, float]


def rates_by_vantage(plan: Plan, selected: Iterable[int]) -> dict[str, Rates]:
    """Return the rates of each vantage that the selected endpoints need.

    The caps of a plan are those of all its vantages together: a host does not mind where checks come from. Each gets
    what it must sustain, and an equal share of what is left.
    """
    endpoints = [plan.endpoints[index] for index in selected]
    vantages = list(dict.fromkeys(endpoint.vantage for endpoint in endpoints))
    whole = _shares(endpoints, plan.max_rate)
    by_host: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_host.setdefault(endpoint.host, []).append(endpoint)
    shares = {host: _shares(each, plan.max_rate_per_host) for host, each in by_host.items()}
    return {
        vantage: Rates(
            whole[vantage],
            {host: share[vantage] for host, share in shares.items() if vantage in share and len(share) > 1},
        )
        for vantage in vantages
    }


def _shares(endpoints: Iterable[Endpoint], cap: float) -> dict[str, float]:
    sustained: Counter[str] = Counter()
    for endpoint in endpoints:
        sustained[endpoint.vantage] += 1 / endpoint.interval_s if endpoint.is_repeated else 0.0  # type: ignore[assignment]
    spare = max(0.0, cap - sum(sustained.values())) / len(sustained)
    least = cap / len(sustained) / 1000  # a rate is never 0
    return {vantage: max(rate + spare, least) for vantage, rate in sustained.items()}


def most_seconds(endpoints: Iterable[Endpoint], rates: Rates) -> float | None:
    """Return how long the checks from one vantage may take before it is given up; None where they have no end."""
    longest_s, checks, per_host = 0.0, 0, Counter[str]()
    for endpoint in endpoints:
        if endpoint.count is None:
            return None
        tries = endpoint.warmup + endpoint.count
        if endpoint.measured:
            spent_s = tries * endpoint.interval_s + 2 * endpoint.timeout_s
        else:
            spent_s = tries * max(endpoint.interval_s, 2 * endpoint.timeout_s)
        wait_s = 0.0 if endpoint.wait is None else endpoint.wait.timeout_s + 2 * endpoint.timeout_s
        longest_s = max(longest_s, wait_s + spent_s + endpoint.hold_s)
        checks += tries
        per_host[endpoint.host] += tries
    paced_s = max(
        [
            checks / rates.max_rate,
            *(times / rates.host_rates[host] for host, times in per_host.items() if host in rates.host_rates),
        ]
    )
    return _PATIENCE * (longest_s + paced_s) + _PATIENCE_S


def most_samples(endpoints: Iterable[Endpoint]) -> int | None:
    """Return how many samples the checks from one vantage can come to; None where they have no end."""
    total = 0
    for endpoint in endpoints:
        if endpoint.count is None:
            return None
        wait = endpoint.wait
        tries = 0 if wait is None else math.ceil(wait.timeout_s / wait.interval_s) + wait.stable + 1
        total += tries + endpoint.warmup + endpoint.count
    return total
