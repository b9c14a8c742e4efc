"""Servers on loopback, one for each way a TCP port can behave. Only the kernel decides here: no sleeps.

Each is a context manager with `host` and `port`; the fixture `servers` of conftest.py makes and ends them.
"""

from __future__ import annotations

import contextlib
import select
import selectors
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

#: `SO_LINGER` on, zero seconds: closing sends a RST instead of a FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BACKLOG = 4096
_READY_S = 10


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def has_ipv6() -> bool:
    """Whether this machine has `::1` (containers often have not)."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class _Port:
    """A socket bound to a free port of `host`, closed at the end of the `with` block."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(_family(host), socket.SOCK_STREAM)
        self._socket.bind((host, 0))
        self.host: str = host
        self.port: int = self._socket.getsockname()[1]

    @property
    def target(self) -> str:
        """`host:port` as a user writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def close(self) -> None:
        self._socket.close()

    def __enter__(self):  # type: ignore[no-untyped-def]  # typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Closed(_Port):
    """Refuses: bound, so that nobody else gets the port, but not listening."""


class Open(_Port):
    """Accepts, reads until the client's end and closes, as a well-behaved server does. Counts."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self._lock = threading.Lock()
        self._accepted = 0
        self._socket.setblocking(False)
        self._socket.listen(_BACKLOG)
        self._end, self._ender = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for watched in (self._end, self._socket):
            self._selector.register(watched, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def connects(self) -> int:
        """Connections that the kernel has completed until now, those in the backlog included."""
        self._accept_all()
        return self._accepted

    def close(self) -> None:
        self._ender.close()
        self._thread.join(_READY_S)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # only sockets are registered
        self._selector.close()

    def _accept_all(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._socket.accept()
                self._accepted += 1
                self._welcome(client)

    def _welcome(self, client: socket.socket) -> None:
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ)

    def _serve(self) -> None:
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._end in ready:
                return
            self._accept_all()
            for client in ready:
                if client is not self._socket:
                    self._read(client)

    def _read(self, client: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                ended = not client.recv(65536)
            except ConnectionError:
                ended = True
            if ended:
                self._selector.unregister(client)
                client.close()


class Resetting(Open):
    """Completes the handshake and answers with a RST at once."""

    def _welcome(self, client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        client.close()


class Silent(_Port):
    """Answers nothing: its backlog is full, so that the kernel drops further SYNs (Linux)."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self._socket.listen(0)
        self._fillers = [self._fill(blocking=True)]
        select.select([self._socket], [], [], _READY_S)  # the first filler is in the queue
        self._fillers.append(self._fill(blocking=False))

    def drain(self) -> None:
        """Take one connection out of the backlog: the next (repeated) SYN gets its answer."""
        self._socket.accept()[0].close()

    def close(self) -> None:
        for filler in self._fillers:
            filler.close()
        super().close()

    def _fill(self, *, blocking: bool) -> socket.socket:
        filler = socket.socket(_family(self.host), socket.SOCK_STREAM)
        filler.setblocking(blocking)
        filler.connect_ex((self.host, self.port))
        return filler


class Servers(contextlib.ExitStack):
    """Makes servers and ends them all at the end of the `with` block."""

    def open(self, host: str = "127.0.0.1") -> Open:
        return self.enter_context(Open(host))

    def closed(self, host: str = "127.0.0.1") -> Closed:
        return self.enter_context(Closed(host))

    def silent(self, host: str = "127.0.0.1") -> Silent:
        return self.enter_context(Silent(host))

    def resetting(self, host: str = "127.0.0.1") -> Resetting:
        return self.enter_context(Resetting(host))
