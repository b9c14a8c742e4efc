"""Checks from other places, with real gateways on this machine."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from gateway_runs import bare, eventually, measured, plan_of, processes_with, python_of, reasons_of, result_at, via
from servers import Servers

from pytest_netmon.campaign import Campaign
from pytest_netmon.plan import Endpoint
from pytest_netmon.vantage import Vantage


def test_all_places_check_at_the_same_time_into_one_file(servers: Servers, tmp_path: Path) -> None:
    server, down = servers.open(), servers.closed()
    endpoints = [
        Endpoint(host="127.0.0.1", port=port, vantage=vantage, measured=True, count=5, interval_s=0.02)
        for vantage in ("local", "app", "node")
        for port in (server.port, down.port)
    ]
    path = tmp_path / "samples.ndjson"
    run = measured(plan_of([bare("app"), bare("node")], *endpoints), sample_file=path)
    assert [result.verdict.status for result in run.results] == ["passed", "failed"] * 3
    assert [result.statistics.checks for result in run.results] == [5] * 6
    assert server.connects == 15
    assert not run.partial
    assert {name: state.state for name, state in run.vantages.items()} == {"app": "ended", "node": "ended"}
    for result in run.results:
        assert [sample.check for sample in result.samples] == [1, 2, 3, 4, 5]


def test_a_python_without_environment_and_site_packages_is_enough_and_no_file_is_written_there(
    servers: Servers, tmp_path: Path
) -> None:
    server = servers.open()
    way = Vantage(name="app", kind="via", way=f"env -i -C {tmp_path}", python=f"{sys.executable} -S -E -s")
    run = measured(plan_of([way], Endpoint(host="127.0.0.1", port=server.port, vantage="app")))
    assert result_at(run, "app").verdict.status == "passed"
    assert list(tmp_path.iterdir()) == []
    state = run.vantages["app"]
    assert state.machine is not None
    assert state.machine["python"] == ".".join(map(str, sys.version_info[:3]))
    assert state.round_trip_us is not None


@pytest.mark.skipif(python_of("3.8") is None, reason="no Python 3.8 here")
def test_the_oldest_python_will_do(servers: Servers) -> None:
    server = servers.open()
    way = via("old", "env -i", python=str(python_of("3.8")))
    endpoint = Endpoint(host="localhost", port=server.port, vantage="old", measured=True, count=3, interval_s=0.01)
    run = measured(plan_of([way], endpoint))
    assert result_at(run, "old").verdict.status == "passed"
    assert run.vantages["old"].machine["python"].startswith("3.8.")  # type: ignore[index]


@pytest.mark.fault(
    "vantages",
    "the clock of a vantage is an hour ahead",
    "timestamps are those of this machine",
)
def test_a_wrong_clock_there_does_not_matter(servers: Servers, tmp_path: Path) -> None:
    """A prober whose clock is an hour ahead: its times are put on the clock here."""
    sitecustomize = tmp_path / "python"
    sitecustomize.write_text(
        f"#!{sys.executable} -S\nimport sys, time\n"
        "real, real_ns, get_ns = time.time, time.time_ns, time.clock_gettime_ns\n"
        "time.time, time.time_ns = lambda: real() + 3600, lambda: real_ns() + 3600 * 10**9\n"
        "time.clock_gettime_ns = lambda clock: get_ns(clock) + 3600 * 10**9\n"
        "sys.argv[:] = sys.argv[-1:]\nexec(sys.argv[-1])\n"
    )
    sitecustomize.chmod(0o755)
    server = servers.open()
    way = via("ahead", "env -i", python=str(sitecustomize))
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, vantage=vantage, measured=True, count=3, interval_s=0.05)
        for vantage in ("local", "ahead")
    ]
    run = measured(plan_of([way], *endpoints), sample_file=tmp_path / "samples.ndjson")
    here, ahead = (result_at(run, name).samples for name in ("local", "ahead"))
    assert all(0 <= sample.start_us < 600e6 for sample in (*here, *ahead))
    assert ahead[0].start_us > here[0].start_us  # it has to be reached first


def test_names_are_resolved_there(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    plan = plan_of([bare()], Endpoint(host="localhost", port=server.port, vantage="app"))
    run = measured(plan, sample_file=tmp_path / "samples.ndjson")
    (sample,) = result_at(run, "app").samples
    assert sample.dns_ms is not None


@pytest.mark.fault(
    "vantages",
    "a control fails at one vantage",
    "only what failed there is inconclusive",
)
def test_a_control_that_fails_at_one_place_says_nothing_of_another(servers: Servers) -> None:
    server, down = servers.open(), servers.closed()
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, control=True),
        Endpoint(host="127.0.0.1", port=down.port, name="gateway", control=True, vantage="app"),
        Endpoint(host="127.0.0.1", port=down.port, name="db"),
        Endpoint(host="127.0.0.1", port=down.port, name="db", vantage="app"),
        Endpoint(host="127.0.0.1", port=server.port, name="web", vantage="app"),
    ]
    run = measured(plan_of([bare()], *endpoints))
    assert [result.verdict.status for result in run.results] == [
        "passed",
        "inconclusive",
        "failed",
        "inconclusive",
        "passed",
    ]
    assert run.results[3].verdict.failed_controls == (f"gateway:{down.port}",)


def test_a_closed_port_is_proven_by_what_was_open_from_the_same_place(servers: Servers) -> None:
    server, silent = servers.open(), servers.silent()
    closed = {"host": "127.0.0.1", "port": silent.port, "expect": "timeout", "timeout_s": 1.0, "count": 1}
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port),
        Endpoint(**closed),  # type: ignore[arg-type]
        Endpoint(**closed, vantage="app"),  # type: ignore[arg-type]
    ]
    run = measured(plan_of([bare()], *endpoints))
    assert run.results[1].verdict.notes == ()
    assert run.results[2].verdict.notes == ("not proven: nothing else was reached either",)


def test_the_rates_of_a_plan_are_those_of_all_places_together(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, name=f"n{number}", vantage=vantage, count=1)
        for vantage in ("app", "node")
        for number in range(10)
    ]
    plan = plan_of([bare("app"), bare("node")], *endpoints, max_rate_per_host=20.0)
    run = measured(plan, sample_file=tmp_path / "samples.ndjson")
    starts = sorted(sample.start_us for result in run.results for sample in result.samples)
    assert len(starts) == 20
    for place in ("app", "node"):
        own = [s.start_us for result in run.results if result.endpoint.vantage == place for s in result.samples]
        assert max(own) - min(own) >= 0.6e6  # ten at 10 a second, the first two at once


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.fault(
    "vantages",
    "the relay is killed",
    "what was measured is told, the rest is inconclusive",
)
def test_a_relay_that_is_killed_leaves_a_truthful_report(servers: Servers, signal_number: int) -> None:
    server = servers.open()
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, vantage="app", measured=True, count=10_000, interval_s=0.05),
        Endpoint(host="127.0.0.1", port=server.port),
    ]
    campaign = Campaign(plan_of([bare()], *endpoints), [0, 1])
    try:
        campaign.start()
        eventually(lambda: campaign.poll() or 0 in campaign.recording.last)  # type: ignore[func-returns-value]
        campaign.wait(1)
        os.kill(campaign._relay.pid, signal_number)  # type: ignore[union-attr]
        campaign.wait_all()
        run = campaign.run()
    finally:
        campaign.close()
    assert run.results[1].verdict.status == "passed"
    (reason,) = {run.results[0].verdict.reasons[0]}
    expected = "the relay ended too early" if signal_number == signal.SIGKILL else "interrupted: "
    assert reason.startswith(expected)
    assert run.results[0].statistics.checks > 0
    assert run.partial


@pytest.mark.fault(
    "vantages",
    "the process at a vantage is killed in mid-run",
    "what was measured is told, the rest is inconclusive",
)
def test_a_remote_that_is_killed_in_mid_run_leaves_a_truthful_report(servers: Servers, tmp_path: Path) -> None:
    server, mark = servers.open(), str(tmp_path / "victim")
    way = via("app", f"env MARK={mark}", python=f"{sys.executable} -X {mark}")
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, vantage="app", measured=True, count=10_000, interval_s=0.05),
        Endpoint(host="127.0.0.1", port=server.port, vantage="node", measured=True, count=5, interval_s=0.05),
    ]
    campaign = Campaign(plan_of([way, bare("node")], *endpoints), [0, 1])
    try:
        campaign.start()
        eventually(lambda: campaign.poll() or 0 in campaign.recording.last)  # type: ignore[func-returns-value]
        for pid in processes_with(mark):
            os.kill(pid, signal.SIGKILL)
        campaign.wait_all()
        run = campaign.run()
    finally:
        campaign.close()
    (reason,) = reasons_of(run, "app")
    assert reason == "the vantage app: the connection ended before the checks did (ended by signal 9)"
    assert run.results[1].verdict.status == "passed"


def test_nothing_is_left_running_after_a_stop(servers: Servers, tmp_path: Path) -> None:
    server, mark = servers.open(), str(tmp_path / "here")
    way = via("app", "env -i", python=f"{sys.executable} -X {mark}")
    endpoint = Endpoint(host="127.0.0.1", port=server.port, vantage="app", measured=True, watched=True, count=None)
    campaign = Campaign(plan_of([way], endpoint), [0])
    try:
        campaign.start()
        eventually(lambda: campaign.poll() or 0 in campaign.recording.last)  # type: ignore[func-returns-value]
        began_s = time.monotonic()
        run = campaign.run()
        assert time.monotonic() - began_s < 10
    finally:
        campaign.close()
    assert result_at(run, "app").complete
    assert campaign.is_whole
    eventually(lambda: not processes_with(mark))


@pytest.mark.fault(
    "vantages",
    "everything here is killed",
    "nothing is left running there",
)
def test_nothing_is_left_running_after_everything_here_was_killed(servers: Servers, tmp_path: Path) -> None:
    server, mark = servers.open(), str(tmp_path / "here")
    config = tmp_path / "netmon.yaml"
    python = f"{sys.executable} -X {mark}"
    config.write_text(
        json.dumps(
            {
                "vantages": {"app": {"via": "env -i", "python": python}},
                "targets": [{"host": server.target, "count": 100_000, "interval": "50ms"}],
            }
        )
    )
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "pytest_netmon", "check", "-q", str(config)],
        {**os.environ, "TMPDIR": str(tmp_path)},
        setpgroup=0,
    )
    try:
        eventually(lambda: len(processes_with(mark)) > 0 and server.connects > 5)
        os.kill(pid, signal.SIGKILL)
    finally:
        os.waitpid(pid, 0)
    eventually(lambda: not processes_with(mark))


@pytest.mark.fault(
    "vantages",
    "the local prober is killed",
    "other places are not touched",
)
def test_a_local_prober_that_is_killed_takes_no_other_place_with_it(servers: Servers) -> None:
    server = servers.open()
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, measured=True, count=10_000, interval_s=0.05),
        Endpoint(host="127.0.0.1", port=server.port, vantage="app", measured=True, count=20, interval_s=0.05),
    ]
    campaign = Campaign(plan_of([bare()], *endpoints), [0, 1])
    try:
        campaign.start()
        eventually(lambda: campaign.poll() or {0, 1} <= set(campaign.recording.last))  # type: ignore[func-returns-value]
        os.kill(campaign._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        campaign.wait(0)
        assert not campaign.ended
        campaign.wait_all()
        run = campaign.run()
    finally:
        campaign.close()
    assert run.results[0].verdict.status == "inconclusive"
    assert run.results[0].verdict.reasons[0].startswith("the prober ended too early (SIGKILL")
    assert run.results[1].verdict.status == "passed"


def test_an_interruption_is_over_in_a_second(servers: Servers) -> None:
    """Ctrl-C must not hang where nothing does; the bound leaves a busy machine room."""
    server = servers.open()
    endpoint = Endpoint(host="127.0.0.1", port=server.port, vantage="app", measured=True, count=10_000, interval_s=0.05)
    campaign = Campaign(plan_of([bare()], endpoint), [0])
    try:
        campaign.start()
        eventually(lambda: campaign.poll() or 0 in campaign.recording.last)  # type: ignore[func-returns-value]
        began_s = time.monotonic()
        campaign.stop()
        assert time.monotonic() - began_s < 5
    finally:
        campaign.close()
