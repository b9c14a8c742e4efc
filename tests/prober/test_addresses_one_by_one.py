"""Each address, or each family, checked by itself; and which addresses are tried at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

import pytest
from conftest_prober import entry
from servers import Servers, has_ipv6

from pytest_netmon.prober.names import Address, Answer
from pytest_netmon.samples import Sample

Probe = Callable[..., list[Sample]]
TRANSIENT = ["timeout", "reset", "dns_failed", "dns_timeout"]
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


def address(host: str) -> Address:
    return Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host, 0)


def leads_to(*hosts: str) -> Callable[[str], Answer]:
    return lambda host: Answer(host, tuple(map(address, hosts)), None, None, 900)


def told(samples: Sequence[Sample]) -> list[tuple[int, str | None, str]]:
    return sorted((sample.check, sample.part, sample.outcome) for sample in samples)


def test_each_address_is_a_sample_of_its_own_with_the_number_of_the_check(probe: Probe, servers: Servers) -> None:
    up = servers.open()  # on 127.0.0.1 alone
    every = entry("db.internal", up.port, count=2, addresses="all")
    samples = probe(every, resolve=leads_to("127.0.0.1", "127.0.0.2", "127.0.0.3"))
    assert told(samples) == [
        (number, part, "open" if part == "127.0.0.1" else "refused")
        for number in (1, 2)
        for part in ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    ]
    assert all(sample.address == sample.part for sample in samples)
    assert [sample.dns_ms for sample in samples if sample.dns_ms is not None] == [0.9]
    assert up.connects == 2


def test_one_is_enough_where_nothing_else_is_asked_for(probe: Probe, servers: Servers) -> None:
    samples = probe(entry("db.internal", servers.open().port), resolve=leads_to("127.0.0.2", "127.0.0.1"))
    assert [(sample.part, sample.outcome, sample.address) for sample in samples] == [(None, "open", "127.0.0.1")]


def test_the_first_one_alone_is_tried(probe: Probe, servers: Servers) -> None:
    first = entry("db.internal", servers.open().port, addresses="first")
    (sample,) = probe(first, resolve=leads_to("127.0.0.2", "127.0.0.1"))
    assert (sample.part, sample.outcome, sample.address) == (None, "refused", "127.0.0.2")
    assert sample.attempts == ()


@pytest.mark.parametrize("addresses", ["any", "first", "all"])
@pytest.mark.parametrize(("family", "word"), [("4", "IPv4"), ("6", "IPv6")])
def test_a_name_without_an_address_of_the_family_says_so(
    probe: Probe, servers: Servers, family: str, word: str, addresses: str
) -> None:
    other = "::1" if family == "4" else "127.0.0.1"
    one = entry("db.internal", servers.open().port, count=2, family=family, addresses=addresses)
    samples = probe(one, resolve=leads_to(other))
    assert [(sample.check, sample.part, sample.outcome, sample.message) for sample in samples] == [
        (number, None, "dns_no_address", f"the name has no {word} address") for number in (1, 2)
    ]


def test_no_address_of_the_other_family_is_tried(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    (sample,) = probe(entry("db.internal", up.port, family="4"), resolve=leads_to("::1", "127.0.0.1"))
    assert (sample.outcome, sample.address, sample.attempts) == ("open", "127.0.0.1", ())


@needs_ipv6
def test_each_family_is_checked_and_within_it_one_address_is_enough(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    both = entry("db.internal", up.port, family="both")
    samples = probe(both, resolve=leads_to("::1", "127.0.0.2", "127.0.0.1"))
    assert told(samples) == [(1, "IPv4", "open"), (1, "IPv6", "refused")]
    (open_one,) = (sample for sample in samples if sample.outcome == "open")
    assert open_one.address == "127.0.0.1"
    assert [attempt.address for attempt in open_one.attempts] == ["127.0.0.2"]


def test_a_family_without_an_address_fails_beside_the_other(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    samples = probe(entry("db.internal", up.port, count=2, family="both"), resolve=leads_to("127.0.0.1"))
    assert told(samples) == [
        (1, "IPv4", "open"),
        (1, "IPv6", "dns_no_address"),
        (2, "IPv4", "open"),
        (2, "IPv6", "dns_no_address"),
    ]
    assert {sample.message for sample in samples if sample.part == "IPv6"} == {"the name has no IPv6 address"}


def test_both_families_and_each_address(probe: Probe, servers: Servers) -> None:
    each = entry("db.internal", servers.open().port, family="both", addresses="all")
    samples = probe(each, resolve=leads_to("127.0.0.1", "127.0.0.2"))
    assert told(samples) == [(1, "127.0.0.1", "open"), (1, "127.0.0.2", "refused"), (1, "IPv6", "dns_no_address")]


def test_an_address_is_checked_as_ever(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    (sample,) = probe(entry("127.0.0.1", up.port, addresses="all"))
    assert (sample.part, sample.outcome) == (None, "open")


def test_a_part_that_was_open_is_not_tried_again(probe: Probe, servers: Servers) -> None:
    """And one that refuses is none of those that a second try could mend."""
    up, silent = servers.open(), servers.silent("127.0.0.3")
    tries = entry(
        "db.internal", silent.port, count=3, addresses="all", retry_on=TRANSIENT, timeout_us=100_000, interval_us=1_000
    )
    samples = probe(tries, resolve=leads_to("127.0.0.2", "127.0.0.3"))
    assert told(samples) == [
        (1, "127.0.0.2", "refused"),
        (1, "127.0.0.3", "timeout"),
        (2, "127.0.0.3", "timeout"),
        (3, "127.0.0.3", "timeout"),
    ]
    reached = entry("db.internal", up.port, count=3, addresses="all", retry_on=["refused"], interval_us=1_000)
    samples = probe(reached, resolve=leads_to("127.0.0.1", "127.0.0.2"))
    assert [sample.check for sample in samples if sample.part == "127.0.0.1"] == [1]
    assert [sample.check for sample in samples if sample.part == "127.0.0.2"] == [1, 2, 3]


def test_a_name_that_does_not_resolve_is_one_sample_of_no_part(probe: Probe, servers: Servers) -> None:
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        if len(asked) == 1:
            return Answer(host, (), "dns_failed", "Temporary failure", 700)
        return leads_to("127.0.0.1", "127.0.0.2")(host)

    samples = probe(entry("db.internal", servers.open().port, count=2, addresses="all"), resolve=resolve)
    assert told(samples[:1]) == [(1, None, "dns_failed")]
    assert told(samples[1:]) == [(2, "127.0.0.1", "open"), (2, "127.0.0.2", "refused")]


def test_a_name_that_moves_gets_new_parts(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    asked: list[str] = []

    def resolve(host: str) -> Answer:
        asked.append(host)
        return leads_to("127.0.0.1", "127.0.0.2" if len(asked) == 1 else "127.0.0.3")(host)

    samples = probe(
        entry("db.internal", up.port, count=200, interval_us=1_000, addresses="all"), resolve=resolve, refresh_s=0.05
    )
    parts = {
        part: sorted(s.check for s in samples if s.part == part) for part in ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    }
    assert parts["127.0.0.1"] == list(range(1, 201))
    assert parts["127.0.0.2"][0] == 1
    assert parts["127.0.0.3"][-1] == 200
    assert sorted(parts["127.0.0.2"] + parts["127.0.0.3"]) == list(range(1, 201))


def test_addresses_of_a_redacted_endpoint_are_numbered(probe: Probe, servers: Servers) -> None:
    hidden = entry("db.internal", servers.open().port, count=2, addresses="all", redact=True)
    samples = probe(hidden, resolve=leads_to("127.0.0.1", "127.0.0.2"))
    assert told(samples) == [
        (1, "address 1", "open"),
        (1, "address 2", "refused"),
        (2, "address 1", "open"),
        (2, "address 2", "refused"),
    ]
    assert {sample.address for sample in samples} == {None}


def test_a_wait_is_over_when_every_address_is_open(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    wait = {"for": ["open"], "interval_us": 10_000, "until_us": 60_000, "stable": 1}
    every = entry("db.internal", up.port, count=2, addresses="all", wait=wait)
    samples = probe(every, resolve=leads_to("127.0.0.1", "127.0.0.2"))
    assert {sample.check for sample in samples} == {-1}
    samples = probe(every, resolve=leads_to("127.0.0.1"))
    assert sorted(sample.check for sample in samples) == [-1, 1, 2]


@pytest.mark.parametrize("late", ["4", "6"])
def test_a_family_that_is_not_answered_for_in_time_fails_beside_the_other(
    probe: Probe, servers: Servers, late: str
) -> None:
    """A name server that drops AAAA holds up the question for both; then each is asked by itself."""
    known = "::1" if late == "4" else "127.0.0.1"

    def resolve(host: str, family: int) -> Answer:
        if family == address(known).family:
            return leads_to(known)(host)._replace(family=family)
        threading.Event().wait(5)
        return Answer(host, (), "dns_failed", None, 0, family)

    both = entry("db.internal", servers.open().port, family="both", timeout_us=300_000)
    samples = probe(both, resolve=resolve)
    parts = {sample.part: sample.outcome for sample in samples}
    assert parts[f"IPv{late}"] == "dns_timeout"
    assert set(parts) == {"IPv4", "IPv6"}


def test_every_connect_is_paced(probe: Probe, servers: Servers) -> None:
    up = servers.open()
    hosts = [f"127.0.0.{number}" for number in range(1, 11)]
    samples = probe(entry("db.internal", up.port, addresses="all"), resolve=leads_to(*hosts), max_rate_per_host=40.0)
    starts = sorted(sample.start_us for sample in samples)
    assert starts[-1] - starts[0] >= 8 * 25_000 - 5_000  # ten starts, 25 ms apart, but for one or two at first
