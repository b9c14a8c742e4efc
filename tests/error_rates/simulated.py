"""How often comparing with a baseline errs, by simulation: false alarms in runs of unchanged endpoints, and doublings
that are found. The whole of it, a minute or two on one core:

    python tests/error_rates/simulated.py [SEED]

Times are lognormal, sigma 0.3, around 100 ms. A quick part of it runs with the tests (test_error_rates.py).
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_netmon.baseline import ALPHA, Comparison
from pytest_netmon.distributions import DistributionBuilder
from pytest_netmon.ranks import holm, p_larger

SIGMA, TYPICAL_US, SAMPLES, ENDPOINTS = 0.3, 100_000, 20, 200

Draw = Callable[[random.Random, int], list[int]]


@dataclass(frozen=True)
class Rate:
    """times of runs (or endpoints), with the 99 % interval of Wilson."""

    what: str
    times: int
    of: int

    @property
    def bounds(self) -> tuple[float, float]:
        z, share = 2.576, self.times / self.of
        middle, spread = (
            share + z * z / (2 * self.of),
            math.sqrt(share * (1 - share) / self.of + (z / (2 * self.of)) ** 2),
        )
        return tuple((middle + sign * z * spread) / (1 + z * z / self.of) for sign in (-1, 1))  # type: ignore[return-value]

    def __str__(self) -> str:
        low, high = self.bounds
        share = self.times / self.of
        return f"{self.what:78} {share:7.3%}  ({self.times} of {self.of}; 99 %: {low:.3%} to {high:.3%})"


def independent(rng: random.Random, samples: int, sigma: float = SIGMA) -> list[int]:
    """Times that have nothing to do with each other."""
    return [round(TYPICAL_US * rng.lognormvariate(0, sigma)) for _ in range(samples)]


def correlated(share: float, sigma: float = SIGMA) -> Draw:
    """Times of which each keeps that share of how far the last one was from the usual (an AR(1) process)."""

    def draw(rng: random.Random, samples: int) -> list[int]:
        state, values = rng.gauss(0, 1), []
        for _ in range(samples):
            values.append(round(TYPICAL_US * math.exp(sigma * state)))
            state = share * state + math.sqrt(1 - share * share) * rng.gauss(0, 1)
        return values

    return draw


def shifting(spread: float, sigma: float = SIGMA) -> Draw:
    """Times whose level differs from run to run by so many percent, as the time of day makes them."""

    def draw(rng: random.Random, samples: int) -> list[int]:
        level = rng.lognormvariate(0, spread)
        return [round(level * value) for value in independent(rng, samples, sigma)]

    return draw


def times_changed(draw: Draw, factor: float) -> Draw:
    return lambda rng, samples: [round(factor * value) for value in draw(rng, samples)]


def alarms(
    rng: random.Random, before: Draw, after: list[Draw], *, samples: int = SAMPLES, thresholds: bool = True
) -> list[bool]:
    """Whether each endpoint of one run alarms: as `baseline.compare` decides, or by the rank test alone."""
    pairs = [(draw(rng, samples), before(rng, samples)) for draw in after]
    if thresholds:
        return [comparison.state == "slower" for comparison in compared(pairs)]
    ps = [p_larger(Counter(now), Counter(then)) for now, then in pairs]
    return [p <= ALPHA for p in holm(ps)]


def compared(pairs: list[tuple[list[int], list[int]]]) -> list[Comparison]:
    """The comparisons of one run, by the code that a run uses, with the tolerance that is built in."""
    import datetime

    from pytest_netmon.baseline import Baseline, BaselineRun, Measured, Reference, compare
    from pytest_netmon.tolerance import Tolerance

    run = BaselineRun("base.json", datetime.datetime.fromisoformat("2026-07-01T00:00:00+00:00"), "m", False, 0)
    references = {("local", str(at)): Reference(True, {"connect": of(then)}) for at, (_, then) in enumerate(pairs)}
    measured = [Measured(at, "local", str(at), Tolerance(), {"connect": of(now)}) for at, (now, _) in enumerate(pairs)]
    found = compare(measured, Baseline(run, references))
    return [found[at] for at in range(len(pairs))]


def of(values_us: list[int]):  # type: ignore[no-untyped-def]
    builder = DistributionBuilder()
    for value in values_us:
        builder.add(value)
    return builder.finish()


def alarming_runs(what: str, seed: int, runs: int, draw: Draw, **how: object) -> Rate:
    """How many runs of unchanged endpoints alarm at least once."""
    rng = random.Random(seed)
    after = [draw] * int(how.pop("endpoints", ENDPOINTS))  # type: ignore[call-overload]
    return Rate(what, sum(any(alarms(rng, draw, after, **how)) for _ in range(runs)), runs)  # type: ignore[arg-type]


def found_changes(what: str, seed: int, runs: int, factor: float, changed: int, **how: object) -> Rate:
    """How many of the changed endpoints are found, among others that have not changed."""
    rng = random.Random(seed)
    after = [times_changed(independent, factor)] * changed + [independent] * (ENDPOINTS - changed)
    found = sum(sum(alarms(rng, independent, after, **how)[:changed]) for _ in range(runs))  # type: ignore[arg-type]
    return Rate(what, found, runs * changed)


def rates(seed: int) -> Iterator[Rate]:
    """All that README.md tells."""
    tests = {"thresholds": False}
    yield alarming_runs("unchanged, rank test alone: runs of 200 that alarm", seed, 10_000, independent, **tests)
    yield alarming_runs("unchanged, 30 % and 20 ms too: runs of 200 that alarm", seed, 5_000, independent)
    yield alarming_runs("unchanged, 100 samples, rank test alone", seed, 500, independent, samples=100, **tests)
    yield found_changes("one of 200 doubled: found", seed, 3_000, 2.0, 1)
    yield found_changes("100 of 200 doubled: found", seed, 100, 2.0, 100)
    yield found_changes("one of 200 1.5 times as slow: found", seed, 1_000, 1.5, 1)
    yield found_changes("one of 200 1.5 times as slow, 60 samples: found", seed, 300, 1.5, 1, samples=60)
    for sigma in (SIGMA, 0.1):
        for share in (0.3, 0.6):
            name, draw = f"unchanged, sigma {sigma}, correlated {share}", correlated(share, sigma)
            yield alarming_runs(f"{name}, rank test alone", seed, 500, draw, **tests)
            yield alarming_runs(f"{name}, 30 % and 20 ms too", seed, 500, draw)
        for spread in (0.05, 0.1):
            name, draw = f"unchanged, sigma {sigma}, levels {spread:.0%} apart", shifting(spread, sigma)
            yield alarming_runs(f"{name}, rank test alone", seed, 500, draw, **tests)
            yield alarming_runs(f"{name}, 30 % and 20 ms too", seed, 500, draw)


if __name__ == "__main__":
    began_s = time.monotonic()
    for rate in rates(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        print(rate, flush=True)
    print(f"in {time.monotonic() - began_s:.0f} s")
