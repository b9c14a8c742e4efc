"""What the prober is told of an endpoint, and the relay of other places."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from .outcomes import EXPECTED, ONCE_OPEN, TRANSIENT
from .plan import Endpoint, Plan
from .prober.protocol import VERSION
from .proxying import Proxy, credentials_of
from .rates import Rates, most_samples, most_seconds, rates_by_vantage
from .unexpected import Unexpected
from .vantage import way_of
from .waits import Wait, tries_apart_s

#: How long a Python may take to begin somewhere else, and what each further vantage adds: all begin at once.
START_S = 10.0
_START_MORE_S = 0.2
#: A prober that runs is heard of once a second at least (`relay.remote`).
SILENCE_S = 15.0


class JobError(ValueError):
    """What no prober can be told; the text says why."""


def by_vantage(plan: Plan, selected: Iterable[int]) -> dict[str, list[int]]:
    """Return the indexes of the endpoints that are not checked from here, by the name of their vantage."""
    found: dict[str, list[int]] = {}
    for index in selected:
        if not plan.endpoints[index].is_local:
            found.setdefault(plan.endpoints[index].vantage, []).append(index)
    return found


def endpoint_jobs(plan: Plan, selected: Iterable[int], indexes: Iterable[int]) -> list[dict[str, object]]:
    """Return what the job of a prober (`prober.protocol`) says of the endpoints at `indexes`, which are some of those
    that are `selected`. Raises JobError."""
    waited_for = [each.host for index in selected if (each := plan.endpoints[index]).wait is not None]
    apart_s = tries_apart_s(waited_for, plan.max_rate, plan.max_rate_per_host)
    return [_endpoint_job(index, plan.endpoints[index], apart_s) for index in indexes]


def relay_job(
    plan: Plan, selected: Sequence[int], sample_file: Path, refresh_s: float | None, *, kernel: bool
) -> dict[str, object]:
    """Return the job of the relay (`relay.main`) for those of the selected endpoints that are not checked from here."""
    elsewhere, rates = by_vantage(plan, selected), rates_by_vantage(plan, selected)
    common = {"max_rate_per_host": plan.max_rate_per_host, "refresh_s": refresh_s, "kernel": kernel, "parent": None}
    return {
        "netmon": VERSION,
        "sample_file": str(sample_file),
        "start_s": START_S + _START_MORE_S * len(elsewhere),
        "silence_s": SILENCE_S,
        "vantages": [
            _entry(plan, name, rates[name], endpoint_jobs(plan, selected, indexes), common)
            for name, indexes in elsewhere.items()
        ],
    }


def _entry(
    plan: Plan, name: str, rates: Rates, endpoints: list[dict[str, object]], common: Mapping[str, object]
) -> dict[str, object]:
    way = way_of(plan.vantages[name])
    own = [endpoint for endpoint in plan.checked if endpoint.vantage == name]
    return {
        "name": name,
        "command": way.command,
        "python": way.python,
        "through_shell": way.through_shell,
        "server": way.server,
        "most_s": most_seconds(own, rates),
        "most_samples": most_samples(own),
        "job": {**common, "max_rate": rates.max_rate, "host_rates": rates.host_rates, "endpoints": endpoints},
    }


def _endpoint_job(index: int, endpoint: Endpoint, apart_s: float) -> dict[str, object]:
    return {
        "index": index,
        "host": endpoint.host,
        "port": endpoint.port,
        "count": None if endpoint.count is None else endpoint.warmup + endpoint.count,
        "warmup": endpoint.warmup,
        "interval_us": round(endpoint.interval_s * 1e6),
        "timeout_us": round(endpoint.timeout_s * 1e6),
        "retry_on": None if endpoint.measured else retried_outcomes(endpoint),
        "wait": None if endpoint.wait is None else _wait_job(endpoint, endpoint.wait, apart_s),
        "redact": endpoint.redact,
        "hold_us": round(endpoint.hold_s * 1e6),
        "tls": None if endpoint.tls is None else asdict(endpoint.tls),
        "proxy": None if endpoint.proxy is None else _proxy_job(endpoint.proxy),
        "close": endpoint.close,
        "family": endpoint.family,
        "addresses": endpoint.addresses,
        "late": "timeout" if endpoint.expect == "open" else "open",
    }


def _wait_job(endpoint: Endpoint, wait: Wait, apart_s: float) -> dict[str, object]:
    return {
        "for": EXPECTED[endpoint.expect],
        "interval_us": round(max(wait.interval_s, apart_s) * 1e6),
        "until_us": round(wait.timeout_s * 1e6),
        "stable": wait.stable,
    }


def _proxy_job(proxy: Proxy) -> dict[str, object]:
    """With user and password, which stand nowhere but in the job: on the standard input of the prober."""
    try:
        credentials = credentials_of(proxy, os.environ)
    except Unexpected as unexpected:
        raise JobError(unexpected.told("one that cannot be sent")) from None
    return {"kind": proxy.kind, "host": proxy.host, "port": proxy.port, "auth": credentials and list(credentials)}


def retried_outcomes(endpoint: Endpoint) -> list[str]:
    """Return the outcomes after which a reached endpoint is tried again where it is not waited for.

    One that is expected to be closed is not tried again after what it is expected to come to (a timeout)
    nor where it was open.
    """
    if not endpoint.expects_open:
        accepted = (*EXPECTED[endpoint.expect], *ONCE_OPEN)
        return [outcome for outcome in TRANSIENT if outcome not in accepted]
    return list(TRANSIENT)
