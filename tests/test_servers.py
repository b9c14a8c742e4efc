from __future__ import annotations

import errno
import select
import socket

import pytest
from servers import Servers, has_ipv6


def connect(port, timeout_s=5.0):
    with socket.create_connection((port.host, port.port), timeout_s) as client:
        client.shutdown(socket.SHUT_WR)
        return client.recv(1)


def test_an_open_server_counts_its_connects_and_says_goodbye(servers: Servers):
    server = servers.open()
    assert server.connects == 0
    assert connect(server) == b""
    assert connect(server) == b""
    assert server.connects == 2


@pytest.mark.skipif(not has_ipv6(), reason="needs ::1")
def test_an_open_server_listens_on_ipv6_too(servers: Servers):
    server = servers.open("::1")
    connect(server)
    assert (server.connects, server.target) == (1, f"[::1]:{server.port}")


def test_a_closed_port_refuses(servers: Servers):
    with pytest.raises(ConnectionRefusedError):
        connect(servers.closed())


def test_a_resetting_server_opens_and_resets(servers: Servers):
    server = servers.resetting()
    with pytest.raises(OSError, match=r"reset|not connected"):
        connect(server)
    assert server.connects == 1


def test_a_silent_port_leaves_a_connect_without_an_answer(servers: Servers):
    with socket.socket() as client:
        silent = servers.silent()
        client.setblocking(False)
        assert client.connect_ex((silent.host, silent.port)) == errno.EINPROGRESS
        assert select.select([], [client], [], 0.2)[1] == []
