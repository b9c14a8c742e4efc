"""What the engine makes of a stretch in which it did not run: a clock that jumps stands in for a suspension."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from conftest_prober import entry, records_of
from servers import Servers

from pytest_netmon.prober import closing, connecting, engine, kernel, names, stages, wait
from pytest_netmon.samples import Gap, Sample

SECOND = 1_000_000_000


class JumpingClock:
    """Goes on for `quiet` calls, then jumps by `jump_ns` once; `suspended_ns` says so where asked to."""

    def __init__(self, jump_ns: int, quiet: int) -> None:
        self._real = kernel.now_ns
        self._jump_ns, self._quiet = jump_ns, quiet
        self.offset_ns = 0
        self.armed = False

    def now_ns(self) -> int:
        if self.armed and not self.offset_ns:
            self._quiet -= 1
            if self._quiet < 0:
                self.offset_ns = self._jump_ns
        return self._real() + self.offset_ns


def install(monkeypatch: pytest.MonkeyPatch, clock: JumpingClock, *, suspended: bool) -> None:
    for module in (engine, connecting, stages, closing, names):
        monkeypatch.setattr(module, "now_ns", clock.now_ns)
    monkeypatch.setattr(kernel, "suspended_ns", lambda: clock.offset_ns if suspended else 0)
    begin = connecting.Connector.start

    def start(self: connecting.Connector, *arguments: object) -> None:
        begin(self, *arguments)  # type: ignore[arg-type]
        clock.armed = True  # the jump falls into the first check

    monkeypatch.setattr(connecting.Connector, "start", start)


def gaps_of(path: Path) -> list[Gap]:
    """All but those of a machine that is busy with other tests."""
    return [record for record in records_of(path) if isinstance(record, Gap) and record.cause != "late"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full backlog drops SYNs on Linux")
@pytest.mark.fault("process", "the machine is suspended in mid-check", "the check is made again: it fails for nothing")
def test_a_suspension_fails_no_check_that_it_cut_in_two(
    probe: Callable[..., list[Sample]], servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, JumpingClock(3600 * SECOND, quiet=8), suspended=True)
    server = servers.silent()
    samples = probe(entry(server.host, server.port, count=3, interval_us=50_000, timeout_us=400_000))
    assert sorted(sample.check for sample in samples) == [1, 2, 3]
    assert {sample.outcome for sample in samples} == {"timeout"}
    for sample in samples:
        assert sample.clock_ms is not None
        assert 400 <= sample.clock_ms < 3_600_000  # a whole timeout of its own, not cut by the suspension
    (gap,) = gaps_of(tmp_path / "samples-0.ndjson")
    assert gap.cause == "suspended"
    assert 3590 * SECOND < gap.length_us * 1000 < 3610 * SECOND


@pytest.mark.parametrize("phase", ["hold", "tls"])
def test_a_suspension_fails_no_check_that_it_cut_after_its_connect(
    probe: Callable[..., list[Sample]],
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    phase: str,
) -> None:
    """Neither what came to an open connection meanwhile nor a deadline that passed meanwhile is the target's."""
    install(monkeypatch, JumpingClock(3600 * SECOND, quiet=8), suspended=True)
    server = servers.open()
    tls = {"server_name": None, "verify": False, "ca_file": None, "min_version": None}
    changes = {"hold_us": 300_000} if phase == "hold" else {"tls": tls, "timeout_us": 400_000}
    samples = probe(entry(server.host, server.port, count=2, interval_us=50_000, **changes))
    assert sorted(sample.check for sample in samples) == [1, 2]
    assert {sample.outcome for sample in samples} == {"open" if phase == "hold" else "tls_timeout"}
    assert all(sample.clock_ms is not None and sample.clock_ms < 3_600_000 for sample in samples)
    assert server.connects >= 3
    assert [gap.cause for gap in gaps_of(tmp_path / "samples-0.ndjson")] == ["suspended"]


@pytest.mark.fault(
    "process", "the process does not run for longer than a second", "a recorded gap; what it missed is left out"
)
def test_a_stall_is_recorded_and_what_it_missed_is_left_out(
    probe: Callable[..., list[Sample]], servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, JumpingClock(10 * SECOND, quiet=20), suspended=False)
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=None, interval_us=10_000), stop_after_s=1)
    assert {sample.outcome for sample in samples} == {"open"}
    gap = gaps_of(tmp_path / "samples-0.ndjson")[0]
    assert gap.cause == "stalled"
    assert 900 <= gap.missed <= 1100
    after = sorted(sample.start_us for sample in samples if sample.start_us >= gap.at_us + gap.length_us)
    # No burst: those after the gap keep their distance (two starts may share the first interval).
    assert after[-1] - after[0] >= (len(after) - 2) * 10_000
    # And none that was left out is counted twice.
    starts = sorted(sample.start_us for sample in samples)
    planned = round((starts[-1] - starts[0]) / 10_000) + 1
    told = [record for record in records_of(tmp_path / "samples-0.ndjson") if isinstance(record, Gap)]
    assert abs(planned - len(samples) - sum(gap.missed for gap in told)) <= 2


def test_a_stall_of_a_counted_run_postpones_its_checks_and_leaves_none_out(
    probe: Callable[..., list[Sample]], servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, JumpingClock(10 * SECOND, quiet=20), suspended=False)
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=30, interval_us=10_000))
    assert sorted(sample.check for sample in samples) == list(range(1, 31))
    assert gaps_of(tmp_path / "samples-0.ndjson")[0].missed == 0


def test_starts_that_a_busy_machine_left_out_are_recorded_and_the_others_keep_their_times(
    probe: Callable[..., list[Sample]], servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Too short for a stall: the loop ran, but half a second late."""
    install(monkeypatch, JumpingClock(SECOND // 2, quiet=40), suspended=False)
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=None, interval_us=20_000), stop_after_s=1)
    late = [record for record in records_of(tmp_path / "samples-0.ndjson") if isinstance(record, Gap)]
    starts = sorted(sample.start_us for sample in samples)
    planned = round((starts[-1] - starts[0]) / 20_000) + 1

    assert {gap.cause for gap in late} == {"late"}
    missed = sum(gap.missed for gap in late)
    assert missed >= 24
    assert abs(planned - len(samples) - missed) <= 1
    assert max(gap.length_us for gap in late) >= 480_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="epoll is Linux's")
def test_a_start_that_came_late_delays_none_after_it(
    probe: Callable[..., list[Sample]], servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starts are planned by the time at which the one before was due."""
    is_late, waiting = False, wait.EpollWaiter.wait

    def oversleeping(self: wait.EpollWaiter, timeout_s: float) -> list[tuple[int, int]]:
        nonlocal is_late
        events = waiting(self, timeout_s)
        if timeout_s > 0.2 and not is_late:
            is_late = True
            time.sleep(0.3)  # the lateness itself
        return events

    monkeypatch.setattr(wait.EpollWaiter, "wait", oversleeping)
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=3, interval_us=400_000))
    starts = sorted(sample.start_us for sample in samples)
    assert min(later - earlier for earlier, later in pairwise(starts)) < 380_000


@pytest.mark.fault(
    "process", "the process does not run before its first check", "a recorded gap that made nothing miss"
)
def test_a_stall_before_the_first_check_leaves_none_out(
    probe: Callable[..., list[Sample]], servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = JumpingClock(10 * SECOND, quiet=2)
    install(monkeypatch, clock, suspended=False)
    clock.armed = True
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=None, interval_us=1_000_000), stop_after_s=0.5)
    assert [sample.check for sample in samples] == [1]
    assert [(gap.cause, gap.missed <= 10) for gap in gaps_of(tmp_path / "samples-0.ndjson")] == [("stalled", True)]
