"""Stages of opened connections: bytes moved between sockets and dialogues, a little work each turn.

A TLS handshake takes half a millisecond of computing. Those that have something to do wait in a queue, so that
connects are not late by it; and what they waited for us is neither in their times nor taken from their deadline.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from typing import Callable, Deque, Optional, Union

from . import kernel
from .dialogue import Passage, Step
from .kernel import now_ns
from .timers import Timers
from .wait import EpollWaiter, SelectorWaiter
from .work import Attempt, Check

#: Steps are begun for so long a turn; the longest takes as long again.
WORK_NS = 300_000
#: What the kernel tells of the age of data is exact to a jiffy, at most this: so much of it proves nothing.
_JIFFY_NS = 10_000_000
_READ_BYTES = 65536


class Stages:
    """Takes opened connections through the stages of their endpoints.

    Calls `opened(attempt, sock)` where all ended well, else `decide(check, attempt)` with the attempt's outcome set.
    in_kernel: whether the kernel is asked since when data waits.
    """

    def __init__(
        self,
        waiter: Union[EpollWaiter, SelectorWaiter],
        timers: Timers,
        opened: Callable[[Attempt, socket.socket], None],
        decide: Callable[[Check, Attempt], None],
        *,
        in_kernel: bool,
    ) -> None:
        self._waiter = waiter
        self._timers = timers
        self._opened = opened
        self._decide = decide
        self._kernel = in_kernel
        self._ready: Deque[Attempt] = deque()
        self._is_working = False

    def start(self, attempt: Attempt) -> None:
        """Begin with the first stage of a connection that was just opened."""
        attempt.passage = Passage(attempt.check.endpoint.stages)
        self._timers.add(attempt.check.deadline_ns, self._on_deadline, attempt)
        self._queue(attempt, attempt.passage, now_ns())

    def on_event(self, attempt: Attempt, passage: Passage, at_ns: int) -> None:
        """Its socket has something to read; `at_ns` is when we woke up."""
        if passage.dialogue is not None:
            self._queue(attempt, passage, at_ns)

    def _queue(self, attempt: Attempt, passage: Passage, at_ns: int) -> None:
        if passage.is_queued:
            return
        passage.is_queued = True
        passage.ready_ns = at_ns
        self._ready.append(attempt)
        if not self._is_working:
            self._is_working = True
            self._timers.add(at_ns, self._work, None)

    def _work(self, _: None, _at_ns: int) -> None:
        until_ns = now_ns() + WORK_NS
        while self._ready and now_ns() < until_ns:
            self._step(self._ready.popleft())
        if self._ready:
            self._timers.add(now_ns(), self._work, None)  # after the next events
        else:
            self._is_working = False

    def _on_deadline(self, attempt: Attempt, at_ns: int) -> None:
        """What has come in until now still counts: it is looked at once more, in its turn."""
        passage = attempt.passage
        if attempt.sock is not None and passage is not None and (passage.dialogue or passage.is_queued):
            passage.is_expired = True
            self._queue(attempt, passage, at_ns)

    def _step(self, attempt: Attempt) -> None:
        sock, passage = attempt.sock, attempt.passage
        if sock is None or passage is None:
            return
        passage.is_queued = False
        try:
            step = self._exchange(sock, passage)
        except OSError as error:
            self._fail_by_system(attempt, passage, error.errno or 0)
            return
        if passage.dialogue is not None and passage.dialogue.cert_expires_s is not None:
            passage.figures["cert_expires_s"] = passage.dialogue.cert_expires_s
        if step.outcome is not None:
            self._fail(attempt, step.outcome, step.text)
        elif step.is_over:
            self._end_stage(attempt, sock, passage, step)
        else:
            self._await_more(attempt, passage)

    def _exchange(self, sock: socket.socket, passage: Passage) -> Step:
        """Take what the peer said, give what is to be said. Raises OSError."""
        begun_ns = now_ns()
        passage.lag_ns += begun_ns - passage.ready_ns
        dialogue = passage.dialogue
        if dialogue is None:
            step = passage.begin(begun_ns)
            if passage.surplus and passage.dialogue is not None and step.outcome is None:
                after = passage.dialogue.take(passage.surplus)
                step = after._replace(send=step.send + after.send)
        else:
            age_ns = kernel.data_age_ns(sock) - _JIFFY_NS if self._kernel else 0
            data = _received(sock)
            if data:  # and where the loop did not even look for so long
                passage.lag_ns += max(0, age_ns - (begun_ns - passage.ready_ns))
            step = Step() if data is None else dialogue.take(data)
        if step.send and sock.send(step.send) < len(step.send):
            # A few hundred bytes on a new connection: the kernel takes them whole, or is short of memory.
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        return step

    def _end_stage(self, attempt: Attempt, sock: socket.socket, passage: Passage, step: Step) -> None:
        at_ns = now_ns()
        passage.end(step, at_ns)
        if passage.stages:
            self._queue(attempt, passage, at_ns)
        else:
            self._opened(attempt, sock)

    def _await_more(self, attempt: Attempt, passage: Passage) -> None:
        if passage.is_expired:
            passage.is_expired = False
            limit_ns = attempt.check.deadline_ns + passage.lag_ns
            if limit_ns <= now_ns():
                assert passage.dialogue is not None
                self._fail(attempt, passage.dialogue.timeout, passage.dialogue.silence)
                return
            self._timers.add(limit_ns, self._on_deadline, attempt)
        self._waiter.await_data(attempt.descriptor)

    def _fail_by_system(self, attempt: Attempt, passage: Passage, code: int) -> None:
        assert passage.dialogue is not None
        attempt.code = code
        is_ours = code in (errno.ENOBUFS, errno.ENOMEM)
        self._fail(attempt, "local_error" if is_ours else passage.dialogue.reset, kernel.system_words(code))

    def _fail(self, attempt: Attempt, outcome: str, text: Optional[str]) -> None:
        attempt.outcome = outcome
        attempt.text = text
        attempt.clock_us = (now_ns() - attempt.start_ns) // 1000
        self._decide(attempt.check, attempt)


def _received(sock: socket.socket) -> Optional[bytes]:
    try:
        return sock.recv(_READ_BYTES)
    except (BlockingIOError, InterruptedError):
        return None
