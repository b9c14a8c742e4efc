"""From what the system says to the outcome of a check. Decisions only, no sockets opened."""

from __future__ import annotations

import errno
import socket
from typing import Callable, Optional, Tuple

Icmp = Optional[Tuple[int, int]]

#: What this machine has too little of for any socket.
SHORTAGES = frozenset(
    getattr(errno, name) for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM") if hasattr(errno, name)
)
#: Our own fault, never the target's.
_LOCAL = SHORTAGES.union(
    getattr(errno, name) for name in ("EADDRNOTAVAIL", "EAFNOSUPPORT", "EADDRINUSE", "EAGAIN") if hasattr(errno, name)
)

_BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    # The handshake was complete, or connect() would have said "refused".
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.ENETUNREACH: "network_unreachable",
    # A route of type blackhole.
    errno.EINVAL: "network_unreachable",
    # IPv6 and routes of type prohibit; EPERM from a sandbox or a cgroup's filter.
    errno.EACCES: "prohibited",
    errno.EPERM: "prohibited",
}
for _name, _outcome in (
    ("EHOSTDOWN", "host_unreachable"),
    ("ENETDOWN", "network_unreachable"),
    ("ENONET", "network_unreachable"),
    # ICMP "protocol unreachable": the host itself answers that it speaks no TCP.
    ("ENOPROTOOPT", "refused"),
):
    if hasattr(errno, _name):
        _BY_ERRNO[getattr(errno, _name)] = _outcome

#: What connect() says of the peer and the way to it.
_PEERS_FAULT = frozenset(_BY_ERRNO.values())

# Destination unreachable, codes for "administratively prohibited": RFC 792, 1122 and 1812 (type 3:
# 9, 10, 13); RFC 4443 (type 1: 1, and 5 and 6 for policy and reject routes).
_PROHIBITED_V4 = frozenset((9, 10, 13))
_PROHIBITED_V6 = frozenset((1, 5, 6))


def connect_outcome(code: int, icmp: Icmp, family: int, has_route: Callable[[int], bool]) -> str:
    """Return the outcome for errno `code` of a connect, with ICMP (type, code) where one came.

    `has_route(family)` is asked only where the system itself said "network unreachable": without
    any route of that family the fault is this machine's.
    """
    if icmp is not None and family == socket.AF_INET and icmp[0] == 3 and icmp[1] in _PROHIBITED_V4:
        return "prohibited"
    if icmp is not None and family == socket.AF_INET6 and icmp[0] == 1 and icmp[1] in _PROHIBITED_V6:
        return "prohibited"
    if code in _LOCAL:
        return "local_error"
    if code == errno.ENETUNREACH and icmp is None and not has_route(family):
        return "local_error"
    return _BY_ERRNO.get(code, "local_error")


def of_proxy(outcome: str) -> str:
    """Return what a check comes to whose connect to its proxy came to `outcome`: nothing is known of its target."""
    if outcome == "timeout":
        return "proxy_timeout"
    return "proxy_refused" if outcome in _PEERS_FAULT else outcome


def resolution_outcome(error: Exception) -> str:
    """Return the outcome for what getaddrinfo() raised."""
    if isinstance(error, socket.gaierror):
        if error.errno == getattr(socket, "EAI_NONAME", None):
            return "dns_not_found"
        if error.errno in (getattr(socket, "EAI_NODATA", None), getattr(socket, "EAI_ADDRFAMILY", None)):
            return "dns_no_address"
        if error.errno == getattr(socket, "EAI_MEMORY", None):
            return "local_error"
        if error.errno == getattr(socket, "EAI_SYSTEM", None):
            return "local_error"
        return "dns_failed"
    if isinstance(error, OSError):
        return "local_error"
    return "dns_invalid"  # UnicodeError: an empty or overlong label


def error_name(code: int) -> str:
    """`ECONNREFUSED` for 111; the number where it has no name."""
    return errno.errorcode.get(code, str(code))
