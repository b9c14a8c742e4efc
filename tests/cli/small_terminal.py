"""A terminal as far as the live table needs one: what stands on it after some output, and a real pty to run on."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from check_runs import clean_environment, command
from monitor_runs import PATIENCE_S

_PIECES = re.compile(r"\x1b\[(?P<arguments>[0-9;?]*)(?P<final>[A-Za-z])|\n|\r|[^\x1b\n\r]+")


class Terminal:
    """Keeps lines of any length: nothing scrolls away, `rows` are the last ones that a window would show."""

    def __init__(self) -> None:
        self._lines = [""]
        self._line = self._column = 0

    def feed(self, text: str) -> None:
        for piece in _PIECES.finditer(text):
            if piece["final"]:
                self._control(piece["final"], piece["arguments"])
            elif piece[0] == "\n":
                self._line, self._column = self._line + 1, 0
                self._lines += [""] * (self._line + 1 - len(self._lines))
            elif piece[0] == "\r":
                self._column = 0
            else:
                line = self._lines[self._line]
                self._lines[self._line] = line[: self._column] + piece[0] + line[self._column + len(piece[0]) :]
                self._column += len(piece[0])

    def _control(self, final: str, arguments: str) -> None:
        if final == "F":
            self._line, self._column = self._line - int(arguments or 1), 0
            assert self._line >= 0, "the cursor was moved above the first line"
        elif final == "J" and arguments in ("", "0"):
            self._lines = [*self._lines[: self._line], self._lines[self._line][: self._column]]
        elif final == "J":
            self._lines, self._line = [""], 0
        elif final == "H":
            self._line = self._column = 0
        else:
            assert final == "m", f"unexpected control {arguments}{final}"

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._lines]


class TerminalStream(io.StringIO):
    """What a program takes for a terminal of that encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


class OnTerminal:
    """A command on a pty of its own; `seen` is all that it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.seen = ""
        self._master = master

    def read_until(self, true: Callable[[str], object]) -> str:
        """Read on until `true` of all that was seen; None of it may take too long."""
        until_s = time.monotonic() + PATIENCE_S
        while not true(self.seen):
            assert time.monotonic() < until_s, f"still {self.seen!r}"
            if not self._read():
                break
        return self.seen

    def read_all(self) -> str:
        """Read until the command has ended."""
        return self.read_until(lambda _: False)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux, when the other end is closed
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)


@contextlib.contextmanager
def on_terminal(
    folder: Path, *arguments: str, columns: int = 80, rows: int = 24, **environment: str
) -> Iterator[OnTerminal]:
    """Run `netmon ARGUMENT...` with a terminal as input, output and errors."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {"TERM": "xterm-256color", "COLUMNS": "", "LINES": "", "PYTHONIOENCODING": "utf-8", **environment}
    process = subprocess.Popen(
        command(*arguments), cwd=folder, env=clean_environment(**kept), stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield OnTerminal(process, master)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)
