"""Tunnels through a proxy, over bytes that others move: HTTP CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928, 1929).

The proxy resolves the target's name. What it says is bounded and trusted for nothing; login data leave in what is sent
to it, and in nothing else.
"""

from __future__ import annotations

import base64
import functools
import ipaddress
import re
from typing import Callable, Dict, Optional, Tuple

from .dialogue import Dialogue, Step, first_line

#: An answer may be so long; that of a proxy with an error page in front of the end of its headers is far below.
MOST_ANSWER_BYTES = 64 << 10
#: RFC 1928: the length of a name is one byte; RFC 1929: that of a user and a password as well.
_MOST_BYTES = 255

#: User and password.
Login = Optional[Tuple[str, str]]

_STATUS_LINE = re.compile(rb"HTTP/\d\.\d (\d{3})(?: ([^\r\n]*))?\r?\n")
_HTTP = b"HTTP/"

_NO_LOGIN, _BY_PASSWORD, _NO_WAY = 0, 2, 0xFF
_IPV4, _NAME, _IPV6 = 1, 3, 4
#: RFC 1928, section 6. Replies 3 to 5 speak of the target, not of the proxy.
_REPLIES = {
    1: "general failure",
    2: "not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
_OF_TARGET = {3: "network_unreachable", 4: "host_unreachable", 5: "refused"}


class _Tunnel(Dialogue):
    """What both kinds share: a target to ask for, and an answer that comes in pieces."""

    phase = "proxy"
    timeout = "proxy_timeout"
    silence = "the proxy took the connection, and its answer did not come"
    reset = "proxy_refused"

    def __init__(self, host: str, port: int, login: Login) -> None:
        self._host = host
        self._port = port
        self._login = login
        self._answer = b""
        self._taken = 0

    def begin(self) -> Step:
        try:
            return Step(send=self._first_words())
        except ValueError as error:  # UnicodeError too
            return Step(outcome="dns_invalid", text=f"not a name that a proxy can be asked for: {error}")

    def take(self, data: bytes) -> Step:
        if not data:
            when = "in the middle of its answer" if self._taken else "without an answer"
            return Step(outcome="proxy_denied", text=f"the proxy closed the connection {when}")
        self._taken += len(data)
        self._answer += data
        step = self._read()
        if step == Step() and self._taken > MOST_ANSWER_BYTES:
            return Step(outcome="proxy_denied", text=f"the proxy's answer has no end within {MOST_ANSWER_BYTES} bytes")
        return step

    def _first_words(self) -> bytes:
        raise NotImplementedError

    def _read(self) -> Step:
        """Go on with the answer as far as it is there."""
        raise NotImplementedError

    def _denied(self, text: str) -> Step:
        return Step(outcome="proxy_denied", text=text)

    def _not(self, protocol: str) -> Step:
        return self._denied(f"the proxy's answer is not {protocol}: {self._without_login(first_line(self._answer))}")

    def _without_login(self, text: str) -> str:
        """What a proxy says may hold what it was told."""
        for secret in _secrets(self._login):
            text = text.replace(secret, "***")
        return text


class HttpTunnel(_Tunnel):
    """CONNECT; any answer but 2xx denies it."""

    def _first_words(self) -> bytes:
        host = _ascii_name(self._host).decode("ascii")
        authority = f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self._login is not None:
            lines.append(f"Proxy-Authorization: Basic {_basic(self._login)}")
        return "\r\n".join((*lines, "", "")).encode("ascii")

    def _read(self) -> Step:
        while True:
            answer = self._answer
            if not answer.startswith(_HTTP[: len(answer)]):
                return self._not("HTTP")
            status = _STATUS_LINE.match(answer)
            if status is None:
                return self._not("HTTP") if b"\n" in answer else Step()
            code = int(status[1])
            if not 100 <= code < 300:
                reason = self._without_login(first_line(status[2] or b""))
                return self._denied(f"HTTP {code} {reason}".rstrip())
            end = _end_of_headers(answer)
            if end is None:
                return Step()
            if code >= 200:
                return Step(is_over=True, surplus=answer[end:])
            self._answer = answer[end:]  # "for now": the answer is still to come


def _end_of_headers(answer: bytes) -> Optional[int]:
    """Return where the headers end, behind an empty line; a bare line feed ends a line as well (RFC 9112, 2.2)."""
    ends = [place + len(mark) for mark in (b"\n\r\n", b"\n\n") for place in (answer.find(mark),) if place >= 0]
    return min(ends) if ends else None


class SocksTunnel(_Tunnel):
    """SOCKS5 with a login by user and password, or none."""

    def __init__(self, host: str, port: int, login: Login) -> None:
        super().__init__(host, port, login)
        self._request = b""
        self._read_next: Callable[[], Step] = self._read_method

    def _first_words(self) -> bytes:
        self._request = b"\x05\x01\x00" + _socks_address(self._host) + self._port.to_bytes(2, "big")
        return b"\x05\x01\x00" if self._login is None else b"\x05\x02\x00\x02"

    def begin(self) -> Step:
        if self._login is not None and any(len(part.encode("utf-8")) > _MOST_BYTES for part in self._login):
            return Step(outcome="local_error", text="SOCKS5 takes users and passwords of at most 255 bytes")
        return super().begin()

    def _read(self) -> Step:
        return self._read_next()

    def _read_method(self) -> Step:
        if self._answer[0] != 5:
            return self._not("SOCKS5")
        if len(self._answer) < 2:
            return Step()
        method = self._answer[1]
        if method == _NO_LOGIN:
            return self._ask()
        if method == _BY_PASSWORD and self._login is not None:
            user, password = (part.encode("utf-8") for part in self._login)
            self._answer, self._read_next = self._answer[2:], self._read_login
            return Step(send=b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        if method != _NO_WAY:
            return self._denied(f"SOCKS5: it wants a login of a kind that was not offered ({method})")
        wanted = "nobody without a login" if self._login is None else "no login by user and password"
        return self._denied(f"SOCKS5: it takes {wanted}")

    def _read_login(self) -> Step:
        if len(self._answer) < 2:
            return Step()
        return self._denied("SOCKS5: wrong user or password") if self._answer[1] else self._ask()

    def _ask(self) -> Step:
        self._answer, self._read_next = self._answer[2:], self._read_reply
        return Step(send=self._request)

    def _read_reply(self) -> Step:
        answer = self._answer
        if answer[:1] not in (b"", b"\x05"):
            return self._not("SOCKS5")
        if len(answer) < 2:
            return Step()
        reply = answer[1]
        if reply:
            return self._refused(reply)
        if len(answer) < 5:
            return Step()
        # Behind the reply: a reserved byte, then the address that the proxy connects from, and its port.
        length = {_IPV4: 4, _NAME: 1 + answer[4], _IPV6: 16}.get(answer[3])
        if length is None:
            return self._not("SOCKS5")
        end = 4 + length + 2
        return Step(is_over=True, surplus=answer[end:]) if len(answer) >= end else Step()

    def _refused(self, reply: int) -> Step:
        words = _REPLIES.get(reply, "unknown")
        outcome = _OF_TARGET.get(reply)
        if outcome is not None:
            return Step(outcome=outcome, text=f"the proxy says: {words} (SOCKS5 reply {reply})")
        return self._denied(f"SOCKS5 reply {reply}: {words}")


def _socks_address(host: str) -> bytes:
    """Return type and address. Raises ValueError for what is no name."""
    name = _ascii_name(host)
    try:
        literal = ipaddress.ip_address(name.decode("ascii"))
    except ValueError:
        if len(name) > _MOST_BYTES:
            raise ValueError(f"longer than {_MOST_BYTES} bytes") from None
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if literal.version == 4 else _IPV6]) + literal.packed


def _ascii_name(host: str) -> bytes:
    """Return a host as a proxy is told it: a literal without its zone, a name in IDNA. Raises ValueError for what is
    neither; a space or a line's end would be read as the end of the request's line."""
    name = host.partition("%")[0] if ":" in host else host
    encoded = name.encode("ascii") if name.isascii() else name.encode("idna")
    if not encoded or any(byte <= 0x20 or byte == 0x7F for byte in encoded):
        raise ValueError("empty, or with a space or a control character")
    return encoded


def _basic(login: Tuple[str, str]) -> str:
    """RFC 7617, section 2."""
    return base64.b64encode(":".join(login).encode("utf-8")).decode("ascii")


def _secrets(login: Login) -> Tuple[str, ...]:
    """What of a login may be shown nowhere, the longest first."""
    if login is None:
        return ()
    return tuple(sorted({part for part in (*login, _basic(login)) if part}, key=len, reverse=True))


_KINDS = {"http": HttpTunnel, "socks5": SocksTunnel}


def stage_of(proxy: Dict[str, object], host: str, port: int) -> "functools.partial[_Tunnel]":
    """Return the stage for a job's `proxy` (see `protocol`) of a target."""
    auth = proxy.get("auth")
    login = (str(auth[0]), str(auth[1])) if isinstance(auth, list) else None
    return functools.partial(_KINDS[str(proxy["kind"])], host, port, login)
