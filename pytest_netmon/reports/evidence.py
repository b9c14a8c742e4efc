"""What a report tells of an endpoint beyond the statistics, gathered in one pass over an endpoint's samples. Pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from ..outcomes import LOCAL_ERROR, OPEN, TIMEOUT
from ..run import Result
from ..samples import WAITING, Sample
from .shortages import Shortage, shortage_of

#: Tries of a reached endpoint are few; of a measured one nobody wants a list.
_MOST_TRIES = 20
#: The end of a long wait.
_LATEST_TRIES = 3


@dataclass(slots=True)
class Evidence:
    """last: the latest sample of each outcome but `open`. shortages: how often each thing was
    lacking here. syns: how many were sent in checks that timed out, as far as the kernel tells.
    attempts: (address, outcome) of addresses that failed before the one that
    decided -> in how many checks. tries: outcomes of the first 20 samples, by check number; latest:
    of the last 3. first_us, last_us: the first start and the last end, None without samples; of these two
    apart, checks that are not counted play no part. of_tries: where nothing was measured the tries before it do, and
    else not even in these two."""

    last: dict[str, Sample] = field(default_factory=dict)
    shortages: Counter[Shortage] = field(default_factory=Counter)
    syns: int = 0
    attempts: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    tries: list[str] = field(default_factory=list)
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=_LATEST_TRIES))
    first_us: int | None = None
    last_us: int | None = None
    of_tries: bool = False

    @property
    def duration_s(self) -> float:
        """From the start of the first check to the end of the last one; 0 without checks."""
        return 0.0 if self.first_us is None or self.last_us is None else (self.last_us - self.first_us) / 1e6

    def add(self, sample: Sample) -> None:
        """Take in the next sample of the endpoint, by check number."""
        if sample.check == WAITING and not self.of_tries:
            return
        self.first_us = sample.start_us if self.first_us is None else min(self.first_us, sample.start_us)
        self.last_us = sample.end_us if self.last_us is None else max(self.last_us, sample.end_us)
        if not sample.is_counted and sample.check != WAITING:
            return
        if len(self.tries) < _MOST_TRIES:
            self.tries.append(sample.outcome)
        self.latest.append(sample.outcome)
        if sample.outcome != OPEN:
            self.last[sample.outcome] = sample
        if sample.outcome == LOCAL_ERROR:
            self.shortages[shortage_of(sample)] += 1
        if sample.outcome == TIMEOUT and sample.syn_repeats is not None:
            self.syns += 1 + sample.syn_repeats
        if sample.attempts:
            self.attempts.update({(attempt.address, attempt.outcome) for attempt in sample.attempts})


def evidence_of(result: Result) -> Evidence:
    """Return what the samples of `result` show. Memory does not grow with their number."""
    evidence = Evidence(of_tries=result.is_unmeasured)
    for sample in result.store.of(result.index):
        evidence.add(sample)
    return evidence
