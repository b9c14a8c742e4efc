"""A resolver: every name has one IPv4 address and no IPv6 one; each answer comes after a delay.

    dns_server.py ADDRESS DELAY_MS ANSWER [MANNER]

Answers A questions with ANSWER. MANNER: `answers`, the default; `drops-aaaa`: no word about IPv6; `truncates`: each
answer says that it is cut short (TC), and over TCP, where the whole one is to be had, nothing is ever said.
Says "ready" once it listens; the end of standard input is its own.
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
_RESPONSE, _TRUNCATED = 0x8180, 0x0200


def answer_to(query: bytes, address: bytes, manner: str) -> bytes | None:
    """The reply (RFC 1035, section 4): the question again, for A, one record that points to its name. Or silence."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_a = struct.unpack_from("!H", query, end - 4)[0] == _A
    if manner == "drops-aaaa" and not is_a:
        return None
    if manner == "truncates":
        return query[:2] + struct.pack("!HHHHH", _RESPONSE | _TRUNCATED, 1, 0, 0, 0) + question
    header = query[:2] + struct.pack("!HHHHH", _RESPONSE, 1, int(is_a), 0, 0)
    record = struct.pack("!HHHIH4s", 0xC00C, _A, 1, 60, 4, address) if is_a else b""
    return header + question + record


def serve(at: str, delay_s: float, answer: str, manner: str = "answers") -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.bind((at, 53))
    server.setblocking(False)
    # Completes handshakes and says nothing: nobody ever accepts.
    silent = socket.create_server((at, 53), backlog=4096)
    address = socket.inet_aton(answer)
    waiting: deque[tuple[float, bytes, object]] = deque()
    print("ready", flush=True)
    with silent:
        while True:
            left_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            ready = select.select([server, 0], (), (), left_s)[0]
            if 0 in ready:
                return
            if server in ready:
                query, sender = server.recvfrom(4096)
                reply = answer_to(query, address, manner)
                if reply is not None:
                    waiting.append((time.monotonic() + delay_s, reply, sender))
            while waiting and waiting[0][0] <= time.monotonic():
                _, reply, sender = waiting.popleft()
                server.sendto(reply, sender)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.argv[1], float(sys.argv[2]) / 1000, *sys.argv[3:])
