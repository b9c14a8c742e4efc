"""What loopback can do to a connect, with IPv4 and with IPv6."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from check_runs import netmon
from servers import Servers, has_ipv6

HOSTS = ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no ::1 here"))]
MAKE = {"open": "open", "refused": "closed", "timeout": "silent", "reset": "resetting"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full backlog drops SYNs on Linux")
@pytest.mark.fault(
    "outcomes", "open; refused; a full backlog; accepted, then RST", "the same outcome over IPv4 and IPv6"
)
@pytest.mark.parametrize("host", HOSTS)
def test_both_families_come_to_the_same(tmp_path: Path, servers: Servers, host: str) -> None:
    made = {outcome: getattr(servers, make)(host) for outcome, make in MAKE.items()}
    targets = [server.target for server in made.values()]
    ran = netmon(
        "check", *targets, "--count", "5", "--interval", "25ms", "--timeout", "400ms", "-o", "r.json", cwd=tmp_path
    )
    assert ran.status == 1
    result = json.loads((tmp_path / "r.json").read_text())
    ports = result["raw_data"][host]
    for outcome, server in made.items():
        samples = ports[str(server.port)]
        assert [sample["outcome"] for sample in samples] == [outcome] * 5
        assert all(sample["clock_ms"] >= 400 for sample in samples if outcome == "timeout")
