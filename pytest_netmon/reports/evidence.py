"""What a failure's text tells beyond the statistics, gathered in one pass over an endpoint's samples. Pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from ..outcomes import LOCAL_ERROR, OPEN
from ..run import Result
from ..samples import Sample
from .shortages import Shortage, shortage_of

#: Tries of a reached endpoint are few; of a measured one nobody wants a list.
_MOST_TRIES = 20
#: The end of a long wait.
_LATEST_TRIES = 3


@dataclass(slots=True)
class Evidence:
    """last: the latest sample of each outcome but `open`. shortages: how often each thing was
    lacking here. attempts: (address, outcome) of addresses that failed before the one that
    decided -> in how many checks. tries: outcomes of the first 20 samples, by check number; latest:
    of the last 3."""

    last: dict[str, Sample] = field(default_factory=dict)
    shortages: Counter[Shortage] = field(default_factory=Counter)
    attempts: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    tries: list[str] = field(default_factory=list)
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=_LATEST_TRIES))


def evidence_of(result: Result) -> Evidence:
    """Return what the samples of `result` show. Memory does not grow with their number."""
    evidence = Evidence()
    for sample in result.store.of(result.index):
        if len(evidence.tries) < _MOST_TRIES:
            evidence.tries.append(sample.outcome)
        evidence.latest.append(sample.outcome)
        if sample.outcome != OPEN:
            evidence.last[sample.outcome] = sample
        if sample.outcome == LOCAL_ERROR:
            evidence.shortages[shortage_of(sample)] += 1
        evidence.attempts.update({(attempt.address, attempt.outcome) for attempt in sample.attempts})
    return evidence
