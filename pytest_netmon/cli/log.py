"""The monitor's log: lines with time and level on stderr, and in a file where that is asked for."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_netmon.files import ArtifactError
from pytest_netmon.safe import for_terminal

LOGGER = logging.getLogger("netmon")
LOGGER.propagate = False
#: By how often -v was given.
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_COLORS = {logging.ERROR: "1;31", logging.WARNING: "33", logging.INFO: "2", logging.DEBUG: "2"}
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


@contextlib.contextmanager
def logging_to(write: Callable[[str], None], *, verbosity: int, color: bool, file: Path | None) -> Iterator[None]:
    """Within the block, log to `write` (called with a line that ends in a newline) and to `file`.

    verbosity: 0 warnings, 1 each check, 2 decisions too; the same for both. Messages are made harmless
    for a terminal here. Raises ArtifactError where the file cannot be opened.
    """
    handlers: list[logging.Handler] = [_WriteHandler(write, color)]
    if file is not None:
        handlers.append(_opened(file))
        handlers[-1].setFormatter(_Formatter(color=False))
    LOGGER.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
    for handler in handlers:
        LOGGER.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            LOGGER.removeHandler(handler)
            handler.close()


class _Formatter(logging.Formatter):
    def __init__(self, *, color: bool) -> None:
        super().__init__(_FORMAT)
        self._has_color = color

    def format(self, record: logging.LogRecord) -> str:
        line = for_terminal(super().format(record), None)
        if not self._has_color:
            return line
        level = f"{record.levelname:7}"
        return line.replace(level, f"\x1b[{_COLORS[record.levelno]}m{level}\x1b[0m", 1)


class _WriteHandler(logging.Handler):
    def __init__(self, write: Callable[[str], None], color: bool) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(_Formatter(color=color))

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record) + "\n")


class _FileHandler(logging.handlers.WatchedFileHandler):
    """Appends to a file, a new one where the old one was moved away (logrotate); says once that it cannot."""

    _has_complained = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own
        if not self._has_complained:
            self._has_complained = True
            LOGGER.error("the log file cannot be written: %s", self.baseFilename)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what is still to be written has been complained of
            super().close()


def _opened(path: Path) -> _FileHandler:
    try:
        return _FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArtifactError(path, reason, "name another file with --log-file") from error
