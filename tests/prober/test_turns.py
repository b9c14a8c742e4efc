"""Short turns keep times true: a few starts, a few events with one time, a few calls, and what is ready goes first."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from conftest_prober import entry
from servers import Servers

from pytest_netmon.prober import connecting, engine, timers, wait
from pytest_netmon.prober.timers import Deadlines, Timers
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
needs_epoll = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="epoll is Linux's")


class Log:
    """What the engine did, in order: `("wait", how many events)`, `("event", its time)`, `("start", None)`,
    `("expire", None)`."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int | None]] = []

    def turns(self, what: str) -> list[list[int | None]]:
        """What was done between one wait and the next."""
        turns: list[list[int | None]] = [[]]
        for name, value in self.done:
            if name == "wait":
                turns.append([])
            elif name == what:
                turns[-1].append(value)
        return turns


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()

    def noting(owner: Any, method: str, name: str, value: Callable[..., int | None]) -> None:
        real = getattr(owner, method)

        def noted(self: object, *arguments: Any) -> Any:
            log.done.append((name, value(*arguments)))
            return real(self, *arguments)

        monkeypatch.setattr(owner, method, noted)

    noting(connecting.Connector, "start", "start", lambda check: None)
    noting(connecting.Connector, "on_event", "event", lambda attempt, at_ns, *info: at_ns)
    noting(connecting.Connector, "expire", "expire", lambda at_ns: None)
    waiting = wait.EpollWaiter.wait

    def noted_wait(self: wait.EpollWaiter, timeout_s: float) -> list[tuple[int, int]]:
        events = waiting(self, timeout_s)
        log.done.append(("wait", len(events)))
        return events

    monkeypatch.setattr(wait.EpollWaiter, "wait", noted_wait)
    return log


@needs_epoll
def test_a_few_checks_start_in_a_turn_however_many_are_due(probe: Probe, servers: Servers, log: Log) -> None:
    server = servers.open()
    samples = probe(*(entry(server.host, server.port) for _ in range(50)), kernel=False)
    assert len(samples) == 50
    assert max(map(len, log.turns("start"))) == engine.STARTS_A_TURN <= 16


@contextlib.contextmanager
def ready_sockets(waiter: wait.EpollWaiter, count: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            waiter.add(stack.enter_context(ours).fileno())
        yield


@needs_epoll
def test_a_few_events_are_handed_out_at_once_and_none_is_lost() -> None:
    waiter = wait.EpollWaiter()
    with ready_sockets(waiter, 40):
        handed_out = [waiter.wait(0) for _ in range(41)]
    assert max(map(len, handed_out)) == waiter.most <= 32
    assert len({descriptor for events in handed_out for descriptor, _ in events}) == sum(map(len, handed_out)) == 40


@needs_epoll
def test_all_that_is_ready_is_taken_before_anything_starts_or_expires(
    probe: Probe, servers: Servers, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait.EpollWaiter, "most", 3)
    server = servers.open()
    probe(*(entry(server.host, server.port, count=3, interval_us=2000) for _ in range(30)), kernel=False)
    after_full = [
        next(name for name, _ in log.done[place + 1 :] if name != "event")
        for place, (name, count) in enumerate(log.done)
        if name == "wait" and count == 3
    ]
    assert after_full
    assert {*after_full} == {"wait"}


@needs_epoll
def test_events_that_came_together_have_one_time(probe: Probe, servers: Servers, log: Log) -> None:
    server = servers.open()
    probe(*(entry(server.host, server.port) for _ in range(40)), kernel=False)
    turns = [turn for turn in log.turns("event") if len(turn) > 1]
    assert turns
    assert all(len({*turn}) == 1 for turn in turns)


@needs_epoll
def test_loopback_is_looked_at_straight_after_the_connect_and_not_waited_for(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited_for: list[int] = []
    monkeypatch.setattr(wait.EpollWaiter, "add", lambda self, descriptor: waited_for.append(descriptor))
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port))
    assert (sample.outcome, waited_for) == ("open", [])


@needs_epoll
def test_a_deadline_asks_the_kernel_before_it_ends_a_check(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handshake that was complete in time, and whose event has not been handed out yet."""
    monkeypatch.setattr(connecting, "_LOOPBACK", ())  # else it would be looked at straight after the connect
    waiting = wait.EpollWaiter.wait
    monkeypatch.setattr(wait.EpollWaiter, "wait", lambda self, timeout_s: waiting(self, timeout_s)[:0])
    server = servers.open()
    (sample,) = probe(entry(server.host, server.port, timeout_us=200_000))
    assert sample.outcome == "open"
    assert sample.clock_ms is not None
    assert sample.clock_ms >= 200


@needs_epoll
def test_a_wait_is_not_rounded_to_milliseconds_and_a_long_one_ends_before_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """epoll_wait() rounds up to milliseconds, and the kernel lets long selects oversleep."""
    asked: list[tuple[str, float]] = []

    def select(read: object, write: object, other: object, timeout_s: float) -> tuple[list[int], ...]:
        asked.append(("select", timeout_s))
        return ([1], [], [])

    def poll(timeout_s: float, most: int) -> list[tuple[int, int]]:
        asked.append(("epoll", timeout_s))
        return []

    waiter = wait.EpollWaiter()
    monkeypatch.setattr(waiter, "_epoll", SimpleNamespace(poll=poll))
    monkeypatch.setattr(wait, "select", SimpleNamespace(select=select))
    waiter.wait(0.0004)
    waiter.wait(1.0)
    assert asked == [("select", 0.0004), ("epoll", 0), ("select", pytest.approx(0.98)), ("epoll", 0)]


def test_calls_that_are_due_are_made_a_few_at_a_time_the_earliest_first() -> None:
    calls, made = Timers(), list[int]()
    for number in range(40):
        calls.add(100 - number, lambda what, at_ns: made.append(what), number)
    calls.expire(1000)
    assert len(made) == timers.MOST_A_TURN <= 32
    assert made == sorted(made, reverse=True)
    for _ in range(39):
        calls.expire(1000)
    assert len(made) == 40


def test_checks_whose_deadline_has_passed_are_handed_out_a_few_at_a_time() -> None:
    deadlines = Deadlines()
    for number in range(40):
        check = SimpleNamespace(deadline_ns=number, decided=False)
        deadlines.add(check, 5)  # type: ignore[arg-type]
    handed_out = [len(deadlines.due(1000)) for _ in range(41)]
    assert max(handed_out) == timers.MOST_A_TURN
    assert sum(handed_out) == 40


def test_without_epoll_a_socket_is_handed_out_once_and_a_reader_each_time() -> None:
    waiter = wait.SelectorWaiter()
    ours, theirs = socket.socketpair()
    reader, writer = socket.socketpair()
    with ours, theirs, reader, writer:
        waiter.add(ours.fileno())
        waiter.add_reader(reader)
        writer.send(b"x")
        assert {descriptor for descriptor, _ in waiter.wait(1)} == {ours.fileno(), reader.fileno()}
        assert {descriptor for descriptor, _ in waiter.wait(1)} == {reader.fileno()}
        waiter.again(ours.fileno())
        assert {descriptor for descriptor, _ in waiter.wait(1)} == {ours.fileno(), reader.fileno()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full backlog drops SYNs on Linux")
def test_a_socket_that_still_connects_is_not_taken_for_connected_where_the_kernel_tells_nothing(
    servers: Servers,
) -> None:
    """An event may have been for the last owner of its descriptor."""
    server, open_server = servers.silent(), servers.open()
    listening = (open_server.host, open_server.port)
    with socket.socket() as sock, socket.create_connection(listening) as connected:
        sock.setblocking(False)
        sock.connect_ex((server.host, server.port))
        assert not connecting._connected(sock, 0)
        assert connecting._connected(connected, 0)


def test_a_run_without_epoll_and_without_the_kernels_figures_comes_to_the_same(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "make_waiter", wait.SelectorWaiter)
    targets = [servers.open(), servers.closed()] + ([servers.silent()] if sys.platform.startswith("linux") else [])
    jobs = [entry(server.host, server.port, count=20, interval_us=3000, timeout_us=300_000) for server in targets]
    samples = probe(*jobs, kernel=False)
    found = [{sample.outcome for sample in samples if sample.endpoint == index} for index in range(len(targets))]
    assert found == [{"open"}, {"refused"}, {"timeout"}][: len(targets)]
    assert len(samples) == 20 * len(targets)
    assert all(sample.connect_ms == sample.clock_ms for sample in samples if sample.outcome == "open")
