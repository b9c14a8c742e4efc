"""Statistics of an endpoint whose addresses or families are judged one by one: each part, and all together. Pure.

A check whose name did not resolve counts for each part, also for those that come to be known later. How long a
resolution took belongs to the name: every part has the same figures of it.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .distributions import Distribution, pooled
from .outcomes import OPEN
from .statistics import MOST_REPEATED_CHECKS, Glance, Statistics, StatisticsBuilder

if TYPE_CHECKING:
    from .samples import Sample


class PartsBuilder:
    """Takes the samples of one endpoint in any order of their check numbers, as `StatisticsBuilder` does; those that
    are of a part are also counted for that."""

    __slots__ = ("_parts", "_whole")

    def __init__(self) -> None:
        self._whole = StatisticsBuilder()
        self._parts: dict[str, StatisticsBuilder] = {}

    def add(self, sample: Sample) -> None:
        """Count `sample`, which must be of this endpoint and not have been added before."""
        if sample.part is None:
            self._whole.add(sample)
            for builder in self._parts.values():
                builder.add(sample)
            return
        part = self._parts.get(sample.part)
        if part is None:
            part = self._parts[sample.part] = copy.deepcopy(self._whole)
            part.go_on_with(sample.check)
        part.add(sample)

    @property
    def _names(self) -> list[str]:
        return sorted(self._parts, key=_natural)

    def finish(self) -> Statistics:
        """Return the statistics of all samples so far."""
        whole = self._whole.finish()
        if not self._parts:
            return whole
        return pooled_statistics({name: self._parts[name].finish() for name in self._names}, whole)

    def glance(self) -> Glance:
        """Return the figures so far that need no counting; may be called often."""
        whole = self._whole.glance()
        if not self._parts:
            return whole
        parts = [self._parts[name].glance() for name in self._names]
        more = len(parts) - 1
        return Glance(
            checks=sum(part.checks for part in parts) - more * whole.checks,
            successful=sum(part.successful for part in parts),
            errors=_errors([part.errors for part in parts], whole.errors),
            local_errors=sum(part.local_errors for part in parts) - more * whole.local_errors,
            last_outcome=_worst_outcome(part.last_outcome for part in parts),
            sum_us=sum(part.sum_us for part in parts),
            min_us=min((part.min_us for part in parts if part.min_us is not None), default=None),
            max_us=max((part.max_us for part in parts if part.max_us is not None), default=None),
        )


def pooled_statistics(parts: Mapping[str, Statistics], whole: Statistics) -> Statistics:
    """Return the statistics of an endpoint from those of its parts. whole: of the checks that were of no part, which
    each part counts too and this counts once.

    Counts are sums and times those of all parts together, without jitter: times of different addresses do not follow
    each other. The longest run of failures and the longest outage are those of the worst part.
    """
    every, more = list(parts.values()), len(parts) - 1
    checks = sum(part.checks for part in every) - more * whole.checks
    successful = sum(part.successful for part in every)
    known = [part.syn_repeats for part in every if part.syn_repeats is not None]
    dns = _one_of(part.dns for part in every if part.dns.count > whole.dns.count)
    repeated = sorted(number for part in every for number in part.repeated_checks)
    successes = [part.first_success for part in every if part.first_success is not None]
    certificates = [part.cert_expires_in_s for part in every if part.cert_expires_in_s is not None]
    return Statistics(
        checks=checks,
        successful=successful,
        success_rate=successful / checks if checks else None,
        errors=_errors([part.errors for part in every], whole.errors),
        local_errors=sum(part.local_errors for part in every) - more * whole.local_errors,
        consecutive_failures=max(part.consecutive_failures for part in every),
        outage_s=max(part.outage_s for part in every),
        syn_repeats=sum(known) if known else None,
        repeated_checks=tuple(dict.fromkeys(repeated))[:MOST_REPEATED_CHECKS],
        connect=pooled(part.connect for part in every),
        dns=dns,
        rtt=pooled(part.rtt for part in every),
        tls=pooled(part.tls for part in every),
        proxy=pooled(part.proxy for part in every),
        total=pooled(part.total for part in every),
        cert_expires_in_s=min(certificates, default=None),
        last_outcome=_worst_outcome(part.last_outcome for part in every),
        first_success=min(successes, default=None),
        parts={name: replace(part, dns=dns) for name, part in parts.items()},
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """10.0.0.9 before 10.0.0.10, address 2 before address 10."""
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"([0-9]+)", name)]


def _one_of(distributions: Iterable[Distribution]) -> Distribution:
    """A single one keeps its jitter: as a rule all resolutions are told with the same part."""
    known = list(distributions)
    return known[0] if len(known) == 1 else pooled(known)


def _errors(parts: Iterable[Mapping[str, int]], whole: Mapping[str, int]) -> dict[str, int]:
    """The sum of all, with what each part shares with the others counted once."""
    own: Counter[str] = Counter()
    for errors in parts:
        own.update({outcome: times - whole.get(outcome, 0) for outcome, times in errors.items()})
    own.update(whole)
    return {outcome: times for outcome, times in own.items() if times}


def _worst_outcome(outcomes: Iterable[str | None]) -> str | None:
    """Open only where all are."""
    known = [outcome for outcome in outcomes if outcome is not None]
    return next((outcome for outcome in known if outcome != OPEN), OPEN if known else None)
