"""Rounds: the seed's `total_checks`, in which all ports of a host are checked once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..outcomes import LOCAL_ERROR, OPEN
from ..run import Result

#: What became of one check in its round; the largest of its endpoints' decides. Missing: cut off, or left out.
_OPEN, _FAILED, _VOID = 0, 1, 2
#: More checks than this do not overlap.
MOST_BEGUN = 10_000
#: Rounds that ended, of which another part may still come.
MOST_ENDED = 1_000


@dataclass(frozen=True, slots=True)
class Rounds:
    """total = successful + errors."""

    total: int
    successful: int

    @property
    def errors(self) -> int:
        return self.total - self.successful


def rounds_of(results: Sequence[Result]) -> Rounds:
    """Return the rounds of one host, given the results of all its endpoints.

    - Round k is check number k of each measured endpoint that has one planned. A reached endpoint is checked until it
      answers: it takes part in round 1, with the outcome of its last try.
    - A round is successful when every check in it was open, also where closed is what is expected: so the seed counts.
    - A round with a check that is missing (the run was cut off, the checker was stopped) or a `local_error` is left
      out of the total.

    Where the host was checked from several places, each of them has its own rounds, and all are counted.
    Reads samples only where a host has several endpoints and some check failed.
    """
    if len(results) == 1:
        return _from_statistics(results) or _from_samples(results)
    places: dict[str, list[Result]] = {}
    for result in results:
        places.setdefault(result.endpoint.vantage, []).append(result)
    rounds = [_from_statistics(each) or _from_samples(each) for each in places.values()]
    return Rounds(sum(each.total for each in rounds), sum(each.successful for each in rounds))


class RoundsBuilder:
    """Counts the rounds of one host while its endpoints are measured: `members` of them, each in every round.

    A round counts once each endpoint's check of that number is in. One that is never completed is
    left out; 10,000 such are remembered. completed: all rounds of which every check is in, those with a
    `local_error` too.
    """

    def __init__(self, members: int) -> None:
        self.completed = 0
        self._members = members
        self._total = self._successful = 0
        self._begun: dict[int, tuple[int, int]] = {}
        self._ended: dict[int, int] = {}

    def add(self, check: int, outcome: str) -> None:
        """Take in an endpoint's check of that number, which must not have been added before."""
        seen, worst = self._begun.pop(check, (0, _OPEN))
        seen, worst = seen + 1, max(worst, _in_its_round(outcome))
        if seen < self._members:
            self._begun[check] = seen, worst
            if len(self._begun) > MOST_BEGUN:
                del self._begun[min(self._begun)]
        else:
            self.completed += 1
            self._total += worst != _VOID
            self._successful += worst == _OPEN
            self._ended[check] = worst
            if len(self._ended) > MOST_ENDED:
                del self._ended[next(iter(self._ended))]

    def worsen(self, check: int, outcome: str) -> None:
        """Take in what another part (an address, a family) of a check came to that was added already."""
        level = _in_its_round(outcome)
        if check in self._begun:
            seen, worst = self._begun[check]
            self._begun[check] = seen, max(worst, level)
        elif self._ended.get(check, _VOID) < level:
            before, self._ended[check] = self._ended[check], level
            self._total -= level == _VOID
            self._successful -= before == _OPEN

    @property
    def rounds(self) -> Rounds:
        """Those that count so far."""
        return Rounds(self._total, self._successful)


def _from_statistics(results: Sequence[Result]) -> Rounds | None:
    """The rounds where they need no look at samples: one endpoint, or not one check that failed."""
    if len(results) == 1 and results[0].endpoint.measured and not results[0].statistics.parts:
        statistics = results[0].statistics
        return Rounds(statistics.checks, statistics.successful)
    if not all(_faultless(result) for result in results):
        return None
    made, planned = [_made(result) for result in results], _planned(results)
    return Rounds(max(planned), max(planned)) if made == planned else None


def _faultless(result: Result) -> bool:
    statistics = result.statistics
    return not statistics.local_errors and statistics.successful == statistics.checks


def _made(result: Result) -> int:
    """How many checks; where each has parts, those of the part that was there the longest."""
    statistics = result.statistics
    return max((part.checks for part in statistics.parts.values()), default=statistics.checks)


def _planned(results: Sequence[Result]) -> list[int]:
    """How many rounds each endpoint takes part in: without a last one, as many as any endpoint was checked in."""
    made = max(map(_made, results))
    counts = [result.endpoint.count if result.endpoint.measured else 1 for result in results]
    return [made if count is None else count for count in counts]


def _from_samples(results: Sequence[Result]) -> Rounds:
    checks = [_measured(result) if result.endpoint.measured else bytearray([_reached(result)]) for result in results]
    worst = bytearray(max(map(len, checks)))  # all _OPEN, until some check says otherwise
    for result, outcomes in zip(results, checks, strict=True):
        planned = result.endpoint.count if result.endpoint.measured else 1
        missing = (len(worst) if planned is None else min(planned, len(worst))) - len(outcomes)
        for at, outcome in enumerate(outcomes + bytes([_VOID]) * missing):
            worst[at] = max(worst[at], outcome)
    return Rounds(len(worst) - worst.count(_VOID), worst.count(_OPEN))


def _measured(result: Result) -> bytearray:
    """One byte a planned check, as far as the last one that was made."""
    outcomes, is_known = bytearray(), bytearray()
    count = result.endpoint.count
    for sample in result.store.of(result.index):
        if sample.is_counted and (count is None or sample.check <= count):
            missing, at = sample.check - len(outcomes), sample.check - 1
            outcomes.extend([_VOID] * missing)
            is_known.extend([False] * missing)
            of_sample = _in_its_round(sample.outcome)
            outcomes[at] = max(outcomes[at], of_sample) if is_known[at] else of_sample
            is_known[at] = True
    return outcomes


def _in_its_round(outcome: str) -> int:
    return {OPEN: _OPEN, LOCAL_ERROR: _VOID}.get(outcome, _FAILED)


def _reached(result: Result) -> int:
    statistics = result.statistics
    if all(part.successful for part in statistics.parts.values() or [statistics]):
        return _OPEN
    # A try that could not be made here, or that a run which was cut off did not come to, might have reached it.
    if statistics.local_errors or not statistics.checks or not result.complete:
        return _VOID
    return _FAILED
