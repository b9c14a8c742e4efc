"""A result: one endpoint measured and judged. A run: all of them. Values only. Pure.

Reports are functions from these to text.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from .plan import Endpoint, Plan
from .samples import Gap, Sample, SampleStore
from .statistics import Statistics
from .verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one endpoint.

    index: of the endpoint in the plan. complete: False where the run ended before its checks
    did. last_failure: the latest sample that was not `open` (None where all were), for the
    cause that a report names. address: the one that answered last, else the last one tried.
    store: where `samples` are read from; samples are on disk, not in memory.
    """

    index: int
    endpoint: Endpoint
    statistics: Statistics
    verdict: Verdict
    complete: bool
    address: str | None
    store: SampleStore

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All samples of the endpoint, by check number (read anew at each use)."""
        return tuple(self.store.of(self.index))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One campaign, judged.

    results: one for each endpoint that was probed, in the order of the plan; skipped and
    deselected endpoints have none. started_at, ended_at: wall time with offset. partial: the
    run was cut off, or a result is missing. lost_samples: measured but not recorded (full disk).
    """

    plan: Plan
    results: tuple[Result, ...]
    started_at: datetime.datetime
    ended_at: datetime.datetime
    partial: bool
    tool_version: str
    machine: dict[str, str]
    gaps: tuple[Gap, ...] = ()
    lost_samples: int = 0
    warnings: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def store(self) -> SampleStore | None:
        return self.results[0].store if self.results else None

    def timestamp_of(self, sample: Sample) -> datetime.datetime:
        """The wall time of a sample's start: the run's start plus monotonic time, so that a
        stepped clock cannot disorder samples."""
        return self.started_at + datetime.timedelta(microseconds=sample.start_us)
