"""`netmon monitor`: watch targets, show statistics live, lose no sample. The seed's command."""

from __future__ import annotations

import contextlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_netmon.safe import for_terminal

from .arguments import BROKEN, CLOSED_PIPE, INCONCLUSIVE, INTERRUPTED, MET, USAGE
from .log import LOGGER, logging_to
from .monitor_files import only_monitor_of, rescue, samples_beside
from .monitor_options import parse
from .monitor_plan import monitor_plan, plan_lines
from .monitor_watch import Watch
from .outputs import Outputs
from .progress import Progress
from .saving import save
from .screen import Screen, wants_color
from .signals import EndedError, Ending

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan
    from pytest_netmon.run import Run


def main(argv: list[str]) -> int:
    """Run `netmon monitor` and return its exit status.

    Raises UsageError, ConfigurationError, ArtifactError and CampaignError, all of them before any result.
    """
    options = parse(argv)
    plan = monitor_plan(options, os.environ)
    if options.dry_run:
        sys.stdout.write("".join(f"{line}\n" for line in plan_lines(plan)))
        return MET
    outputs = Outputs(options.output, options.junit, options.html)
    outputs.refuse_unwritable([*options.config, *([options.log_file] if options.log_file else [])])
    return Monitor(plan, outputs, options).run()


class Monitor:
    """One run of the command, from the plan to the exit status."""

    def __init__(self, plan: Plan, outputs: Outputs, options: Namespace) -> None:
        self._plan = plan
        self._outputs = outputs
        self._options = options
        self._out = sys.stderr if outputs.json_to_stdout else sys.stdout
        self._screen = Screen(self._out, sys.stderr, os.environ)
        self._log: Callable[[str], None] = self._screen.log
        self._ending = Ending()
        self._samples: Path | None = None
        if outputs.json is not None and not outputs.json_to_stdout:
            self._samples = samples_beside(outputs.json)

    def run(self) -> int:
        """Watch, show, write; return the exit status."""
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self._ending.on_signals())
                stack.enter_context(self._logging())
                if self._samples is not None:
                    stack.enter_context(only_monitor_of(self._samples))
                    rescue(self._samples, Progress(self._screen, "monitor", self._ending.check), LOGGER.warning)
                watch = Watch(self._plan, self._samples, self._screen, self._out, self._options, os.environ)
                stack.callback(watch.close)
                self._log = watch.log
                watch.follow(self._ending)
                return self._finish(watch)
        except EndedError:  # before anything was measured
            self._screen.end_progress()
            return self._ending.exit_status or INTERRUPTED
        except KeyboardInterrupt:
            self._screen.remark(f"netmon monitor: ended at once{self._where_samples_are()}")
            return INTERRUPTED

    def _finish(self, watch: Watch) -> int:
        run = watch.finish()
        troubles = save(run, self._outputs, self._screen, Progress(self._screen, "monitor"))
        for trouble in troubles:
            self._screen.remark(f"netmon monitor: {trouble}")
        if troubles:
            self._screen.remark(f"netmon monitor: the results could not be saved{self._where_samples_are()}")
        elif self._samples is not None:
            self._samples.unlink(missing_ok=True)
        return self._status(run, watch) or (USAGE if troubles else MET)

    def _status(self, run: Run, watch: Watch) -> int:
        if run.partial and (self._ending.exit_status or self._screen.is_closed):
            return self._ending.exit_status or CLOSED_PIPE
        judged = [result for result in run.results if result.endpoint.is_judged]
        if judged:
            # A failure that is expected breaks nothing.
            found = {result.verdict.status for result in judged if result.endpoint.xfail is None}
            return BROKEN if "failed" in found else INCONCLUSIVE if "inconclusive" in found else MET
        if not watch.ended_by_itself:
            return INCONCLUSIVE
        return MET if any(result.statistics.successful for result in run.results) else BROKEN

    def _logging(self) -> contextlib.AbstractContextManager[None]:
        return logging_to(
            lambda line: self._log(line),
            verbosity=self._options.verbose,
            color=wants_color(sys.stderr, "auto", os.environ),
            file=self._options.log_file,
        )

    def _where_samples_are(self) -> str:
        if self._samples is None or not self._samples.exists():
            return ""
        name = for_terminal(str(self._samples), None)
        return f"; the samples stay in {name}: `netmon report {name} --json FILE` recovers them"
