"""Names are asked for side by side: what hangs holds up nothing else, and nobody waits for it."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from conftest_prober import entry
from servers import Servers

from pytest_netmon.prober import names, naming
from pytest_netmon.prober.kernel import now_ns
from pytest_netmon.prober.names import Address, Answer, Resolver
from pytest_netmon.samples import Sample

Probe = Callable[..., "list[Sample]"]
V4, V6 = int(socket.AF_INET), int(socket.AF_INET6)
NEVER_NS = 1 << 62


class Stuck:
    """Stands in for getaddrinfo(): hangs for what `hangs` says until the test ends. asked: what it was asked."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.hangs: Callable[[str, int], bool] = lambda host, family: not host.startswith("good")
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, family: int) -> Answer:
        self.asked.append((host, family))
        if self.hangs(host, family):
            self.over.wait(60)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 1500, family)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.over.set()


@pytest.fixture
def answers() -> queue.SimpleQueue[Answer]:
    return queue.SimpleQueue()


@pytest.fixture
def resolver(stuck: Stuck, answers: queue.SimpleQueue[Answer]) -> Resolver:
    return Resolver(answers.put, stuck)


def ask_dead(resolver: Resolver, count: int) -> None:
    for number in range(count):
        resolver.ask(f"dead-{number}")


def test_names_that_are_slow_are_asked_for_at_the_same_time(stuck: Stuck) -> None:
    """None of them answers before all are asked."""
    together, answers = threading.Barrier(64, timeout=30), queue.SimpleQueue[str]()

    def resolve(host: str, family: int) -> Answer:
        together.wait()
        return Answer(host, (), None, None, 0, family)

    resolver = Resolver(lambda answer: answers.put(answer.host), resolve)
    for number in range(64):
        resolver.ask(f"slow-{number}")
    assert len({answers.get(timeout=30) for _ in range(64)}) == 64


def test_a_name_is_asked_for_once_at_a_time(
    resolver: Resolver, stuck: Stuck, answers: queue.SimpleQueue[Answer]
) -> None:
    for _ in range(3):
        resolver.ask("dead")
    stuck.over.set()
    answers.get(timeout=30)
    assert stuck.asked == [("dead", 0)]


def test_no_more_than_a_few_are_asked_at_once_as_long_as_they_answer(
    resolver: Resolver, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", NEVER_NS)
    ask_dead(resolver, names.THREADS + 20)
    resolver.go_on()
    assert len(stuck.asked) <= names.THREADS


@pytest.mark.parametrize("hung_for_ns", [0, NEVER_NS])
def test_what_hangs_for_long_makes_room_for_others_and_what_is_only_slow_does_not(
    resolver: Resolver,
    stuck: Stuck,
    answers: queue.SimpleQueue[Answer],
    monkeypatch: pytest.MonkeyPatch,
    hung_for_ns: int,
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", hung_for_ns)
    ask_dead(resolver, names.THREADS)
    resolver.ask("good")
    resolver.go_on()
    if hung_for_ns:
        assert answers.empty()
        assert ("good", 0) not in stuck.asked
    else:
        assert answers.get(timeout=30).host == "good"


def test_what_was_given_up_makes_room_at_once(
    resolver: Resolver, answers: queue.SimpleQueue[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", NEVER_NS)
    ask_dead(resolver, names.THREADS)
    resolver.ask("good")
    resolver.give_up("dead-5")
    resolver.go_on()
    assert answers.get(timeout=30).host == "good"


def test_what_was_given_up_before_its_turn_is_not_asked(
    resolver: Resolver, stuck: Stuck, answers: queue.SimpleQueue[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", 0)
    ask_dead(resolver, names.THREADS + 1)
    resolver.ask("good")
    resolver.give_up(f"dead-{names.THREADS}")
    resolver.go_on()
    assert answers.get(timeout=30).host == "good"
    assert (f"dead-{names.THREADS}", 0) not in stuck.asked


def test_what_was_given_up_and_is_asked_for_again_is_asked_once(
    resolver: Resolver, stuck: Stuck, answers: queue.SimpleQueue[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", 0)
    ask_dead(resolver, names.THREADS)
    for _ in range(3):
        resolver.ask("dead-again")
        resolver.give_up("dead-again")
    resolver.ask("dead-again")
    resolver.ask("good")
    resolver.go_on()
    assert answers.get(timeout=30).host == "good"
    assert stuck.asked.count(("dead-again", 0)) == 1


def test_threads_that_hang_are_not_without_number(
    resolver: Resolver, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", 0)
    monkeypatch.setattr(names, "MOST_THREADS", names.THREADS + 5)
    ask_dead(resolver, names.THREADS + 40)
    for _ in range(10):
        resolver.go_on()
    assert len(stuck.asked) <= names.THREADS + 5


@pytest.mark.fault("own", "fewer threads than names to look up", "those that there are look all of them up")
@pytest.mark.parametrize("most", [3, 0])
def test_where_there_are_no_more_threads_those_that_run_do_the_rest(
    answers: queue.SimpleQueue[Answer], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    go, start, left = threading.Event(), threading.Thread.start, most

    def starting(self: threading.Thread) -> None:
        nonlocal left
        if self.name == "netmon-resolver":
            left -= 1
            if left < 0:
                raise RuntimeError("can't start new thread")
        start(self)

    def resolve(host: str, family: int) -> Answer:
        go.wait(30)
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 0, family)

    monkeypatch.setattr(threading.Thread, "start", starting)
    resolver = Resolver(answers.put, resolve)
    ask_dead(resolver, 20)
    resolver.go_on()
    go.set()
    found = [answers.get(timeout=30) for _ in range(20)]
    assert {answer.host for answer in found} == {f"dead-{number}" for number in range(20)}
    assert {answer.outcome for answer in found} == ({None} if most else {"local_error"})


def test_one_family_that_hangs_does_not_hold_up_the_other(
    resolver: Resolver, stuck: Stuck, answers: queue.SimpleQueue[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", NEVER_NS)
    stuck.hangs = lambda host, family: family != V4
    ask_dead(resolver, 2 * names.THREADS)
    for number in range(2 * names.THREADS):
        resolver.ask_each_family(f"dead-{number}")
    found = [answers.get(timeout=30) for _ in range(2 * names.THREADS)]
    assert {answer.family for answer in found} == {V4}
    assert len({answer.host for answer in found}) == 2 * names.THREADS


def test_what_hangs_keeps_no_process_from_ending(resolver: Resolver) -> None:
    ask_dead(resolver, 1)
    mine = [thread for thread in threading.enumerate() if thread.name == "netmon-resolver"]
    assert mine
    assert all(thread.daemon for thread in mine)


@pytest.mark.fault("names", "AAAA queries are dropped, for more names than are asked for at once", "open by IPv4")
def test_a_name_server_that_drops_aaaa_fails_none_of_many_names(probe: Probe, servers: Servers, stuck: Stuck) -> None:
    stuck.hangs = lambda host, family: family != V4
    server = servers.open()
    many = [entry(f"half-dead-{number}.internal", server.port, timeout_us=6_000_000) for number in range(150)]
    samples = probe(*many, resolve=stuck)
    assert {(sample.outcome, sample.address) for sample in samples} == {("open", "127.0.0.1")}
    assert len(samples) == 150


@pytest.mark.fault("names", "dead names before a good one, with the same limit", "the good one is open")
def test_dead_names_fail_no_good_one_behind_them_with_the_same_limit(
    probe: Probe, servers: Servers, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "HUNG_NS", 1_000_000)
    monkeypatch.setattr(naming, "LOOK_NS", 5_000_000)
    give_up, asked_by_then = Resolver.give_up, list[int]()

    def giving_up(self: Resolver, host: str) -> None:
        asked_by_then.append(stuck.asked.count(("good.internal", 0)))
        give_up(self, host)

    monkeypatch.setattr(Resolver, "give_up", giving_up)
    server = servers.open()
    dead = [entry(f"dead-{number}.internal", server.port, timeout_us=1_500_000) for number in range(80)]
    samples = probe(*dead, entry("good.internal", server.port, timeout_us=1_500_000), resolve=stuck)
    outcomes = {sample.endpoint: sample.outcome for sample in samples}
    assert outcomes.pop(80) == "open"
    assert {*outcomes.values()} == {"dns_timeout"}
    assert asked_by_then == [1] * 80  # not in the place of one that was given up


def test_names_whose_time_is_over_make_room_without_waiting_for_a_look(
    probe: Probe, servers: Servers, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "LOOK_NS", NEVER_NS)
    server = servers.open()
    dead = [entry(f"dead-{number}.internal", server.port, timeout_us=200_000) for number in range(names.THREADS)]
    samples = probe(*dead, entry("good.internal", server.port, timeout_us=5_000_000), resolve=stuck)
    assert [sample.outcome for sample in samples if sample.endpoint == names.THREADS] == ["open"]
    assert ("good.internal", 0) in stuck.asked  # and not only each of its families, for being slow


def test_a_check_that_resolves_its_name_starts_with_that(probe: Probe, servers: Servers) -> None:
    asked_ns: list[int] = []

    def resolve(host: str) -> Answer:
        asked_ns.append(now_ns())
        time.sleep(0.2)  # so long may a busy machine take to make ready for the first check
        return Answer(host, (Address(socket.AF_INET, "127.0.0.1", 0),), None, None, 200_000)

    server, before_ns = servers.open(), now_ns()
    samples = probe(entry("db.internal", server.port, count=2), resolve=resolve)
    first, second = sorted(samples, key=lambda sample: sample.check)
    assert before_ns + first.start_us * 1000 <= asked_ns[0]
    assert (first.dns_ms, second.dns_ms) == (200, None)
    assert second.start_us - first.start_us >= 200_000
