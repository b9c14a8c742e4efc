"""What each fault of a real network comes to, on a path of two namespaces (root on Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import FAR, FAR6, Cable, missing, probe

from pytest_netmon.samples import Sample

pytestmark = [pytest.mark.namespace, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

OPEN_PORT, LOSSY_PORT = 80, 90
FIREWALL = """
tcp dport 101 drop
tcp dport 102 reject with tcp reset
tcp dport 103 reject with icmpx type port-unreachable
meta nfproto ipv4 tcp dport 104 reject with icmp type host-unreachable
meta nfproto ipv4 tcp dport 105 reject with icmp type net-unreachable
meta nfproto ipv4 tcp dport 106 reject with icmp type prot-unreachable
tcp dport 107 reject with icmpx type admin-prohibited
meta nfproto ipv4 tcp dport 108 reject with icmp type host-prohibited
meta nfproto ipv6 tcp dport 104 reject with icmpv6 type addr-unreachable
meta nfproto ipv6 tcp dport 105 reject with icmpv6 type no-route
tcp dport 90 tcp flags & (syn | ack) == syn ip saddr . tcp sport @seen accept
tcp dport 90 tcp flags & (syn | ack) == syn add @seen { ip saddr . tcp sport } drop
"""

#: (host, port, outcome, ICMP type and code)
EXPECTED = [
    (FAR, OPEN_PORT, "open", None),
    (FAR, 99, "refused", None),
    (FAR, 101, "timeout", None),
    (FAR, 102, "refused", None),
    (FAR, 103, "refused", (3, 3)),
    (FAR, 104, "host_unreachable", (3, 1)),
    (FAR, 105, "network_unreachable", (3, 0)),
    (FAR, 106, "refused", (3, 2)),
    (FAR, 107, "prohibited", (3, 13)),
    (FAR, 108, "prohibited", (3, 10)),
    (FAR6, OPEN_PORT, "open", None),
    (FAR6, 99, "refused", None),
    (FAR6, 101, "timeout", None),
    (FAR6, 102, "refused", None),
    (FAR6, 103, "refused", (1, 4)),
    (FAR6, 104, "host_unreachable", (1, 3)),
    (FAR6, 105, "network_unreachable", (1, 0)),
    (FAR6, 107, "prohibited", (1, 1)),
    ("10.78.0.1", 80, "host_unreachable", None),
    ("10.78.0.2", 80, "prohibited", None),
    ("10.78.0.3", 80, "network_unreachable", None),
    ("fd78::1", 80, "host_unreachable", None),
    ("fd78::2", 80, "prohibited", None),
    ("fd78::3", 80, "network_unreachable", None),
    # No route at all, and no default route either: this machine's own fault.
    ("10.79.0.1", 80, "local_error", None),
    ("fd79::1", 80, "local_error", None),
]


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    with Cable() as cable:
        cable.firewall(FIREWALL)
        cable.route("unreachable", "10.78.0.1")
        cable.route("prohibit", "10.78.0.2")
        cable.route("blackhole", "10.78.0.3")
        for kind, host in (("unreachable", "fd78::1"), ("prohibit", "fd78::2"), ("blackhole", "fd78::3")):
            cable.route(kind, host)
        server = cable.listen(OPEN_PORT, LOSSY_PORT)
        yield cable
        server.kill()
        server.communicate()


@pytest.fixture(scope="module")
def samples(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Sample]:
    targets = [(host, port) for host, port, _, _ in EXPECTED]
    path = tmp_path_factory.mktemp("outcomes") / "samples.ndjson"
    return dict(zip(targets, probe(cable, path, targets, 900_000), strict=True))


@pytest.mark.fault("outcomes", "RST; ICMP port unreachable", "`refused`, with the ICMP type and code where one came")
@pytest.mark.fault("outcomes", "packets are dropped", "`timeout`, never early")
@pytest.mark.fault("outcomes", "ICMP host and net unreachable", "`host_unreachable`, `network_unreachable`")
@pytest.mark.fault("outcomes", "ICMP administratively prohibited", "`prohibited`, though IPv4 says EHOSTUNREACH")
@pytest.mark.fault("outcomes", "ICMP protocol unreachable", "`refused`: the host itself answered")
@pytest.mark.fault("outcomes", "routes unreachable, prohibit, blackhole", "an outcome each, none of them a timeout")
@pytest.mark.fault("outcomes", "no route of that family on this machine", "`local_error`: not the target's fault")
@pytest.mark.parametrize(("host", "port", "outcome", "icmp"), EXPECTED)
def test_a_fault_of_the_network_has_its_outcome_and_its_icmp(
    samples: dict[tuple[str, int], Sample], host: str, port: int, outcome: str, icmp: tuple[int, int] | None
) -> None:
    sample = samples[host, port]
    assert (sample.outcome, sample.icmp) == (outcome, icmp), sample


@pytest.mark.fault("loss", "the first SYN is lost", "`open` after about 1 s, 1 repeat: packet loss")
def test_a_lost_first_syn_is_open_after_a_second_with_one_repeat(cable: Cable, tmp_path: Path) -> None:
    (sample,) = probe(cable, tmp_path / "samples.ndjson", [(FAR, LOSSY_PORT)], 10_000_000)
    assert (sample.outcome, sample.syn_repeats) == ("open", 1)
    assert sample.connect_ms is not None
    assert sample.connect_ms > 900
    # The path itself is quick, and the kernel knows it: loss, not a slow server.
    assert sample.rtt_ms is None or sample.rtt_ms < 500


@pytest.mark.fault("outcomes", "packets are dropped", "`timeout`, never early")
def test_a_timeout_in_a_dropped_path_counts_the_syns_that_went_out(cable: Cable, tmp_path: Path) -> None:
    (sample,) = probe(cable, tmp_path / "samples.ndjson", [(FAR, 101)], 1_500_000)
    assert (sample.outcome, sample.syn_repeats) == ("timeout", 1)
    assert sample.clock_ms is not None
    assert sample.clock_ms >= 1500


@pytest.mark.fault(
    "outcomes", "a dead neighbour", "`timeout` with a limit below 3 s, above it `host_unreachable`; IPv4 and IPv6"
)
def test_a_dead_neighbour_is_a_timeout_below_three_seconds_and_unreachable_above(cable: Cable, tmp_path: Path) -> None:
    nobody = [("10.77.0.99", 80), ("fd77::99", 80)]
    assert [sample.outcome for sample in probe(cable, tmp_path / "short.ndjson", nobody, 500_000)] == ["timeout"] * 2
    for sample in probe(cable, tmp_path / "long.ndjson", nobody, 20_000_000):
        assert (sample.outcome, sample.errno) == ("host_unreachable", "EHOSTUNREACH")
