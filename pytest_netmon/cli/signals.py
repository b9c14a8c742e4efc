"""Ctrl-C, SIGTERM and SIGHUP end a command in good order; a second one ends it at once."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # SIGHUP does not exist on Windows
#: The same signal within so long is the same one: timeout(1) sends it to the process, then to its group.
_ONE_S = 0.05


class EndedError(Exception):
    """A signal has ended the command."""


class Ending:
    """Which signal has ended the command, None so far.

    A first signal is only noted, so that it cannot tear a file or a count in two: who waits asks
    `check` now and then. A second one raises KeyboardInterrupt wherever it comes.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._noted_s = 0.0

    @property
    def exit_status(self) -> int | None:
        """128 + the signal's number, as a shell reports it; None so far."""
        return None if self.signal is None else 128 + self.signal

    def check(self) -> None:
        """Raise EndedError once a signal has come."""
        if self.signal is not None:
            raise EndedError(self.signal.name)

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within the block, note signals that nobody else handles (nor ignores: nohup, `command &`)."""
        replaced = {number: signal.getsignal(number) for number in _unhandled()}
        for number in replaced:
            signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in replaced.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        now_s = time.monotonic()
        if self.signal is None:
            self.signal, self._noted_s = signal.Signals(number), now_s
        elif number != self.signal or now_s - self._noted_s > _ONE_S:
            raise KeyboardInterrupt


def _unhandled() -> list[signal.Signals]:
    if threading.current_thread() is not threading.main_thread():
        return []  # signal.signal works in the main thread only
    known = [signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__]
    return [number for number in known if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)]
