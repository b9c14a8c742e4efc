"""Names: many at a slow resolver, and at resolvers that answer badly or never."""

from __future__ import annotations

import statistics

from bench import Bench
from ground import GroundError
from peers import run_naive
from prober_runs import AT_ONCE, Sample, job, run_prober
from table import Row, spread

RESOLVER_MS = 50.0
ANSWER = "127.0.1.1"
BUDGET_S = 3.0
_MANY_S, _PAST_BUDGET_S, _EXIT_S = 0.8, 0.3, 0.3
_MANY = 500


def names_rows(bench: Bench) -> list[Row]:
    """Names at resolvers that are slow, dead, drop AAAA or cut answers short: the prober from its start to its end."""
    return [
        _many(bench),
        *_within_budget(bench, "a dead resolver", None, "answers", "dns_timeout"),
        *_within_budget(bench, "a resolver that drops AAAA", RESOLVER_MS, "drops-aaaa", "open"),
        *_within_budget(bench, "truncated answers, silent over TCP", RESOLVER_MS, "truncates", "dns_timeout"),
    ]


def _endpoints(bench: Bench, count: int) -> list[tuple[str, int]]:
    return [(f"n{number}.netmon.test", bench.ground.first_port) for number in range(count)]


def _many(bench: Bench) -> Row:
    endpoints = _endpoints(bench, bench.fewer(_MANY))
    walls_s, slowest_ms, others_s = [], [], []
    with bench.ground.resolver(RESOLVER_MS, ANSWER):
        for _ in range(bench.some(3)):
            samples, wall_s = run_prober(bench.ground, job(endpoints, 1, 1.0, max_rate=AT_ONCE))
            _expect(samples, {"open"})
            walls_s.append(wall_s)
            slowest_ms.append(max(sample.dns_us or 0 for sample in samples) / 1000)
            plan = {"endpoints": endpoints, "count": 1, "interval_s": 0, "in_flight": None}
            others_s.append(run_naive(bench.ground, plan)["wall_s"])
    beside = f"asyncio {spread(others_s, 2, 's')}; our slowest name {spread(slowest_ms, 0, 'ms')}"
    return Row(
        f"{len(endpoints)} names at a resolver of {RESOLVER_MS:.0f} ms, resolved and checked",
        f"<= {_MANY_S} s",
        spread(walls_s, 2, "s"),
        statistics.median(walls_s) <= _MANY_S,
        beside,
        {"wall_s": walls_s, "asyncio_s": others_s},
    )


def _within_budget(bench: Bench, where: str, delay_ms: float | None, manner: str, outcome: str) -> list[Row]:
    """From the prober's start to its end, and how much of that came after the last sample."""
    endpoints = _endpoints(bench, bench.fewer(_MANY))
    work = job(endpoints, 1, 1.0, timeout_s=BUDGET_S, max_rate=AT_ONCE)
    with bench.ground.resolver(delay_ms, ANSWER, manner):
        samples, wall_s = run_prober(bench.ground, work)
    _expect(samples, {outcome})
    exit_s = wall_s - max(map(_ended_s, samples))
    limit_s = BUDGET_S + _PAST_BUDGET_S
    names = f"{len(endpoints)} names, {where}"
    return [
        Row(
            f"{names}, budget {BUDGET_S:.0f} s",
            f"<= {limit_s:.1f} s",
            f"{wall_s:.2f} s",
            wall_s <= limit_s,
            f"all came to {outcome}",
        ),
        Row(f"{names}: exit after the last sample", f"<= {_EXIT_S} s", f"{exit_s:.3f} s", exit_s <= _EXIT_S),
    ]


def _ended_s(sample: Sample) -> float:
    """The end of a check since the start, as the reports reckon it."""
    return (sample.start_us + (sample.dns_us or 0) + (sample.clock_us or 0)) / 1e6


def _expect(samples: list[Sample], outcomes: set[str]) -> None:
    found = {sample.outcome for sample in samples}
    if found != outcomes:
        raise GroundError(f"expected only {', '.join(outcomes)}, got {', '.join(sorted(found))}")
