"""Execnet's socket server: a process that lives on after our checks, and must not notice them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import execnet
import pytest
from gateway_runs import eventually, measured, plan_of, reasons_of, result_at
from servers import Servers

from pytest_netmon import jobs
from pytest_netmon.plan import Endpoint
from pytest_netmon.vantage import Vantage

SERVER = Path(execnet.__file__).parent / "script" / "socketserver.py"


@pytest.fixture
def server_port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(SERVER), f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL)

    def listens() -> bool:
        return f"{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()

    try:
        eventually(listens)
        yield port
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def paris(port: int) -> Vantage:
    return Vantage(name="paris", kind="execnet", way=f"socket=127.0.0.1:{port}")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="listening is seen in /proc")
def test_checks_run_behind_a_socket_server_one_run_after_another(servers: Servers, server_port: int) -> None:
    server = servers.open()
    endpoint = Endpoint(host="127.0.0.1", port=server.port, vantage="paris", measured=True, count=3, interval_s=0.02)
    for _ in range(2):
        run = measured(plan_of([paris(server_port)], endpoint))
        assert result_at(run, "paris").verdict.status == "passed"
        assert run.vantages["paris"].text == "complete"
    assert server.connects == 6
    gateway = execnet.makegateway(f"socket=127.0.0.1:{server_port}")
    try:
        left = gateway.remote_exec("import sys\nchannel.send([*sys.modules, *map(repr, sys.meta_path)])").receive()
    finally:
        gateway.exit()
    assert [each for each in left if "netmon" in each or "Sources" in each] == []


def test_a_server_that_is_not_there_is_a_reason(servers: Servers) -> None:
    port = servers.closed().port
    run = measured(plan_of([paris(port)], Endpoint(host="127.0.0.1", port=1, vantage="paris")))
    assert reasons_of(run, "paris") == {f"the vantage paris: 127.0.0.1:{port}: Connection refused"}


def test_some_other_server_is_a_reason(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "START_S", 1.0)
    port = servers.open().port
    run = measured(plan_of([paris(port)], Endpoint(host="127.0.0.1", port=1, vantage="paris")))
    (reason,) = reasons_of(run, "paris")
    assert reason.startswith(f"the vantage paris: 127.0.0.1:{port}: no ")
