"""The rank test against all permutations, and Holm's correction."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon import ranks
from pytest_netmon.ranks import MOST_VALUES, holm, is_exact, least_p, p_larger

SMALL = st.lists(st.integers(0, 6), min_size=1, max_size=6)


def p_of(values, others):
    return p_larger(Counter(values), Counter(others))


def p_by_brute_force(values, others):
    """The share of all ways to choose so many of the pooled values whose ranks are as high in all."""
    pooled = sorted([*values, *others])
    rank = {value: pooled.index(value) + (pooled.count(value) + 1) / 2 for value in pooled}
    observed = sum(rank[value] for value in values)
    sums = [sum(chosen) for chosen in combinations([rank[value] for value in pooled], len(values))]
    return sum(each >= observed for each in sums) / len(sums)


@given(SMALL, SMALL)
def test_the_exact_test_counts_all_permutations_ties_included(values, others):
    assert p_of(values, others) == pytest.approx(p_by_brute_force(values, others), rel=1e-12)


@given(SMALL, SMALL)
def test_only_the_order_of_the_values_counts(values, others):
    stretched = [[math.exp(value) for value in each] for each in (values, others)]
    assert p_of(*stretched) == p_of(values, others)


@given(SMALL, SMALL)
def test_both_directions_together_are_more_than_all(values, others):
    assert p_of(values, others) + p_of(others, values) >= 1


@given(SMALL, SMALL, st.integers(1, 5))
def test_larger_values_make_no_p_value_larger(values, others, more):
    assert p_of([value + more for value in values], others) <= p_of(values, others)


def test_a_textbook_example():
    # Hollander, Wolfe, Chicken, 3rd edition, example 4.1: water transfer, one-sided 0.1272 (W = 30 of 5 against 10).
    term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    weeks = [1.15, 0.88, 0.90, 0.74, 1.21]
    assert p_of(term, weeks) == pytest.approx(0.1272, abs=5e-5)


def test_without_values_nothing_is_larger():
    assert p_of([], [1]) == p_of([1], []) == p_of([], []) == 1.0


@pytest.mark.parametrize("size", [5, 40, 400])
def test_where_all_values_are_the_same_nothing_is_larger(size):
    assert p_of([7] * size, [7] * size) == 1.0


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 5), (20, 20), (33, 33), (12, 188), (5, 195), (63, 20), (20, 63)])
def test_the_least_p_value_is_that_of_samples_that_do_not_overlap(n, m):
    assert is_exact(n, m)
    assert p_of(range(1000, 1000 + n), range(m)) == pytest.approx(least_p(n, m), rel=1e-9)
    assert least_p(n, m) == pytest.approx(1 / math.comb(n + m, n), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(34, 34), (500, 20), (MOST_VALUES, 1)])
def test_the_least_p_value_of_larger_samples_is_that_of_the_approximation(n, m):
    assert not is_exact(n, m)
    assert p_of(range(10_000, 10_000 + n), range(m)) == pytest.approx(least_p(n, m), rel=1e-9)


@given(st.lists(st.integers(0, 60), min_size=25, max_size=33), st.integers(0, 25), st.integers(0, 2**32))
def test_the_approximation_comes_near_to_the_exact_test_and_errs_on_the_safe_side_where_it_matters(values, shift, seed):
    others = [(value * 31 + seed) % 61 for value in values]
    shifted = Counter(value + shift for value in values)
    exact = p_larger(shifted, Counter(others))
    groups = sorted({*shifted, *others})
    sizes = [shifted[group] + others.count(group) for group in groups]
    doubled = ranks._doubled_ranks(sizes)
    observed = sum(rank * shifted[group] for rank, group in zip(doubled, groups, strict=True))
    near = ranks._approximate_p(sizes, len(values), len(others), observed)
    if max(sizes) <= sum(sizes) / 4:
        assert near == pytest.approx(exact, abs=0.03)
    if exact < 0.01:
        assert near >= 0.9 * exact


@pytest.mark.parametrize(
    ("n", "m", "slow", "slow_of_n"),
    [(20, 2000, 20, 3), (20, 2000, 100, 6), (200, 200, 8, 8), (20, 400, 30, 7), (40, 1000, 200, 20), (300, 20, 40, 40)],
)
def test_values_that_are_nearly_all_the_same_do_not_alarm(n, m, slow, slow_of_n):
    """The normal distribution alone gives 1e-7 for the first one."""
    ways = [math.comb(slow, k) * math.comb(n + m - slow, n - k) for k in range(slow_of_n, min(slow, n) + 1)]
    exact = sum(ways) / math.comb(n + m, n)
    p = p_larger({1: n - slow_of_n, 2: slow_of_n}, {1: m - slow + slow_of_n, 2: slow - slow_of_n})
    assert 0.8 * exact <= p <= 4 * exact


def test_a_million_checks_cost_no_more_than_their_different_values():
    assert p_larger({1000: 500_000, 2000: 500_000}, {1000: 500_500, 2000: 499_500}) == pytest.approx(0.2397, abs=0.0005)


P_VALUES = st.lists(st.floats(0, 1), max_size=12)


@given(P_VALUES)
def test_holm_makes_no_p_value_smaller_and_keeps_their_order(p_values):
    corrected = holm(p_values)
    assert all(p <= after <= 1 for p, after in zip(p_values, corrected, strict=True))
    pairs = sorted(zip(p_values, corrected, strict=True))
    assert [after for _, after in pairs] == sorted(after for _, after in pairs)


@given(P_VALUES, st.floats(0.001, 0.5))
def test_holm_rejects_what_its_own_procedure_rejects(p_values, alpha):
    """From the smallest on, the k-th of m is compared with alpha / (m - k + 1); the first that is above ends it."""
    ordered = sorted(p_values)
    rejected = 0
    while rejected < len(ordered) and (len(ordered) - rejected) * ordered[rejected] <= alpha:
        rejected += 1
    assert sum(p <= alpha for p in holm(p_values)) == rejected


@given(P_VALUES, st.integers(0, 20))
def test_those_that_are_left_out_count_as_ones(p_values, more):
    assert holm(p_values, len(p_values) + more) == holm([*p_values, *[1.0] * more])[: len(p_values)]


def test_fewer_tests_than_p_values_is_an_error():
    with pytest.raises(ValueError, match="expected 2 tests or more, got 1"):
        holm([0.1, 0.2], 1)
