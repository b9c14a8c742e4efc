"""The campaigns behind a check: one, or with `--wait` one that waits and one that then measures."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections import deque
from collections.abc import Callable, Iterable

from pytest_netmon import __version__
from pytest_netmon.campaign import Campaign, Progress, machine
from pytest_netmon.plan import Plan
from pytest_netmon.recording import LaterStore
from pytest_netmon.reports.summary import progress_line
from pytest_netmon.run import Result, Run
from pytest_netmon.samples import Done, Gap, Record

from .awaiting import RESOLVE_EVERY_S, awaiting_plan, to_measure, waiting_line
from .signals import Ending


class Measuring:
    """Measures all endpoints of `plan` that are not skipped.

    wait_s: keep trying what is not open yet, this long. ending: asked some ten times a second whether
    to go on. decided: called with each result, in the order in which they are decided. progress:
    called some ten times a second with a line that says how far things are.
    """

    def __init__(
        self,
        plan: Plan,
        wait_s: float | None,
        *,
        ending: Ending,
        decided: Callable[[Result], None],
        progress: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._wait_s = wait_s
        self._ending, self._decided, self._progress = ending, decided, progress
        self._newly_done: deque[int] = deque()
        self._began_s = time.monotonic()
        first = plan if wait_s is None else awaiting_plan(plan, wait_s)
        refresh_s = None if wait_s is None else RESOLVE_EVERY_S
        checked = [index for index, endpoint in enumerate(plan.endpoints) if endpoint.skip is None]
        self._first = Campaign(first, checked, refresh_s=refresh_s, observe=self._note)
        self._second: Campaign | None = None

    def measure(self) -> None:
        """Block until everything is decided. Raises EndedError after a signal, CampaignError where nothing
        could be started."""
        if not self._first.selected:
            return
        later = set(to_measure(self._plan, self._first.selected)) if self._wait_s is not None else set()
        self._follow(self._first, later)
        reached = [index for index in sorted(later) if self._first.result(index).verdict.status == "passed"]
        if reached:
            self._second = Campaign(self._plan, reached, observe=self._note)
            self._follow(self._second, set())

    def run(self) -> Run:
        """Stop, and return all that was measured until now, judged."""
        if not self._first.selected:
            return _empty_run(self._plan)
        first = self._first.run()
        if self._wait_s is None:
            return first
        reached = to_measure(self._plan, [each.index for each in first.results if each.verdict.status == "passed"])
        if not reached:
            return first
        # Cut off before it began, it has nothing measured, and its results say so.
        self._second = self._second or Campaign(self._plan, reached)
        return _joined(first, self._second.run())

    def close(self) -> None:
        """Forget all samples."""
        for campaign in (self._first, self._second):
            if campaign is not None:
                campaign.close()

    def _follow(self, campaign: Campaign, later: set[int]) -> None:
        """Run a campaign to its end and tell what it decides; what is yet to be measured only if it failed."""
        campaign.start()
        campaign.wait_all(lambda progress: self._on_tick(campaign, progress, later))
        self._tell(campaign, later)
        self._ending.check()
        self._tell_of(campaign, [index for index in campaign.selected if index not in campaign.recording.done], later)

    def _on_tick(self, campaign: Campaign, progress: Progress, later: set[int]) -> None:
        self._tell(campaign, later)
        self._ending.check()
        self._progress(self._line(campaign, progress))

    def _tell(self, campaign: Campaign, later: set[int]) -> None:
        newly = [self._newly_done.popleft() for _ in range(len(self._newly_done))]
        self._tell_of(campaign, [index for index in newly if campaign.done(index)], later)
        self._newly_done.extend(index for index in newly if not campaign.done(index))

    def _tell_of(self, campaign: Campaign, indexes: Iterable[int], later: set[int]) -> None:
        for index in indexes:
            result = campaign.result(index)
            if index not in later or result.verdict.status != "passed":
                self._decided(result)

    def _line(self, campaign: Campaign, progress: Progress) -> str:
        elapsed_s = time.monotonic() - self._began_s
        if self._wait_s is not None and campaign is self._first:
            recording = campaign.recording
            pending = [index for index in campaign.selected if index not in recording.done]
            outcomes = {index: sample.outcome for index, sample in recording.last.items()}
            named = [(campaign.plan.endpoints[index], outcomes.get(index)) for index in pending]
            return waiting_line(named, progress.endpoints, elapsed_s, self._wait_s)
        planned_s = max(campaign.plan.endpoints[index].planned_duration_s for index in campaign.selected)
        return progress_line(
            progress.endpoints_done, progress.endpoints, progress.checks, progress.elapsed_s, planned_s
        )

    def _note(self, record: Record) -> None:
        if isinstance(record, Done):
            self._newly_done.append(record.endpoint)


def _joined(first: Run, second: Run) -> Run:
    """Return one run: what was measured second takes the place of the wait for it, on the first one's clock."""
    later_us = round((second.started_at - first.started_at).total_seconds() * 1e6)
    results = {result.index: result for result in first.results}
    for result in second.results:
        results[result.index] = dataclasses.replace(result, store=LaterStore(result.store, later_us))
    endpoints = [
        results[index].endpoint if index in results else endpoint for index, endpoint in enumerate(first.plan.endpoints)
    ]
    gaps = tuple(Gap(gap.at_us + later_us, gap.length_us, gap.cause, gap.missed) for gap in second.gaps)
    return dataclasses.replace(
        first,
        plan=dataclasses.replace(first.plan, endpoints=endpoints),
        results=tuple(results[index] for index in sorted(results)),
        ended_at=max(first.ended_at, second.ended_at),
        partial=first.partial or second.partial,
        gaps=first.gaps + gaps,
        lost_samples=first.lost_samples + second.lost_samples,
        warnings=tuple(dict.fromkeys(first.warnings + second.warnings)),
    )


def _empty_run(plan: Plan) -> Run:
    """All endpoints are skipped."""
    now = datetime.datetime.now(datetime.timezone.utc).astimezone()
    return Run(
        plan=plan,
        results=(),
        started_at=now,
        ended_at=now,
        partial=False,
        tool_version=__version__,
        machine=machine(),
        warnings=tuple(plan.warnings),
    )
