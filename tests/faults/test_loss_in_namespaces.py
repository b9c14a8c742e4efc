"""Packet loss and slow paths told apart, and counted as they were (root on Linux)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from namespaces import FAR, Cable, missing, probe, slow_path

pytestmark = [pytest.mark.namespace, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

_SYN = "tcp flags & (syn | ack) == syn"


@pytest.fixture
def cable():
    with Cable() as cable:
        yield cable


@pytest.mark.fault("loss", "10 % of all SYNs are lost", "as many repeats as packets were dropped")
def test_ten_percent_loss_is_counted_as_it_was(cable: Cable, tmp_path: Path) -> None:
    cable.firewall(f"{_SYN} tcp dport 80 numgen random mod 100 < 10 counter drop")
    server = cable.listen(80)
    samples = probe(cable, tmp_path / "samples.ndjson", [(FAR, 80)] * 500, 20_000_000)
    server.kill()
    server.communicate()
    assert {sample.outcome for sample in samples} == {"open"}
    dropped = cable.dropped()
    assert dropped > 10
    assert sum(sample.syn_repeats or 0 for sample in samples) == dropped
    slow = [sample for sample in samples if sample.connect_ms is not None and sample.connect_ms > 900]
    assert slow == [sample for sample in samples if sample.syn_repeats]


@pytest.mark.fault("loss", "a path of 1.5 s without loss", "slow, not lossy: the round trip is the kernel's 1.5 s")
def test_a_path_of_one_and_a_half_seconds_is_slow_and_not_lossy(cable: Cable, tmp_path: Path) -> None:
    with slow_path(cable, 1_500_000) as host:
        (sample,) = probe(cable, tmp_path / "samples.ndjson", [(host, 80)], 10_000_000)
    assert (sample.outcome, sample.syn_repeats) == ("open", 1)
    assert sample.rtt_ms == pytest.approx(1500, abs=200)
    assert sample.connect_ms is not None
    assert sample.connect_ms >= 1500


@pytest.mark.fault(
    "process",
    "SIGSTOP in mid-connect, for longer than the limit",
    "what the kernel completed in time is open, and as fast",
)
def test_what_was_completed_while_the_prober_stood_still_is_open(cable: Cable, tmp_path: Path) -> None:
    with slow_path(cable, 400_000) as host:
        (sample,) = probe(cable, tmp_path / "samples.ndjson", [(host, 80)], 900_000, stopped=(0.1, 2.0))
    assert sample.outcome == "open"
    assert sample.connect_ms == pytest.approx(400, abs=150)
    assert sample.clock_ms is not None
    assert sample.clock_ms > 1500


@pytest.mark.fault("fooled", "a firewall limits the rate of its ICMP answers", "the success rate stays the same")
def test_a_limit_on_icmp_answers_changes_outcomes_and_not_the_success_rate(cable: Cable, tmp_path: Path) -> None:
    cable.firewall("tcp dport 81 limit rate 2/second burst 1 packets reject with icmpx type admin-prohibited\n"
                   "tcp dport 81 drop")  # fmt: skip
    samples = probe(cable, tmp_path / "samples.ndjson", [(FAR, 81)] * 30, 900_000)
    counts = Counter(sample.outcome for sample in samples)
    assert {*counts} == {"prohibited", "timeout"}
    assert sum(counts.values()) == 30
