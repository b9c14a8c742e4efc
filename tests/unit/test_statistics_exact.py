"""Statistics, held against calculations made in another way."""

from __future__ import annotations

import itertools
import random
import statistics as stdlib
from collections import Counter
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples_for_tests import INTERVAL_US, outcomes, sample_of, statistics_of

from pytest_netmon.distributions import pooled
from pytest_netmon.samples import Attempt
from pytest_netmon.statistics import MOST_WAITING, StatisticsBuilder

if TYPE_CHECKING:
    from pytest_netmon.samples import Sample

MICROSECONDS = st.integers(0, 5_000_000)
OUTCOMES = st.sampled_from(["open", "open", "open", "timeout", "refused", "dns_failed", "local_error"])


@st.composite
def sample_lists(draw: st.DrawFn) -> list[Sample]:
    """Samples by check number, some numbers missing, starts at a fixed rate."""
    made = []
    for check in sorted(draw(st.sets(st.integers(1, 60), max_size=40))):
        outcome = draw(OUTCOMES)
        made.append(
            sample_of(
                check,
                outcome,
                draw(MICROSECONDS),
                dns_ms=draw(st.none() | MICROSECONDS.map(lambda us: us / 1000)),
                rtt_ms=draw(st.none() | MICROSECONDS.map(lambda us: us / 1000)),
                syn_repeats=draw(st.none() | st.integers(0, 3)),
                tls_ms=draw(st.none() | MICROSECONDS.map(lambda us: us / 1000)),
                proxy_ms=draw(st.none() | MICROSECONDS.map(lambda us: us / 1000)),
                cert_expires_s=draw(st.none() | st.integers(-100, 100)),
            )
        )
    return made


def opened(values_us: list[int]) -> list[Sample]:
    return [sample_of(check, "open", value) for check, value in enumerate(values_us, 1)]


def nearest_rank(values: list[float], percentile: str) -> float:
    """By hand, in decimals: the value of rank ceil(p/100 * n)."""
    rank = (Decimal(percentile) * len(values) / 100).to_integral_value(ROUND_CEILING)
    return sorted(values)[int(rank) - 1]


@given(st.lists(MICROSECONDS, min_size=1, max_size=120), st.integers(1, 1000))
def test_percentiles_are_nearest_rank(values_us: list[int], tenths: int) -> None:
    percentile = f"{tenths / 10:.1f}"
    measured = statistics_of(opened(values_us)).connect.percentile_ms(float(percentile))

    assert measured == nearest_rank([us / 1000 for us in values_us], percentile)


def test_a_percentile_of_a_hundred_values_is_the_value_of_that_rank() -> None:
    connect = statistics_of(opened([ms * 1000 for ms in range(1, 101)])).connect

    assert [connect.percentile_ms(p) for p in range(1, 101)] == list(range(1, 101))
    assert (connect.p50_ms, connect.p90_ms, connect.p95_ms, connect.p99_ms) == (50, 90, 95, 99)
    assert connect.percentile_ms(99.1) == 100
    assert connect.percentile_ms(0.1) == 1


@pytest.mark.parametrize("percentile", [0, -1, 100.1, float("nan")])
def test_a_percentile_outside_of_0_to_100_is_refused(percentile: float) -> None:
    with pytest.raises(ValueError, match="expected a percentile above 0 and up to 100"):
        outcomes("open").connect.percentile_ms(percentile)


@given(st.lists(MICROSECONDS, min_size=2, max_size=60))
@pytest.mark.fault(
    "fuzzing", "any samples in any order: statistics", "the figures of a plain count and of the standard library"
)
def test_the_figures_are_those_of_the_standard_library(values_us: list[int]) -> None:
    connect = statistics_of(opened(values_us)).connect
    exact_ms = [Decimal(us) / 1000 for us in values_us]

    assert connect.count == len(values_us)
    assert connect.min_ms == float(min(exact_ms))
    assert connect.max_ms == float(max(exact_ms))
    assert connect.avg_ms == pytest.approx(float(stdlib.mean(exact_ms)), rel=1e-15)
    assert connect.median_ms == float(stdlib.median(exact_ms))
    assert connect.stdev_ms == pytest.approx(float(stdlib.stdev(exact_ms)), rel=1e-12, abs=1e-12)


def test_the_median_of_two_lies_between_them_to_half_a_microsecond() -> None:
    connect = statistics_of(opened([1000, 1001])).connect

    assert connect.median_ms == 1.0005
    assert connect.p50_ms == 1.0


def test_a_deviation_is_not_lost_beside_large_values() -> None:
    assert statistics_of(opened([10**12, 10**12 + 1, 10**12 + 2])).connect.stdev_ms == 0.001


@given(st.lists(MICROSECONDS, min_size=2, max_size=60))
def test_jitter_is_the_mean_difference_of_neighbours(values_us: list[int]) -> None:
    differences = [abs(b - a) for a, b in itertools.pairwise(values_us)]

    measured = statistics_of(opened(values_us)).connect.jitter_ms

    assert measured == pytest.approx(sum(differences) / len(differences) / 1000, rel=1e-12)


def test_jitter_goes_from_success_to_success_over_failed_checks() -> None:
    measured = statistics_of(
        [sample_of(1, "open", 1000), sample_of(2, "timeout", 3_000_000), sample_of(3, "open", 4000)]
    )

    assert measured.connect.jitter_ms == 3.0


def test_one_sample_has_figures_but_no_deviation_and_no_jitter() -> None:
    connect = statistics_of(opened([1500])).connect

    assert (connect.min_ms, connect.avg_ms, connect.median_ms, connect.max_ms) == (1.5, 1.5, 1.5, 1.5)
    assert (connect.stdev_ms, connect.jitter_ms) == (None, None)


def test_without_a_success_nothing_is_zero() -> None:
    measured = outcomes("timeout", "refused")

    connect = measured.connect
    assert (connect.count, connect.min_ms, connect.avg_ms, connect.median_ms, connect.max_ms) == (0, *[None] * 4)
    assert (connect.p99_ms, connect.stdev_ms, connect.jitter_ms) == (None, None, None)
    assert (measured.success_rate, measured.first_success) == (0.0, None)


def test_without_a_check_there_is_no_rate_and_no_last_outcome() -> None:
    measured = statistics_of([])

    assert measured.checks == 0
    assert (measured.success_rate, measured.last_outcome, measured.syn_repeats) == (None, None, None)


def longest_run(judged: list[Sample]) -> int:
    runs = itertools.groupby(judged, key=lambda sample: sample.outcome != "open")
    return max((len([*run]) for failed, run in runs if failed), default=0)


def longest_outage_us(judged: list[Sample]) -> int:
    """Another way than the builder's: for each failed check the latest moment still without a success."""
    longest = 0
    for place, sample in enumerate(judged):
        if sample.outcome == "open":
            continue
        later = [each.start_us for each in judged[place:] if each.outcome == "open"]
        ends = [each.end_us for each in judged[place:]]
        longest = max(longest, (later[0] if later else max(ends)) - sample.start_us)
    return longest


@given(sample_lists())
@pytest.mark.fault(
    "fuzzing", "any samples in any order: statistics", "the figures of a plain count and of the standard library"
)
def test_counts_runs_and_outages_are_those_of_a_plain_count(samples: list[Sample]) -> None:
    judged = [sample for sample in samples if sample.outcome != "local_error"]
    successes = [sample for sample in judged if sample.outcome == "open"]
    failures = [sample.outcome for sample in judged if sample.outcome != "open"]
    repeats = [sample.syn_repeats for sample in judged if sample.syn_repeats is not None]

    measured = statistics_of(samples)

    assert measured.checks == len(judged)
    assert measured.successful == len(successes)
    assert measured.success_rate == (len(successes) / len(judged) if judged else None)
    assert dict(measured.errors) == {name: failures.count(name) for name in failures}
    assert measured.local_errors == len(samples) - len(judged)
    assert measured.consecutive_failures == longest_run(judged)
    assert measured.outage_s == longest_outage_us(judged) / 1e6
    assert measured.syn_repeats == (sum(repeats) if repeats else None)
    assert measured.repeated_checks == tuple(
        sample.check for sample in successes if (sample.syn_repeats or 0) > (sample.rtt_ms or 0) // 1000
    )
    assert measured.last_outcome == (judged[-1].outcome if judged else None)
    assert measured.first_success == (successes[0].check if successes else None)
    assert measured.rtt.count == sum(sample.rtt_ms is not None for sample in successes)
    assert measured.dns.count == sum(s.dns_ms is not None and not s.outcome.startswith("dns_") for s in judged)


@given(sample_lists())
def test_stages_are_those_of_successful_checks_and_the_total_their_sum(samples: list[Sample]) -> None:
    successes = [sample for sample in samples if sample.outcome == "open"]
    totals_us = [
        sum(round(ms * 1000) for ms in (sample.connect_ms, sample.tls_ms, sample.proxy_ms) if ms is not None)
        for sample in successes
    ]
    ends_s = [s.cert_expires_s for s in samples if s.outcome != "local_error" and s.cert_expires_s is not None]

    measured = statistics_of(samples)

    assert measured.tls.count == sum(sample.tls_ms is not None for sample in successes)
    assert measured.proxy.count == sum(sample.proxy_ms is not None for sample in successes)
    assert measured.total.counts_us == Counter(totals_us)
    differences = [abs(b - a) for a, b in itertools.pairwise(totals_us)]
    jitter_ms = sum(differences) / len(differences) / 1000 if differences else None
    assert measured.total.jitter_ms == (None if jitter_ms is None else pytest.approx(jitter_ms, rel=1e-12))
    assert measured.cert_expires_in_s == min(ends_s, default=None)


@given(sample_lists(), st.randoms(use_true_random=False))
@pytest.mark.fault(
    "fuzzing", "any samples in any order: statistics", "the figures of a plain count and of the standard library"
)
def test_the_order_in_which_checks_end_changes_nothing(samples: list[Sample], rng: random.Random) -> None:
    shuffled = rng.sample(samples, len(samples))

    assert statistics_of(shuffled) == statistics_of(samples)


@given(sample_lists(), st.integers(0, 40))
def test_figures_may_be_asked_for_in_between(samples: list[Sample], cut: int) -> None:
    builder = StatisticsBuilder()
    for sample in reversed(samples[:cut]):
        builder.add(sample)
    between = builder.finish()
    again = builder.finish()
    for sample in samples[cut:]:
        builder.add(sample)

    assert between == again == statistics_of(samples[:cut])
    assert builder.finish() == statistics_of(samples)


def test_figures_that_were_handed_out_do_not_change() -> None:
    builder = StatisticsBuilder()
    builder.add(sample_of(1))
    before = builder.finish()
    builder.add(sample_of(2, "timeout"))
    builder.add(sample_of(3, "open", 20_000))

    assert (dict(before.errors), dict(before.connect.counts_us)) == ({}, {10_000: 1})


def test_an_outage_lasts_to_the_next_success() -> None:
    measured = outcomes("open", "timeout", "timeout", "open", "refused", "open")

    assert measured.outage_s == 2 * INTERVAL_US / 1e6
    assert measured.consecutive_failures == 2


def test_an_outage_that_has_not_ended_lasts_to_the_end_of_its_last_check() -> None:
    measured = statistics_of([sample_of(1), sample_of(2, "timeout", 3_000_000), sample_of(3, "timeout", 3_000_000)])

    assert measured.outage_s == (INTERVAL_US + 3_000_000) / 1e6


def test_the_check_that_started_last_need_not_be_the_one_that_ends_an_outage() -> None:
    measured = statistics_of([sample_of(1, "timeout", 3_000_000), sample_of(2, "refused", 1000)])

    assert measured.outage_s == 3.0


def test_an_outage_counts_the_addresses_that_were_tried_first() -> None:
    tried = (Attempt("::1", "timeout", 250.0),)

    assert statistics_of([sample_of(1, "refused", 1000, attempts=tried)]).outage_s == 0.251


def test_a_local_error_neither_breaks_nor_makes_a_run_of_failures() -> None:
    assert outcomes("timeout", "local_error", "timeout", "open").consecutive_failures == 2
    assert outcomes("local_error", "local_error").consecutive_failures == 0
    assert outcomes("open", "local_error").last_outcome == "open"


def test_a_resolution_that_failed_has_no_place_among_the_times() -> None:
    measured = statistics_of([sample_of(1, "dns_timeout", dns_ms=3000.0), sample_of(2, "refused", dns_ms=12.5)])

    assert (measured.dns.count, measured.dns.max_ms) == (1, 12.5)


@pytest.mark.parametrize(("repeats", "rtt_ms", "lost"), [
    (0, 20.0, False), (0, None, False), (None, 1501.0, False), (1, None, True), (1, 20.0, True), (1, 999.9, True),
    (1, 1501.0, False), (2, 1501.0, True), (2, 3100.0, False),
])  # fmt: skip
def test_a_syn_that_a_slow_path_has_repeated_was_not_lost(
    repeats: int | None, rtt_ms: float | None, lost: bool
) -> None:
    measured = statistics_of([sample_of(1, syn_repeats=repeats, rtt_ms=rtt_ms)])

    assert bool(measured.repeated_checks) == lost
    assert measured.syn_repeats == repeats


def test_repeated_checks_are_named_up_to_a_hundred() -> None:
    measured = statistics_of(sample_of(check, syn_repeats=1) for check in range(1, 151))

    assert measured.repeated_checks == tuple(range(1, 101))
    assert measured.syn_repeats == 150


def test_a_platform_that_tells_no_repeats_has_none_rather_than_zero() -> None:
    assert statistics_of([sample_of(1), sample_of(2)]).syn_repeats is None
    assert statistics_of([sample_of(1, syn_repeats=0)]).syn_repeats == 0


def test_checks_that_never_come_do_not_hold_the_others_for_ever() -> None:
    builder = StatisticsBuilder()
    for check in range(2, MOST_WAITING + 1000):
        builder.add(sample_of(check, "open" if check % 3 else "timeout"))

    assert len(builder._waiting) == 0  # the missing first check was given up, then all were in order
    assert builder.finish().consecutive_failures == 1
    assert builder.finish().checks == MOST_WAITING + 998


def test_a_check_that_comes_after_it_was_given_up_still_counts() -> None:
    samples = [sample_of(check) for check in range(2, MOST_WAITING + 10)]
    measured = statistics_of([*samples, sample_of(1, "timeout")])

    assert dict(measured.errors) == {"timeout": 1}
    assert measured.first_success == 2


@given(st.lists(st.lists(MICROSECONDS, max_size=20), max_size=5))
def test_pooled_figures_are_those_of_all_values_together(groups: list[list[int]]) -> None:
    together = statistics_of(opened([value for group in groups for value in group])).connect
    pool = pooled(statistics_of(opened(group)).connect for group in groups)

    assert pool.jitter_ms is None
    for figure in ("count", "min_ms", "avg_ms", "median_ms", "max_ms", "stdev_ms", "p95_ms", "counts_us"):
        assert getattr(pool, figure) == getattr(together, figure)
