"""SIGTERM and SIGHUP end a session as Ctrl-C does: tests are torn down and artifacts written."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # SIGHUP does not exist on Windows


class Ending:
    """Which signal has ended the session, None so far. A second one of its kind kills at once."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._handled: list[signal.Signals] = []
        self._session: pytest.Session | None = None

    @property
    def exit_status(self) -> int | None:
        """128 + the signal's number, as a shell reports it."""
        return None if self.signal is None else 128 + self.signal

    def end_tests_on_signals(self, session: pytest.Session) -> None:
        """From now on, end `session` on a signal that nobody else handles (nor ignores: nohup)."""
        self._session = session
        self._handled = _unhandled()
        for number in self._handled:
            signal.signal(number, self._end)

    def note_signals(self) -> None:
        """From now on, let a signal wait: the artifacts are being written."""
        self._session = None

    def release(self) -> None:
        """Handle no more signals; what is no longer in force is left alone."""
        for number in self._handled:
            if signal.getsignal(number) == self._end:
                signal.signal(number, signal.SIG_DFL)
        self._handled = []

    def _end(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)
        if self._session:
            reason = f"ended by {self.signal.name}"
            # pytest.exit raises an Exception, which a test in a retry loop may swallow.
            self._session.shouldstop = reason
            pytest.exit(reason, returncode=128 + number)


def _unhandled() -> list[signal.Signals]:
    if threading.current_thread() is not threading.main_thread():
        return []  # signal.signal works in the main thread only
    known = [signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__]
    return [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
