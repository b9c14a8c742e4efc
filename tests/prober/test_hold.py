"""A connection that is held open tells what the peer does with it: closes, resets, talks or waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest_prober import entry
from servers import Servers

from pytest_netmon.prober import closing, engine, timers
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
HOLD_US = 300_000


@contextmanager
def serving(serve: Callable[[socket.socket], None], *, clients: int = 1) -> Iterator[int]:
    """A port on loopback; `serve(client)` is called for so many of them, one after the other."""

    def accept(listener: socket.socket) -> None:
        for _ in range(clients):
            client, _ = listener.accept()
            with client:
                serve(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def close_at_once(_: socket.socket) -> None:
    pass


def talk_and_close(client: socket.socket) -> None:
    client.sendall(b"220 ready\r\n")


def test_a_server_that_only_accepts_is_open_after_the_hold(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port, hold_us=HOLD_US))
    assert sample.outcome == "open"
    assert sample.connect_ms is not None
    assert sample.clock_ms is not None
    assert sample.clock_ms < HOLD_US / 1000  # the hold is no part of any figure


def test_the_connection_stays_open_for_the_hold(probe: Probe) -> None:
    waited: list[bool] = []

    def expect_silence(client: socket.socket) -> None:
        client.settimeout(HOLD_US / 1e6 / 2)
        try:
            client.recv(1)
        except TimeoutError:
            waited.append(True)
        client.settimeout(10)
        assert client.recv(1) == b""

    with serving(expect_silence) as port:
        (sample,) = probe(entry("127.0.0.1", port, hold_us=HOLD_US))
    assert (sample.outcome, waited) == ("open", [True])


@pytest.mark.fault("outcomes", "accepted, then closed without a byte, with `hold`", "`closed_at_once`")
def test_a_peer_that_closes_without_a_byte_is_closed_at_once(probe: Probe) -> None:
    with serving(close_at_once) as port:
        (sample,) = probe(entry("127.0.0.1", port, hold_us=HOLD_US))
    assert (sample.outcome, sample.connect_ms, sample.errno) == ("closed_at_once", None, None)


def test_without_a_hold_the_same_peer_is_open(probe: Probe) -> None:
    with serving(close_at_once) as port:
        (sample,) = probe(entry("127.0.0.1", port))
    assert sample.outcome == "open"


def test_a_peer_that_says_something_and_closes_is_open(probe: Probe) -> None:
    with serving(talk_and_close) as port:
        (sample,) = probe(entry("127.0.0.1", port, hold_us=HOLD_US))
    assert sample.outcome == "open"


@pytest.mark.parametrize("close", ["fin", "reset"])
@pytest.mark.fault("outcomes", "accepted, then RST, 200 times with `hold`", "one outcome, `reset`, whichever side wins")
@pytest.mark.fault(
    "fooled", "a SYN proxy before a dead server: the handshake, then a reset", "with `hold`: `reset`, not open"
)
def test_a_reset_is_a_reset_whichever_side_wins(probe: Probe, servers: Servers, close: str) -> None:
    """Before connect() is looked at, or in the hold: the answer is the same, two hundred times."""
    server = servers.resetting()
    samples = probe(entry(server.host, server.port, count=200, interval_us=1000, hold_us=500_000, close=close))
    assert [(sample.outcome, sample.errno) for sample in samples] == [("reset", "ECONNRESET")] * 200


def test_the_hold_is_no_part_of_the_deadline(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port, timeout_us=50_000, hold_us=HOLD_US))
    assert sample.outcome == "open"


def test_a_held_check_does_not_hold_up_the_next_ones(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=5, interval_us=10_000, hold_us=HOLD_US))
    starts = [sample.start_us for sample in samples]
    assert [sample.outcome for sample in samples] == ["open"] * 5
    assert max(starts) - min(starts) < HOLD_US


def test_close_reset_comes_after_the_hold(probe: Probe) -> None:
    ended: list[type[BaseException] | bytes] = []

    def note(client: socket.socket) -> None:
        try:
            ended.append(client.recv(1))
        except OSError as error:
            ended.append(type(error))

    with serving(note) as port:
        (sample,) = probe(entry("127.0.0.1", port, hold_us=20_000, close="reset"))
    assert (sample.outcome, ended) == ("open", [ConnectionResetError])


def test_what_is_held_when_the_run_is_stopped_comes_to_nothing(probe: Probe, servers: Servers) -> None:
    server = servers.open()
    samples = probe(entry(server.host, server.port, count=None, hold_us=60_000_000), stop_after_s=0.2)
    assert samples == []


def test_a_hold_costs_one_timer_and_a_check_without_it_none(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, calls = servers.open(), []
    add = timers.Timers.add

    def noting(self: timers.Timers, when_ns: int, call: Callable[..., None], what: object) -> None:
        calls.append(call.__name__)
        add(self, when_ns, call, what)

    monkeypatch.setattr(closing.Timers, "add", noting)
    probe(entry(server.host, server.port))
    assert "_on_held" not in calls
    probe(entry(server.host, server.port, hold_us=1000))
    assert calls.count("_on_held") == 1


def test_what_is_being_closed_when_the_run_is_stopped_is_told(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connect was complete; that the server does not close its side changes nothing."""
    engines, run, begin = list[engine.Engine](), engine.Engine.run, closing.Closer._shut

    def running(self: engine.Engine, *given: Any) -> str:
        engines.append(self)
        return run(self, *given)

    def beginning(self: closing.Closer, *given: Any) -> None:
        begin(self, *given)
        engines[0].stop()

    monkeypatch.setattr(engine.Engine, "run", running)
    monkeypatch.setattr(closing.Closer, "_shut", beginning)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (sample,) = probe(entry("127.0.0.1", listener.getsockname()[1], count=None, interval_us=60_000_000))
    assert sample.outcome == "open"
