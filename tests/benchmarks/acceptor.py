"""`native/acceptor.c` in Python, for where there is no C compiler: same arguments, same behaviour."""

from __future__ import annotations

import select
import signal
import socket
import sys


def serve(first_port: int, ports: int) -> None:
    """Accept on all loopback addresses, read each connection to its end, close it; until standard input ends."""
    poll = select.epoll()
    listeners = {}
    for port in range(first_port, first_port + ports):
        listener = socket.create_server(("0.0.0.0", port), backlog=65535)
        listener.setblocking(False)
        listeners[listener.fileno()] = listener
        poll.register(listener, select.EPOLLIN)
    poll.register(0, select.EPOLLIN)
    print("ready", flush=True)
    taken: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll(-1, 64):
            if descriptor == 0:
                return
            if descriptor in listeners:
                for connection in _accepted(listeners[descriptor]):
                    taken[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
            elif _is_at_end(taken[descriptor]):
                taken.pop(descriptor).close()


def _accepted(listener: socket.socket) -> list[socket.socket]:
    connections = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return connections
        connection.setblocking(False)
        connections.append(connection)


def _is_at_end(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(int(sys.argv[1]), int(sys.argv[2]))
