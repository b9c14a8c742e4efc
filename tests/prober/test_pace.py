"""The pacer: rates are kept whatever is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.prober.pace import Pacer

SECOND = 1_000_000_000


def starts(pacer: Pacer[int], step_ns: int, most: int) -> list[tuple[int, int]]:
    """Let time go by in steps and return (time, item) of every start."""
    at_ns, started = 0, []
    while len(started) < most:
        item = pacer.take(at_ns)
        if item is None:
            at_ns += step_ns
        else:
            started.append((at_ns, item))
    return started


def test_one_host_gets_no_more_than_its_rate_although_all_is_due_at_once() -> None:
    pacer: Pacer[int] = Pacer(2000, 200)
    for number in range(400):
        pacer.add(number, "db", 0)
    times = [at_ns for at_ns, _ in starts(pacer, 100_000, 400)]
    assert sum(at_ns < SECOND for at_ns in times) <= 202
    assert 1.9 * SECOND < times[-1] < 2.1 * SECOND


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


@given(
    hosts=st.lists(st.sampled_from("abc"), min_size=1, max_size=120),
    max_rate=st.integers(10, 5000),
    per_host=st.integers(5, 1000),
    step_ns=st.integers(50_000, 20_000_000),
)
@pytest.mark.fault("manners", "any plan, any rates", "no host gets more checks a second than its cap")
def test_no_stretch_of_time_holds_more_starts_than_the_host_may_get(
    hosts: list[str], max_rate: int, per_host: int, step_ns: int
) -> None:
    pacer: Pacer[int] = Pacer(max_rate, per_host)
    for number, host in enumerate(hosts):
        pacer.add(number, host, 0)
    started = starts(pacer, step_ns, len(hosts))
    assert sorted(item for _, item in started) == list(range(len(hosts)))
    for host in "abc":
        times = [at_ns for at_ns, item in started if hosts[item] == host]
        for first in range(len(times)):
            for last in range(first, len(times)):
                seconds = (times[last] - times[first]) / SECOND
                assert last - first + 1 <= per_host * seconds + 2.001
