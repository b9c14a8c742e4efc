"""How often comparing with a baseline errs: the quick part of simulated.py, with a fixed seed."""

from __future__ import annotations

import pytest
from simulated import Rate, alarming_runs, correlated, found_changes, independent

SEED = 20261122


def test_runs_of_200_unchanged_endpoints_seldom_alarm():
    """The rank test and Holm alone, at most 1 %: in 300 runs 9 or more come to pass once in 300 times."""
    rate = alarming_runs("", SEED, 300, independent, thresholds=False)
    assert rate.times <= 8


def test_with_what_is_allowed_they_alarm_less_still():
    assert alarming_runs("", SEED, 100, independent).times == 0
    assert alarming_runs("", SEED, 50, correlated(0.6, 0.1)).times == 0


def test_a_doubling_at_20_samples_is_found_among_200():
    """At least 95 %: 200 of them, of which it is some 198."""
    assert found_changes("", SEED, 2, 2.0, 100).times >= 190
    assert found_changes("", SEED, 60, 2.0, 1).times >= 57


def test_without_holm_every_other_run_would_alarm(monkeypatch):
    """What the correction is for, and that these tests would see it missing."""
    monkeypatch.setattr("simulated.holm", lambda p_values: p_values)
    assert alarming_runs("", SEED, 20, independent, thresholds=False).times >= 10


@pytest.mark.parametrize(("times", "of", "low", "high"), [(0, 100, 0.0, 0.0623), (50, 100, 0.376, 0.624)])
def test_the_intervals_are_those_of_wilson(times, of, low, high):
    assert Rate("", times, of).bounds == pytest.approx((low, high), abs=1e-3)
