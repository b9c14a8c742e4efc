"""The end of a connection that was opened: held as long as the job asks, then drained and closed.

What a peer does meanwhile is part of the check: it may close or reset what it accepted.
"""

from __future__ import annotations

import socket
import struct
from typing import Callable, Optional

from . import kernel
from .dialogue import Passage, Step
from .kernel import now_ns
from .timers import Timers
from .work import Attempt, Check

# How long a server may take to answer our FIN before the connection is closed all the same. We look for its own
# a round trip later, then each time after twice as long: an event would come between those that are timed.
DRAIN_LEAST_NS, DRAIN_MOST_NS = 20_000_000, 100_000_000
LOOK_NS = 1_000_000
DRAIN_MOST_BYTES = 1 << 20

#: struct linger of socket(7): on, for no time: close() sends RST.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Closer:
    """Ends connections that were opened; `decide(check, attempt)` is called when one has come to its end."""

    def __init__(self, timers: Timers, decide: Callable[[Check, Attempt], None]) -> None:
        self._timers = timers
        self._decide = decide

    def finish(self, attempt: Attempt, sock: socket.socket) -> None:
        """Hold it if its endpoint says so, and close it as that says."""
        hold_ns = attempt.check.endpoint.hold_ns
        if hold_ns:
            self._timers.add(now_ns() + hold_ns, self._on_held, attempt)
        else:
            self._shut(attempt, sock)

    def _on_held(self, attempt: Attempt, _at_ns: int) -> None:
        """Look once at what the peer did while the connection was held; a timer in place of events for that."""
        sock = attempt.sock
        if sock is None:
            return
        try:
            heard = _hear(sock, attempt.passage)
        except OSError as error:
            _note_reset(attempt, error.errno or 0)
            self._decide(attempt.check, attempt)
            return
        if heard.outcome is None:
            self._shut(attempt, sock)
            return
        attempt.outcome = heard.outcome
        attempt.text = heard.text
        self._decide(attempt.check, attempt)

    def _shut(self, attempt: Attempt, sock: socket.socket) -> None:
        """Close with RST, or with FIN and drain: a close on unread data (a banner) sends RST, which servers log."""
        if attempt.check.endpoint.close_with_reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._decide(attempt.check, attempt)
            return
        attempt.draining = True
        try:
            if attempt.passage is not None:
                _take_leave(sock, attempt.passage)
            sock.shutdown(socket.SHUT_WR)
        except OSError as error:  # reset since
            _note_reset(attempt, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or error.errno or 0)
            self._decide(attempt.check, attempt)
            return
        attempt.shut_ns = shut_ns = now_ns()
        self._timers.add(shut_ns + _round_trip_ns(attempt) + LOOK_NS, self._drain, attempt)

    def _drain(self, attempt: Attempt, at_ns: int) -> None:
        sock = attempt.sock
        if sock is None:
            return
        taken = 0
        while taken < DRAIN_MOST_BYTES:
            try:
                data = sock.recv(65536)
            except (BlockingIOError, InterruptedError):
                patience_ns = min(max(3 * _round_trip_ns(attempt), DRAIN_LEAST_NS), DRAIN_MOST_NS)
                waited_ns = at_ns - attempt.shut_ns
                if waited_ns >= patience_ns:
                    break
                self._timers.add(attempt.shut_ns + min(2 * waited_ns, patience_ns), self._drain, attempt)
                return
            except OSError as error:
                _note_reset(attempt, error.errno or 0)
                break
            if not data:
                break
            taken += len(data)
        self._decide(attempt.check, attempt)


def _hear(sock: socket.socket, passage: Optional[Passage]) -> Step:
    """Read what the peer has said and done since. Raises OSError where it reset."""
    if passage is not None and passage.surplus:
        return Step(is_over=True)
    taken = 0
    while taken < DRAIN_MOST_BYTES:
        try:
            data = sock.recv(65536)
        except (BlockingIOError, InterruptedError):
            break
        if not data:
            return Step(outcome="closed_at_once")
        if passage is None or passage.last is None:
            return Step(is_over=True)
        heard = passage.last.hear(data)
        if heard.is_over or heard.outcome is not None:
            return heard
        taken += len(data)
    return Step()


def _take_leave(sock: socket.socket, passage: Passage) -> None:
    farewell = passage.last.farewell() if passage.last is not None else b""
    if farewell:
        passage.took_leave = True
        sock.send(farewell)


def _note_reset(attempt: Attempt, code: int) -> None:
    if attempt.passage is not None and attempt.passage.took_leave:
        return  # a server that throws away what we said last: it need not wait for it
    attempt.code = code
    attempt.text = kernel.system_words(code)
    attempt.outcome = "reset"


def _round_trip_ns(attempt: Attempt) -> int:
    return (attempt.rtt_us or attempt.clock_us) * 1000
