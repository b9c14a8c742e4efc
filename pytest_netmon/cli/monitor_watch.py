"""A plan watched: the campaign followed, its records shown and logged as they come."""

from __future__ import annotations

import datetime
import os
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pytest_netmon.campaign import Campaign
from pytest_netmon.judging import started_at

from .log import LOGGER
from .monitor_display import Blocks, Display, show_block
from .monitor_figures import Figures
from .monitor_journal import Journal
from .screen import Screen
from .signals import Ending

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan
    from pytest_netmon.run import Run
    from pytest_netmon.samples import Record

#: Names are resolved again this often.
_RESOLVE_EVERY_S = 60.0
#: How often to look for new samples.
_LOOK_EVERY_S = 0.05


class Watch:
    """Watches the endpoints of `plan` that are not skipped.

    samples: where they are recorded, None for a temporary folder. out: where the figures go, through
    `screen`. env: what the terminal is.
    """

    def __init__(
        self, plan: Plan, samples: Path | None, screen: Screen, out: TextIO, options: Namespace, env: Mapping[str, str]
    ) -> None:
        self._plan = plan
        self._screen = screen
        selected = [index for index, endpoint in enumerate(plan.endpoints) if endpoint.skip is None]
        self._campaign = Campaign(plan, selected, sample_file=samples, refresh_s=_RESOLVE_EVERY_S, observe=self._take)
        recording = self._campaign.recording
        self._figures = Figures(plan, selected, recording.glance_of)
        self._journal = Journal({index: plan.endpoints[index] for index in selected})
        is_terminal = out.isatty() and env.get("TERM") != "dumb" and os.name == "posix"
        self._display = self._live_table(out) if is_terminal and not options.plain else self._blocks(options.count)

    def follow(self, ending: Ending) -> None:
        """Watch until all checks are made, a signal came, or nobody reads any more.
        Raises CampaignError where nothing could be started."""
        for warning in self._plan.warnings:
            LOGGER.warning("%s", warning)
        LOGGER.debug("samples are recorded in %s", self._campaign.recording.path)
        try:
            self._campaign.start()
            while not (self._campaign.ended or ending.signal or self._screen.is_closed):
                self._campaign.poll()
                self._display.tick()
                time.sleep(_LOOK_EVERY_S)
            self._campaign.stop()
        finally:
            self._display.end()
        self._journal.finish()

    def finish(self) -> Run:
        """Show the last block; return all that was measured, judged."""
        run = self._campaign.run()
        for warning in run.warnings:
            if warning not in (*self._plan.warnings, *self._campaign.recording.warnings):
                LOGGER.error("%s", warning)
        show_block(self._screen, self._figures, run.started_at)
        return run

    def log(self, line: str) -> None:
        """Write a line of the log where it does not get in the way of the figures."""
        self._display.log(line)

    @property
    def ended_by_itself(self) -> bool:
        """Whether the prober came to an end of its own, so that what it wrote is whole."""
        return self._campaign.is_whole

    def close(self) -> None:
        """Stop and forget; the sample file stays where it was asked for."""
        self._campaign.close()

    def _take(self, record: Record) -> None:
        self._figures.take(record)
        self._journal.take(record)
        self._display.take()

    def _blocks(self, count: int | None) -> Display:
        return Blocks(self._screen, self._figures, self._started_at, self._screen.log, count)

    def _live_table(self, out: TextIO) -> Display:
        from .live import LiveTable  # rich: 60 ms

        return LiveTable(
            out,
            self._screen.raw,
            None if sys.stderr.isatty() else self._screen.log,
            self._figures,
            p95_ms=lambda index: self._campaign.recording.statistics_of(index).connect.p95_ms,
            elapsed_s=lambda: self._campaign.progress.elapsed_s,
            planned_s=self._plan.planned_duration_s,
        )

    def _started_at(self) -> datetime.datetime:
        return started_at(self._campaign.recording) or datetime.datetime.now().astimezone()
