"""Results and runs made from samples, through the real statistics and the real judge."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pytest_netmon.limits import parse_limit
from pytest_netmon.outcomes import EXPECTED
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.pooling import PartsBuilder
from pytest_netmon.problems import Source
from pytest_netmon.run import Result, Run
from pytest_netmon.samples import WAITING, Sample
from pytest_netmon.verdict import judge
from pytest_netmon.waited import Waited

START = datetime.datetime(2026, 7, 1, 12, 30, 0, 123456, datetime.timezone(datetime.timedelta(hours=2)))
MACHINE = {"host": "runner-7", "system": "Linux", "release": "6.18", "python": "3.11.9"}


class MemoryStore:
    """Samples by endpoint, in memory; `reads` counts how often they were asked for."""

    def __init__(self) -> None:
        self.samples: dict[int, list[Sample]] = {}
        self.reads = 0

    def of(self, endpoint: int) -> Iterator[Sample]:
        self.reads += 1
        return iter(sorted(self.samples.get(endpoint, []), key=lambda sample: sample.check))


def measured(host: str = "db.internal", port: int = 5432, *limits: str, count: int = 40, **settings: Any) -> Endpoint:
    settings.setdefault("source", Source("netmon.yaml", 7, 5))
    settings.setdefault("interval_s", 0.25)
    settings.setdefault("timeout_s", 2.0)
    parsed = tuple(parse_limit(limit) for limit in limits)
    return Endpoint(host=host, port=port, measured=True, count=count, limits=parsed, **settings)


def reached(host: str = "db.internal", port: int = 5432, **settings: Any) -> Endpoint:
    settings.setdefault("source", Source("netmon.yaml", 3, 5))
    return Endpoint(host=host, port=port, **settings)


def opened(ms: float, **fields: Any) -> dict[str, Any]:
    """What an open check measured."""
    return {"outcome": "open", "connect_ms": ms, "clock_ms": ms, "rtt_ms": min(ms, 9.0), "syn_repeats": 0, **fields}


def failed(outcome: str, **fields: Any) -> dict[str, Any]:
    return {"outcome": outcome, **fields}


def samples_of(index: int, endpoint: Endpoint, checks: Iterable[dict[str, Any]], address: str | None) -> list[Sample]:
    samples = []
    for number, check in enumerate(checks, 1):
        start_us = 1000 + round((number - 1) * endpoint.interval_s * 1e6)
        given = {"check": number, "start_us": start_us, **check}
        if not given["outcome"].startswith("dns_"):
            given = {"address": address, **given}
        samples.append(Sample(endpoint=index, **given))
    return samples


def result_of(
    endpoint: Endpoint,
    checks: Sequence[dict[str, Any]],
    *,
    address: str | None = "10.0.3.7",
    complete: bool = True,
    index: int = 0,
    store: MemoryStore | None = None,
) -> Result:
    store = store or MemoryStore()
    store.samples[index] = samples_of(index, endpoint, checks, address)
    builder = PartsBuilder()
    for sample in store.samples[index]:
        if sample.is_counted:
            builder.add(sample)
    statistics = builder.finish()
    waited = _waited(endpoint, store.samples[index])
    answered = [sample.address for sample in store.samples[index] if sample.outcome == "open"]
    tried = [sample.address for sample in store.samples[index] if sample.address]
    return Result(
        index=index,
        endpoint=endpoint,
        statistics=statistics,
        verdict=judge(endpoint, statistics, complete=complete, waited=waited),
        complete=complete,
        address=None if endpoint.has_parts else (answered or tried or [None])[-1],
        store=store,
        waited=waited,
    )


def _waited(endpoint: Endpoint, samples: Sequence[Sample]) -> Waited | None:
    """As the prober and the recording see it: the tries of a measured endpoint have the number -1."""
    if endpoint.wait is None:
        return None
    tries = [sample for sample in samples if sample.check == WAITING] or samples
    latest = tuple(sample.outcome for sample in tries)
    met = [outcome in EXPECTED[endpoint.expect] for outcome in latest[-endpoint.wait.stable :]]
    is_met = all(met) and len(met) == endpoint.wait.stable
    return Waited(Counter(latest), is_met, tries[-1].end_us / 1e6, latest[-3:])


def run_of(probed: Sequence[tuple[Endpoint, Sequence[dict[str, Any]]]], *others: Endpoint, **fields: Any) -> Run:
    """A run of the `probed` endpoints, in that order; `others` stand after them in the plan without a result.
    `complete` (default True) is for all results."""
    complete = fields.pop("complete", True)
    plan = fields.pop("plan", None) or Plan(endpoints=[])
    plan = replace(plan, endpoints=[*(endpoint for endpoint, _ in probed), *others])
    store = MemoryStore()
    results = [
        result_of(endpoint, checks, index=index, store=store, complete=complete)
        for index, (endpoint, checks) in enumerate(probed)
    ]
    defaults: dict[str, Any] = {
        "started_at": START,
        "ended_at": START + datetime.timedelta(seconds=10, microseconds=500),
        "partial": not complete,
        "tool_version": "0.1.0",
        "machine": MACHINE,
    }
    return Run(plan=plan, results=tuple(results), **{**defaults, **fields})


def product_failure() -> Result:
    """A measured endpoint that failed: 40 checks, 3 timeouts, SYNs repeated in checks 4, 7 and 31."""
    repeated = {4: 1034.2, 7: 1036.02, 31: 1020.5}
    checks = []
    for number in range(1, 41):
        if number in repeated:
            checks.append(opened(repeated[number], syn_repeats=1))
        elif number > 37:
            checks.append(failed("timeout", clock_ms=2000.0, syn_repeats=2))
        else:
            checks.append(opened(9.1 if number == 10 else 11.9))
    return result_of(measured("db.internal", 5432, "success >= 99%", "p95 < 50ms"), checks)
