"""The checker's own faults: never blamed on a target, never lost, never taken for open."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import Cable, missing, probe
from servers import Servers

from pytest_netmon import prober_process
from pytest_netmon.judging import recover
from pytest_netmon.launching import Launch
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of
from pytest_netmon.sample_lines import decode_line
from pytest_netmon.samples import Sample

needs_namespaces = pytest.mark.skipif(missing() is not None, reason=str(missing()))
PROBER = str(Path(prober_process.__file__).parent / "prober")
LINUX = sys.platform.startswith("linux")


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable() as cable:
        yield cable


def use_local_ports(cable: Cable, first: int, last: int) -> None:
    setting = f"echo {first} {last} > /proc/sys/net/ipv4/ip_local_port_range"
    subprocess.run(cable.in_near("sh", "-c", setting), check=True)


@pytest.mark.namespace
@needs_namespaces
@pytest.mark.fault("fooled", "a connect that meets itself (one local port)", "`refused`, never open")
def test_a_connect_to_oneself_is_never_open(cable: Cable, tmp_path: Path) -> None:
    """With one local port to choose from, a connect to that closed port finds itself at the other end."""
    use_local_ports(cable, 40000, 40000)
    samples = probe(cable, tmp_path / "samples.ndjson", [("127.0.0.1", 40000), ("::1", 40000)], 2_000_000)
    assert [sample.outcome for sample in samples] == ["refused", "refused"]
    assert {sample.message for sample in samples} == {"connected to itself: nobody listens on that port"}


@pytest.mark.namespace
@needs_namespaces
@pytest.mark.fault("fooled", "a closed loopback port of the ephemeral range, tried 20,000 times", "never open")
def test_a_closed_port_tried_twenty_thousand_times_is_never_open(cable: Cable, tmp_path: Path) -> None:
    """With 1,000 local ports to choose from, some of the tries meet themselves (TCP's simultaneous open)."""
    use_local_ports(cable, 40000, 40999)
    samples = probe(cable, tmp_path / "samples.ndjson", [("127.0.0.1", 40500)], 2_000_000, count=20_000, interval_us=50)
    counts = Counter(sample.outcome for sample in samples)
    assert sum(counts.values()) == 20_000
    assert {*counts} <= {"refused", "local_error"}
    assert any(sample.message == "connected to itself: nobody listens on that port" for sample in samples)


@pytest.mark.namespace
@needs_namespaces
@pytest.mark.fault("own", "20 local ports and 30 checks", "10 `local_error`, 20 true samples")
def test_more_checks_than_local_ports_leave_local_errors_and_true_samples(cable: Cable, tmp_path: Path) -> None:
    use_local_ports(cable, 40000, 40019)
    # Nobody answers at that address: each check holds its port until its timeout.
    targets = [("10.77.0.99", 80)] * 30
    samples = probe(cable, tmp_path / "samples.ndjson", targets, 400_000)
    outcomes = [sample.outcome for sample in samples]
    assert outcomes.count("timeout") == 20
    assert outcomes.count("local_error") == 10
    assert {sample.errno for sample in samples if sample.outcome == "local_error"} == {"EADDRNOTAVAIL"}


@pytest.mark.namespace
@needs_namespaces
@pytest.mark.fault("own", "IPv6 is switched off", "`local_error`")
def test_ipv6_switched_off_is_this_machines_fault(cable: Cable, tmp_path: Path) -> None:
    off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
    subprocess.run(cable.in_near("sh", "-c", off), check=True)
    (sample,) = probe(cable, tmp_path / "samples.ndjson", [("fd77::2", 80)], 400_000)
    assert (sample.outcome, sample.errno) == ("local_error", "EADDRNOTAVAIL")


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
@pytest.mark.fault("own", "fewer descriptors than checks (EMFILE)", "`local_error`, inconclusive, no check lost")
def test_a_prober_short_of_descriptors_is_inconclusive_and_loses_no_check(servers: Servers, tmp_path: Path) -> None:
    server, path = servers.silent(), tmp_path / "samples.ndjson"
    endpoints = [
        Endpoint(host=server.host, port=server.port, name=f"e{number}", measured=True, count=1, timeout_s=0.4)
        for number in range(30)
    ]
    plan = Plan(endpoints=endpoints, max_rate=1e6, max_rate_per_host=1e6)
    job = Launch(plan, range(30), sample_file=path).job()
    context = {"plan": record_of(plan), "selected": list(range(30)), "machine": {}}
    command = ["sh", "-c", 'ulimit -n 20; exec "$0" -I -c "$1" "$2"', sys.executable, prober_process.BOOTSTRAP, PROBER]
    prober = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert prober.stdin is not None
    prober.stdin.write(json.dumps({**job, "context": json.dumps(context)}).encode() + b"\n")
    prober.stdin.flush()
    assert prober.wait(60) == 0
    prober.stdin.close()
    records = [decode_line(line) for line in path.read_bytes().splitlines()]
    outcomes = [record.outcome for record in records if isinstance(record, Sample)]
    assert len(outcomes) == 30
    assert set(outcomes) == {"timeout", "local_error"}
    statuses = {result.verdict.status for result in recover(path).results}
    assert statuses == {"failed", "inconclusive"}
    for result in recover(path).results:
        (sample,) = result.samples
        assert result.verdict.status == {"timeout": "failed", "local_error": "inconclusive"}[sample.outcome]
        assert sample.errno == {"timeout": None, "local_error": "EMFILE"}[sample.outcome]
