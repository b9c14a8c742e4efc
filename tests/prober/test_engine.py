"""The engine against real sockets on loopback, each test a way in which a check can end."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from conftest_prober import entry
from servers import Servers, has_ipv6

from pytest_netmon.prober import connecting, kernel
from pytest_netmon.prober.names import Address, Answer
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
LINUX = sys.platform.startswith("linux")
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


def answer(host: str, *addresses: str) -> Answer:
    family = {True: socket.AF_INET6, False: socket.AF_INET}
    return Answer(host, tuple(Address(family[":" in a], a, 0) for a in addresses), None, None, 1500)


def test_an_open_port_is_open_with_a_connect_time_and_an_address(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port))
    assert sample.outcome == "open"
    assert sample.address == "127.0.0.1"
    assert sample.connect_ms is not None
    assert sample.clock_ms is not None
    assert 0 < sample.connect_ms <= sample.clock_ms
    assert sample.dns_ms is None
    assert server.connects == 1


@pytest.mark.skipif(not LINUX, reason="TCP_INFO is Linux's")
def test_on_linux_the_kernel_gives_the_time_and_the_repeats(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port))
    assert sample.syn_repeats == 0
    assert sample.rtt_ms == sample.connect_ms


def test_without_the_kernel_our_own_clock_is_the_connect_time(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port), kernel=False)
    assert sample.outcome == "open"
    assert sample.connect_ms == sample.clock_ms
    assert sample.syn_repeats is None
    assert sample.rtt_ms is None


@needs_ipv6
def test_ipv6_is_reached_like_ipv4(probe: Probe, servers: Servers) -> None:
    server = servers.open("::1")
    (sample,) = probe(entry("::1", server.port))
    assert (sample.outcome, sample.address) == ("open", "::1")


@pytest.mark.parametrize("kernel", [True, False])
def test_a_closed_port_is_refused_with_the_systems_words(probe: Probe, servers: Servers, *, kernel: bool) -> None:
    server = servers.closed()
    (sample,) = probe(entry(server.host, server.port), kernel=kernel)
    assert (sample.outcome, sample.errno, sample.connect_ms) == ("refused", "ECONNREFUSED", None)
    assert sample.message == "Connection refused"


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
@pytest.mark.fault("outcomes", "a full backlog", "`timeout`, never early")
def test_silence_is_a_timeout_at_the_limit_and_never_before(probe: Probe, servers: Servers) -> None:
    server = servers.silent()
    (sample,) = probe(entry(server.host, server.port, timeout_us=300_000))
    assert sample.outcome == "timeout"
    assert sample.clock_ms is not None
    assert sample.clock_ms >= 300
    assert sample.connect_ms is None


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
def test_a_timeout_tells_how_many_syns_went_out(probe: Probe, servers: Servers) -> None:
    server = servers.silent()
    (sample,) = probe(entry(server.host, server.port, timeout_us=1_400_000))
    assert (sample.outcome, sample.syn_repeats) == ("timeout", 1)


@pytest.mark.fault("outcomes", "accepted, then RST", "`reset`, never `refused`, whichever side wins")
def test_a_connection_that_is_reset_is_a_reset_whichever_side_wins_and_never_refused(
    probe: Probe, servers: Servers
) -> None:
    """The reset may come before connect() is looked at, while we close, or (a server that got no turn) too late."""
    server = servers.resetting()
    samples = probe(entry(server.host, server.port, count=200, interval_us=2000))
    assert {sample.outcome for sample in samples} <= {"reset", "open"}
    resets = [sample for sample in samples if sample.outcome == "reset"]
    assert resets
    assert {sample.connect_ms for sample in resets} == {None}


@pytest.mark.skipif(not LINUX, reason="Linux answers so for the broadcast address of loopback")
def test_an_address_without_a_route_is_a_network_unreachable(probe: Probe) -> None:
    (sample,) = probe(entry("127.255.255.255", 80))
    assert (sample.outcome, sample.errno) == ("network_unreachable", "ENETUNREACH")


@pytest.mark.fault("manners", "a server that sends a banner", "it sees FIN, not RST")
def test_a_server_that_talks_first_gets_a_fin_and_no_reset(probe: Probe) -> None:
    ended: list[bytes | OSError] = []

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(b"220 ready\r\n" * 100)
            try:
                ended.append(client.recv(1))
            except OSError as error:
                ended.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        (sample,) = probe(entry("127.0.0.1", listener.getsockname()[1]))
        thread.join(10)
    assert sample.outcome == "open"
    assert ended == [b""]


@pytest.mark.fault("outcomes", "a server that never accepts", "`open`: the handshake was complete")
def test_a_server_that_never_accepts_and_never_closes_does_not_hold_the_check_up(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (sample,) = probe(entry("127.0.0.1", listener.getsockname()[1], timeout_us=60_000_000))
    assert sample.outcome == "open"


def test_close_reset_sends_a_reset_and_waits_for_nothing(probe: Probe) -> None:
    ended: list[OSError | bytes] = []

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            try:
                ended.append(client.recv(1))
            except OSError as error:
                ended.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        (sample,) = probe(entry("127.0.0.1", listener.getsockname()[1], close="reset"))
        thread.join(10)
    assert sample.outcome == "open"
    assert [type(end) for end in ended] == [ConnectionResetError]


# -- schedules ----------------------------------------------------------------------------------


def test_checks_start_at_a_fixed_rate(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=30, interval_us=5000))
    starts = sorted(sample.start_us for sample in samples)
    assert sorted(sample.check for sample in samples) == list(range(1, 31))
    # A late start does not delay the ones after it, and none is early: 29 intervals at the least.
    assert starts[-1] - starts[0] >= 29 * 5000 - 1000


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
def test_checks_overlap_where_the_path_is_slower_than_the_interval(probe: Probe, servers: Servers) -> None:
    server = servers.silent()
    samples = probe(entry(server.host, server.port, count=10, interval_us=10_000, timeout_us=500_000))
    assert [sample.outcome for sample in samples] == ["timeout"] * 10
    last_start_us = max(sample.start_us for sample in samples)
    assert last_start_us < min(sample.end_us for sample in samples)


def test_a_reached_endpoint_is_checked_once_when_it_answers(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=3, retry_on=["timeout"]))
    assert [sample.outcome for sample in samples] == ["open"]
    assert server.connects == 1


def test_a_reached_endpoint_is_not_tried_again_after_a_definite_answer(probe: Probe, servers: Servers) -> None:
    server = servers.closed()
    samples = probe(entry(server.host, server.port, count=3, retry_on=["timeout", "reset"]))
    assert [sample.outcome for sample in samples] == ["refused"]


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
def test_tries_start_at_least_the_interval_apart_and_one_after_the_other(probe: Probe, servers: Servers) -> None:
    server = servers.silent()
    changes = {"count": 3, "interval_us": 150_000, "timeout_us": 100_000, "retry_on": ["timeout"]}
    samples = probe(entry(server.host, server.port, **changes))
    assert [(sample.check, sample.outcome) for sample in samples] == [(1, "timeout"), (2, "timeout"), (3, "timeout")]
    starts = [sample.start_us for sample in samples]
    assert min(starts[1] - starts[0], starts[2] - starts[1]) >= 150_000


def test_the_host_rate_cap_spreads_a_first_round(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    samples = probe(*(entry(server.host, server.port) for _ in range(20)), max_rate_per_host=100)
    starts = sorted(sample.start_us for sample in samples)
    assert starts[-1] - starts[0] >= 15 * 10_000 - 1000  # all but a burst of five


@pytest.mark.fault("own", "more checks than descriptors", "they wait for a free one: all are made")
def test_more_checks_than_descriptors_are_all_made(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers.silent()
    monkeypatch.setattr(kernel, "raise_descriptor_limit", lambda: 20)
    samples = probe(*(entry(server.host, server.port, timeout_us=100_000) for _ in range(60)))
    assert [sample.outcome for sample in samples] == ["timeout"] * 60
    starts = sorted(sample.start_us for sample in samples)
    for first, later in zip(starts, starts[20:], strict=False):
        assert later - first >= 100_000  # at most 20 at once


def test_a_stop_ends_an_endless_job_and_keeps_whole_samples(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=None, interval_us=2000), stop_after_s=0.2)
    assert samples
    assert sorted(sample.check for sample in samples) == list(range(1, len(samples) + 1))


# -- names --------------------------------------------------------------------------------------


def test_a_name_is_resolved_once_for_all_checks_and_endpoints(probe: Probe, servers: Servers) -> None:
    server, asked = servers.open(), []

    def resolve(host: str) -> Answer:
        asked.append(host)
        return answer(host, "127.0.0.1")

    entries = [entry("db.internal", server.port, count=5), entry("db.internal", server.port, count=5)]
    samples = probe(*entries, resolve=resolve)
    assert asked == ["db.internal"]
    assert [sample.dns_ms for sample in samples if sample.check == 1] == [1.5, 1.5]
    assert {sample.dns_ms for sample in samples if sample.check > 1} == {None}
    assert {sample.outcome for sample in samples} == {"open"}


@pytest.mark.fault("names", "a name that fails at first", "asked for again before each check")
def test_a_name_that_failed_is_resolved_again_before_each_check(probe: Probe, servers: Servers) -> None:
    server, asked = servers.open(), []

    def resolve(host: str) -> Answer:
        asked.append(host)
        if len(asked) < 3:
            return Answer(host, (), "dns_failed", "Temporary failure in name resolution", 700)
        return answer(host, "127.0.0.1")

    # So far apart that no check begins while the resolution of the one before it is under way, also on a busy machine.
    samples = probe(entry("db.internal", server.port, count=4, interval_us=300_000), resolve=resolve)
    assert [sample.outcome for sample in samples] == ["dns_failed", "dns_failed", "open", "open"]
    assert [sample.dns_ms for sample in samples] == [0.7, 0.7, 1.5, None]
    assert samples[0].message == "Temporary failure in name resolution"
    assert samples[0].clock_ms is None


@pytest.fixture
def hanging() -> Iterator[Callable[[str], Answer]]:
    """A resolver that hangs until the test ends for any name but `good`."""
    over = threading.Event()

    def resolve(host: str) -> Answer:
        if not host.startswith("good"):
            over.wait(60)
        return answer(host, "127.0.0.1")

    yield resolve
    over.set()


@pytest.mark.fault("names", "a dead resolver", "one limit covers all; the exit is never late")
def test_a_dead_resolver_costs_the_budget_and_no_more(
    probe: Probe, servers: Servers, hanging: Callable[[str], Answer]
) -> None:
    (sample,) = probe(entry("dead.internal", servers.open().port, timeout_us=200_000), resolve=hanging)
    assert sample.outcome == "dns_timeout"
    assert sample.dns_ms is not None
    assert sample.dns_ms >= 200


def test_a_name_server_that_drops_aaaa_costs_a_second_and_not_the_check(
    probe: Probe, servers: Servers, hanging: Callable[[str], Answer]
) -> None:
    def resolve(host: str, family: int) -> Answer:
        if family == socket.AF_INET:
            return answer(host, "127.0.0.1")._replace(family=family)
        return hanging(host)._replace(family=family)

    (sample,) = probe(entry("half-dead.internal", servers.open().port, timeout_us=1_000_000), resolve=resolve)
    assert (sample.outcome, sample.address) == ("open", "127.0.0.1")
    assert sample.dns_ms is not None
    assert sample.dns_ms >= 500


def test_dead_names_do_not_starve_good_ones_however_many(
    probe: Probe, servers: Servers, hanging: Callable[[str], Answer]
) -> None:
    server = servers.open()
    dead = [entry(f"dead-{n}.internal", server.port, timeout_us=200_000) for n in range(100)]
    good = entry("good.internal", server.port, timeout_us=20_000_000)
    samples = probe(*dead, good, resolve=hanging)
    assert [sample.outcome for sample in samples if sample.endpoint == 100] == ["open"]
    assert {sample.outcome for sample in samples if sample.endpoint < 100} == {"dns_timeout"}


def test_the_next_address_is_tried_when_one_fails_and_the_sample_says_so(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    (sample,) = probe(
        entry("db.internal", server.port), resolve=lambda host: answer(host, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    )
    assert (sample.outcome, sample.address) == ("open", "127.0.0.1")
    assert [(attempt.address, attempt.outcome) for attempt in sample.attempts] == [
        ("127.0.0.2", "refused"),
        ("127.0.0.3", "refused"),
    ]


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
@pytest.mark.fault("names", "one of several addresses is dead", "open by another one, and told")
def test_a_silent_address_is_overtaken_by_the_next_one(probe: Probe) -> None:
    with Servers() as servers:
        silent = servers.silent("127.0.0.2")
        with socket.create_server(("127.0.0.1", silent.port)):
            (sample,) = probe(
                entry("db.internal", silent.port), resolve=lambda host: answer(host, "127.0.0.2", "127.0.0.1")
            )
    assert (sample.outcome, sample.address) == ("open", "127.0.0.1")
    assert sample.connect_ms is not None
    assert sample.connect_ms < 250  # its own handshake, not the wait for the silent one
    assert [(attempt.address, attempt.outcome) for attempt in sample.attempts] == [("127.0.0.2", "timeout")]


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
def test_every_address_is_tried_before_the_deadline_however_many_are_silent(probe: Probe) -> None:
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(Servers())
        port = servers.silent("127.0.0.2").port
        dead = ["127.0.0.2", *(f"127.0.0.{n}" for n in range(3, 13))]
        for address in dead[1:]:
            stack.enter_context(full_backlog(address, port))
        stack.enter_context(socket.create_server(("127.0.0.200", port)))
        (sample,) = probe(
            entry("db.internal", port, timeout_us=1_500_000), resolve=lambda host: answer(host, *dead, "127.0.0.200")
        )
    assert (sample.outcome, sample.address) == ("open", "127.0.0.200")
    assert [attempt.address for attempt in sample.attempts] == dead
    assert {attempt.outcome for attempt in sample.attempts} == {"timeout"}


@contextlib.contextmanager
def full_backlog(address: str, port: int) -> Iterator[None]:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind((address, port))
        listener.listen(0)
        first.connect((address, port))
        second.setblocking(False)
        second.connect_ex((address, port))
        yield


@pytest.mark.skipif(not LINUX, reason="a full backlog drops SYNs on Linux")
@pytest.mark.parametrize(("late", "outcome"), [("timeout", "timeout"), ("open", "open")])
def test_a_handshake_past_the_deadline_is_what_the_job_says(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch, late: str, outcome: str
) -> None:
    """The kernel completes it on the repeated SYN after 1 s; a deadline that is looked at too late stands in for a
    handshake that comes too late."""
    server = servers.silent()
    monkeypatch.setattr(connecting.Deadlines, "due", lambda self, at_ns: [])
    # The first place that gets free is the waiting filler's: its repeated SYN comes before ours.
    threading.Timer(0.3, lambda: (server.drain(), server.drain())).start()
    (sample,) = probe(entry(server.host, server.port, timeout_us=500_000, late=late))
    assert sample.outcome == outcome
    assert sample.syn_repeats is not None
    assert sample.syn_repeats >= 1


def test_an_address_that_the_other_family_brings_later_still_counts(probe: Probe, servers: Servers) -> None:
    """IPv6 is answered at once and refused; IPv4, which is open, comes later: neither closed nor failed."""
    server = servers.open()
    ask = {0: threading.Event(), int(socket.AF_INET): threading.Event()}

    def resolve(host: str, family: int) -> Answer:
        if family == socket.AF_INET6:
            threading.Timer(0.2, ask[int(socket.AF_INET)].set).start()
            return answer(host, "127.0.0.9")._replace(family=family)  # nobody listens there
        ask[family].wait(30)
        return answer(host, "127.0.0.1")._replace(family=family)

    (sample,) = probe(entry("dual.internal", server.port, timeout_us=4_000_000), resolve=resolve)
    ask[0].set()
    assert (sample.outcome, sample.address) == ("open", "127.0.0.1")
    assert [(attempt.address, attempt.outcome) for attempt in sample.attempts] == [("127.0.0.9", "refused")]


def test_one_familys_refusal_proves_nothing_while_the_other_is_unknown(
    probe: Probe, servers: Servers, hanging: Callable[[str], Answer]
) -> None:
    port = servers.closed().port

    def resolve(host: str, family: int) -> Answer:
        if family == socket.AF_INET6:
            return answer(host, "127.0.0.9")._replace(family=family)
        return hanging(host)._replace(family=family)

    (sample,) = probe(entry("dual.internal", port, timeout_us=500_000), resolve=resolve)
    assert sample.outcome == "dns_timeout"
    assert [(attempt.address, attempt.outcome) for attempt in sample.attempts] == [("127.0.0.9", "refused")]


def test_checks_of_a_name_that_does_not_resolve_keep_their_rate(
    probe: Probe, servers: Servers, hanging: Callable[[str], Answer]
) -> None:
    entries = entry("dead.internal", servers.open().port, count=5, interval_us=100_000, timeout_us=400_000)
    samples = probe(entries, resolve=hanging)
    assert [sample.outcome for sample in samples] == ["dns_timeout"] * 5
    # After the first one they overlap; one after the other they would take 2 s.
    starts = sorted(sample.start_us for sample in samples)
    assert starts[4] - starts[1] < 3 * 400_000


def test_all_addresses_failed_is_told_address_by_address(probe: Probe, servers: Servers) -> None:
    port = servers.closed().port
    (sample,) = probe(entry("db.internal", port), resolve=lambda host: answer(host, "127.0.0.2", "127.0.0.1"))
    assert (sample.outcome, sample.address) == ("refused", "127.0.0.1")
    assert [(attempt.address, attempt.outcome) for attempt in sample.attempts] == [("127.0.0.2", "refused")]


@pytest.mark.fault("secrets", "`redact: true`: the sample file", "no host, no address, none of the system's words")
def test_a_redacted_endpoint_leaves_no_address_and_no_words_in_the_sample_file(probe: Probe, servers: Servers) -> None:
    port = servers.closed().port
    (sample,) = probe(
        entry("secret.internal", port, redact=True), resolve=lambda host: answer(host, "127.0.0.2", "127.0.0.1")
    )
    assert (sample.outcome, sample.address, sample.message) == ("refused", None, None)
    assert [attempt.address for attempt in sample.attempts] == [None]
