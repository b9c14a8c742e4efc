"""Proxies on loopback that make real tunnels: HTTP CONNECT and SOCKS5, as functions for `stage_servers.Talking`."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field

_READY_S = 10


@dataclass
class HttpProxy:
    """Asks for `login` where there is one, and resolves only `names`, so that it shows who resolved."""

    login: tuple[str, str] | None = None
    names: dict[str, str] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        request = _until(client, b"\r\n\r\n")
        self.asked.append(request)
        target = request.split(b" ")[1].decode("ascii")
        if self.login is not None:
            token = base64.b64encode(":".join(self.login).encode())
            if b"Proxy-Authorization: Basic " + token + b"\r\n" not in request:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
        host, _, port = target.rpartition(":")
        try:
            upstream = socket.create_connection((self.names.get(host, host.strip("[]")), int(port)), _READY_S)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\nX-Filler: " + b"x" * 1000 + b"\r\n\r\n")
        _relay(client, upstream)


@dataclass
class SocksProxy:
    """As `HttpProxy`; answers a target that refuses with reply 5."""

    login: tuple[str, str] | None = None
    names: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        version, count = _exactly(client, 2)
        methods = _exactly(client, count)
        assert version == 5
        wanted = 0 if self.login is None else 2
        if wanted not in methods:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, wanted]))
        if self.login is not None and not self._logs_in(client, self.login):
            return
        host, port = self._target(client)
        self.asked.append((host, port))
        try:
            upstream = socket.create_connection((self.names.get(host, host), port), _READY_S)
        except ConnectionRefusedError:
            client.sendall(b"\x05\x05\x00\x01\0\0\0\0\0\0")
            return
        client.sendall(b"\x05\x00\x00\x03\x05proxy\0\0")  # its own address, as a name
        _relay(client, upstream)

    @staticmethod
    def _logs_in(client: socket.socket, login: tuple[str, str]) -> bool:
        parts = []
        assert _exactly(client, 1) == b"\x01"
        for _ in range(2):
            (length,) = _exactly(client, 1)
            parts.append(_exactly(client, length).decode())
        is_right = tuple(parts) == login
        client.sendall(b"\x01\x00" if is_right else b"\x01\x01")
        return is_right

    @staticmethod
    def _target(client: socket.socket) -> tuple[str, int]:
        head = _exactly(client, 4)
        assert head[:3] == b"\x05\x01\x00"
        if head[3] == 1:
            host = socket.inet_ntop(socket.AF_INET, _exactly(client, 4))
        elif head[3] == 4:
            host = socket.inet_ntop(socket.AF_INET6, _exactly(client, 16))
        else:
            (length,) = _exactly(client, 1)
            host = _exactly(client, length).decode("ascii")
        (port,) = struct.unpack(">H", _exactly(client, 2))
        return host, port


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise ConnectionError("the client closed")
        data += more
    return data


def _until(client: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        more = client.recv(1)
        if not more:
            raise ConnectionError("the client closed")
        data += more
    return data


def _relay(client: socket.socket, upstream: socket.socket) -> None:
    """Both ways until both have ended."""
    with upstream:
        back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
        back.start()
        _copy(client, upstream)
        back.join(_READY_S)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
