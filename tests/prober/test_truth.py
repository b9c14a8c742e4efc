"""What a run tells of its own measuring: how late it was, and answers that came from too near."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest_prober import entry, records_of
from hypothesis import given
from hypothesis import strategies as st
from servers import Servers

from pytest_netmon import samples
from pytest_netmon.campaign import Campaign
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.prober import connecting, kernel
from pytest_netmon.prober.lateness import Lateness
from pytest_netmon.run import Run
from pytest_netmon.samples import Lateness as LatenessRecord
from pytest_netmon.samples import Near, Sample


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_figures_of_lateness_are_within_six_percent_and_the_maximum_is_exact(late_us: list[int]) -> None:
    lateness = Lateness()
    for value_us in late_us:
        lateness.add(value_us)
    event = lateness.event()
    assert event is not None
    ranked = sorted(late_us)
    for name, rank in (("median_us", (len(ranked) + 1) // 2), ("p99_us", -(-len(ranked) * 99 // 100))):
        true_us, told_us = ranked[rank - 1], event[name]
        assert isinstance(told_us, int)
        assert true_us * 15 / 16 - 1 <= told_us <= true_us
    assert (event["starts"], event["max_us"]) == (len(ranked), ranked[-1])


def test_nothing_scheduled_is_no_lateness() -> None:
    assert Lateness().event() is None


def test_the_sample_file_tells_how_late_scheduled_starts_were(
    probe: Callable[..., list[Sample]], servers: Servers, tmp_path: Path
) -> None:
    server = servers.open()
    probe(entry(server.host, server.port, count=20, interval_us=2000))
    (told,) = (r for r in records_of(tmp_path / "samples-0.ndjson") if isinstance(r, LatenessRecord))
    assert told.starts == 19
    assert told.median_us <= told.max_us


@pytest.mark.parametrize(("connect_us", "own", "told"), [(49, False, [0]), (50, False, []), (49, True, [])])
def test_an_answer_from_too_near_is_told_once_unless_the_address_is_our_own(
    probe: Callable[..., list[Sample]],
    servers: Servers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    connect_us: int,
    own: bool,
    told: list[int],
) -> None:
    monkeypatch.setattr(connecting, "_handshake_us", lambda *told: connect_us)
    monkeypatch.setattr(kernel, "is_own", lambda family, host: own)
    server = servers.open()
    probe(entry(server.host, server.port, count=3))
    found = [record.endpoint for record in records_of(tmp_path / "samples-0.ndjson") if isinstance(record, Near)]
    assert found == told


def test_loopback_is_our_own_and_a_documentation_address_is_not() -> None:
    import socket

    assert kernel.is_own(socket.AF_INET, "127.0.0.1")
    assert not kernel.is_own(socket.AF_INET, "198.51.100.7")


def run_of(server_port: int, *, in_kernel: bool) -> Run:
    endpoint = Endpoint(host="127.0.0.1", port=server_port, measured=True, count=10, interval_s=0.002)
    campaign = Campaign(Plan(endpoints=[endpoint]), [0], kernel=in_kernel)
    campaign.start()
    campaign.wait_all()
    run = campaign.run()
    campaign.close()
    return run


@pytest.mark.skipif(not kernel.LINUX, reason="TCP_INFO is Linux's")
def test_a_run_reports_how_far_its_own_clock_was_behind_the_kernel(servers: Servers) -> None:
    measuring = run_of(servers.open().port, in_kernel=True).measuring
    assert measuring is not None
    assert measuring.lag.count == 10
    assert measuring.own_clock_checks == 0
    assert measuring.lag.min_ms is not None


def test_without_the_kernel_a_run_says_that_its_clock_is_all_there_is(servers: Servers) -> None:
    measuring = run_of(servers.open().port, in_kernel=False).measuring
    assert measuring is not None
    assert (measuring.lag.count, measuring.own_clock_checks) == (0, 10)


@pytest.mark.skipif(not kernel.LINUX, reason="TCP_INFO is Linux's")
@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_run_warns_of_its_times_where_only_a_late_clock_took_them(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, *, in_kernel: bool
) -> None:
    monkeypatch.setattr(samples, "LARGE_LATENESS_US", -1)
    warnings = run_of(servers.open().port, in_kernel=in_kernel).warnings
    told = [warning for warning in warnings if "times may be too long by as much" in warning]
    assert len(told) == (0 if in_kernel else 1)


@pytest.mark.parametrize(("p99_us", "doubtful"), [(80_000, True), (900, False)])
def test_a_clock_is_doubted_where_it_was_late(p99_us: int, *, doubtful: bool) -> None:
    doubt = LatenessRecord(100, 10, p99_us, p99_us).doubt
    assert (doubt is not None) == doubtful
    assert not doubt or "80.0 ms (p99)" in doubt


@pytest.mark.skipif(not kernel.LINUX, reason="TCP_INFO is Linux's")
@pytest.mark.parametrize(
    ("told", "clock_us", "connect_us"),
    [
        ((0, 20_100, 0), 95_000, 20_100),
        ((0, 20_100, 0), 20_050, 20_050),
        ((0, 20_100, 1), 1_020_300, 1_020_300),
        ((70, 20_100, 1), 1_090_300, 1_020_300),
        ((5, 20_100, 1), 1_025_300, 1_025_300),
        ((5_000, 0, 1), 1_025_300, 1_025_300),
        ((70, 0, 0), 90_300, 20_300),
        ((0, 0, 0), 95_000, 95_000),
    ],
    ids=[
        "the kernel's round trip however late we looked",
        "never more than our clock saw",
        "the wait for the repeated SYN counts",
        "without what passed since its answer came",
        "the kernel counts that in jiffies: 10 ms are no answer",
        "an answer older than the connect is another one",
        "no round trip: our clock, less the age of the answer",
        "a kernel that tells nothing",
    ],
)
def test_a_handshake_takes_what_the_kernel_says_and_else_what_our_clock_says(
    told: tuple[int, int, int], clock_us: int, connect_us: int
) -> None:
    acked_ms_ago, rtt_us, repeats = told
    assert connecting._handshake_us(clock_us, acked_ms_ago, rtt_us, repeats) == connect_us
