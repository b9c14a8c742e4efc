"""A small DNS server on UDP and TCP port 53 that misbehaves by the name it is asked for.

Run as a script: `nameserver.py ADDRESS`. The first label says what happens:
good -> 127.0.0.1 and ::1; v4only -> no AAAA record; dropsaaaa -> AAAA unanswered; slow50 -> after 50 ms;
nx -> NXDOMAIN; empty -> no record at all; servfail, refused -> that code; silent -> nothing;
moves -> 127.0.0.1, and 127.0.0.2 when asked again; dies -> an answer, and silence when asked again;
garbage -> noise; truncated -> TC over UDP and a silent TCP side; metadata -> 169.254.169.254;
three -> 10.77.0.2, .3 and .4; families -> 10.77.0.2 and fd77::2.
"""

from __future__ import annotations

import heapq
import select
import socket
import struct
import sys
import time
from collections import Counter

#: How often each was asked for, by behaviour and type.
asked: Counter[tuple[str, int]] = Counter()

A, AAAA = 1, 28
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
TRUNCATED = 0x0200


def question_of(packet: bytes) -> tuple[str, int, int]:
    """(first label, type, end of the question)."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return labels[0].lower(), struct.unpack_from("!H", packet, at + 1)[0], at + 5


def reply(packet: bytes, end: int, code: int, addresses: list[bytes], flags: int = 0) -> bytes:
    head = packet[:2] + struct.pack("!HHHHH", 0x8180 | code | flags, 1, len(addresses), 0, 0)
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", A if len(a) == 4 else AAAA, 1, 5, len(a)) + a for a in addresses
    )
    return head + packet[12:end] + records


def answer_to(packet: bytes) -> tuple[float, bytes] | None:
    """How long to wait and what to send; None for silence."""
    behaviour, kind, end = question_of(packet)
    v4, v6 = [socket.inet_aton("127.0.0.1")], [socket.inet_pton(socket.AF_INET6, "::1")]
    asked[behaviour, kind] += 1
    if asked[behaviour, kind] > 1:
        if behaviour == "dies":
            return None
        if behaviour == "moves":
            v4 = [socket.inet_aton("127.0.0.2")]
    codes = {"nx": NXDOMAIN, "servfail": SERVFAIL, "refused": REFUSED}
    if behaviour in codes:
        return 0, reply(packet, end, codes[behaviour], [])
    if behaviour == "silent" or (behaviour == "dropsaaaa" and kind == AAAA):
        return None
    if behaviour == "garbage":
        return 0, packet[:2] + b"\xff" * 40
    if behaviour == "truncated":
        return 0, reply(packet, end, NOERROR, [], TRUNCATED)
    if behaviour == "metadata":
        return 0, reply(packet, end, NOERROR, [socket.inet_aton("169.254.169.254")] if kind == A else [])
    if behaviour in ("three", "families"):
        v4 = [socket.inet_aton(f"10.77.0.{last}") for last in (2, 3, 4)][: 3 if behaviour == "three" else 1]
        v6 = [socket.inet_pton(socket.AF_INET6, "fd77::2")]
    found = {A: v4, AAAA: v6 if behaviour in ("good", "families") else []}.get(kind, [])
    return (0.05 if behaviour.startswith("slow50") else 0), reply(
        packet, end, NOERROR, [] if behaviour == "empty" else found
    )


def serve(address: str) -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    # Completes handshakes and never reads: the silent TCP side of a truncated answer.
    tcp = socket.create_server((address, 53), backlog=64)
    print("serving", flush=True)
    later: list[tuple[float, int, bytes, tuple[str, int]]] = []
    order = 0
    while True:
        timeout = max(0.0, later[0][0] - time.monotonic()) if later else None
        if select.select([udp], [], [], timeout)[0]:
            packet, client = udp.recvfrom(4096)
            answer = answer_to(packet)
            if answer is not None:
                order += 1
                heapq.heappush(later, (time.monotonic() + answer[0], order, answer[1], client))
        while later and later[0][0] <= time.monotonic():
            _, _, data, client = heapq.heappop(later)
            udp.sendto(data, client)
        assert tcp.fileno() >= 0


if __name__ == "__main__":
    serve(sys.argv[1])
