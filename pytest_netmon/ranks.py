"""Is one sample larger than another? The rank test of Mann and Whitney, and Holm's correction for many of them. Pure.

Samples are given as how often each value was seen, so that a million checks cost no more than their different values.
"""

from __future__ import annotations

import functools
import itertools
import math
import sys
from array import array
from collections.abc import Mapping, Sequence

#: The test is exact as long as there are at most so many ways to choose the smaller sample out of both, which can then
#: be counted in 64 bits, and at most so many values: up to 33 in each, or 20 against 63. It takes some 10 ms at most.
MOST_WAYS = 2**63
MOST_VALUES = 200
_BITS = 64
#: Below that the tails of a normal distribution are within 5 % of the skewed one's where it matters.
_LEAST_SKEW = 0.005
#: More than it takes for any shape above 4 / 0.005**2, and bounds as far out as p-values of 0.01 are.
_STEPS = 2_000


def p_larger(values: Mapping[int, int], others: Mapping[int, int]) -> float:
    """Return the one-sided p-value of the rank test: how likely ranks as high as those of `values` are where both
    samples are of one distribution.

    Both say how often each value was seen. Equal values share the mean of their ranks. Of small samples (`is_exact`)
    the p-value is that of the permutation distribution given the ties; of larger ones that of the normal approximation
    corrected for ties, their skewness and continuity (Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3rd
    edition, section 4.1). 1 where one sample is empty.
    """
    n, m = sum(values.values()), sum(others.values())
    if not n or not m:
        return 1.0
    groups = sorted({*values, *others})
    sizes = tuple(values.get(value, 0) + others.get(value, 0) for value in groups)
    doubled = _doubled_ranks(sizes)
    observed = sum(rank * values.get(value, 0) for rank, value in zip(doubled, groups, strict=True))
    return _exact_p(sizes, n, observed) if is_exact(n, m) else _approximate_p(sizes, n, m, observed)


def is_exact(n: int, m: int) -> bool:
    """Say whether `p_larger` is exact for samples of `n` and `m` values."""
    return n + m <= MOST_VALUES and math.comb(n + m, min(n, m)) <= MOST_WAYS


def least_p(n: int, m: int) -> float:
    """Return the least p-value that samples of `n` and `m` different values can come to."""
    if not n or not m:
        return 1.0
    if is_exact(n, m):
        return 1 / math.comb(n + m, n)
    above = n * m / 2 - 0.5
    return 0.5 * math.erfc(above / math.sqrt(n * m * (n + m + 1) / 6))


def holm(p_values: Sequence[float], tests: int | None = None) -> list[float]:
    """Return p-values corrected for many tests by Holm's method (1979): to call what is at most alpha in the result
    different is wrong anywhere with a probability of at most alpha, however the tests depend on each other.

    tests: how many there are in all, where `p_values` leaves out those with a p-value of 1.
    """
    tests = len(p_values) if tests is None else tests
    if tests < len(p_values):
        raise ValueError(f"expected {len(p_values)} tests or more, got {tests}")
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (tests - rank) * p_values[at]))
        corrected[at] = largest
    return corrected


def _doubled_ranks(sizes: Sequence[int]) -> list[int]:
    """Twice the mean rank of each group of equal values: whole numbers."""
    ranks, before = [], 0
    for size in sizes:
        ranks.append(2 * before + size + 1)
        before += size
    return ranks


def _exact_p(sizes: tuple[int, ...], n: int, observed: int) -> float:
    total = sum(sizes)
    if 2 * n <= total:
        return sum(_ways_by_sum(sizes, n)[observed:]) / math.comb(total, n)
    # The others are fewer: their ranks are as low as these are high.
    least = total * (total + 1) - observed
    return sum(_ways_by_sum(sizes, total - n)[: least + 1]) / math.comb(total, n)


@functools.lru_cache(maxsize=64)
def _ways_by_sum(sizes: tuple[int, ...], n: int) -> Sequence[int]:
    """In how many ways `n` of all values have each sum of doubled ranks.

    That is a product of polynomials, 1 + x * q**rank for each value, of which the coefficients of x**n are wanted.
    Those in q stand side by side in one long number, 64 bits each, so that to multiply by q**rank is to shift.
    """
    ways = [1] + [0] * n
    taken = 0
    for rank, size in zip(_doubled_ranks(sizes), sizes, strict=True):
        for _ in range(size):
            taken += 1
            for chosen in range(min(n, taken), 0, -1):
                ways[chosen] += ways[chosen - 1] << (rank * _BITS)
    by_sum = array("Q", ways[n].to_bytes(-(-ways[n].bit_length() // _BITS) * _BITS // 8, "little"))
    if sys.byteorder == "big":
        by_sum.byteswap()
    return by_sum


def _approximate_p(sizes: Sequence[int], n: int, m: int, observed: int) -> float:
    """By the mean, the variance and the skewness of the permutation distribution. Without ties it is as good as normal.
    Where many values are equal and one sample is much larger it is skewed, and normal tails would be far too low: then
    by the gamma distribution of the same three (Pearson's type III, as Mielke and Berry use it for such tests)."""
    total = n + m
    mean = (total + 1) / 2
    centred = [(rank / 2 - mean, size) for rank, size in zip(_doubled_ranks(sizes), sizes, strict=True)]
    spread = sum(size * rank**2 for rank, size in centred) / total
    if spread <= 0:  # all values are the same
        return 1.0
    deviation = math.sqrt(spread * n * m / (total - 1))
    # Sums of ranks are as far apart as the nearest two ranks at the least: 1 without ties.
    step = min(after - before for (before, _), (after, _) in itertools.pairwise(centred))
    above = (observed / 2 - n * mean - step / 2) / deviation
    skew = sum(size * rank**3 for rank, size in centred) / total / spread**1.5
    skew *= (m - n) * math.sqrt(total - 1) / ((total - 2) * math.sqrt(n * m)) if total > 2 else 0.0
    normal = 0.5 * math.erfc(above / math.sqrt(2))
    if skew <= _LEAST_SKEW or above <= 0:
        return normal
    shape = 4 / skew**2
    return max(normal, _gamma_above(shape, shape + above * math.sqrt(shape)))


def _gamma_above(shape: float, bound: float) -> float:
    """How likely a gamma distribution of that shape (and a scale of 1) is above `bound`, which is above its mean: the
    continued fraction of the incomplete gamma function (Abramowitz and Stegun, 6.5.31), from its end."""
    fraction = 0.0
    for step in range(_STEPS, 0, -1):
        fraction = step * (shape - step) / (bound + 2 * step + 1 - shape + fraction)
    front = math.exp(-bound + shape * math.log(bound) - math.lgamma(shape))
    return front / (bound + 1 - shape + fraction)
