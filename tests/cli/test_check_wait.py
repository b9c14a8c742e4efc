"""`--wait`: until every target passed or the time is up."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from check_runs import ROOT, InProcess, LatePort
from hypothesis import given
from hypothesis import strategies as st
from made_runs import failed, opened, reached, result_of
from servers import Servers

from pytest_netmon.cli.screen import Screen
from pytest_netmon.reports.failure import failure_text
from pytest_netmon.reports.waiting import waiting_line
from pytest_netmon.waits import WAIT_INTERVAL_S, Wait, tries_apart_s

SCHEMA = json.loads((ROOT / "pytest_netmon/schemas/results.schema.json").read_text())


def once_refused(target: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `act` called when the progress says that `target` was refused."""
    show = Screen.progress

    def watch(self: Screen, text: str) -> None:
        if f"{target} (refused)" in text:
            act()
        show(self, text)

    monkeypatch.setattr(Screen, "progress", watch)


@pytest.fixture
def listening_once_refused(late_port: LatePort, monkeypatch: pytest.MonkeyPatch) -> LatePort:
    """A port that is opened when the progress says that it was refused."""
    once_refused(late_port.target, late_port.listen, monkeypatch)
    return late_port


def written() -> dict[str, Any]:
    document = json.loads(Path("out.json").read_text())
    jsonschema.validate(document, SCHEMA)
    return document


def test_a_port_that_opens_later_is_waited_for(check: InProcess, listening_once_refused: LatePort) -> None:
    target = listening_once_refused.target
    ran = check(target, "--wait", "60s", "-o", "out.json")
    assert ran.status == 0, ran
    line, last = ran.out.splitlines()
    assert line.startswith(f"PASS   {target}  ")
    assert last.startswith("1 passed in ")
    (samples,) = written()["raw_data"]["127.0.0.1"].values()
    outcomes = [sample["outcome"] for sample in samples]
    assert outcomes == ["refused"] * (len(samples) - 1) + ["open"]
    assert f" s until it was reached ({len(samples)} tries: {len(samples) - 1} x refused)" in line


def test_what_is_open_passes_without_waiting_for_the_others(
    check: InProcess, servers: Servers, listening_once_refused: LatePort
) -> None:
    target = servers.open().target
    ran = check(listening_once_refused.target, target, "--wait", "60s")
    assert [line.split()[1] for line in ran.out.splitlines()[:2]] == [target, listening_once_refused.target]


def test_a_measured_target_is_measured_once_it_can_be_reached(
    check: InProcess, listening_once_refused: LatePort
) -> None:
    target = listening_once_refused.target
    ran = check(target, "--wait", "60s", "--count", "20", "--interval", "5ms", "--limit", "max < 5s", "-o", "out.json")
    assert ran.status == 0, ran
    assert ran.out.count("PASS") == 1
    assert "20 of 20" in ran.out
    document = written()
    (samples,) = document["raw_data"]["127.0.0.1"].values()
    assert [sample["check"] for sample in samples] == list(range(1, 21))
    assert {sample["outcome"] for sample in samples} == {"open"}
    (endpoint,) = document["endpoints"]
    waited = endpoint["waited"]
    tries = waited["tries"]
    assert (waited["met"], waited["outcomes"]) == (True, {"refused": tries - 1, "open": 1})
    assert waited["latest"][-2:] == ["refused", "open"]
    assert f"; waited {waited['took_s']:.1f} s before it was measured ({tries} tries: {tries - 1} x refused)" in ran.out
    assert (endpoint["statistics"]["checks"], endpoint["statistics"]["errors"]) == (20, {})
    session = document["monitoring_session"]
    start, end = (datetime.fromisoformat(session[key]) for key in ("start_time", "end_time"))
    times = [datetime.fromisoformat(sample["timestamp"]) for sample in samples]
    assert times[0] - start >= timedelta(seconds=WAIT_INTERVAL_S)  # the second try, at the soonest, found it open
    assert times[0] - start >= timedelta(seconds=waited["took_s"] - 0.001)
    assert times[-1] <= end
    assert session["partial"] is False


def test_the_time_being_up_is_a_failure_that_counts_the_tries(check: InProcess, servers: Servers) -> None:
    target = servers.closed().target
    ran = check(target, "--wait", "600ms", "-o", "out.json")
    assert ran.status == 1
    (samples,) = written()["raw_data"]["127.0.0.1"].values()
    assert 2 <= len(samples) <= 3
    assert f"not reached within 0.6 s in {len(samples)} tries" in ran.out
    assert f"{len(samples)} x refused" in ran.out


def test_a_measured_target_that_never_opens_is_not_measured(check: InProcess, servers: Servers) -> None:
    ran = check(servers.closed().target, "--wait", "300ms", "--count", "1000")
    assert ran.status == 1
    assert "not reached within 0.3 s in 2 tries" in ran.out


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_what_was_reached_but_not_measured_before_a_signal_is_not_finished(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, closed = servers.open().target, servers.closed().target
    once_refused(closed, lambda: signal.raise_signal(signal.SIGTERM), monkeypatch)
    ran = check(opened, closed, "--count", "20", "--wait", "60s", "-o", "out.json")
    assert ran.status == 143
    assert ran.out.startswith("interrupted by SIGTERM: 2 not finished in ")
    first, second = written()["endpoints"]
    assert re.fullmatch(r"interrupted: \d+ of 20 checks were made", first["reasons"][0])
    assert re.fullmatch(r"interrupted after (1 try|\d+ tries) of waiting", second["reasons"][0])
    assert (first["waited"]["met"], second["waited"]["met"]) == (True, None)


def test_the_rate_to_a_host_holds_while_waiting(check: InProcess, servers: Servers) -> None:
    targets = [servers.closed().target for _ in range(4)]
    check(*targets, "--wait", "1s", "--max-rate-per-host", "5", "-o", "out.json")
    samples = [sample for port in written()["raw_data"]["127.0.0.1"].values() for sample in port]
    starts = sorted(str(sample["timestamp"]) for sample in samples)
    assert 4 <= len(starts) <= 5 * 1 + 2


def test_what_is_to_be_closed_and_what_is_to_fail_is_not_waited_for(check: InProcess, servers: Servers) -> None:
    open_port, closed_port = servers.open().port, servers.closed().port
    Path("netmon.yaml").write_text(
        f"targets:\n  - {{host: 127.0.0.1, ports: [{open_port}], expect: closed}}\n"
        f"  - {{host: 127.0.0.1, ports: [{closed_port}], xfail: not yet}}\n"
    )
    ran = check("--wait", "20s")
    assert ran.status == 1
    assert "within" not in ran.out
    assert "open, but it must not be reachable" in ran.out
    assert "XFAIL  " in ran.out


def test_a_wait_that_takes_long_shows_a_line_now_and_then(
    check: InProcess, listening_once_refused: LatePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_netmon.cli.screen._QUIET_S", 0.0)
    monkeypatch.setattr("pytest_netmon.cli.screen._LOG_EVERY_S", 0.0)
    ran = check(listening_once_refused.target, "--wait", "1m")
    assert f" s of 60 s, waiting for 1 of 1: {listening_once_refused.target} (refused)\n" in ran.err
    assert "\x1b" not in ran.err


def test_quiet_shows_no_progress(check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_netmon.cli.screen._QUIET_S", 0.0)
    monkeypatch.setattr("pytest_netmon.cli.screen._LOG_EVERY_S", 0.0)
    assert check("-q", servers.closed().target, "--wait", "600ms").err == ""


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=200), st.floats(1, 5000), st.floats(1, 500))
def test_tries_are_so_far_apart_that_the_rates_hold(
    hosts: list[str], max_rate: float, max_rate_per_host: float
) -> None:
    apart_s = tries_apart_s(hosts, max_rate, max_rate_per_host)
    assert len(hosts) / apart_s <= max_rate * 1.000001
    assert all(hosts.count(host) / apart_s <= max_rate_per_host * 1.000001 for host in set(hosts))


def test_a_line_names_who_is_waited_for_and_why() -> None:
    pending = [
        (reached("db.internal", 5432, wait=Wait(60.0)), "refused"),
        (reached("cache", 6379, wait=Wait(30.0)), None),
    ]
    assert waiting_line(pending, 5, 12.34) == (
        "netmon: 12.3 s of 60 s, waiting for 2 of 5: db.internal:5432 (refused), cache:6379"
    )


def test_a_line_counts_those_that_it_has_no_room_for() -> None:
    pending = [(reached(f"h{number}", 1), "timeout") for number in range(12)]
    assert waiting_line(pending, 12, 1).endswith(", h9:1 (timeout) and 2 more")


def test_a_failed_wait_tells_the_latest_outcomes_and_explains_the_last_one_first() -> None:
    checks = [failed("dns_not_found")] * 5 + [failed("refused")] * 2 + [failed("timeout", clock_ms=3000.0)]
    text = failure_text(result_of(reached(wait=Wait(60.0), count=241, interval_s=0.25), checks))
    lines = text.split("\n")
    assert "not reached within 60 s in 8 tries" in lines[0]
    assert lines[1].startswith("  timeout (")
    assert "  the last tries: refused, refused, timeout" in lines


def test_a_wait_that_is_over_at_once_has_nothing_to_note() -> None:
    result = result_of(reached(wait=Wait(60.0), count=241), [opened(0.4)])
    assert result.verdict.notes == ()
