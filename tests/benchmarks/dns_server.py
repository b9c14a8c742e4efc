"""A resolver: every name has one IPv4 address and no IPv6 one; each answer comes after a delay.

    dns_server.py ADDRESS DELAY_MS ANSWER

Answers A questions with ANSWER. Says "ready" once it listens; the end of standard input is its own.
"""

from __future__ import annotations

import select
import signal
import socket
import struct
import sys
import time
from collections import deque

_A = 1


def answer_to(query: bytes, address: bytes) -> bytes:
    """The reply (RFC 1035, section 4): the question again and, for A, one record that points to its name."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_a = struct.unpack_from("!H", query, end - 4)[0] == _A
    header = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(is_a), 0, 0)
    record = struct.pack("!HHHIH4s", 0xC00C, _A, 1, 60, 4, address) if is_a else b""
    return header + question + record


def serve(at: str, delay_s: float, answer: str) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.bind((at, 53))
    server.setblocking(False)
    address = socket.inet_aton(answer)
    waiting: deque[tuple[float, bytes, object]] = deque()
    print("ready", flush=True)
    while True:
        left_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready = select.select([server, 0], (), (), left_s)[0]
        if 0 in ready:
            return
        if server in ready:
            query, sender = server.recvfrom(4096)
            waiting.append((time.monotonic() + delay_s, answer_to(query, address), sender))
        while waiting and waiting[0][0] <= time.monotonic():
            _, reply, sender = waiting.popleft()
            server.sendto(reply, sender)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.argv[1], float(sys.argv[2]) / 1000, sys.argv[3])
