"""From a plan and its recording to a judged run: the same for a live campaign and a recovered one."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .outcomes import TRANSIENT
from .plan import Endpoint, Plan
from .plan_record import PlanRecordError, plan_of
from .recording import Recording
from .reports.proxies import direct_note
from .run import Measuring, Result, Run
from .sample_lines import SampleFileError
from .samples import Record
from .statistics import Statistics
from .tolerance import Tolerance
from .vantage import LOCAL_VANTAGE, lost_words
from .verdict import Surroundings, judge

if TYPE_CHECKING:
    from .baseline import Comparison

#: Addresses that failed, to name in a warning.
_MOST_IN_VAIN = 3
_MOST_NEAR = 5
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def controls_of(plan: Plan, selected: Iterable[int]) -> tuple[int, ...]:
    """Return the indexes of the controls among those that are probed."""
    return tuple(index for index in selected if plan.endpoints[index].control)


def can_be_judged(
    plan: Plan, recording: Recording, selected: Collection[int], controls: Iterable[int], index: int
) -> bool:
    """Say whether all is in that the verdict on an endpoint depends on: its own samples and those of the
    controls; where it is expected to be closed, also something that was open, or everything.

    selected, controls: the indexes of those that are checked from the same place.
    """
    if index not in recording.done or any(control not in recording.done for control in controls):
        return False
    if plan.endpoints[index].expects_open or _others_opened(recording, index, selected):
        return True
    return len(recording.done) >= len(selected) and recording.done.issuperset(selected)


def failed_controls(plan: Plan, recording: Recording, controls: Iterable[int]) -> tuple[str, ...]:
    """Return the ids of the controls that were not as they must be; one that was cut off is none of them."""
    done = [index for index in controls if index in recording.done]
    results = [result_of(plan, recording, index) for index in done]
    return tuple(result.endpoint.id for result in results if result.verdict.status != "passed")


def _others_opened(recording: Recording, index: int, selected: Collection[int] | None = None) -> bool:
    return any(other != index and (selected is None or other in selected) for other in recording.opened)


def result_of(
    plan: Plan,
    recording: Recording,
    index: int,
    failed: tuple[str, ...] = (),
    fault: str | None = None,
    peers: Collection[int] | None = None,
    comparison: Comparison | None = None,
) -> Result:
    """Judge what the recording holds of the endpoint `index`; `failed` are the controls that did, `fault` says why
    more did not come, `peers` are all that are checked from the same place, None where there is one only, `comparison`
    is what came of comparing it with its baseline."""
    endpoint = plan.endpoints[index]
    statistics = recording.statistics_of(index)
    complete = _is_over(endpoint, recording, index)
    if complete and _is_short(endpoint, recording, index, statistics):
        complete, fault = False, f"samples are missing: {recording.damage or 'they could not be recorded'}"
    around = Surroundings(failed, _others_opened(recording, index, peers), comparison if complete else None)
    waited = None if endpoint.wait is None else recording.waited_of(index)
    verdict = judge(endpoint, statistics, complete=complete, around=around, waited=waited)
    if fault is not None and verdict.status == "inconclusive" and not complete:
        none_made = not endpoint.is_local and not statistics.checks and not statistics.local_errors
        verdict = replace(verdict, reasons=(fault,) if none_made else (fault, *verdict.reasons))
    return Result(
        index=index,
        endpoint=endpoint,
        statistics=statistics,
        verdict=verdict,
        complete=complete,
        address=None if endpoint.redact or endpoint.has_parts else recording.addresses.get(index),
        store=recording,
        waited=waited,
    )


def comparisons_of(plan: Plan, recording: Recording, compared: Iterable[int]) -> dict[int, Comparison]:
    """Return what came of comparing the endpoints `compared` with the plan's baseline, as far as they are complete: one
    that is not still counts for Holm's correction."""
    if plan.baseline is None:
        return {}
    from .baseline import Measured, compare  # most plans have none

    measured = []
    for index in compared:
        endpoint, statistics = plan.endpoints[index], recording.statistics_of(index)
        wait = recording.waits.get(index)
        is_whole = _is_over(endpoint, recording, index) and not _is_short(endpoint, recording, index, statistics)
        was_measured = endpoint.wait is None or (wait is not None and wait.met)
        phases = statistics.phases if is_whole and was_measured else None
        measured.append(Measured(index, endpoint.vantage, endpoint.id, endpoint.baseline or Tolerance(), phases))
    return compare(measured, plan.baseline)


def _is_over(endpoint: Endpoint, recording: Recording, index: int) -> bool:
    if index in recording.done:
        return True
    return endpoint.count is None and recording.end_reason_of(endpoint.vantage) == "stopped"


def _is_short(endpoint: Endpoint, recording: Recording, index: int, statistics: Statistics) -> bool:
    """Whether an endpoint that is done lacks samples: on a full disk, or in a damaged file. The rest proves nothing."""
    if statistics.parts or index in recording.short:
        return index in recording.short
    wait = recording.waits.get(index)
    if endpoint.wait is not None and (wait is None or not wait.met or not endpoint.measured):
        return wait is None
    made = statistics.checks + statistics.local_errors
    if endpoint.count is None or made >= endpoint.count:
        return False
    would_be_retried = endpoint.expects_open and statistics.last_outcome in TRANSIENT
    return endpoint.measured or would_be_retried


class Judge:
    """The endpoints of a campaign, judged while its samples come in.

    selected: the indexes of all that are probed. ended: whether no more samples will come; set by whoever
    polls the recording. over: names of vantages of which that is known before. fault: why samples from here are
    missing, None where nothing went wrong; relay_fault: the same of all other places, where the recording says nothing.
    env: the environment that the checks were made in; what fails may have to do with a proxy that it names.
    """

    def __init__(
        self, plan: Plan, recording: Recording, selected: Sequence[int], env: Mapping[str, str] | None = None
    ) -> None:
        self._env = env or {}
        self.ended = False
        self.over: set[str] = set()
        self.fault: str | None = None
        self.relay_fault: str | None = None
        self._plan = plan
        self._recording = recording
        self._peers: dict[str, set[int]] = {}
        for index in selected:
            self._peers.setdefault(plan.endpoints[index].vantage, set()).add(index)
        self._controls = {vantage: controls_of(plan, sorted(peers)) for vantage, peers in self._peers.items()}
        self._failed_controls: dict[str, tuple[str, ...]] = {}
        has_baseline = plan.baseline is not None
        self._compared = [index for index in selected if has_baseline and plan.endpoints[index].is_compared]
        self._compared_done = 0
        self._comparisons: dict[int, Comparison] | None = None
        self._results: dict[int, Result] = {}

    def is_done(self, index: int) -> bool:
        """Whether the endpoint can be judged: all samples of it and of what its verdict depends on are in, or no
        more will come."""
        if self.ended or not self._is_over(self._plan.endpoints[index].vantage):
            return self.ended or self.has_all(index)
        return not self._is_compared(index) or self._all_compared_are_over

    def has_all(self, index: int) -> bool:
        """Whether the endpoint can be judged, and not only because no more will come."""
        vantage = self._plan.endpoints[index].vantage
        peers, controls = self._peers.get(vantage, set()), self._controls.get(vantage, ())
        if not can_be_judged(self._plan, self._recording, peers, controls, index):
            return False
        return not self._is_compared(index) or self._all_compared_are_over

    def result(self, index: int) -> Result:
        """What came of an endpoint so far; judged as complete once it is done."""
        if index in self._results:
            return self._results[index]
        is_done = self.is_done(index)
        vantage = self._plan.endpoints[index].vantage
        peers = self._peers.get(vantage) if len(self._peers) > 1 else None
        failed, fault = self._failed(vantage), self._fault_of(vantage)
        comparison = self._compare().get(index) if is_done and self._is_compared(index) else None
        result = result_of(self._plan, self._recording, index, failed, fault, peers, comparison)
        note = direct_note(result, self._env)
        if note is not None:
            result = replace(result, verdict=replace(result.verdict, notes=(*result.verdict.notes, note)))
        if is_done:
            self._results[index] = result
        return result

    def _is_compared(self, index: int) -> bool:
        return bool(self._compared) and self._plan.endpoints[index].is_compared

    @property
    def _all_compared_are_over(self) -> bool:
        """Holm's correction takes the p-values of all, of those from a lost vantage as far as there are any. To look at
        each once is enough: what is over stays so."""
        while self._compared_done < len(self._compared):
            index = self._compared[self._compared_done]
            if index not in self._recording.done and not self._is_over(self._plan.endpoints[index].vantage):
                return False
            self._compared_done += 1
        return True

    def _compare(self) -> dict[int, Comparison]:
        """Asked for once all are done, or no more will come."""
        if self._comparisons is None:
            self._comparisons = comparisons_of(self._plan, self._recording, self._compared)
        return self._comparisons

    def _is_over(self, vantage: str) -> bool:
        state = self._recording.vantages.get(vantage)
        return self.ended or vantage in self.over or (state is not None and state.is_over)

    def _fault_of(self, vantage: str) -> str | None:
        if vantage == LOCAL_VANTAGE:
            return self.fault
        state = self._recording.vantages.get(vantage)
        if state is not None and state.is_over:
            return lost_words(vantage, state.text) if state.state == "lost" else None
        return self.relay_fault

    def _failed(self, vantage: str) -> tuple[str, ...]:
        """The controls that failed there; once all of them are done, looked at once."""
        if vantage in self._failed_controls:
            return self._failed_controls[vantage]
        controls = self._controls.get(vantage, ())
        failed = failed_controls(self._plan, self._recording, controls)
        if self._is_over(vantage) or all(index in self._recording.done for index in controls):
            self._failed_controls[vantage] = failed
        return failed


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
        lag=recording.lag.finish(),
        own_clock_checks=sum(recording.own_clock.values()),
        late_starts=recording.late_starts,
    )
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
        warnings=(
            *plan.warnings,
            *recording.warnings,
            *(lost_words(each.name, each.text) for each in recording.vantages.values() if each.state == "lost"),
            *_near(plan, recording),
            *_in_vain(plan, recording),
            *_doubts(plan, recording),
            *(plan.baseline.run.warnings if plan.baseline else ()),
            *warnings,
        ),
        measuring=measuring,
        vantages=dict(recording.vantages),
        baseline=plan.baseline.run if plan.baseline else None,
    )


def _in_vain(plan: Plan, recording: Recording) -> tuple[str, ...]:
    """What a green result hides: a client that tries one address only would have failed."""
    told = []
    for index, counts in sorted(recording.in_vain.items()):
        if index >= len(plan.endpoints) or plan.endpoints[index].expect != "open":
            continue
        checks = recording.statistics_of(index).checks
        most = counts.most_common(_MOST_IN_VAIN)
        shown = [f"{address or 'one'} ({outcome}) in {times} of {checks} checks" for (address, outcome), times in most]
        more = [f"{len(counts) - len(most)} more"] if len(counts) > len(most) else []
        told.append(
            f"{_name(plan.endpoints[index])}: addresses failed before another one answered: {', '.join(shown + more)}"
        )
    return tuple(told)


def _doubts(plan: Plan, recording: Recording) -> tuple[str, ...]:
    """How late the clock here was says nothing of other places: what they say of theirs is a warning already."""
    late = recording.late_starts
    is_ours = any(plan.endpoints[index].is_local for index in recording.own_clock if index < len(plan.endpoints))
    return (late.doubt,) if is_ours and late is not None and late.doubt is not None else ()


def _name(endpoint: Endpoint) -> str:
    return endpoint.id if endpoint.is_local else f"{endpoint.id} from {endpoint.vantage}"


def _near(plan: Plan, recording: Recording) -> tuple[str, ...]:
    """One warning for all: a service mesh answers for every target."""
    near = [(plan.endpoints[index], us) for index, us in sorted(recording.near.items()) if index < len(plan.endpoints)]
    if not near:
        return ()
    names = [_name(endpoint) for endpoint, _ in near[:_MOST_NEAR]]
    names += [f"{len(near) - len(names)} more"] if len(near) > len(names) else []
    quickest, slowest = min(us for _, us in near), max(us for _, us in near)
    took = f"{quickest} us" if quickest == slowest else f"{quickest} to {slowest} us"
    return (
        f"{', '.join(names)}: answered in {took}: something on the same machine did (a container, a service mesh or a "
        "local proxy), not necessarily the target",
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
        judge_of_all = Judge(plan, recording, selected)
        judge_of_all.ended = True
        results = {index: judge_of_all.result(index) for index in selected}
    except (PlanRecordError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SampleFileError(f"{path}: the plan in it cannot be read: {error}") from None
    start = started_at(recording)
    assert start is not None
    ended_at = start + datetime.timedelta(microseconds=recording.last_us)
    run = run_of(plan, recording, results, ended_at, machine, (recording.damage,) if recording.damage else ())
    return replace(run, partial=True) if recording.damage else run
