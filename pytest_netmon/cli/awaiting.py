"""`--wait`: what is expected to be open is tried until it is, or until the time is up. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_netmon.plan import REACHED_RETRY_S, Endpoint, Plan
from pytest_netmon.reports.layout import placed_id
from pytest_netmon.safe import for_terminal

#: From the start of one try to the next: soon enough for a person, and no load to a host.
TRY_EVERY_S = 0.25
#: Names may come to lead elsewhere while they are waited for.
RESOLVE_EVERY_S = 5.0
#: What a line has room for.
_MOST_NAMED = 10


def is_awaited(endpoint: Endpoint) -> bool:
    """Whether waiting can help: not where the port is to be closed, nor where a failure is expected."""
    return endpoint.expects_open and endpoint.skip is None and endpoint.xfail is None


def awaiting_plan(plan: Plan, wait_s: float) -> Plan:
    """Return the plan in which every endpoint that waiting can help is to be reached within `wait_s`,
    the others unchanged; tries are as far apart as the plan's rates ask for."""
    awaited = [endpoint for endpoint in plan.endpoints if is_awaited(endpoint)]
    hosts = Counter(endpoint.host for endpoint in awaited)
    apart_s = max(TRY_EVERY_S, len(awaited) / plan.max_rate, max(hosts.values(), default=0) / plan.max_rate_per_host)
    endpoints = [_awaited(each, wait_s, apart_s) if is_awaited(each) else each for each in plan.endpoints]
    return dataclasses.replace(plan, endpoints=endpoints)


def waiting_line(pending: Sequence[tuple[Endpoint, str | None]], total: int, elapsed_s: float, wait_s: float) -> str:
    """Return how far a wait is, with the latest outcome of each that is waited for (None: none yet):
    `netmon: 12.3 s of 60 s, waiting for 2 of 5: db:5432 (refused), cache:6379 (dns_not_found)`."""
    named = [_named(endpoint, outcome) for endpoint, outcome in pending[:_MOST_NAMED]]
    more = len(pending) - len(named)
    names = ", ".join(named) + (f" and {more} more" if more else "")
    return f"netmon: {elapsed_s:.1f} s of {wait_s:.10g} s, waiting for {len(pending)} of {total}: {names}"


def to_measure(before: Plan, reached: Iterable[int]) -> list[int]:
    """Return the indexes of those that are reached now and still to be measured."""
    return [index for index in reached if before.endpoints[index].measured and is_awaited(before.endpoints[index])]


def _awaited(endpoint: Endpoint, wait_s: float, apart_s: float) -> Endpoint:
    # An interval that is longer than the built-in one is the user's own word.
    asked_s = endpoint.interval_s if not endpoint.measured and endpoint.interval_s > REACHED_RETRY_S else 0.0
    interval_s = max(apart_s, asked_s)
    return dataclasses.replace(
        endpoint,
        measured=False,
        limits=(),
        count=int(wait_s / interval_s) + 1,
        interval_s=interval_s,
        wait_s=wait_s,
    )


def _named(endpoint: Endpoint, outcome: str | None) -> str:
    name = placed_id(endpoint)
    return name if outcome is None else f"{name} ({for_terminal(outcome)})"
