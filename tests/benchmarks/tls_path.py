"""A path to TLS servers: the far end of a TUN device that mirrors packets, and the servers that it mirrors them to.

    tls_path.py DEVICE DELAY_US OWN_ADDRESS PORT CHAIN KEY

What is sent to any address of the device's network comes back to PORT of OWN_ADDRESS with the two addresses
exchanged (so that no checksum changes), half of DELAY_US later: each of those addresses is a TLS server, by the
kernel's own TCP and DELAY_US away. Says "ready" once the device is there, and `{}` once it listens, for which it waits
for a line on standard input: that the device is up. The end of that input is its own.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
from collections import deque
from pathlib import Path

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_READS_A_TURN = 16


def mirror(tun: int, delay_ns: int) -> None:
    """Send each packet back, until the process ends."""
    poll = select.epoll()
    poll.register(tun, select.EPOLLIN)
    waiting: deque[tuple[int, bytes]] = deque()
    while True:
        while waiting and waiting[0][0] <= time.monotonic_ns():
            os.write(tun, waiting.popleft()[1])
        left_s = max(0, waiting[0][0] - time.monotonic_ns()) / 1e9 if waiting else 1.0
        if not select.select([poll.fileno()], (), (), left_s)[0]:
            continue
        for _ in range(_READS_A_TURN):
            try:
                packet = os.read(tun, 65536)
            except BlockingIOError:
                break
            if packet[0] >> 4 == 4:
                due_ns = time.monotonic_ns() + delay_ns
                waiting.append((due_ns, packet[:12] + packet[16:20] + packet[12:16] + packet[20:]))


def serve(address: str, port: int, chain: str, key: str) -> None:
    """Shake hands with whoever connects, and wait for its end; a little for each connection in turn."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.num_tickets = 0
    listener = socket.create_server((address, port), backlog=65535)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    talking: dict[int, ssl.SSLSocket] = {}
    while True:
        for descriptor, _ in poll.poll(-1, 16):
            if descriptor == listener.fileno():
                for connection in _accepted(listener, context):
                    talking[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
            elif _is_over(talking[descriptor]):
                talking.pop(descriptor).close()


def _accepted(listener: socket.socket, context: ssl.SSLContext) -> list[ssl.SSLSocket]:
    found = []
    for _ in range(16):
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            break
        connection.setblocking(False)
        found.append(context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False))
    return found


def _is_over(connection: ssl.SSLSocket) -> bool:
    try:
        connection.do_handshake()
        return not connection.recv(4096)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    except OSError:
        return True


def main(device: str, delay_us: str, address: str, port: str, chain: str, key: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI))
    print("ready", flush=True)
    sys.stdin.readline()
    if os.fork() == 0:
        _be_punctual()
        mirror(tun, int(delay_us) * 500)
    threading.Thread(target=serve, args=(address, int(port), chain, key), daemon=True).start()
    print("{}", flush=True)
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def _be_punctual() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        Path("/proc/self/timerslack_ns").write_text("1")
    except OSError:
        pass


if __name__ == "__main__":
    os.setpgid(0, 0)
    main(*sys.argv[1:])
