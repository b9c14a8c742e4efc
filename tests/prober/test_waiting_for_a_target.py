"""Waiting: tried again after any failure, also of the name, and no try later than the end of the wait."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from conftest_prober import entry
from servers import Servers

from pytest_netmon.campaign import retried_outcomes
from pytest_netmon.plan import Endpoint
from pytest_netmon.prober import engine
from pytest_netmon.prober.names import Address, Answer
from pytest_netmon.samples import Sample

Probe = Callable[..., list[Sample]]
ALL = retried_outcomes(Endpoint(host="db", port=1, wait_s=60.0))


def test_a_name_that_does_not_exist_yet_is_waited_for(probe: Probe, servers: Servers) -> None:
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        if len(asked) < 4:
            return Answer(host, (), "dns_not_found", "Name or service not known", 700)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 900)

    wait = entry("new.internal", servers.open().port, count=1000, retry_on=ALL, until_us=60_000_000)
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

    wait = entry("moving.internal", new.port, count=10_000, retry_on=ALL, until_us=60_000_000)
    samples = probe(wait, resolve=resolve, refresh_s=0.05)
    assert samples[0].outcome == "refused"
    assert samples[-1].outcome == "open"
    assert len(asked) > 1


def test_no_try_starts_after_the_end_of_the_wait(probe: Probe, servers: Servers) -> None:
    wait = entry("127.0.0.1", servers.closed().port, count=10_000, retry_on=ALL, until_us=200_000)
    samples = probe(wait)
    assert len(samples) > 1
    assert all(sample.outcome == "refused" for sample in samples)
    assert len(samples) <= 21


def test_a_check_that_is_decided_at_once_ends_the_run_at_once(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback refuses within connect(): nothing is left that could wake the loop but its housekeeping."""
    monkeypatch.setattr(engine, "HOUSEKEEPING_NS", 60_000_000_000)
    began_s = time.monotonic()
    (sample,) = probe(entry("127.0.0.1", servers.closed().port, timeout_us=60_000_000))
    assert sample.outcome == "refused"
    assert time.monotonic() - began_s < 30
