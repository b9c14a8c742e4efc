"""The campaign behind a check."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

from pytest_netmon import __version__
from pytest_netmon.campaign import Campaign, Progress
from pytest_netmon.launching import Launch
from pytest_netmon.plan import Plan
from pytest_netmon.run import Result, Run
from pytest_netmon.samples import Done, Record

from .signals import Ending

#: So long after the start results are told at once, after that ten times a second: each takes the progress line, which
#: is shown by then, off the screen.
_AT_ONCE_S = 1.0


class Measuring:
    """Follows what `launch` measures of `plan`.

    ending: asked some ten times a second whether to go on. decided: called with each result, in the order in
    which they are decided. progress: called some ten times a second with a line that says how far things are.
    """

    def __init__(
        self,
        plan: Plan,
        launch: Launch,
        *,
        ending: Ending,
        decided: Callable[[Result], None],
        progress: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._ending, self._decided, self._progress = ending, decided, progress
        self._newly_done: list[int] = []
        self._not_decided: list[int] = []
        self._machine = launch.machine
        self._at_once_until_s = launch.started_s + _AT_ONCE_S
        self._campaign = Campaign(plan, launch.selected, observe=self._note, launch=launch)

    def measure(self) -> None:
        """Block until everything is decided. Raises EndedError after a signal, CampaignError where nothing
        could be started."""
        campaign = self._campaign
        if not campaign.selected:
            return
        campaign.start()
        campaign.wait_all(self._on_tick, self._on_look)
        self._tell()
        self._ending.check()
        for index in campaign.selected:
            if index not in campaign.recording.done:
                self._decided(campaign.result(index))

    def run(self) -> Run:
        """Stop, and return all that was measured until now, judged."""
        return self._campaign.run() if self._campaign.selected else _empty_run(self._plan, self._machine)

    def close(self) -> None:
        """Forget all samples."""
        self._campaign.close()

    def _on_tick(self, progress: Progress) -> None:
        self._tell()
        self._ending.check()
        self._progress(self._line(progress))

    def _on_look(self) -> None:
        if time.monotonic() < self._at_once_until_s:
            self._tell_new()

    def _tell(self) -> None:
        """Tell of all that can be judged by now; to look at those that could not be before may take long."""
        self._newly_done[:0] = self._not_decided
        self._not_decided = []
        self._tell_new()

    def _tell_new(self) -> None:
        newly, self._newly_done = self._newly_done, []
        for index in newly:
            if self._campaign.done(index):
                self._decided(self._campaign.result(index))
            else:
                self._not_decided.append(index)

    def _line(self, progress: Progress) -> str:
        from pytest_netmon.reports.summary import progress_line
        from pytest_netmon.reports.waiting import waiting_line

        if pending := self._campaign.waiting:
            return waiting_line(pending, progress.endpoints, progress.elapsed_s)
        planned_s = self._plan.planned_duration_s
        return progress_line(
            progress.endpoints_done, progress.endpoints, progress.checks, progress.elapsed_s, planned_s
        )

    def _note(self, record: Record) -> None:
        if isinstance(record, Done):
            self._newly_done.append(record.endpoint)


def _empty_run(plan: Plan, machine: dict[str, str]) -> Run:
    """All endpoints are skipped."""
    now = datetime.datetime.now(datetime.timezone.utc).astimezone()
    return Run(
        plan=plan,
        results=(),
        started_at=now,
        ended_at=now,
        partial=False,
        tool_version=__version__,
        machine=machine,
        warnings=tuple(plan.warnings),
    )
