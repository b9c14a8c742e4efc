"""What the checker itself lacked when it could not make a check (`local_error`), and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..samples import Sample


@dataclass(frozen=True, slots=True)
class Shortage:
    """errno: its symbol, empty where unknown. lack: what was missing, one line. remedy: what to do, one line."""

    errno: str
    lack: str
    remedy: str


_PORTS = ("no free local port", "`ss -s` shows how many wait in TIME-WAIT: check less often (interval, max_rate)")
_PORTS_OR_IPV6 = (
    "IPv6 is off on this machine, or no local port is free",
    "turn IPv6 on (`ip -6 address` must show an address), or check an IPv4 address; for ports see `ss -s`",
)
_ROUTE = (
    "no route to it on this machine, and no default one",
    "`ip route` and `ip -6 route` show what there is: is the VPN up?",
)
_IPV6_ROUTE = (
    "no IPv6 route to it on this machine, and no default one",
    "`ip -6 route` must show a default or one to it: is IPv6 carried here, the VPN up? Or check an IPv4 address",
)
_IPV4_ROUTE = (
    "no IPv4 route to it on this machine, and no default one",
    "`ip route` must show a default or one to it: is the network up, the VPN? Or check an IPv6 address",
)
_FAMILY = ("no support for that address family on this machine", "turn it on, or check an address of the other family")
_MEMORY = ("no memory for another connection", "free memory on this machine, or check less at once (max_rate)")

_BY_ERRNO = {
    "EMFILE": (
        "no free file descriptor for this process",
        "raise the limit (`ulimit -n 65536`), or check less at once (max_rate, timeout)",
    ),
    "ENFILE": (
        "no free file descriptor on this machine",
        "close other programs, or raise the limit (`sysctl fs.file-max`)",
    ),
    "EADDRNOTAVAIL": _PORTS,
    "EADDRINUSE": _PORTS,
    "EAGAIN": _PORTS,
    "ENETUNREACH": _ROUTE,
    "EAFNOSUPPORT": _FAMILY,
    "ENOBUFS": _MEMORY,
    "ENOMEM": _MEMORY,
}


def is_known(errno: str | None) -> bool:
    """Whether the words here say all that the system's message could."""
    return errno in _BY_ERRNO


def shortage_of(sample: Sample) -> Shortage:
    """Return what was lacking for a `local_error` sample. An errno without an entry is told in general
    words; what the system said is the sample's to show."""
    errno = sample.errno or ""
    is_ipv6 = ":" in (sample.address or "")
    if errno == "ENETUNREACH" and sample.address:
        return Shortage(errno, *(_IPV6_ROUTE if is_ipv6 else _IPV4_ROUTE))
    if errno == "EADDRNOTAVAIL" and is_ipv6:
        return Shortage(errno, *_PORTS_OR_IPV6)
    if errno in _BY_ERRNO:
        return Shortage(errno, *_BY_ERRNO[errno])
    return Shortage(errno, "this machine could not make the check", "look here, not at the target")
