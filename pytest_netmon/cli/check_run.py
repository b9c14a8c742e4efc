"""One run of `netmon check`, from a plan that is being measured to the exit status."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_netmon.launching import CampaignError, Launch
from pytest_netmon.safe import for_terminal

from .arguments import MET, USAGE
from .measuring import Measuring
from .outputs import Outputs
from .result_lines import (
    DESELECTED,
    RED_WORDS,
    SKIP,
    UNFINISHED,
    Line,
    exit_status_of,
    last_line,
    result_lines,
    skip_line,
    word_of,
)
from .screen import Screen, columns_of
from .signals import EndedError, Ending

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan
    from pytest_netmon.run import Result, Run

#: Set where a CI system takes a job summary: pytest_netmon.runners is imported only then.
_SUMMARY_VARIABLES = ("GITHUB_STEP_SUMMARY", "TF_BUILD")
#: Of a matrix where no terminal says how wide it is: a log has room.
_WIDE = 160


class Check:
    """Shows and writes what comes of a plan. launch: what measures it. ending: asked some ten times a second whether to
    go on."""

    def __init__(self, plan: Plan, launch: Launch, ending: Ending, outputs: Outputs, options: Namespace) -> None:
        self._plan = plan
        self._outputs = outputs
        self._is_quiet: bool = options.quiet
        self._annotates: bool = options.annotations
        out = sys.stderr if outputs.json_to_stdout else sys.stdout
        self._screen = Screen(out, sys.stderr, os.environ, options.color)
        self._ending = ending
        self._measuring = Measuring(plan, launch, ending=ending, decided=self._show, progress=self._show_progress)
        self._began_s = launch.started_s

    def run(self) -> int:
        """Check, show, write; return the exit status."""
        with contextlib.closing(self._measuring):
            self._warn(self._plan.warnings)
            self._show_skipped()
            self._measure()
            return self._finish(self._measuring.run())

    def _measure(self) -> None:
        """Measure until everything is decided, or until a signal; that reaches the prober too, which it may
        find at its start."""
        try:
            self._measuring.measure()
        except EndedError:
            pass
        except CampaignError:
            if self._ending.signal is None:
                raise

    def _finish(self, run: Run) -> int:
        elapsed_s = time.monotonic() - self._began_s
        words = [self._word_of(result) for result in run.results]
        self._screen.end_progress(keep=self._ending.signal is not None)  # it names what was waited for
        self._warn(warning for warning in run.warnings if warning not in self._plan.warnings)
        troubles = self._write(run)
        if not self._is_quiet or self._ending.signal or any(word in RED_WORDS for word in words):
            self._show_matrix(run)
            unchecked = [SKIP] * (len(self._plan.endpoints) - len(self._plan.checked))
            unchecked += [DESELECTED] * self._plan.deselected
            self._show_lines([last_line([*words, *unchecked], elapsed_s, self._interrupted())])
        for trouble in troubles:
            self._screen.remark(f"netmon check: {trouble}")
        self._tell_runner(run)
        return self._ending.exit_status or exit_status_of(words) or (USAGE if troubles else MET)

    def _show_matrix(self, run: Run) -> None:
        """Show what is red from which place, where there are several."""
        if len({result.endpoint.vantage for result in run.results}) < 2:
            return
        from pytest_netmon.reports.matrix import matrix_lines

        out = sys.stderr if self._outputs.json_to_stdout else sys.stdout
        for line in matrix_lines(run, columns_of(out) if out.isatty() else _WIDE):
            self._screen.line(line)

    def _write(self, run: Run) -> list[str]:
        """Write what was asked for; return what went wrong with it, and with the screen."""
        troubles = self._outputs.write(run)
        screens = [self._screen]
        if self._outputs.json_to_stdout:
            from pytest_netmon.reports.json_report import json_chunks

            stdout = Screen(sys.stdout, sys.stderr, os.environ)
            for chunk in json_chunks(run):
                stdout.raw(chunk)
            screens.append(stdout)
        return troubles + [screen.trouble for screen in screens if screen.trouble]

    def _tell_runner(self, run: Run) -> None:
        """Leave a CI system its job summary, and annotations where they are asked for."""
        if not self._annotates and not any(os.environ.get(name) for name in _SUMMARY_VARIABLES):
            return
        from pytest_netmon.runners import failure_annotations, leave_summary

        left = leave_summary(run, os.environ)
        if left.trouble:
            self._screen.remark(f"netmon check: {for_terminal(left.trouble, None)}")
        commands = failure_annotations(run, os.environ, Path()) if self._annotates else []
        for command in (*left.commands, *commands):
            self._screen.raw(f"{command}\n")

    def _show_skipped(self) -> None:
        for endpoint in self._plan.endpoints:
            if endpoint.skip is not None and not self._is_quiet:
                self._show_lines([skip_line(endpoint)])

    def _show(self, result: Result) -> None:
        if not self._is_quiet or word_of(result) in RED_WORDS:
            self._show_lines(result_lines(result))

    def _show_lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._screen.line(line.text, line.word, line.style)

    def _show_progress(self, line: str) -> None:
        if not self._is_quiet:
            self._screen.progress(line)

    def _warn(self, warnings: Iterable[str]) -> None:
        if not self._is_quiet:
            for warning in warnings:
                self._screen.remark(f"netmon check: warning: {for_terminal(warning)}")

    def _word_of(self, result: Result) -> str:
        cut_off = self._ending.signal is not None and not result.complete
        return UNFINISHED if cut_off and result.verdict.status == "inconclusive" else word_of(result)

    def _interrupted(self) -> str:
        return f"interrupted by {self._ending.signal.name}: " if self._ending.signal else ""
