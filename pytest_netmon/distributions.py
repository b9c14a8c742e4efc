"""Values of one phase, exact to the microsecond, and their figures. Pure.

Counts, minimum, maximum, average and standard deviation are exact: all sums are sums of whole microseconds, and the
only rounding is that of the last division. Median and percentiles come from how often each value was seen: exact up to
5,000 distinct values; past that, values keep their ten leading bits, and those figures are within 0.1 %. So memory does
not grow with the number of values.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Some 100 bytes each.
MOST_EXACT_VALUES = 5_000
#: A value in the middle of those that share its ten leading bits is off by 1/1024 at the most.
_LEADING_BITS = 10


@dataclass(frozen=True, slots=True)
class Distribution:
    """One phase's figures over its samples; every figure is None where there is none.

    All in milliseconds. stdev is the sample standard deviation (n - 1) and jitter the mean
    absolute difference of consecutive successful checks in start order: both need two. The median
    of an even number is the mean of the two in the middle. is_exact: False where median and
    percentiles are within 0.1 %, for want of memory. sum_us, squares_us2: of all values.
    """

    count: int
    min_ms: float | None
    avg_ms: float | None
    median_ms: float | None
    max_ms: float | None
    stdev_ms: float | None
    jitter_ms: float | None
    counts_us: Mapping[int, int]  # how often each value was seen, by microseconds, ascending
    sum_us: int = 0
    squares_us2: int = 0
    is_exact: bool = True

    def percentile_ms(self, percentile: float) -> float | None:
        """Return the nearest-rank percentile: the value of rank ceil(percentile / 100 * count),
        counting from 1 in ascending order. The percentile counts as the decimal number that it is
        written as (99.9 is 999/1000), so that no rank is off by one.

        Raises ValueError unless 0 < percentile <= 100.
        """
        if not 0 < percentile <= 100:
            raise ValueError(f"expected a percentile above 0 and up to 100, got {percentile}")
        if self.count <= 1:
            return self.min_ms
        share = _share(percentile)
        return self._ranked_ms(-(-share.numerator * self.count // share.denominator))

    def _ranked_ms(self, rank: int) -> float | None:
        if rank == 1 or rank == self.count:  # exact, whatever the others are
            return self.min_ms if rank == 1 else self.max_ms
        return _ranked_us(self.counts_us, rank) / 1000

    def figure_ms(self, stat: str | None, percentile: float | None = None) -> float | None:
        """Return the figure that a limit calls `stat` (`median`), or the percentile; None where there is no such."""
        if percentile is not None:
            return self.percentile_ms(percentile)
        figures = {
            "min": self.min_ms,
            "avg": self.avg_ms,
            "median": self.median_ms,
            "max": self.max_ms,
            "stdev": self.stdev_ms,
            "jitter": self.jitter_ms,
        }
        return figures.get(stat or "")

    @property
    def p50_ms(self) -> float | None:
        """The 50th percentile: of an even number of values the lower of the two in the middle."""
        return self.percentile_ms(50)

    @property
    def p90_ms(self) -> float | None:
        return self.percentile_ms(90)

    @property
    def p95_ms(self) -> float | None:
        return self.percentile_ms(95)

    @property
    def p99_ms(self) -> float | None:
        return self.percentile_ms(99)


#: Of a phase without samples.
NO_VALUES = Distribution(0, None, None, None, None, None, None, {})


def pooled(distributions: Iterable[Distribution]) -> Distribution:
    """Return one distribution over the values of all, as if they had been measured together.
    Its jitter is None: values of different endpoints do not follow each other."""
    pool = DistributionBuilder()
    for distribution in distributions:
        pool.add_all(distribution)
    return pool.finish(jitter_ms=None)


def comparable_counts(one: Distribution, other: Distribution) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Return how often each value of both was seen, by microseconds, both as coarse as the coarser one: values that
    share their leading bits are then equal, wherever they were."""
    if one.is_exact == other.is_exact:
        return one.counts_us, other.counts_us
    return _coarsened(one.counts_us), _coarsened(other.counts_us)


class DistributionBuilder:
    """Takes values of one kind, in whole microseconds: how often each was seen, and what is exact in
    any case. `finish` gives their `Distribution`."""

    __slots__ = ("count", "counts_us", "is_exact", "max_us", "min_us", "squares_us2", "sum_us")

    def __init__(self) -> None:
        self.count = self.sum_us = self.squares_us2 = 0
        self.min_us: int | None = None
        self.max_us: int | None = None
        self.counts_us: dict[int, int] = {}
        self.is_exact = True

    def add(self, value_us: int) -> None:
        self.count += 1
        self.sum_us += value_us
        self.squares_us2 += value_us * value_us
        self._widen(value_us, value_us)
        counted_us = value_us if self.is_exact else _coarse(value_us)
        self.counts_us[counted_us] = self.counts_us.get(counted_us, 0) + 1
        if self.is_exact and len(self.counts_us) > MOST_EXACT_VALUES:
            self._coarsen()

    def add_many(self, value_us: int, times: int) -> None:
        """Add a value that was seen so many times."""
        self.count += times
        self.sum_us += times * value_us
        self.squares_us2 += times * value_us * value_us
        self._widen(value_us, value_us)
        self.counts_us[value_us] = self.counts_us.get(value_us, 0) + times

    def add_all(self, other: Distribution) -> None:
        if other.min_ms is None or other.max_ms is None:
            return
        self.count += other.count
        self.sum_us += other.sum_us
        self.squares_us2 += other.squares_us2
        self._widen(whole_us(other.min_ms), whole_us(other.max_ms))
        for value_us, times in other.counts_us.items():
            self.counts_us[value_us] = self.counts_us.get(value_us, 0) + times
        self.is_exact = self.is_exact and other.is_exact

    def finish(self, jitter_ms: float | None = None) -> Distribution:
        if self.min_us is None or self.max_us is None:
            return NO_VALUES
        counts_us = dict(sorted(self.counts_us.items())) if len(self.counts_us) > 1 else self.counts_us.copy()
        middle_us = self.min_us + self.max_us  # of up to two values
        if self.count > 2:
            middle_us = _ranked_us(counts_us, (self.count + 1) // 2) + _ranked_us(counts_us, self.count // 2 + 1)
        return Distribution(
            count=self.count,
            min_ms=self.min_us / 1000,
            avg_ms=self.sum_us / (self.count * 1000),
            median_ms=middle_us / 2000,
            max_ms=self.max_us / 1000,
            stdev_ms=self._stdev_ms(),
            jitter_ms=jitter_ms,
            counts_us=counts_us,
            sum_us=self.sum_us,
            squares_us2=self.squares_us2,
            is_exact=self.is_exact,
        )

    def _widen(self, least_us: int, most_us: int) -> None:
        self.min_us = least_us if self.min_us is None else min(self.min_us, least_us)
        self.max_us = most_us if self.max_us is None else max(self.max_us, most_us)

    def _coarsen(self) -> None:
        self.counts_us, self.is_exact = _coarsened(self.counts_us), False

    def _stdev_ms(self) -> float | None:
        """sqrt((n * sum(x^2) - sum(x)^2) / (n * (n - 1))): in integers, so nothing cancels out."""
        if self.count < 2:
            return None
        spread = self.count * self.squares_us2 - self.sum_us * self.sum_us
        return math.sqrt(spread / (self.count * (self.count - 1))) / 1000


@functools.lru_cache(maxsize=64)
def _share(percentile: float) -> Fraction:
    return Fraction(str(percentile)) / 100


def _coarsened(counts_us: Mapping[int, int]) -> Counter[int]:
    coarse: Counter[int] = Counter()
    for value_us, times in counts_us.items():
        coarse[_coarse(value_us)] += times
    return coarse


def _coarse(value_us: int) -> int:
    """The middle of the values that share the leading bits."""
    dropped = value_us.bit_length() - _LEADING_BITS
    return value_us if dropped <= 0 else (value_us >> dropped << dropped) + (1 << dropped >> 1)


def _ranked_us(counts_us: Mapping[int, int], rank: int) -> int:
    """The value of that rank, counting from 1, of `counts_us` in ascending order."""
    seen = 0
    for value, times in counts_us.items():
        seen += times
        if seen >= rank:
            return value
    raise ValueError(f"expected a rank up to {seen}, got {rank}")


def whole_us(ms: float) -> int:
    """The whole microseconds that a time in milliseconds came from."""
    return round(ms * 1000)
