"""A result: one endpoint measured and judged. A run: all of them. Values only. Pure.

Reports are functions from these to text.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .addresses import FAMILY_PARTS
from .distributions import Distribution
from .plan import Endpoint, Plan
from .samples import Gap, Lateness, Sample, SampleStore, VantageState
from .statistics import Statistics
from .verdict import Verdict
from .waited import Waited

if TYPE_CHECKING:
    from .baseline import BaselineRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one endpoint.

    index: of the endpoint in the plan. complete: False where the run ended before its checks
    did. address: the one that answered last, else the last one tried.
    store: where `samples` are read from; samples are on disk, not in memory.
    waited: what came of waiting for it, None where it was not waited for.
    """

    index: int
    endpoint: Endpoint
    statistics: Statistics
    verdict: Verdict
    complete: bool
    address: str | None
    store: SampleStore
    waited: Waited | None = None

    @property
    def is_unmeasured(self) -> bool:
        """Whether it was to be measured but was waited for in vain."""
        return self.endpoint.measured and self.waited is not None and not self.waited.met

    @property
    def decisive(self) -> Result:
        """What the verdict rests on, as texts tell it: where it was waited for in vain the tries, as those of an
        endpoint that was only to be reached."""
        if not self.is_unmeasured or self.waited is None:
            return self
        return replace(
            self,
            endpoint=replace(self.endpoint, measured=False, limits=(), warn=(), warmup=0),
            statistics=self.waited.statistics,
            verdict=replace(self.verdict, limits=(), warn=()),
        )

    @property
    def parts(self) -> dict[str, Result]:
        """Where addresses or families were judged one by one, what came of each; empty elsewhere."""
        return {
            name: replace(
                self,
                statistics=self.statistics.parts[name],
                verdict=verdict,
                address=None if self.endpoint.redact or name in FAMILY_PARTS else name,
                store=_PartStore(self.store, name),
                waited=None,
            )
            for name, verdict in self.verdict.parts.items()
        }

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All samples of the endpoint, by check number (read anew at each use)."""
        return tuple(self.store.of(self.index))


class _PartStore:
    """Samples of one part of an endpoint, and those of none, which are about its name."""

    def __init__(self, store: SampleStore, part: str) -> None:
        self._store = store
        self._part = part

    def of(self, endpoint: int) -> Iterator[Sample]:
        return (sample for sample in self._store.of(endpoint) if sample.part in (None, self._part))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """How true the times of a run are.

    lag: our own clock less the kernel's figure, over the open checks that the kernel timed: what a
    tool without the kernel's figure would have reported on top. own_clock_checks: open checks that
    only our own clock timed (no TCP_INFO here). late_starts: None where nothing was scheduled.
    """

    lag: Distribution
    own_clock_checks: int
    late_starts: Lateness | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One campaign, judged.

    results: one for each endpoint that was probed, in the order of the plan; skipped and
    deselected endpoints have none. started_at, ended_at: wall time with offset. partial: the
    run was cut off, or a result is missing. lost_samples: measured but not recorded (full disk).
    vantages: how other places stood in the end, by name.
    baseline: the run that this one was compared with, if with any.
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
    measuring: Measuring | None = None
    vantages: Mapping[str, VantageState] = field(default_factory=dict)
    baseline: BaselineRun | None = None

    @property
    def store(self) -> SampleStore | None:
        return self.results[0].store if self.results else None

    def timestamp_of(self, sample: Sample) -> datetime.datetime:
        """The wall time of a sample's start: the run's start plus monotonic time, so that a
        stepped clock cannot disorder samples."""
        return self.started_at + datetime.timedelta(microseconds=sample.start_us)
