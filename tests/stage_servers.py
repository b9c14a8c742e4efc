"""Servers on loopback that talk: each connection is served by a function of its own, in a thread."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable

from certificates import Issued

Serve = Callable[[socket.socket], None]
_READY_S = 10
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Talking:
    """Calls `serve(client)` for each client, in a thread; a context manager with `host` and `port`.

    What `serve` raises of the system's errors is the client's doing: it is noted in `errors`.
    """

    def __init__(self, serve: Serve, host: str = "127.0.0.1") -> None:
        self._serve = serve
        self._listener = socket.create_server((host, 0), backlog=1024)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.errors: list[OSError] = []
        self._ended, self._ender = socket.socketpair()
        self._clients: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End, after those that are being served."""
        # Wakes the accept(); closing the socket under it would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(_READY_S)
        for thread in self._clients:
            thread.join(_READY_S)
        self._listener.close()
        self._ended.close()
        self._ender.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(_READY_S)
                thread = threading.Thread(target=self._talk, args=(client,), daemon=True)
                self._clients.append(thread)
                thread.start()

    def _talk(self, client: socket.socket) -> None:
        try:
            with client:
                self._serve(client)
        except OSError as error:
            self.errors.append(error)

    def __enter__(self) -> Talking:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reset(client: socket.socket) -> None:
    """End the connection with a RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    client.close()


def until_closed(client: socket.socket) -> None:
    """Read until the client closes."""
    while client.recv(65536):
        pass


def tls_context(issued: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)
    return context


def speaking_tls(context: ssl.SSLContext, then: Serve = until_closed) -> Serve:
    """Shake hands, then go on with what is inside."""

    def serve(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as inside:
            then(inside)

    return serve
