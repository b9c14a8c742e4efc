"""The servers of the demonstration, on free ports of loopback: started and stopped with pytest.

DEMO_BROKEN=1 shows a red run: the fast server is down, and the late one is allowed less time.
"""

from __future__ import annotations

import os
import socket
import socketserver
import sys
import threading
from contextlib import ExitStack, suppress

import pytest

HOST = "127.0.0.1"
BACKLOG = 128
#: The first checks of `late` fall into it; their SYN, sent again after a second, does not.
LATE_S = 0.4


class Listener(socketserver.BaseRequestHandler):
    """Says nothing, and closes when the client does."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            self.request.recv(1)


class Server(socketserver.ThreadingTCPServer):
    """Has a port at once, on which connects are refused; after `start` it accepts whoever comes."""

    request_queue_size = BACKLOG
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Listener, bind_and_activate=False)
        self.server_bind()
        self.port = str(self.server_address[1])
        self._serving = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self.server_activate()
        self._serving.start()

    def server_close(self) -> None:
        if self._serving.ident:
            self.shutdown()
        super().server_close()


class LateServer(Server):
    """Its backlog is full until it starts: the kernel drops SYNs, and they are sent again.

    So on Linux; other systems refuse where a backlog is full, and it starts at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._filler = socket.socket()
        self._timer = threading.Timer(LATE_S, self.start)
        if sys.platform == "linux":
            self.socket.listen(0)
            self._filler.connect((HOST, int(self.port)))
        else:
            self.start()

    def start_late(self) -> None:
        if not self._serving.ident:
            self._timer.start()

    def server_close(self) -> None:
        self._timer.cancel()
        if self._timer.ident:
            self._timer.join()
        super().server_close()
        self._filler.close()


SERVERS = pytest.StashKey[ExitStack]()
LATE = pytest.StashKey[LateServer]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and tell their ports, before netmon reads netmon.yaml."""
    broken = "DEMO_BROKEN" in os.environ
    servers = config.stash[SERVERS] = ExitStack()
    fast, cache, closed = (servers.enter_context(Server()) for _ in range(3))
    late = config.stash[LATE] = servers.enter_context(LateServer())
    cache.start()
    if not broken:
        fast.start()
    os.environ |= {
        "DEMO_FAST_PORT": fast.port,
        "DEMO_LATE_PORT": late.port,
        "DEMO_LATE_LIMIT": "500ms" if broken else "7s",
        "DEMO_CACHE_URL": f"redis://user:secret@{HOST}:{cache.port}/0",
        "DEMO_CLOSED_PORT": closed.port,
    }


def pytest_runtestloop(session: pytest.Session) -> None:
    """netmon has begun its checks by now."""
    session.config.stash[LATE].start_late()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers."""
    config.stash[SERVERS].close()
