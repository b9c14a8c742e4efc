"""Statistics of an endpoint, exact to the microsecond. Pure.

`StatisticsBuilder` takes samples as they come (checks may end out of order) and `finish()`
gives `Statistics`. Memory grows with the number of distinct microsecond values, not of samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .samples import Sample


@dataclass(frozen=True, slots=True)
class Distribution:
    """One phase's figures over its samples; every figure is None where there is none.

    All in milliseconds. stdev is the sample standard deviation (n - 1) and jitter the mean
    absolute difference of consecutive successful checks in start order: both need two.
    """

    count: int
    min_ms: float | None
    avg_ms: float | None
    median_ms: float | None
    max_ms: float | None
    stdev_ms: float | None
    jitter_ms: float | None
    counts_us: Mapping[int, int]  # how often each value was seen, by microseconds

    def percentile_ms(self, percentile: float) -> float | None:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was measured of one endpoint.

    checks: judged samples (all but `local_error`). successful: those that were `open`.
    success_rate: successful / checks, None without checks. errors: outcome -> how often, without
    `local_error`. local_errors: samples that were the checker's own fault.
    consecutive_failures: longest run of failed checks. outage_s: longest time without a success:
    from the start of the first failed check of a run to the start of the next success, or to the
    end of the last check. syn_repeats: SYNs sent again, in all. repeated_checks: the numbers of
    the first 100 successful checks that needed one. connect, dns, rtt: phases. last_outcome: of the check
    with the highest number, local errors apart. first_success: check number of it.
    """

    checks: int
    successful: int
    success_rate: float | None
    errors: Mapping[str, int]
    local_errors: int
    consecutive_failures: int
    outage_s: float
    syn_repeats: int
    repeated_checks: tuple[int, ...]
    connect: Distribution
    dns: Distribution
    rtt: Distribution
    last_outcome: str | None
    first_success: int | None


class StatisticsBuilder:
    """Takes the samples of one endpoint in any order of their check numbers."""

    def add(self, sample: Sample) -> None:
        raise NotImplementedError

    def finish(self) -> Statistics:
        """May be called at any time and again after further samples."""
        raise NotImplementedError
