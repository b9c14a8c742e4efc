"""Names: many at a slow resolver, and a resolver that never answers."""

from __future__ import annotations

import statistics

from bench import Bench
from ground import GroundError
from peers import run_naive
from prober_runs import AT_ONCE, Sample, job, run_prober
from table import Row, spread

RESOLVER_MS = 50.0
BUDGET_S = 3.0
_MANY_S, _PAST_BUDGET_S, _EXIT_S = 0.8, 0.3, 0.3


def names_rows(bench: Bench) -> list[Row]:
    """Each in the prober, from its start to its end as a process."""
    return [_many(bench), *_dead(bench)]


def _endpoints(bench: Bench, count: int) -> list[tuple[str, int]]:
    return [(f"n{number}.netmon.test", bench.ground.first_port) for number in range(count)]


def _many(bench: Bench) -> Row:
    endpoints = _endpoints(bench, bench.fewer(500))
    walls_s, slowest_ms, others_s = [], [], []
    with bench.ground.resolver(RESOLVER_MS, "127.0.1.1"):
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


def _dead(bench: Bench) -> list[Row]:
    endpoints = _endpoints(bench, bench.fewer(500))
    with bench.ground.resolver(None, ""):
        samples, wall_s = run_prober(bench.ground, job(endpoints, 1, 1.0, timeout_s=BUDGET_S, max_rate=AT_ONCE))
    _expect(samples, {"dns_timeout"})
    last_s = max(sample.start_us + (sample.dns_us or 0) for sample in samples) / 1e6
    exit_s = wall_s - last_s
    limit_s = BUDGET_S + _PAST_BUDGET_S
    names = f"{len(endpoints)} names at a dead resolver"
    return [
        Row(f"{names}, budget {BUDGET_S:.0f} s", f"<= {limit_s:.1f} s", f"{wall_s:.2f} s", wall_s <= limit_s),
        Row(f"{names}: exit after the last sample", f"<= {_EXIT_S} s", f"{exit_s:.3f} s", exit_s <= _EXIT_S),
    ]


def _expect(samples: list[Sample], outcomes: set[str]) -> None:
    found = {sample.outcome for sample in samples}
    if found != outcomes:
        raise GroundError(f"expected only {', '.join(outcomes)}, got {', '.join(sorted(found))}")
