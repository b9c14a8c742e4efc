"""Statistics of an endpoint, exact to the microsecond. Pure.

`StatisticsBuilder` takes samples as they come (checks may end out of order) and `finish()`
gives `Statistics`. Memory does not grow with the number of samples (see `distributions`).
"""

from __future__ import annotations

import copy
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .distributions import NO_VALUES, Distribution, DistributionBuilder, whole_us
from .limits import PHASES
from .outcomes import LOCAL_ERROR, OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .samples import Sample

#: Samples held back for an earlier check. One that never comes (lost, left out in a gap) must not
#: hold the others for ever; more checks than this do not overlap.
MOST_WAITING = 10_000
MOST_REPEATED_CHECKS = 100
#: When a SYN is sent again for the first time, and the least time between two (RFC 6298, section 2).
FIRST_SYN_REPEAT_MS = 1000.0
#: Of what most endpoints have none of, and so share; nobody changes it.
_NONE: Mapping[str, Any] = {}


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
    first_success: the lowest check number of a success. parts: where addresses or families are judged one by one,
    the statistics of each by its name; empty elsewhere (see `pooling`).
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
    parts: Mapping[str, Statistics] = field(default_factory=lambda: _NONE)

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
            min_us=None if connect.min_ms is None else whole_us(connect.min_ms),
            max_us=None if connect.max_ms is None else whole_us(connect.max_ms),
        )


class StatisticsBuilder:
    """Takes the samples of one endpoint in any order of their check numbers.

    Counts and distributions do not depend on the order. For jitter, runs of failures and outages
    samples wait for those of earlier checks, at most 10,000 of them; what comes later still counts,
    but is no part of those three.

    There is one for each of thousands of endpoints, most of which have a value or two: what an endpoint has no
    values of costs nothing.
    """

    __slots__ = (
        "_cert_expires_in_s",
        "_checks",
        "_connect",
        "_dns",
        "_errors",
        "_first_success",
        "_in_order",
        "_last",
        "_local_errors",
        "_next_check",
        "_proxy",
        "_rtt",
        "_syn_repeats",
        "_tls",
        "_total",
        "_waiting",
    )

    def __init__(self) -> None:
        self._checks = 0
        self._errors: dict[str, int] = {}
        self._local_errors = 0
        self._syn_repeats: int | None = None
        self._connect = DistributionBuilder()
        self._dns: DistributionBuilder | None = None
        self._rtt: DistributionBuilder | None = None
        self._tls: DistributionBuilder | None = None
        self._proxy: DistributionBuilder | None = None
        self._total: DistributionBuilder | None = None  # while it is the same as connect
        self._cert_expires_in_s: int | None = None
        self._last: tuple[int, str] | None = None
        self._first_success: int | None = None
        self._in_order = _InOrder()
        self._next_check = 1
        self._waiting: list[tuple[int, int, Sample]] | None = None  # a heap; the second value is unique

    def add(self, sample: Sample) -> None:
        """Count `sample`, which must be of this endpoint and not have been added before."""
        self._count(sample)
        if sample.check == self._next_check:
            self._in_order.add(sample)
            self._next_check += 1
        elif sample.check > self._next_check:
            self._waiting = self._waiting or []
            heapq.heappush(self._waiting, (sample.check, self._checks + self._local_errors, sample))
        while self._waiting and (self._waiting[0][0] <= self._next_check or len(self._waiting) > MOST_WAITING):
            check, _, waited = heapq.heappop(self._waiting)
            self._in_order.add(waited)
            self._next_check = check + 1

    def go_on_with(self, check: int) -> None:
        """Wait for no check before that one: there will be none."""
        self._next_check = max(self._next_check, check)

    def finish(self) -> Statistics:
        """Return the statistics of all samples so far. May be called at any time and again after
        further samples."""
        in_order = self._in_order
        if self._waiting:
            in_order = copy.deepcopy(in_order)
            for _, _, sample in sorted(self._waiting):
                in_order.add(sample)
        successful = self._connect.count
        connect = _finished(self._connect, in_order.connect)
        return Statistics(
            checks=self._checks,
            successful=successful,
            success_rate=successful / self._checks if self._checks else None,
            errors=dict(self._errors) if self._errors else _NONE,
            local_errors=self._local_errors,
            consecutive_failures=in_order.most_failures,
            outage_s=in_order.outage_us / 1_000_000,
            syn_repeats=self._syn_repeats,
            repeated_checks=in_order.repeated_checks,
            connect=connect,
            dns=_finished(self._dns, in_order.dns),
            rtt=_finished(self._rtt, in_order.rtt),
            tls=_finished(self._tls, in_order.tls),
            proxy=_finished(self._proxy, in_order.proxy),
            total=connect if self._total is None else _finished(self._total, in_order.total or in_order.connect),
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
            self._dns = _with(self._dns, whole_us(sample.dns_ms))
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
            self._rtt = _with(self._rtt, whole_us(sample.rtt_ms))

    def _count_stages(self, sample: Sample) -> None:
        if self._total is None:
            self._total = copy.deepcopy(self._connect)
        if sample.tls_ms is not None:
            self._tls = _with(self._tls, whole_us(sample.tls_ms))
        if sample.proxy_ms is not None:
            self._proxy = _with(self._proxy, whole_us(sample.proxy_ms))
        self._total.add(_total_us(sample))


def _with(values: DistributionBuilder | None, value_us: int) -> DistributionBuilder:
    """The values with one more."""
    values = values or DistributionBuilder()
    values.add(value_us)
    return values


def _finished(values: DistributionBuilder | None, differences: _Differences | None) -> Distribution:
    if values is None:
        return NO_VALUES
    return values.finish(differences.mean_ms if differences else None)


@dataclass(slots=True)
class _Differences:
    """The mean absolute difference of values that follow each other."""

    last_us: int
    sum_us: int = 0
    count: int = 0

    def add(self, value_us: int) -> None:
        self.sum_us += abs(value_us - self.last_us)
        self.count += 1
        self.last_us = value_us

    @property
    def mean_ms(self) -> float | None:
        return self.sum_us / (self.count * 1000) if self.count else None


def _followed_by(differences: _Differences | None, value_us: int) -> _Differences:
    """The differences with that to one more value; `differences` is None before the first value."""
    if differences is None:
        return _Differences(value_us)
    differences.add(value_us)
    return differences


@dataclass(slots=True)
class _InOrder:
    """What depends on the order of checks: fed by check number, local errors are passed over."""

    connect: _Differences | None = None
    dns: _Differences | None = None
    rtt: _Differences | None = None
    tls: _Differences | None = None
    proxy: _Differences | None = None
    total: _Differences | None = None  # while it is the same as connect
    most_failures: int = 0
    longest_outage_us: int = 0
    repeated_checks: tuple[int, ...] = ()
    failures: int = 0
    failing_since_us: int = 0
    failing_until_us: int = 0

    def add(self, sample: Sample) -> None:
        if sample.outcome == LOCAL_ERROR:
            return
        if sample.dns_ms is not None and _resolved(sample):
            self.dns = _followed_by(self.dns, whole_us(sample.dns_ms))
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
        self.connect = _followed_by(self.connect, _connect_us(sample))
        if sample.rtt_ms is not None:
            self.rtt = _followed_by(self.rtt, whole_us(sample.rtt_ms))
        if _lost_a_syn(sample) and len(self.repeated_checks) < MOST_REPEATED_CHECKS:
            self.repeated_checks += (sample.check,)

    def _pass_stages(self, sample: Sample) -> None:
        if self.total is None:
            self.total = copy.copy(self.connect)
        if sample.tls_ms is not None:
            self.tls = _followed_by(self.tls, whole_us(sample.tls_ms))
        if sample.proxy_ms is not None:
            self.proxy = _followed_by(self.proxy, whole_us(sample.proxy_ms))
        self.total = _followed_by(self.total, _total_us(sample))

    def _fail(self, sample: Sample) -> None:
        if not self.failures:
            self.failing_since_us = self.failing_until_us = sample.start_us
        self.failures += 1
        self.most_failures = max(self.most_failures, self.failures)
        self.failing_until_us = max(self.failing_until_us, sample.end_us)


def _resolved(sample: Sample) -> bool:
    return not sample.outcome.startswith("dns_")


def _lost_a_syn(sample: Sample) -> bool:
    """Whether SYNs were sent again that a path as slow as the kernel measured it does not account for."""
    return (sample.syn_repeats or 0) > (sample.rtt_ms or 0.0) // FIRST_SYN_REPEAT_MS


def _connect_us(sample: Sample) -> int:
    assert sample.connect_ms is not None, "an open sample has a connect time"
    return whole_us(sample.connect_ms)


def _total_us(sample: Sample) -> int:
    return _connect_us(sample) + whole_us(sample.proxy_ms or 0.0) + whole_us(sample.tls_ms or 0.0)
