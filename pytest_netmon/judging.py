"""From a plan and its recording to a judged run: the same for a live campaign and a recovered one."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import __version__
from .plan import Plan
from .plan_record import PlanRecordError, plan_of
from .recording import Recording
from .run import Measuring, Result, Run
from .samples import Record, SampleFileError
from .verdict import judge

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def result_of(plan: Plan, recording: Recording, index: int, fault: str | None = None) -> Result:
    """Judge what the recording holds of the endpoint `index`; `fault` says why more did not come."""
    endpoint = plan.endpoints[index]
    complete = index in recording.done or (endpoint.count is None and recording.end_reason == "stopped")
    statistics = recording.statistics_of(index)
    verdict = judge(endpoint, statistics, complete=complete)
    if fault is not None and verdict.status == "inconclusive" and not complete:
        verdict = replace(verdict, reasons=(fault, *verdict.reasons))
    return Result(
        index=index,
        endpoint=endpoint,
        statistics=statistics,
        verdict=verdict,
        complete=complete,
        address=None if endpoint.redact else recording.addresses.get(index),
        store=recording,
    )


def run_of(
    plan: Plan,
    recording: Recording,
    results: Mapping[int, Result],
    ended_at: datetime.datetime,
    machine: dict[str, str],
    warnings: tuple[str, ...] = (),
) -> Run:
    """Put results together; the run is partial where one of them is not complete."""
    measuring = Measuring(
        lag=recording.lag.finish(), own_clock_checks=recording.own_clock_checks, late_starts=recording.late_starts
    )
    doubts = (measuring.doubt,) if measuring.doubt else ()
    return Run(
        plan=plan,
        results=tuple(results[index] for index in sorted(results)),
        started_at=started_at(recording) or ended_at,
        ended_at=ended_at,
        partial=not all(result.complete for result in results.values()),
        tool_version=__version__,
        machine=machine,
        gaps=tuple(recording.gaps),
        lost_samples=recording.lost_samples,
        warnings=(*plan.warnings, *recording.warnings, *_near(plan, recording), *doubts, *warnings),
        measuring=measuring,
    )


def _near(plan: Plan, recording: Recording) -> tuple[str, ...]:
    return tuple(
        f"{plan.endpoints[index].id}: answered in {connect_us} us: something on this machine did (a container, "
        "a service mesh or a local proxy), not necessarily the target"
        for index, connect_us in sorted(recording.near.items())
        if index < len(plan.endpoints)
    )


def started_at(recording: Recording) -> datetime.datetime | None:
    """The wall time at which the prober started, in this machine's zone; None before it did."""
    if recording.header is None:
        return None
    return (_EPOCH + datetime.timedelta(microseconds=recording.header.started_unix_us)).astimezone()


def recover(path: Path, observe: Callable[[Record], None] | None = None, *, salvage: bool = False) -> Run:
    """Judge the sample file that an interrupted run left. Its samples are read from it as needed.

    observe: called with each record. salvage: pass over damaged lines; the run is partial then, and says so.
    Raises SampleFileError where it is no sample file or is damaged, OSError where it cannot be read.
    """
    with path.open("rb"):
        recording = Recording(path, observe, salvage=salvage)
    with contextlib.closing(recording):
        recording.poll()
    if recording.header is None:
        raise SampleFileError(f"{path}: expected the first line of a sample file, found none")
    context = recording.header.context
    try:
        kept: Any = context
        plan = plan_of(kept["plan"])
        selected = [int(index) for index in kept["selected"]]
        machine = {str(key): str(value) for key, value in kept["machine"].items()}
        results = {index: result_of(plan, recording, index) for index in selected}
    except (PlanRecordError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SampleFileError(f"{path}: the plan in it cannot be read: {error}") from None
    start = started_at(recording)
    assert start is not None
    ended_at = start + datetime.timedelta(microseconds=recording.last_us)
    run = run_of(plan, recording, results, ended_at, machine, (recording.damage,) if recording.damage else ())
    return replace(run, partial=True) if recording.damage else run
