"""Real servers are found open, and none of them has a word to say about having been checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import real_servers
from check_runs import netmon
from real_servers import RealServer

CHECKS = 20


def check(server: RealServer, folder: Path, *more: str) -> str:
    """Check it twenty times, stop it, and return its log."""
    ran = netmon("check", server.target, "--count", str(CHECKS), "--interval", "5ms", *more, cwd=folder)
    assert ran.status == 0, ran
    return server.end()


@pytest.mark.skipif(real_servers.missing("nginx") is not None, reason=str(real_servers.missing("nginx")))
@pytest.mark.fault("manners", "nginx, checked 20 times", "open; no connection that a client has reset")
def test_nginx_sees_no_reset(tmp_path: Path) -> None:
    with real_servers.nginx() as server:
        log = check(server, tmp_path)
    complaints = [line for line in log.splitlines() if "127.0.0.1" in line and "client closed connection" not in line]
    assert complaints == []
    assert "reset" not in log


@pytest.mark.skipif(real_servers.missing("redis-server") is not None, reason=str(real_servers.missing("redis-server")))
@pytest.mark.fault("manners", "redis, checked 20 times", "open; its log, at its most talkative, holds no complaint")
def test_redis_log_holds_no_complaint(tmp_path: Path) -> None:
    with real_servers.redis() as server:
        log = check(server, tmp_path)
    assert log.count("Accepted 127.0.0.1:") == CHECKS
    assert log.count("Client closed connection") == CHECKS
    assert "Reading from client" not in log


@pytest.mark.skipif(real_servers.missing("postgres") is not None, reason=str(real_servers.missing("postgres")))
@pytest.mark.fault("manners", "PostgreSQL, checked 20 times", "open; its log stays empty")
def test_postgresql_log_stays_empty(tmp_path: Path) -> None:
    with real_servers.postgresql() as server:
        log = check(server, tmp_path)
    between = re.search(r"ready to accept connections\n(.*?)[^\n]*received fast shutdown request", log, re.DOTALL)
    assert between is not None, log
    assert between[1] == ""
