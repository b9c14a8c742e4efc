"""What a user sees while a test waits for its endpoint: a line rewritten on a terminal, a line
now and then in a log. pytest's own line of dots stays as it is.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

#: Waiting that is over sooner shows nothing.
_QUIET_S = 1.0
#: From line to line in a log.
_LOG_EVERY_S = 5.0
_ERASE = "\r\x1b[2K"


class NoWaiting:
    """Shows nothing: -q, or no terminal reporter."""

    def show(self, line: str) -> None:
        """Show how far things are; called some ten times a second during a wait."""

    def end(self) -> None:
        """The wait is over."""


class LogWaiting(NoWaiting):
    """Writes a line of its own every few seconds."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._last_s = time.monotonic()

    def show(self, line: str) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= _LOG_EVERY_S:
            self._last_s = now_s
            self._reporter.ensure_newline()
            if self._reporter.config.get_terminal_writer().width_of_current_line:  # the dots of xdist
                self._reporter.write_line("")
            self._reporter.write_line(line)
            self._reporter.flush()


class TerminalWaiting(NoWaiting):
    """Rewrites one line below pytest's line of dots, and puts the cursor back behind the dots.

    pytest counts what it writes to know where its line stands, so this writes past it.
    """

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._writer = reporter.config.get_terminal_writer()
        self._began_s: float | None = None
        self._column: int | None = None

    def show(self, line: str) -> None:
        now_s = time.monotonic()
        self._began_s = now_s if self._began_s is None else self._began_s
        if now_s - self._began_s < _QUIET_S:
            return
        if self._column is None:
            self._column = self._writer.width_of_current_line
            self._write("\n" if self._column else "")
        width = self._writer.fullwidth - 1  # a full line would wrap
        self._write(_ERASE + line[:width])

    def end(self) -> None:
        if self._column:
            self._write(f"{_ERASE}\x1b[A\x1b[{self._column}C")
        elif self._column == 0:
            self._write(_ERASE)
        self._column = None

    def _write(self, text: str) -> None:
        self._writer.flush()
        sys.stdout.write(text)
        sys.stdout.flush()


def waiting_display(config: pytest.Config, *, in_lines: bool = False) -> NoWaiting:
    """Choose what fits where pytest writes; `in_lines`: it goes on writing meanwhile (pytest-xdist)."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.get_verbosity() < 0:
        return NoWaiting()
    if not in_lines and reporter.isatty and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalWaiting(reporter)
    return LogWaiting(reporter)
