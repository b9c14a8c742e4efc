"""SIGTERM and SIGHUP end a session as Ctrl-C does: tests are torn down and artifacts written."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import FrameType

_TO_END = ("SIGTERM", "SIGHUP")  # SIGHUP does not exist on Windows
#: The third signal kills: someone means it, and the files are written in less time.
_PATIENCE = 2


class Ending:
    """Which signal has ended the session, None so far.

    While a session ends, a second signal waits until the artifacts are written; a third kills at once.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._pid = os.getpid()
        self._count = 0
        self._replaced: dict[signal.Signals, Any] = {}
        self._session: pytest.Session | None = None

    @property
    def exit_status(self) -> int | None:
        """128 + the signal's number, as a shell reports it; pytest's own for Ctrl-C."""
        if self.signal == signal.SIGINT:
            return pytest.ExitCode.INTERRUPTED
        return None if self.signal is None else 128 + self.signal

    def end_tests_on_signals(self, session: pytest.Session) -> None:
        """From now on, end `session` on a signal that nobody else handles (nor ignores: nohup)."""
        self._session = session
        self._handle(_TO_END)

    def interrupted(self) -> None:
        """Ctrl-C has ended the tests, by KeyboardInterrupt."""
        self._count += 1
        self.note_signals()

    def note_signals(self) -> None:
        """From now on, let signals wait, Ctrl-C too: the artifacts are being written."""
        self._session = None
        self._handle((*_TO_END, "SIGINT"))

    def release(self) -> None:
        """Handle no more signals; what is no longer in force is left alone."""
        for number, before in self._replaced.items():
            if signal.getsignal(number) == self._take:
                signal.signal(number, before)
        self._replaced = {}

    def release_unless_ending(self) -> None:
        """As `release`, but a session that a signal has ended is left in peace until pytest is done."""
        if not self._count:
            self.release()

    def _handle(self, names: tuple[str, ...]) -> None:
        for number in _unhandled(names):
            self._replaced[number] = signal.signal(number, self._take)

    def _take(self, number: int, _: FrameType | None) -> None:
        self._count += 1
        if self._count > _PATIENCE or os.getpid() != self._pid:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.signal in (None, signal.SIGINT):
            self.signal = signal.Signals(number)
        session = self._session
        if session:
            self.note_signals()
            reason = f"ended by {signal.Signals(number).name}"
            # pytest.exit raises an Exception, which a test in a retry loop may swallow.
            session.shouldstop = reason
            pytest.exit(reason, returncode=128 + number)


def _unhandled(names: tuple[str, ...]) -> list[signal.Signals]:
    if threading.current_thread() is not threading.main_thread():
        return []  # signal.signal works in the main thread only
    known = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    return [number for number in known if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)]
