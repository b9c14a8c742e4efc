"""Statistics of more values than memory should hold: what stays exact, and how near the rest is."""

from __future__ import annotations

import itertools
import math
import random
import statistics as stdlib
import sys

import pytest
from samples_for_tests import sample_of, statistics_of

from pytest_netmon.distributions import MOST_EXACT_VALUES, Distribution, pooled
from pytest_netmon.statistics import Glance, StatisticsBuilder


def spread_values(number: int, seed: int = 1) -> list[int]:
    """Connect times from 1 us to 20 s, nearly all of them different."""
    random_of = random.Random(seed)
    return [round(math.exp(random_of.uniform(0, math.log(20_000_000)))) for _ in range(number)]


def connect_of(values_us: list[int]) -> Distribution:
    return statistics_of(sample_of(check, "open", value) for check, value in enumerate(values_us, 1)).connect


def nearest_rank_ms(values_us: list[int], percentile: int) -> float:
    return sorted(values_us)[math.ceil(len(values_us) * percentile / 100) - 1] / 1000


MANY = spread_values(30_000)


def test_all_is_exact_as_long_as_few_values_differ() -> None:
    values = list(range(1, MOST_EXACT_VALUES + 1)) * 3
    connect = connect_of(values)

    assert connect.is_exact
    assert [connect.percentile_ms(p) for p in (1, 50, 95, 99)] == [nearest_rank_ms(values, p) for p in (1, 50, 95, 99)]


def test_past_that_percentiles_are_within_a_thousandth_and_the_rest_is_exact() -> None:
    connect = connect_of(MANY)

    assert not connect.is_exact
    for percentile in range(1, 101):
        assert connect.percentile_ms(percentile) == pytest.approx(nearest_rank_ms(MANY, percentile), rel=0.001)
    assert connect.median_ms == pytest.approx(stdlib.median(MANY) / 1000, rel=0.001)
    assert (connect.count, connect.min_ms, connect.max_ms) == (len(MANY), min(MANY) / 1000, max(MANY) / 1000)
    assert connect.percentile_ms(100) == max(MANY) / 1000
    assert connect.avg_ms == sum(MANY) / len(MANY) / 1000
    assert connect.stdev_ms == pytest.approx(stdlib.stdev(MANY) / 1000, rel=1e-12)
    assert connect.jitter_ms == pytest.approx(
        sum(abs(one - two) for one, two in itertools.pairwise(MANY)) / (len(MANY) - 1) / 1000, rel=1e-12
    )


def test_memory_does_not_grow_with_the_number_of_values() -> None:
    sizes = [sys.getsizeof(connect_of(spread_values(number)).counts_us) for number in (30_000, 60_000)]

    assert sizes[0] == sizes[1]
    assert max(connect_of(MANY).counts_us.values()) > 1


def test_a_pool_of_coarse_and_exact_values_says_that_it_is_coarse() -> None:
    few = [1_000, 2_000, 3_000]
    pool = pooled([connect_of(MANY), connect_of(few)])

    assert (pool.is_exact, pooled([connect_of(few)]).is_exact) == (False, True)
    assert (pool.count, pool.min_ms) == (len(MANY) + 3, min(MANY) / 1000)
    assert pool.stdev_ms == pytest.approx(stdlib.stdev(MANY + few) / 1000, rel=1e-12)


def test_a_glance_has_the_figures_of_the_statistics() -> None:
    builder = StatisticsBuilder()
    assert builder.glance() == Glance()
    for check, name in enumerate(["open", "timeout", "local_error", "open", "timeout"], 1):
        builder.add(sample_of(check, name, check * 1000))

    assert builder.glance() == Glance(
        checks=4, successful=2, errors={"timeout": 2}, local_errors=1, last_outcome="timeout",
        sum_us=5000, min_us=1000, max_us=4000,
    )  # fmt: skip
