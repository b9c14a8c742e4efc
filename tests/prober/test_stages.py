"""Stages in their turns: how much is done at once, what our own lag costs a check, and what a deadline leaves."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator

import pytest
from conftest_prober import entry
from servers import Servers

from pytest_netmon.prober import connecting, engine, kernel, stages
from pytest_netmon.prober.dialogue import Dialogue, Step
from pytest_netmon.prober.names import Address
from pytest_netmon.prober.stages import Stages
from pytest_netmon.prober.timers import Timers
from pytest_netmon.prober.wait import SelectorWaiter
from pytest_netmon.prober.work import Attempt, Check, Endpoint
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
MS = 1_000_000


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at_ns = 1_000 * MS

    def __call__(self) -> int:
        return self.at_ns

    def pass_ms(self, ms: int) -> None:
        self.at_ns += ms * MS


class Greeting(Dialogue):
    """Says hello and waits for an answer of `length` bytes; each of its steps takes so long."""

    phase, timeout, reset = "tls", "tls_timeout", "reset"

    def __init__(self, clock: Clock, length: int = 2, step_ms: int = 0) -> None:
        self._clock, self._left, self._step_ms = clock, length, step_ms

    def begin(self) -> Step:
        self._clock.pass_ms(self._step_ms)
        return Step(send=b"hello")

    def take(self, data: bytes) -> Step:
        self._clock.pass_ms(self._step_ms)
        if not data:
            return Step(outcome="tls_handshake")
        self._left -= len(data)
        return Step(is_over=self._left <= 0)


class Scene:
    """Connections with stages, a clock, and what they come to; `age_ms` is what the kernel says of waiting data."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.age_ms = 0
        self.timers = Timers()
        self.ended: list[tuple[Attempt, str]] = []
        self.steps = 0
        monkeypatch.setattr(stages, "now_ns", self.clock)
        monkeypatch.setattr(kernel, "data_age_ns", lambda sock: self.age_ms * MS)
        self._sockets: list[socket.socket] = []
        self._stages = Stages(
            SelectorWaiter(),
            self.timers,
            lambda attempt, sock: self.ended.append((attempt, "open")),
            lambda check, attempt: self._decide(attempt),
            in_kernel=True,
        )

    def _decide(self, attempt: Attempt) -> None:
        attempt.sock = None
        self.ended.append((attempt, attempt.outcome))

    def open(self, dialogue: Callable[[], Dialogue], timeout_ms: int = 100) -> tuple[Attempt, socket.socket]:
        """Begin the stages of a connection that was just opened; returns it and its peer."""
        ours, peer = socket.socketpair()
        ours.setblocking(False)
        self._sockets += [ours, peer]
        endpoint = Endpoint(entry("127.0.0.1", 1))
        endpoint.stages = (dialogue,)
        check = Check(endpoint, 1, self.clock())
        check.deadline_ns = self.clock() + timeout_ms * MS
        attempt = Attempt(check, Address(socket.AF_INET, "127.0.0.1", 0), ours, self.clock())
        self._stages.start(attempt)
        return attempt, peer

    def readable(self, attempt: Attempt) -> None:
        assert attempt.passage is not None
        self._stages.on_event(attempt, attempt.passage, self.clock())

    def turn(self) -> None:
        self.timers.expire(self.clock())

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(monkeypatch)
    yield made
    made.close()


def test_a_stage_is_as_long_as_the_peer_and_our_computing_took(scene: Scene) -> None:
    attempt, peer = scene.open(lambda: Greeting(scene.clock, step_ms=1))
    scene.turn()
    assert peer.recv(100) == b"hello"
    scene.clock.pass_ms(20)
    peer.send(b"hi")
    scene.readable(attempt)
    scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["open"]
    assert attempt.passage is not None
    assert attempt.passage.figures == {"tls_us": 22_000}


@pytest.mark.fault("stages", "a TLS answer that waits for a busy checker", "the wait is no part of its time")
@pytest.mark.parametrize("seen", [True, False])
def test_what_an_answer_waited_for_us_is_no_part_of_the_time(scene: Scene, *, seen: bool) -> None:
    """Whether it stood in our queue, or the loop did not even look."""
    attempt, peer = scene.open(lambda: Greeting(scene.clock))
    scene.turn()
    peer.send(b"hi")
    if seen:
        scene.readable(attempt)
    scene.clock.pass_ms(40)
    if not seen:
        scene.age_ms = 40 + 10  # less a jiffy, which the kernel may be wrong by
        scene.readable(attempt)
    scene.turn()
    assert attempt.passage is not None
    assert attempt.passage.figures == {"tls_us": 0}


def test_the_kernels_word_on_the_age_of_an_answer_is_not_trusted_to_a_jiffy(scene: Scene) -> None:
    attempt, peer = scene.open(lambda: Greeting(scene.clock))
    scene.turn()
    scene.clock.pass_ms(5)
    peer.send(b"hi")
    scene.age_ms = 10
    scene.readable(attempt)
    scene.turn()
    assert attempt.passage is not None
    assert attempt.passage.figures == {"tls_us": 5_000}


def test_an_answer_that_is_there_at_the_deadline_counts(scene: Scene) -> None:
    _, peer = scene.open(lambda: Greeting(scene.clock))
    scene.turn()
    peer.send(b"hi")
    scene.clock.pass_ms(100)
    scene.turn()
    scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["open"]


def test_no_answer_by_the_deadline_is_the_stages_timeout_with_the_time_it_took(scene: Scene) -> None:
    attempt, _ = scene.open(lambda: Greeting(scene.clock))
    scene.turn()
    scene.clock.pass_ms(99)
    scene.turn()
    assert scene.ended == []
    scene.clock.pass_ms(1)
    scene.turn()
    scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["tls_timeout"]
    assert attempt.clock_us == 100_000
    assert attempt.passage is not None
    assert attempt.passage.figures == {}


@pytest.mark.fault("stages", "a checker too busy for a handshake in time", "no `tls_timeout` by its own fault")
def test_what_we_were_late_is_given_to_the_peer_in_addition(scene: Scene) -> None:
    """A queue of 60 ms must not turn an answer after 80 ms into a timeout at 100 ms."""
    attempt, peer = scene.open(lambda: Greeting(scene.clock))
    scene.clock.pass_ms(60)
    scene.turn()
    scene.clock.pass_ms(40)
    scene.turn()
    scene.turn()
    assert scene.ended == []
    scene.clock.pass_ms(40)
    peer.send(b"hi")
    scene.readable(attempt)
    scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["open"]
    assert attempt.passage is not None
    assert attempt.passage.figures == {"tls_us": 80_000}


def test_that_addition_ends_as_well(scene: Scene) -> None:
    scene.open(lambda: Greeting(scene.clock))
    scene.clock.pass_ms(60)
    scene.turn()
    for _ in range(20):
        scene.clock.pass_ms(5)
        scene.turn()
        scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["tls_timeout"]


def test_old_data_of_a_peer_that_then_fell_silent_moves_no_deadline(scene: Scene) -> None:
    attempt, peer = scene.open(lambda: Greeting(scene.clock))
    scene.turn()
    peer.send(b"h")
    scene.readable(attempt)
    scene.turn()
    scene.age_ms = 100
    scene.clock.pass_ms(100)
    scene.turn()
    scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["tls_timeout"]


def test_a_deadline_after_the_end_changes_nothing(scene: Scene) -> None:
    attempt, peer = scene.open(lambda: Greeting(scene.clock))
    scene.turn()
    peer.send(b"hi")
    scene.readable(attempt)
    scene.turn()
    scene.clock.pass_ms(1000)
    scene.turn()
    assert [outcome for _, outcome in scene.ended] == ["open"]


def test_long_steps_are_taken_one_a_turn_and_short_ones_together(scene: Scene) -> None:
    """A turn begins no further step once 0.3 ms are spent, so that connects are looked at between two handshakes."""
    begun = itertools.count()

    class Counting(Greeting):
        def begin(self) -> Step:
            next(begun)
            return super().begin()

    for _ in range(5):
        scene.open(lambda: Counting(scene.clock, step_ms=1))
    for number in range(1, 6):
        scene.turn()
        assert next(begun) == number + (number - 1)  # each look counts as well
    for _ in range(5):
        scene.open(lambda: Counting(scene.clock))
    scene.turn()
    assert next(begun) == 15


@pytest.mark.fault("stages", "connects among many handshakes", "they are taken between two of those")
@pytest.mark.parametrize("in_kernel", [True, False])
def test_connects_are_taken_between_handshakes(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch, *, in_kernel: bool
) -> None:
    """Forty stages that compute for 2 ms each do not keep those waiting that only connect."""
    order: list[str] = []

    class Busy(Dialogue):
        def begin(self) -> Step:
            until_ns = kernel.now_ns() + 2 * MS
            while kernel.now_ns() < until_ns:
                pass
            order.append("step")
            return Step(is_over=True)

    established = connecting.Connector._established

    def noting(self: connecting.Connector, check: Check, *arguments: object) -> None:
        if not check.endpoint.stages:
            order.append("connect")
        established(self, check, *arguments)

    class WithStages(Endpoint):
        def __init__(self, job: dict[str, object]) -> None:
            super().__init__(job)
            self.stages = (Busy,) if job.get("busy") else ()

    monkeypatch.setattr(engine, "Endpoint", WithStages)
    monkeypatch.setattr(connecting.Connector, "_established", noting)
    server = servers.open()
    busy = [entry(server.host, server.port, busy=True) for _ in range(40)]
    samples = probe(*busy, *(entry(server.host, server.port) for _ in range(40)), kernel=in_kernel)
    assert [sample.outcome for sample in samples] == ["open"] * 80
    last_connect = max(index for index, what in enumerate(order) if what == "connect")
    assert order[:last_connect].count("step") < 30
