"""Statistics of an endpoint, exact to the microsecond. Pure.

`StatisticsBuilder` takes samples as they come (checks may end out of order) and `finish()`
gives `Statistics`. Counts, minimum, maximum, average, standard deviation and jitter are exact: all sums
are sums of whole microseconds, and the only rounding is that of the last division. Median and
percentiles come from how often each value was seen: exact up to 5,000 distinct values of a phase; past
that, values keep their ten leading bits, and those figures are within 0.1 %. So memory does not grow
with the number of samples.
"""

from __future__ import annotations

import copy
import functools
import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from .limits import PHASES
from .outcomes import LOCAL_ERROR, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .samples import Sample

#: Samples held back for an earlier check. One that never comes (lost, left out in a gap) must not
#: hold the others for ever; more checks than this do not overlap.
MOST_WAITING = 10_000
MOST_REPEATED_CHECKS = 100
#: When a SYN is sent again for the first time, and the least time between two (RFC 6298, section 2).
FIRST_SYN_REPEAT_MS = 1000.0
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
        if not self.count:
            return None
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


@dataclass(frozen=True, slots=True)
class Glance:
    """The figures of an endpoint that cost nothing to keep, for what is shown while it is measured: as in
    `Statistics`; the connect times as their sum and bounds, None without any."""

    checks: int = 0
    successful: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    local_errors: int = 0
    last_outcome: str | None = None
    sum_us: int = 0
    min_us: int | None = None
    max_us: int | None = None

    @property
    def outcomes(self) -> dict[str, int]:
        """How often each outcome came, local errors among them."""
        times = {OPEN: self.successful, **self.errors, LOCAL_ERROR: self.local_errors}
        return {outcome: number for outcome, number in times.items() if number}


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was measured of one endpoint.

    checks: judged samples (all but `local_error`). successful: those that were `open`.
    success_rate: successful / checks, None without checks. errors: outcome -> how often, without
    `local_error`, in the order in which they were first seen. local_errors: samples that were the
    checker's own fault. consecutive_failures: longest run of failed checks. outage_s: longest time
    without a success: from the start of the first failed check of a run to the start of the next
    success, or to where the last check of the run ended. syn_repeats: SYNs sent again, in all; None
    where the platform told it of no check. repeated_checks: the numbers of the first 100 successful
    checks in which a SYN was lost: it was sent again, and not only because the path is slower than that.
    connect, rtt, tls, proxy: of successful checks. total: proxy, connect and tls together, of each
    successful check. dns: of resolutions that gave an address.
    cert_expires_in_s: the least time that a certificate was still valid for, at any check; negative for
    one that has expired. last_outcome: of the check with the highest number, local errors apart.
    first_success: the lowest check number of a success.
    """

    checks: int
    successful: int
    success_rate: float | None
    errors: Mapping[str, int]
    local_errors: int
    consecutive_failures: int
    outage_s: float
    syn_repeats: int | None
    repeated_checks: tuple[int, ...]
    connect: Distribution
    dns: Distribution
    rtt: Distribution
    tls: Distribution
    proxy: Distribution
    total: Distribution
    cert_expires_in_s: int | None
    last_outcome: str | None
    first_success: int | None

    @property
    def phases(self) -> Mapping[str, Distribution]:
        """All of them, by their names in limits."""
        return {name: getattr(self, name) for name in PHASES}

    @property
    def told_phases(self) -> Mapping[str, Distribution]:
        """Those that have samples; the total only where it is more than the connect."""
        is_staged = self.tls.count or self.proxy.count
        return {name: phase for name, phase in self.phases.items() if phase.count and (name != "total" or is_staged)}

    @property
    def glance(self) -> Glance:
        """The same figures as those that are shown while it is measured."""
        connect = self.connect
        return Glance(
            checks=self.checks,
            successful=self.successful,
            errors=self.errors,
            local_errors=self.local_errors,
            last_outcome=self.last_outcome,
            sum_us=connect.sum_us,
            min_us=None if connect.min_ms is None else _us(connect.min_ms),
            max_us=None if connect.max_ms is None else _us(connect.max_ms),
        )


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


class StatisticsBuilder:
    """Takes the samples of one endpoint in any order of their check numbers.

    Counts and distributions do not depend on the order. For jitter, runs of failures and outages
    samples wait for those of earlier checks, at most 10,000 of them; what comes later still counts,
    but is no part of those three.
    """

    def __init__(self) -> None:
        self._checks = 0
        self._errors: dict[str, int] = {}
        self._local_errors = 0
        self._syn_repeats: int | None = None
        self._connect, self._dns, self._rtt = DistributionBuilder(), DistributionBuilder(), DistributionBuilder()
        self._tls, self._proxy = DistributionBuilder(), DistributionBuilder()
        self._total: DistributionBuilder | None = None  # while it is the same as connect
        self._cert_expires_in_s: int | None = None
        self._last: tuple[int, str] | None = None
        self._first_success: int | None = None
        self._in_order = _InOrder()
        self._next_check = 1
        self._waiting: list[tuple[int, int, Sample]] = []  # a heap; the second value is unique

    def add(self, sample: Sample) -> None:
        """Count `sample`, which must be of this endpoint and not have been added before."""
        self._count(sample)
        if sample.check == self._next_check:
            self._in_order.add(sample)
            self._next_check += 1
        elif sample.check > self._next_check:
            heapq.heappush(self._waiting, (sample.check, self._checks + self._local_errors, sample))
        while self._waiting and (self._waiting[0][0] <= self._next_check or len(self._waiting) > MOST_WAITING):
            check, _, waited = heapq.heappop(self._waiting)
            self._in_order.add(waited)
            self._next_check = check + 1

    def finish(self) -> Statistics:
        """Return the statistics of all samples so far. May be called at any time and again after
        further samples."""
        in_order = self._in_order
        if self._waiting:
            in_order = copy.deepcopy(in_order)
            for _, _, sample in sorted(self._waiting):
                in_order.add(sample)
        successful = self._connect.count
        connect = self._connect.finish(in_order.connect.mean_ms)
        return Statistics(
            checks=self._checks,
            successful=successful,
            success_rate=successful / self._checks if self._checks else None,
            errors=dict(self._errors),
            local_errors=self._local_errors,
            consecutive_failures=in_order.most_failures,
            outage_s=in_order.outage_us / 1_000_000,
            syn_repeats=self._syn_repeats,
            repeated_checks=tuple(in_order.repeated_checks),
            connect=connect,
            dns=self._dns.finish(in_order.dns.mean_ms),
            rtt=self._rtt.finish(in_order.rtt.mean_ms),
            tls=self._tls.finish(in_order.tls.mean_ms),
            proxy=self._proxy.finish(in_order.proxy.mean_ms),
            total=connect if self._total is None else self._total.finish((in_order.total or in_order.connect).mean_ms),
            cert_expires_in_s=self._cert_expires_in_s,
            last_outcome=self._last[1] if self._last else None,
            first_success=self._first_success,
        )

    def glance(self) -> Glance:
        """Return the figures so far that need no counting; may be called often."""
        connect = self._connect
        return Glance(
            checks=self._checks,
            successful=connect.count,
            errors=dict(self._errors),
            local_errors=self._local_errors,
            last_outcome=self._last[1] if self._last else None,
            sum_us=connect.sum_us,
            min_us=connect.min_us,
            max_us=connect.max_us,
        )

    def _count(self, sample: Sample) -> None:
        outcome = sample.outcome
        if outcome == LOCAL_ERROR:
            self._local_errors += 1
            return
        self._checks += 1
        if self._last is None or sample.check > self._last[0]:
            self._last = (sample.check, outcome)
        if sample.syn_repeats is not None:
            self._syn_repeats = (self._syn_repeats or 0) + sample.syn_repeats
        if sample.dns_ms is not None and _resolved(sample):
            self._dns.add(_us(sample.dns_ms))
        if sample.cert_expires_s is not None:
            least_s = self._cert_expires_in_s
            self._cert_expires_in_s = sample.cert_expires_s if least_s is None else min(least_s, sample.cert_expires_s)
        if outcome != OPEN:
            self._errors[outcome] = self._errors.get(outcome, 0) + 1
            return
        if self._first_success is None or sample.check < self._first_success:
            self._first_success = sample.check
        if self._total is not None or sample.tls_ms is not None or sample.proxy_ms is not None:
            self._count_stages(sample)
        self._connect.add(_connect_us(sample))
        if sample.rtt_ms is not None:
            self._rtt.add(_us(sample.rtt_ms))

    def _count_stages(self, sample: Sample) -> None:
        if self._total is None:
            self._total = copy.deepcopy(self._connect)
        if sample.tls_ms is not None:
            self._tls.add(_us(sample.tls_ms))
        if sample.proxy_ms is not None:
            self._proxy.add(_us(sample.proxy_ms))
        self._total.add(_total_us(sample))


@dataclass(slots=True)
class _Differences:
    """The mean absolute difference of values that follow each other."""

    last_us: int | None = None
    sum_us: int = 0
    count: int = 0

    def add(self, value_us: int) -> None:
        if self.last_us is not None:
            self.sum_us += abs(value_us - self.last_us)
            self.count += 1
        self.last_us = value_us

    @property
    def mean_ms(self) -> float | None:
        return self.sum_us / (self.count * 1000) if self.count else None


@dataclass(slots=True)
class _InOrder:
    """What depends on the order of checks: fed by check number, local errors are passed over."""

    connect: _Differences = field(default_factory=_Differences)
    dns: _Differences = field(default_factory=_Differences)
    rtt: _Differences = field(default_factory=_Differences)
    tls: _Differences = field(default_factory=_Differences)
    proxy: _Differences = field(default_factory=_Differences)
    total: _Differences | None = None  # while it is the same as connect
    most_failures: int = 0
    longest_outage_us: int = 0
    repeated_checks: list[int] = field(default_factory=list)
    failures: int = 0
    failing_since_us: int = 0
    failing_until_us: int = 0

    def add(self, sample: Sample) -> None:
        if sample.outcome == LOCAL_ERROR:
            return
        if sample.dns_ms is not None and _resolved(sample):
            self.dns.add(_us(sample.dns_ms))
        if sample.outcome == OPEN:
            self._succeed(sample)
        else:
            self._fail(sample)

    @property
    def outage_us(self) -> int:
        """The longest outage, also one that has not ended."""
        unended_us = self.failing_until_us - self.failing_since_us if self.failures else 0
        return max(self.longest_outage_us, unended_us)

    def _succeed(self, sample: Sample) -> None:
        if self.failures:
            self.longest_outage_us = max(self.longest_outage_us, sample.start_us - self.failing_since_us)
            self.failures = 0
        if self.total is not None or sample.tls_ms is not None or sample.proxy_ms is not None:
            self._pass_stages(sample)
        self.connect.add(_connect_us(sample))
        if sample.rtt_ms is not None:
            self.rtt.add(_us(sample.rtt_ms))
        if _lost_a_syn(sample) and len(self.repeated_checks) < MOST_REPEATED_CHECKS:
            self.repeated_checks.append(sample.check)

    def _pass_stages(self, sample: Sample) -> None:
        if self.total is None:
            self.total = copy.copy(self.connect)
        if sample.tls_ms is not None:
            self.tls.add(_us(sample.tls_ms))
        if sample.proxy_ms is not None:
            self.proxy.add(_us(sample.proxy_ms))
        self.total.add(_total_us(sample))

    def _fail(self, sample: Sample) -> None:
        if not self.failures:
            self.failing_since_us = self.failing_until_us = sample.start_us
        self.failures += 1
        self.most_failures = max(self.most_failures, self.failures)
        self.failing_until_us = max(self.failing_until_us, sample.end_us)


def _resolved(sample: Sample) -> bool:
    return not sample.outcome.startswith("dns_")


def _us(ms: float) -> int:
    """The whole microseconds that a time in milliseconds came from."""
    return round(ms * 1000)


def _lost_a_syn(sample: Sample) -> bool:
    """Whether SYNs were sent again that a path as slow as the kernel measured it does not account for."""
    return (sample.syn_repeats or 0) > (sample.rtt_ms or 0.0) // FIRST_SYN_REPEAT_MS


def _connect_us(sample: Sample) -> int:
    assert sample.connect_ms is not None, "an open sample has a connect time"
    return _us(sample.connect_ms)


def _total_us(sample: Sample) -> int:
    return _connect_us(sample) + _us(sample.proxy_ms or 0.0) + _us(sample.tls_ms or 0.0)


class DistributionBuilder:
    """Takes values of one kind, in whole microseconds: how often each was seen, and what is exact in
    any case. `finish` gives their `Distribution`."""

    __slots__ = ("count", "counts_us", "is_exact", "max_us", "min_us", "squares_us2", "sum_us")

    def __init__(self) -> None:
        self.count = self.sum_us = self.squares_us2 = 0
        self.min_us: int | None = None
        self.max_us: int | None = None
        self.counts_us: Counter[int] = Counter()
        self.is_exact = True

    def add(self, value_us: int) -> None:
        self.count += 1
        self.sum_us += value_us
        self.squares_us2 += value_us * value_us
        self._widen(value_us, value_us)
        self.counts_us[value_us if self.is_exact else _coarse(value_us)] += 1
        if self.is_exact and len(self.counts_us) > MOST_EXACT_VALUES:
            self._coarsen()

    def add_many(self, value_us: int, times: int) -> None:
        """Add a value that was seen so many times."""
        self.count += times
        self.sum_us += times * value_us
        self.squares_us2 += times * value_us * value_us
        self._widen(value_us, value_us)
        self.counts_us[value_us] += times

    def add_all(self, other: Distribution) -> None:
        if other.min_ms is None or other.max_ms is None:
            return
        self.count += other.count
        self.sum_us += other.sum_us
        self.squares_us2 += other.squares_us2
        self._widen(_us(other.min_ms), _us(other.max_ms))
        self.counts_us.update(other.counts_us)
        self.is_exact = self.is_exact and other.is_exact

    def finish(self, jitter_ms: float | None = None) -> Distribution:
        if self.min_us is None or self.max_us is None:
            return Distribution(0, None, None, None, None, None, None, {})
        counts_us = dict(sorted(self.counts_us.items()))
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
