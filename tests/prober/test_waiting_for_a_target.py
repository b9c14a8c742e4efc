"""Waiting: tried again after any failure, also of the name, and no try later than the end of the wait."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest
from conftest_prober import entry
from servers import Servers

from pytest_netmon.jobs import retried_outcomes
from pytest_netmon.plan import Endpoint
from pytest_netmon.prober import engine
from pytest_netmon.prober.names import Address, Answer
from pytest_netmon.samples import Sample

Probe = Callable[..., list[Sample]]
ALL = retried_outcomes(Endpoint(host="db", port=1))


def until(until_us: int, stable: int = 1) -> dict[str, object]:
    return {"for": ["open"], "interval_us": 10_000, "until_us": until_us, "stable": stable}


def test_a_name_that_does_not_exist_yet_is_waited_for(probe: Probe, servers: Servers) -> None:
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        if len(asked) < 4:
            return Answer(host, (), "dns_not_found", "Name or service not known", 700)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 900)

    wait = entry("new.internal", servers.open().port, count=1000, retry_on=ALL, wait=until(60_000_000))
    samples = probe(wait, resolve=resolve)
    assert [sample.outcome for sample in samples] == ["dns_not_found"] * 3 + ["open"]
    assert [sample.check for sample in samples] == [1, 2, 3, 4]


def test_a_name_that_comes_to_lead_elsewhere_is_followed(probe: Probe, servers: Servers) -> None:
    """The old address refuses for ever; names are asked for anew during a wait."""
    old, new = "127.0.0.2", servers.open()
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        address = old if len(asked) == 1 else new.host
        return Answer(host, (Address(socket.AF_INET, address, 0),), None, None, 900)

    wait = entry("moving.internal", new.port, count=10_000, retry_on=ALL, wait=until(60_000_000))
    samples = probe(wait, resolve=resolve, refresh_s=0.05)
    assert samples[0].outcome == "refused"
    assert samples[-1].outcome == "open"
    assert len(asked) > 1


def test_no_try_starts_after_the_end_of_the_wait(probe: Probe, servers: Servers) -> None:
    wait = entry("127.0.0.1", servers.closed().port, count=10_000, retry_on=ALL, wait=until(200_000))
    samples = probe(wait)
    assert len(samples) > 1
    assert all(sample.outcome == "refused" for sample in samples)
    assert len(samples) <= 21


def test_a_measured_target_is_measured_once_it_was_open_often_enough_in_a_row(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    wait = entry("127.0.0.1", server.port, count=4, warmup=1, interval_us=1_000, wait=until(60_000_000, stable=3))
    samples = probe(wait)
    assert sorted(sample.check for sample in samples) == [-1, -1, -1, 0, 1, 2, 3]
    assert server.connects == 7


def test_a_measured_target_that_never_opens_is_not_measured(probe: Probe, servers: Servers) -> None:
    samples = probe(entry("127.0.0.1", servers.closed().port, count=4, wait=until(50_000)))
    assert {sample.check for sample in samples} == {-1}
    assert {sample.outcome for sample in samples} == {"refused"}


def test_a_name_is_waited_for_before_it_is_measured(probe: Probe, servers: Servers) -> None:
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        if len(asked) < 3:
            return Answer(host, (), "dns_failed", "Temporary failure", 700)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 900)

    wait = entry("new.internal", servers.open().port, count=3, interval_us=1_000, wait=until(60_000_000))
    samples = sorted(probe(wait, resolve=resolve), key=lambda sample: sample.start_us)
    assert [(sample.check, sample.outcome) for sample in samples] == [
        (-1, "dns_failed"),
        (-1, "dns_failed"),
        (-1, "open"),
        (1, "open"),
        (2, "open"),
        (3, "open"),
    ]


def test_a_check_that_is_decided_at_once_ends_the_run_at_once(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback refuses within connect(): nothing is left that could wake the loop but its housekeeping."""
    monkeypatch.setattr(engine, "HOUSEKEEPING_NS", 60_000_000_000)
    began_s = time.monotonic()
    (sample,) = probe(entry("127.0.0.1", servers.closed().port, timeout_us=60_000_000))
    assert sample.outcome == "refused"
    assert time.monotonic() - began_s < 30


def test_the_name_is_resolved_anew_for_what_is_measured(probe: Probe, servers: Servers) -> None:
    """Else no time of a resolution would be measured, and what moved during the wait would be connected to."""
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 900)

    wait = entry("db.internal", servers.open().port, count=2, interval_us=1_000, wait=until(60_000_000))
    samples = sorted(probe(wait, resolve=resolve), key=lambda sample: sample.start_us)
    assert [(sample.check, sample.dns_ms) for sample in samples] == [(-1, 0.9), (1, 0.9), (2, None)]
    assert len(asked) == 2


def test_a_name_that_fails_after_the_wait_is_asked_for_again(probe: Probe, servers: Servers) -> None:
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        if len(asked) in (2, 3):
            return Answer(host, (), "dns_failed", "Temporary failure", 700)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 900)

    wait = entry("db.internal", servers.open().port, count=4, interval_us=100_000, wait=until(60_000_000))
    samples = sorted(probe(wait, resolve=resolve), key=lambda sample: sample.start_us)
    assert [(sample.check, sample.outcome) for sample in samples] == [
        (-1, "open"),
        (1, "dns_failed"),
        (2, "dns_failed"),
        (3, "open"),
        (4, "open"),
    ]


def test_what_must_be_closed_is_waited_for_until_it_is(probe: Probe) -> None:
    closing = {**until(60_000_000, stable=2), "for": ["refused", "timeout", "prohibited"]}
    with socket.create_server(("127.0.0.1", 0)) as server:
        wait = entry("127.0.0.1", server.getsockname()[1], count=2, interval_us=1_000, wait=closing)

        def close_after_two_connects() -> None:
            for _ in range(2):
                server.accept()[0].close()
            server.shutdown(socket.SHUT_RDWR)  # listens no longer, and keeps the port

        closer = threading.Thread(target=close_after_two_connects)
        closer.start()
        samples = probe(wait)
        closer.join()
    outcomes = [sample.outcome for sample in samples]
    assert outcomes[:2] == ["open", "open"]
    assert [(sample.check, sample.outcome) for sample in samples[-4:]] == [
        (-1, "refused"), (-1, "refused"), (1, "refused"), (2, "refused"),
    ]  # fmt: skip
