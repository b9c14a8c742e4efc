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
from typing import List, Set, Tuple

_LONG_S = 0.02
_CONNECTED = select.EPOLLOUT | select.EPOLLONESHOT if hasattr(select, "epoll") else 0
_DATA = select.EPOLLIN | select.EPOLLONESHOT if hasattr(select, "epoll") else 0


class EpollWaiter:
    """Linux. `wait` returns at most `most` (descriptor, events) pairs: short turns keep times true."""

    most = 16

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._select_on = [self._epoll.fileno()]

    def add_reader(self, sock: socket.socket) -> None:
        """Hand the socket out whenever there is something to read."""
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def add(self, descriptor: int) -> None:
        """Hand out a connecting socket once, when its connect has ended."""
        self._epoll.register(descriptor, _CONNECTED)

    def again(self, descriptor: int) -> None:
        """Hand it out once more: it had not ended."""
        self._epoll.modify(descriptor, _CONNECTED)

    def await_data(self, descriptor: int) -> None:
        """Hand a connected socket out once, when there is something to read or it was closed."""
        try:
            self._epoll.modify(descriptor, _DATA)
        except FileNotFoundError:  # on loopback nobody had to wait for its connect
            self._epoll.register(descriptor, _DATA)

    def remove(self, descriptor: int) -> None:
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
        self._readers: Set[int] = set()

    def add_reader(self, sock: socket.socket) -> None:
        self._readers.add(sock.fileno())
        self._selector.register(sock.fileno(), selectors.EVENT_READ)

    def add(self, descriptor: int) -> None:
        self._selector.register(descriptor, selectors.EVENT_WRITE)

    again = add

    def await_data(self, descriptor: int) -> None:
        try:
            self._selector.register(descriptor, selectors.EVENT_READ)
        except KeyError:  # it is waited for already
            pass

    def remove(self, descriptor: int) -> None:
        try:
            self._selector.unregister(descriptor)
        except KeyError:  # handed out, or it failed before it was added
            pass

    def wait(self, timeout_s: float) -> List[Tuple[int, int]]:
        ready = [(key.fd, mask) for key, mask in self._selector.select(timeout_s)]
        for descriptor, _ in ready:
            if descriptor not in self._readers:
                self._selector.unregister(descriptor)
        return ready


def make_waiter() -> "EpollWaiter | SelectorWaiter":
    return EpollWaiter() if hasattr(select, "epoll") else SelectorWaiter()
