"""SIGTERM and SIGHUP end a session as Ctrl-C does: tests are torn down and artifacts written."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # SIGHUP does not exist on Windows


class Ending:
    """Which signal has ended the session, None so far."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def exit_status(self) -> int | None:
        """128 + the signal's number, as a shell reports it."""
        return None if self.signal is None else 128 + self.signal

    @contextlib.contextmanager
    def on_signals(self, session: pytest.Session) -> Iterator[None]:
        """Within the block, end `session` on a signal that nobody else handles (nor ignores: nohup)."""
        replaced = {number: self._handler(session) for number in _unhandled()}
        for number, handler in replaced.items():
            signal.signal(number, handler)
        try:
            yield
        finally:
            for number, handler in replaced.items():
                if signal.getsignal(number) is handler:
                    signal.signal(number, signal.SIG_DFL)

    def _handler(self, session: pytest.Session) -> Callable[[int, FrameType | None], None]:
        def end(number: int, _: FrameType | None) -> None:
            self.signal = signal.Signals(number)
            reason = f"ended by {self.signal.name}"
            # pytest.exit raises an Exception, which a test in a retry loop may swallow.
            session.shouldstop = reason
            pytest.exit(reason, returncode=128 + number)

        return end


def _unhandled() -> list[signal.Signals]:
    if threading.current_thread() is not threading.main_thread():
        return []  # signal.signal works in the main thread only
    known = [signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__]
    return [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
