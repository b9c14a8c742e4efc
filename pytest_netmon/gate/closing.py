"""The end of a session: hooks, artifacts, the summary. Whatever goes wrong here is said and makes the
run red; it never loses what was measured.
"""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.files import ArtifactError, write_artifacts
from pytest_netmon.reports.dry_run import dry_run_lines
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.junit_report import junit_xml
from pytest_netmon.reports.summary import summary_lines
from pytest_netmon.runners import Left, failure_annotations, leave_summary
from pytest_netmon.safe import for_terminal

from .logs import for_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_netmon.plan import Endpoint, Plan
    from pytest_netmon.run import Result, Run


#: The plugin that annotates failing tests as soon as it is installed, under GitHub Actions.
_ANNOTATING_PLUGIN = "pytest_github_actions_annotate_failures"

_ARTIFACTS = ("netmon.json", "netmon-junit.xml", "netmon.html")


def _junit_chunks(run: Run) -> Iterator[str]:
    """Made while it is written, so that what cannot be read then is told like any other trouble."""
    yield junit_xml(run)


class Closing:
    """Announces results and the run to hooks, writes artifacts, and keeps what the summary has to say."""

    def __init__(self, config: pytest.Config, report_folder: Path | None) -> None:
        self._config = config
        self._folder = report_folder
        self._run: Run | None = None
        self._written: list[Path] = []
        self._notes: list[str] = []
        self._troubles: list[str] = []
        self._listed: list[str] = []
        self._left = Left()

    @property
    def is_red(self) -> bool:
        """Whether a hook or an artifact failed, or something else must not be green."""
        return bool(self._troubles)

    def note(self, line: str) -> None:
        """Have the summary say something."""
        self._notes.append(line)

    def note_trouble(self, line: str) -> None:
        """Have the summary say something that makes the run red."""
        self._troubles.append(line)

    def announce_result(self, result: Result) -> None:
        """Call the hook `pytest_netmon_result`."""
        hook = self._config.hook.pytest_netmon_result
        if not hook.get_hookimpls():
            return
        name = f"pytest_netmon_result for {result.endpoint.id}"
        self._guarded(name, lambda: hook(config=self._config, result=result))

    def finish(self, run: Run) -> None:
        """Call the hook `pytest_netmon_run`, then write the artifacts."""
        self._run = run
        hook = self._config.hook.pytest_netmon_run
        try:
            self._guarded("pytest_netmon_run", lambda: hook(config=self._config, run=run))
        finally:
            if self._folder:
                self._write(run, self._folder)
            self._left = leave_summary(run, os.environ)

    def list_plan(self, plan: Plan, endpoints: list[Endpoint]) -> None:
        """Have the summary of a session that only collects say what would be done."""
        if self._config.get_verbosity() >= 0:
            self._listed = dry_run_lines(plan, endpoints) if endpoints else []

    def show_summary(self, reporter: pytest.TerminalReporter) -> None:
        """Write the section "netmon" of pytest's summary; once, and only where there is something to say."""
        self._show_listed(reporter)
        run, notes, troubles = self._run, self._notes, self._troubles
        self._run, self._notes, self._troubles = None, [], []
        if not (run or notes or troubles):
            return
        reporter.ensure_newline()
        reporter.section("netmon")
        for line in summary_lines(run, self._config.get_terminal_writer().fullwidth) if run else ():
            reporter.line(for_log(line))
        for path in self._written:
            reporter.line(for_log(f"written: {for_terminal(_as_named(path, self._config), None)}"))
        for line in notes:
            reporter.line(for_log(line), yellow=True)
        for trouble in troubles:
            reporter.line(for_log(trouble), red=True)
        if self._left.trouble:
            reporter.line(for_log(for_terminal(self._left.trouble, None)))
        for command in (*self._left.commands, *(self._annotations(run) if run else ())):
            reporter.line(command)

    def _annotations(self, run: Run) -> list[str]:
        if not self._config.option.netmon_annotations:
            return []
        on_github = os.environ.get("GITHUB_ACTIONS") == "true"
        if on_github and self._config.pluginmanager.hasplugin(_ANNOTATING_PLUGIN):
            return []
        return failure_annotations(run, os.environ, self._config.invocation_params.dir)

    def _show_listed(self, reporter: pytest.TerminalReporter) -> None:
        listed, self._listed = self._listed, []
        if listed:
            reporter.section("netmon")
        for line in listed:
            reporter.line(for_log(line))

    def _write(self, run: Run, folder: Path) -> None:
        from pytest_netmon.reports.html_report import html_chunks  # jinja2 takes a tenth of a second

        texts = dict(zip(_ARTIFACTS, (json_chunks(run), _junit_chunks(run), html_chunks(run)), strict=True))
        try:
            self._written = write_artifacts(folder, texts)
        except ArtifactError as error:
            self._written = list(error.written)
            self._troubles.append(str(error))

    def _guarded(self, name: str, call: Callable[[], object]) -> None:
        try:
            call()
        except pytest.exit.Exception:
            raise
        except (Exception, SystemExit, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - any
            told = "".join(traceback.format_exception(error)).rstrip()
            self._troubles.append(for_terminal(f"the hook {name} failed:\n{told}", None, lines=True))


def stale_lines(config: pytest.Config, folder: Path | None) -> list[str]:
    """Say that the artifacts that stand in `folder` are none of this session: a CI system uploads what it finds."""
    if folder is None or not any((folder / name).exists() for name in _ARTIFACTS):
        return []
    return [f"{for_terminal(_as_named(folder, config), None)}/ is from an earlier run"]


def _as_named(path: Path, config: pytest.Config) -> str:
    """As a user would name it from where pytest was started."""
    started_in = config.invocation_params.dir
    return os.path.relpath(path, started_in) if path.is_relative_to(started_in) else str(path)
