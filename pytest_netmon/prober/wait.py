"""Readiness of sockets, with waits that end when they should.

On Linux the wait goes through `select()` on the epoll descriptor: `epoll_wait` rounds up to whole
milliseconds (starts 0.7-1.0 ms late against 0.15-0.34 ms, measured). The kernel lets long
selects oversleep by 0.1 % (fs/select.c, estimate_accuracy), so they are taken in two steps.
"""

from __future__ import annotations

import select
import selectors
import socket
import sys
from typing import List, Tuple

READ, WRITE = 1, 2
_LONG_S = 0.02


class EpollWaiter:
    """Linux. `wait` returns at most `most` (descriptor, events) pairs: short turns keep times true."""

    most = 16

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._select_on = [self._epoll.fileno()]

    def add(self, sock: socket.socket, events: int) -> None:
        self._epoll.register(sock.fileno(), select.EPOLLIN if events == READ else select.EPOLLOUT)

    def change(self, sock: socket.socket, events: int) -> None:
        self._epoll.modify(sock.fileno(), select.EPOLLIN if events == READ else select.EPOLLOUT)

    def remove(self, sock: socket.socket) -> None:
        """Nothing to do: closing the descriptor takes it out (epoll(7))."""

    def wait(self, timeout_s: float) -> List[Tuple[int, int]]:
        if timeout_s > _LONG_S:
            timeout_s *= 0.98
        if timeout_s > 0 and not select.select(self._select_on, (), (), timeout_s)[0]:
            return []
        return self._epoll.poll(0, self.most)


class SelectorWaiter:
    """Everywhere else, through `selectors`, which hands out all that is ready."""

    most = sys.maxsize

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, sock: socket.socket, events: int) -> None:
        self._selector.register(sock, self._mask(events))

    def change(self, sock: socket.socket, events: int) -> None:
        self._selector.modify(sock, self._mask(events))

    def remove(self, sock: socket.socket) -> None:
        try:
            self._selector.unregister(sock)
        except KeyError:  # it failed before it was added
            pass

    def wait(self, timeout_s: float) -> List[Tuple[int, int]]:
        return [(key.fd, mask) for key, mask in self._selector.select(timeout_s)]

    @staticmethod
    def _mask(events: int) -> int:
        return selectors.EVENT_READ if events == READ else selectors.EVENT_WRITE


def make_waiter() -> "EpollWaiter | SelectorWaiter":
    return EpollWaiter() if hasattr(select, "epoll") else SelectorWaiter()
