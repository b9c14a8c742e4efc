"""What only the operating system knows: TCP_INFO, ICMP errors, descriptors, the clock."""

from __future__ import annotations

import _socket
import errno
import functools
import os
import socket
import struct
import sys
import time
from typing import Callable, Optional, Tuple

LINUX = sys.platform.startswith("linux")

#: Nanoseconds that never step. On Linux the boot clock, which goes on while the machine is
#: suspended: a suspension then shows as a gap and timestamps stay true after it.
now_ns: Callable[[], int] = time.monotonic_ns
if LINUX and hasattr(time, "CLOCK_BOOTTIME"):
    _BOOTTIME = time.CLOCK_BOOTTIME

    now_ns = functools.partial(time.clock_gettime_ns, _BOOTTIME)


def suspended_ns() -> int:
    """How long the machine has been suspended since boot, 0 where it does not tell."""
    if now_ns is time.monotonic_ns:
        return 0
    return now_ns() - time.monotonic_ns()


# States of include/net/tcp_states.h.
ESTABLISHED, SYN_SENT, SYN_RECV = 1, 2, 3

# struct tcp_info of include/uapi/linux/tcp.h: the state is byte 0, u32 fields follow at 8:
# tcpi_last_ack_recv at 56 (ms ago), tcpi_rtt at 68 (us), tcpi_total_retrans at 100.
_TCP_INFO_SIZE = 104
_unpacked = struct.Struct("=B55xI8xI28xI").unpack
# Plain numbers: an enum of Python's costs more than the call itself.
_LEVEL, _NAME = int(socket.IPPROTO_TCP), int(getattr(socket, "TCP_INFO", 0))
_IP_LEVEL, _IPV6_LEVEL = int(getattr(socket, "IPPROTO_IP", 0)), int(getattr(socket, "IPPROTO_IPV6", 41))
_IPV6 = int(socket.AF_INET6)
_NONBLOCK = int(getattr(socket, "SOCK_NONBLOCK", 0))
_STREAM = int(socket.SOCK_STREAM) | _NONBLOCK


def new_socket(family: int) -> socket.socket:
    """Return a TCP socket that does not block. Raises OSError.

    Of `socket`'s base class: what the class itself adds in Python takes longer than the kernel does.
    """
    sock = _socket.socket(family, _STREAM)
    if not _NONBLOCK:
        sock.setblocking(False)
    return sock  # type: ignore[return-value]


#: State, as above; milliseconds since the last ACK came in; smoothed round-trip time, microseconds, 0 where unknown;
#: segments sent again, before the handshake only SYNs. A plain tuple: a named one takes four times as long.
TcpInfo = Tuple[int, int, int, int]


def tcp_info(sock: socket.socket) -> Optional[TcpInfo]:
    """Return what the kernel knows of the connection; None where it does not tell."""
    if not LINUX:
        return None
    try:
        return _unpacked(sock.getsockopt(_LEVEL, _NAME, _TCP_INFO_SIZE))
    except (OSError, struct.error):  # an old kernel says less
        return None


# tcpi_last_data_recv, ms ago, in jiffies.
_DATA_AGE = struct.Struct("=52xI")


def data_age_ns(sock: socket.socket) -> int:
    """Return how long ago the last data came in, exact to a jiffy (1-10 ms); 0 where the kernel does not tell."""
    if not LINUX:
        return 0
    try:
        (age_ms,) = _DATA_AGE.unpack(sock.getsockopt(_LEVEL, _NAME, _DATA_AGE.size))
    except (OSError, struct.error):
        return 0
    return int(age_ms) * 1_000_000


# linux/in.h and linux/in6.h; Python names them only from 3.14 on.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
# struct sock_extended_err of linux/errqueue.h.
_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3


def ask_for_icmp(sock: socket.socket, family: int) -> None:
    """Have ICMP errors queued with type and code, and reported at once (measured: without it an
    ICMPv6 error surfaces only at the SYN repeat after 1 s)."""
    if not LINUX:
        return
    try:
        if family == _IPV6:
            sock.setsockopt(_IPV6_LEVEL, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(_IP_LEVEL, _IP_RECVERR, 1)
    except OSError:
        pass


def icmp_error(sock: socket.socket) -> Optional[Tuple[int, int]]:
    """Return (type, code) of the ICMP error that ended a connect, None where none did."""
    if not LINUX:
        return None
    try:
        _, ancillary, _, _ = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for level, kind, data in ancillary:
        if (level, kind) not in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
            continue
        if len(data) < _EXTENDED_ERR.size:
            continue
        _, origin, icmp_type, code, _, _, _ = _EXTENDED_ERR.unpack(data[: _EXTENDED_ERR.size])
        if origin in (_ORIGIN_ICMP, _ORIGIN_ICMP6):
            return icmp_type, code
    return None


def raise_descriptor_limit() -> int:
    """Raise the soft limit of descriptors to the hard one and return how many sockets may be open."""
    spare = 64  # the sample file, pipes, the resolver's own sockets
    try:
        import resource
    except ImportError:  # Windows: select() takes 512 sockets
        return 512 - spare
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS: above OPEN_MAX
            pass
    if soft == resource.RLIM_INFINITY:
        soft = 65536
    return max(16, soft - spare)


def make_room_for_descriptors(most: int) -> None:
    """Have the kernel's table of our descriptors take `most` of them, to be called before threads are started.

    Where a process has threads, the kernel waits for a grace period of all processors each time the
    table has to grow (fs/file.c, expand_fdtable): socket() number 64, 256, 512 ... of a campaign took 15 ms.
    """
    try:
        import fcntl

        os.close(fcntl.fcntl(0, fcntl.F_DUPFD, most))
    except (ImportError, OSError, ValueError):  # Windows; a limit that was lowered since
        pass


def chosen_ports() -> Tuple[int, int]:
    """The range that the kernel takes a connecting socket's own port from; all ports where it does not tell."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            low, high = file.read().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return 1, 65535


def has_route(family: int) -> bool:
    """Say whether this machine has a route to the world in that family. No packet is sent: to
    connect a UDP socket only looks the route up (the addresses are for documentation, RFC 5737
    and RFC 3849)."""
    address = ("2001:db8::1", 9) if family == socket.AF_INET6 else ("192.0.2.1", 9)
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(address)
    except OSError as error:
        return error.errno not in (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


@functools.lru_cache(maxsize=4096)
def is_own(family: int, host: str) -> bool:
    """Say whether an address is this machine's (loopback too): only such a one can be bound."""
    if host.startswith("127.") or host == "::1":  # 2 ** 24 of them: more than are kept
        return True
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
    except OSError:
        return False
    return True


def system_words(code: int) -> str:
    return os.strerror(code)
