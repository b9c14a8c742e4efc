"""Where a command's words go: lines on a stream, a line that is rewritten, colours, closed pipes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Literal, TextIO

from pytest_netmon.reports.layout import fitted, wrapped
from pytest_netmon.safe import for_workflow

Colors = Literal["auto", "always", "never"]
#: A wait that is over sooner shows nothing; from line to line where lines cannot be rewritten.
_QUIET_S, _LOG_EVERY_S = 1.0, 5.0
_REWRITE_EVERY_S = 0.2
_USUAL_COLUMNS = 80
#: A full line would wrap, and the terminal may show `^C` behind it.
_SPARE_COLUMNS = 3
_ERASE = "\r\x1b[2K"
_STYLES = {"green": "32", "red": "1;31", "yellow": "33", "cyan": "36"}
#: Runners that take commands from what a step writes (safe.for_workflow).
_RUNNERS = ("GITHUB_ACTIONS", "TF_BUILD")


def wants_color(stream: TextIO, colors: Colors, env: Mapping[str, str]) -> bool:
    """Say whether to write colours: asked for, or a terminal that NO_COLOR (no-color.org) and TERM leave them to."""
    if colors != "auto":
        return colors == "always"
    return stream.isatty() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


class Screen:
    """Writes lines to `out` and how far things are to `err`.

    A pipe that was closed at its other end is written to no more, quietly. trouble: what else the
    system said against writing (a full disk), None so far.
    """

    def __init__(self, out: TextIO, err: TextIO, env: Mapping[str, str], colors: Colors = "auto") -> None:
        self.trouble: str | None = None
        self._out, self._err = out, err
        self._has_color = wants_color(out, colors, env)
        self._is_runner = any(env.get(name) for name in _RUNNERS)
        self._rewrites = err.isatty() and env.get("TERM") != "dumb"
        self._began_s = self._last_s = time.monotonic()
        self._has_progress = False
        self._closed: set[TextIO] = set()

    def painted(self, text: str, style: str) -> str:
        """Return `text` in a style where there are colours: green, red, yellow or cyan."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._has_color else text

    def line(self, text: str, word: str = "", style: str = "green") -> None:
        """Write a line, `word` in front of it in its style, and out of the way of the progress line."""
        self.end_progress()
        lines = self._wrapped(word + text, self._out)
        first = lines[0].removeprefix(word)
        shown = [self.painted(word, style) + first if word else first, *lines[1:]]
        self._write(self._out, "".join(f"{each}\n" for each in shown))

    def raw(self, chunk: str) -> None:
        """Write a piece of a document."""
        self._write(self._out, chunk)

    def remark(self, text: str) -> None:
        """Write a line to `err`."""
        self.end_progress()
        self._write(self._err, "".join(f"{line}\n" for line in self._wrapped(text, self._err)))

    def log(self, line: str) -> None:
        """Write a line of a log, its newline included, to `err`."""
        self.end_progress()
        self._write(self._err, self._harmless(line))

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads the lines any more: a pipe that was closed at its other end."""
        return self._out in self._closed and self.trouble is None

    def progress(self, text: str) -> None:
        """Show how far things are, if it takes long; to be called often."""
        now_s = time.monotonic()
        if now_s - self._began_s < _QUIET_S:
            return
        if now_s - self._last_s < (_REWRITE_EVERY_S if self._rewrites else _LOG_EVERY_S):
            return
        self._last_s = now_s
        if self._rewrites:
            self._has_progress = True
            self._write(self._err, _ERASE + fitted(text, columns_of(self._err) - _SPARE_COLUMNS))
        else:
            self._write(self._err, f"{self._harmless(text)}\n")

    def end_progress(self, *, keep: bool = False) -> None:
        """Erase the line that shows how far things are, or leave it where it is."""
        if self._has_progress:
            self._has_progress = False
            self._write(self._err, "\n" if keep else _ERASE)

    def _wrapped(self, text: str, stream: TextIO) -> list[str]:
        """Break what is too long for a terminal; in a file and in a pipe a line stays one."""
        return wrapped(text, columns_of(stream)) if stream.isatty() else [self._harmless(text)]

    def _harmless(self, text: str) -> str:
        return for_workflow(text) if self._is_runner else text

    def _write(self, stream: TextIO, text: str) -> None:
        if stream in self._closed:
            return
        try:
            stream.write(text)
            stream.flush()
        except OSError as error:
            self._closed.add(stream)
            if not isinstance(error, BrokenPipeError) and stream is self._out:
                self.trouble = f"cannot write to {stream.name}: {error.strerror or error}"
            forget_output(stream)


def forget_output(stream: TextIO) -> None:
    """Send what is still to be written to `stream` nowhere: the interpreter flushes at its end, and would complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # no file: tests put other streams in its place


def columns_of(stream: TextIO) -> int:
    """Return the width of the terminal that `stream` is; 80 where it is none, or does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS
