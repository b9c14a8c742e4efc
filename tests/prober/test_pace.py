"""The pacer: rates are kept whatever is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest_prober import entry
from hypothesis import given
from hypothesis import strategies as st
from servers import Servers

from pytest_netmon.prober.pace import Pacer
from pytest_netmon.samples import Sample

SECOND = 1_000_000_000


def starts(pacer: Pacer[int], step_ns: int, most: int, at_ns: int = 0) -> list[tuple[int, int]]:
    """Let time go by in steps from `at_ns` and return (time, item) of every start."""
    started: list[tuple[int, int]] = []
    while len(started) < most:
        item = pacer.take(at_ns)
        if item is None:
            at_ns += step_ns
        else:
            started.append((at_ns, item))
    return started


def most_over(times_ns: list[int], rate: float) -> float:
    """By how many starts any stretch of time holds more than `rate` a second allows."""
    return max(
        last - first + 1 - rate * (times_ns[last] - times_ns[first]) / SECOND
        for first in range(len(times_ns))
        for last in range(first, len(times_ns))
    )


def test_one_host_gets_no_more_than_its_rate_although_all_is_due_at_once() -> None:
    pacer: Pacer[int] = Pacer(2000, 200)
    for number in range(400):
        pacer.add(number, "db", 0)
    times = [at_ns for at_ns, _ in starts(pacer, 100_000, 400)]
    assert most_over(times, 200) <= 10.001
    assert 1.9 * SECOND < times[-1] < 2.1 * SECOND


def test_a_first_round_of_two_hundred_endpoints_on_twenty_hosts_takes_no_tenth_of_a_second() -> None:
    pacer: Pacer[int] = Pacer(2000, 200)
    for number in range(200):
        pacer.add(number, f"host {number % 20}", SECOND)
    times = [at_ns for at_ns, _ in starts(pacer, 10_000, 200, SECOND)]
    assert times[-1] - times[0] <= 20_000_000
    assert most_over(times, 1e9 / 100_000) <= 7  # not at once: each answer is to be taken in when it comes


def test_a_burst_goes_at_the_rate_where_that_is_higher() -> None:
    pacer: Pacer[int] = Pacer(100_000, 100_000)
    for number in range(200):
        pacer.add(number, "db", SECOND)
    times = [at_ns for at_ns, _ in starts(pacer, 1000, 200, SECOND)]
    assert times[-1] - times[0] <= 2_000_000


def test_rounds_that_come_again_and_again_do_not_burst_past_the_rate() -> None:
    pacer: Pacer[int] = Pacer(1000, 1000)
    times: list[int] = [SECOND]
    for round_ in range(8):
        at_ns = max(times[-1], (10 + round_) * SECOND // 10)
        for number in range(150):
            pacer.add(number, f"host {number}", at_ns)
        times += [started_ns for started_ns, _ in starts(pacer, 10_000, 150, at_ns)]
    assert 99 <= most_over(times[1:], 1000) <= 100.001


def test_a_host_at_its_cap_does_not_hold_up_another() -> None:
    pacer: Pacer[int] = Pacer(2000, 1)
    for number in range(5):
        pacer.add(number, "slow", 0)
    pacer.add(99, "other", 0)
    first = starts(pacer, 100_000, 2)
    assert [item for _, item in first] == [0, 99]
    assert first[1][0] <= 1_000_000


def test_starts_of_a_host_keep_their_order() -> None:
    pacer: Pacer[int] = Pacer(1000, 1000)
    for number in range(50):
        pacer.add(number, "db", 0)
    assert [item for _, item in starts(pacer, 1000, 50)] == list(range(50))


def test_what_need_not_wait_for_its_rate_keeps_its_distance_in_a_burst_too() -> None:
    pacer: Pacer[int] = Pacer(2000, 200)
    admitted = [at_ns for at_ns in range(SECOND, SECOND + 5_000_000, 10_000) if pacer.admits(f"host {at_ns}", at_ns)]
    assert 40 <= len(admitted) <= 60  # 0.1 ms apart, and five at once
    assert most_over(admitted, 1e9 / 100_000) <= 6


def test_what_is_due_later_does_not_overtake_what_waits_for_the_same_host() -> None:
    pacer: Pacer[int] = Pacer(10_000, 100)
    assert [pacer.admits("db", SECOND) for _ in range(6)] == [True] * 5 + [False]
    pacer.add(1, "db", SECOND)
    at_ns = SECOND + 10_000_000
    assert not pacer.admits("db", at_ns)
    assert pacer.admits("other", at_ns)
    assert starts(pacer, 10_000, 1, at_ns)[0][1] == 1


@given(
    due=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400_000_000)), min_size=1, max_size=150),
    max_rate=st.integers(2, 5000),
    per_host=st.integers(5, 1000),
    step_ns=st.integers(50_000, 20_000_000),
)
@pytest.mark.fault("manners", "any plan, any rates", "no host gets more checks a second than its cap")
def test_no_stretch_of_time_holds_more_starts_than_plan_and_host_may_get(
    due: list[tuple[str, int]], max_rate: int, per_host: int, step_ns: int
) -> None:
    pacer: Pacer[int] = Pacer(max_rate, per_host)
    waiting = sorted(range(len(due)), key=lambda number: due[number][1])
    at_ns, started = SECOND, []
    while len(started) < len(due):
        item = pacer.take(at_ns)
        if item is not None:
            started.append((at_ns, item))
        elif waiting and SECOND + due[waiting[0]][1] <= at_ns:
            number = waiting.pop(0)
            if pacer.admits(due[number][0], at_ns):
                started.append((at_ns, number))
            else:
                pacer.add(number, due[number][0], at_ns)
        else:
            at_ns += step_ns
    assert sorted(item for _, item in started) == list(range(len(due)))
    assert most_over([at_ns for at_ns, _ in started], max_rate) <= max(max_rate / 10, 1 + max_rate / 200) + 0.001
    for host in "abc":
        if times := [at_ns for at_ns, item in started if due[item][0] == host]:
            assert most_over(times, per_host) <= max(2, per_host / 20) + 0.001


@pytest.mark.parametrize(
    ("rates", "least_s"),
    [
        ({"max_rate": 100}, 0.19),  # 10 at once
        ({"max_rate_per_host": 100}, 0.24),  # 5 at once
        ({"host_rates": {"127.0.0.1": 100}}, 0.24),
        ({"host_rates": {"127.0.0.2": 100}}, 0),
    ],
)
def test_the_rates_of_a_job_are_kept(
    probe: Callable[..., list[Sample]], servers: Servers, rates: dict[str, object], least_s: float
) -> None:
    server = servers.open()
    samples = probe(*(entry(server.host, server.port) for _ in range(30)), **rates)
    starts = sorted(sample.start_us for sample in samples)
    assert len(starts) == 30
    assert (starts[-1] - starts[0]) / 1e6 >= least_s
