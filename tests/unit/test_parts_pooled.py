"""Statistics of addresses or families that are judged one by one: each as if it were alone, all of them together."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.distributions import pooled
from pytest_netmon.outcomes import LOCAL_ERROR, OPEN
from pytest_netmon.pooling import PartsBuilder
from pytest_netmon.samples import Sample
from pytest_netmon.statistics import Statistics, StatisticsBuilder

PARTS = ("10.0.0.1", "10.0.0.2", "IPv6")
OUTCOMES = st.sampled_from([OPEN, OPEN, "refused", "timeout", LOCAL_ERROR])


def sample(check: int, outcome: str, part: str | None, us: int = 1000) -> Sample:
    is_open = outcome == OPEN
    return Sample(
        endpoint=0,
        check=check,
        start_us=check * 1_000_000,
        outcome=outcome,
        part=part,
        connect_ms=us / 1000 if is_open else None,
        rtt_ms=us / 1000 if is_open else None,
        syn_repeats=us % 3 if is_open else None,
        clock_ms=None if outcome.startswith("dns_") else us / 1000,
    )


@st.composite
def measured(draw: st.DrawFn) -> list[Sample]:
    """Checks of up to three parts, some of which end with the name."""
    samples = []
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=1, unique=True))
    for check in range(1, draw(st.integers(2, 15))):
        if draw(st.integers(0, 5)) == 0:
            samples.append(sample(check, "dns_failed", None))
        else:
            samples += [sample(check, draw(OUTCOMES), part, draw(st.integers(1, 5000))) for part in parts]
    return samples


def built(samples: list[Sample]) -> Statistics:
    builder = PartsBuilder()
    for each in samples:
        builder.add(each)
    assert builder.glance() == builder.finish().glance
    return builder.finish()


def alone(samples: list[Sample], part: str) -> Statistics:
    builder = StatisticsBuilder()
    for each in samples:
        if each.part in (None, part):
            builder.add(each)
    return builder.finish()


@given(measured())
def test_each_part_has_the_figures_of_its_own_samples_and_of_those_about_the_name(samples: list[Sample]) -> None:
    statistics = built(samples)
    known = dict.fromkeys(each.part for each in samples if each.part is not None)
    assert list(statistics.parts) == [part for part in PARTS if part in known]
    for part, figures in statistics.parts.items():
        assert figures == alone(samples, part)


@given(measured(), st.randoms(use_true_random=False))
def test_together_they_are_the_sum_whatever_the_order(samples: list[Sample], order: random.Random) -> None:
    shuffled = sorted(samples, key=lambda each: (each.check, order.random()))
    together = built(shuffled)
    judged = [each for each in samples if each.outcome != LOCAL_ERROR]
    assert together.checks == len(judged)
    assert together.successful == sum(each.outcome == OPEN for each in judged)
    assert sum(together.errors.values()) == together.checks - together.successful
    assert together.local_errors == len(samples) - len(judged)
    if together.parts:
        parts = list(together.parts.values())
        assert together.connect == pooled(part.connect for part in parts)
        assert together.connect.jitter_ms is None
        assert together.consecutive_failures == max(part.consecutive_failures for part in parts)
        assert together.outage_s == max(part.outage_s for part in parts)


@given(measured())
def test_without_parts_nothing_is_different(samples: list[Sample]) -> None:
    one_each = {each.check: replace(each, part=None) for each in samples}
    builder = StatisticsBuilder()
    for each in one_each.values():
        builder.add(each)
    assert built(list(one_each.values())) == builder.finish()


def test_an_address_that_appears_later_is_not_waited_for_from_the_first_check() -> None:
    checks = [sample(number, OPEN, "10.0.0.1") for number in range(1, 21)]
    later = [sample(number, "refused", "10.0.0.2") for number in range(11, 21)]
    part = built(sorted([*checks, *later], key=lambda each: each.check)).parts["10.0.0.2"]
    assert (part.checks, part.consecutive_failures, part.last_outcome) == (10, 10, "refused")


def test_times_of_resolution_belong_to_the_name() -> None:
    first = replace(sample(1, OPEN, "10.0.0.1"), dns_ms=12.5)
    statistics = built([first, sample(1, OPEN, "10.0.0.2")])
    assert statistics.dns.max_ms == 12.5
    assert {part.dns.max_ms for part in statistics.parts.values()} == {12.5}
