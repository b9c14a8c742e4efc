"""`native/path.c` in Python, for where there is no C compiler: same arguments, commands and reports.

Later than the C program by some ten microseconds an answer, more when thousands are on their way;
what the reports say of lateness is its own measure of that.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import select
import signal
import struct
import sys
import time
from collections import deque

READS_A_TURN = 16
SILENT_FROM = 96
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_OPTION_MSS, _OPTION_TIMESTAMP = 2, 8
_NOTHING = {"syns": 0, "dropped": 0, "silent": 0, "overflowed": 0, "answers": 0, "most_queued": 0}


class Path:
    """The far end of the TUN device; see `native/path.c`."""

    def __init__(self, device: str, delay_us: int) -> None:
        self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._tun, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI))
        self._delay_ns = delay_us * 1000
        self._loss = 0.0
        self._dice = random.Random(1)
        self._queue: deque[tuple[int, bytes]] = deque()
        self._count = dict(_NOTHING)
        self._late_us: list[int] = []
        self._commands = b""

    def run(self) -> None:
        """Answer until standard input ends."""
        poll = select.epoll()
        poll.register(self._tun, select.EPOLLIN)
        poll.register(0, select.EPOLLIN)
        while True:
            self._send_due()
            left_s = max(0, self._queue[0][0] - time.monotonic_ns()) / 1e9 if self._queue else 1.0
            if select.select([self._tun, 0], (), (), left_s)[0]:
                ready = [descriptor for descriptor, _ in poll.poll(0)]
                if 0 in ready and not self._read_commands():
                    return
                if self._tun in ready:
                    self._read_packets()

    def _read_packets(self) -> None:
        for _ in range(READS_A_TURN):
            try:
                packet = os.read(self._tun, 65536)
            except BlockingIOError:
                return
            self._take(packet, time.monotonic_ns())

    def _take(self, packet: bytes, read_ns: int) -> None:
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != 6:
            return
        start = (packet[0] & 15) * 4
        tcp = packet[start:]
        header, flags = (tcp[12] >> 4) * 4, tcp[13]
        payload = struct.unpack_from("!H", packet, 2)[0] - start - header
        if flags & _RST or not (flags & (_SYN | _FIN) or payload > 0):
            return
        if packet[17] >= SILENT_FROM:
            self._count["silent"] += 1
            return
        if flags & _SYN:
            self._count["syns"] += 1
            if self._loss and self._dice.random() < self._loss:
                self._count["dropped"] += 1
                return
        self._queue.append((read_ns + self._delay_ns, self._answer(packet, tcp, header, payload, read_ns)))
        self._count["most_queued"] = max(self._count["most_queued"], len(self._queue))

    def _answer(self, packet: bytes, tcp: bytes, header: int, payload: int, read_ns: int) -> bytes:
        source, dest, seq, ack = struct.unpack_from("!HHII", tcp)
        flags = tcp[13] & (_SYN | _FIN) | _ACK
        sent = 1000000 if flags & _SYN else ack
        taken = seq + payload + bool(flags & _SYN) + bool(flags & _FIN) & 0xFFFFFFFF
        options = struct.pack("!BBH", _OPTION_MSS, 4, 1460) if flags & _SYN else b""
        theirs = _timestamp_in(tcp[20:header])
        if theirs is not None:
            ours_ms = (read_ns + self._delay_ns) // 1_000_000 & 0xFFFFFFFF
            options += struct.pack("!BBBBI4s", 1, 1, _OPTION_TIMESTAMP, 10, ours_ms, theirs)
        length = 20 + len(options)
        segment = bytearray(struct.pack("!HHIIBBHHH", dest, source, sent, taken, length << 2, flags, 65535, 0, 0))
        segment += options
        ends = packet[16:20] + packet[12:16]
        struct.pack_into("!H", segment, 16, _checksum(ends + struct.pack("!HH", 6, length) + segment))
        outer = bytearray(struct.pack("!BBHIBBH8s", 0x45, 0, 20 + length, 0, 64, 6, 0, ends))
        struct.pack_into("!H", outer, 10, _checksum(outer))
        return bytes(outer + segment)

    def _send_due(self) -> None:
        while self._queue:
            late_ns = time.monotonic_ns() - self._queue[0][0]
            if late_ns < 0:
                return
            os.write(self._tun, self._queue.popleft()[1])
            self._count["answers"] += 1
            self._late_us.append(late_ns // 1000)

    def _read_commands(self) -> bool:
        data = os.read(0, 4096)
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            word, _, number = line.partition(b" ")
            reply: dict[str, object] = {}
            if word == b"report":
                late = sorted(self._late_us) or [0]
                quantiles = {"p50": late[len(late) // 2], "p99": late[int(len(late) * 0.99)], "max": late[-1]}
                reply = {**self._count, "late_us": quantiles}
                self._count, self._late_us = dict(_NOTHING), []
            elif word == b"delay":
                self._delay_ns = int(number) * 1000
            elif word == b"loss":
                self._loss, self._dice = int(number) / 1000, random.Random(1)
            print(json.dumps(reply), flush=True)
        return bool(data)


def _timestamp_in(options: bytes) -> bytes | None:
    while options and options[0]:
        if options[0] == 1:
            options = options[1:]
            continue
        if len(options) < 2 or options[1] < 2:
            return None
        if options[0] == _OPTION_TIMESTAMP and options[1] == 10:
            return options[2:6]
        options = options[options[1] :]
    return None


def _checksum(data: bytes | bytearray) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1]))
    total += data[-1] << 8 if len(data) & 1 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setscheduler"):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        except OSError:
            pass
    path = Path(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"ready": True}), flush=True)
    path.run()
