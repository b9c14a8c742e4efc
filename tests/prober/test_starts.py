"""The order of starts: whatever is planned comes out by when it is due, none early and none lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.prober.pace import NEVER_NS
from pytest_netmon.prober.timers import Starts
from pytest_netmon.prober.work import Endpoint


def endpoint(index: int, due_ns: int) -> Endpoint:
    made = Endpoint({"index": index, "host": "db", "port": 1, "count": 1, "interval_us": 1, "timeout_us": 1})
    made.due_ns = due_ns
    return made


def all_of(starts: Starts, at_ns: int) -> list[tuple[int, int]]:
    taken = []
    while (each := starts.take(at_ns)) is not None:
        taken.append((each.due_ns, each.index))
    return taken


@given(dues=st.lists(st.lists(st.integers(0, 50), max_size=12), max_size=8), step=st.integers(1, 20))
def test_starts_come_in_the_order_in_which_they_are_due(dues: list[list[int]], step: int) -> None:
    """Planned in batches of any order, while time goes on; those that are due at once come as they were planned."""
    starts, waiting, index = Starts(), [], 0
    for batch, due_list in enumerate(dues):
        at_ns = batch * step
        for due_ns in due_list:
            starts.add(endpoint(index, due_ns))
            waiting.append((due_ns, index))
            index += 1
        assert starts.next_ns() == min((due_ns for due_ns, _ in waiting), default=NEVER_NS)
        assert sorted(each.index for each in starts) == sorted(number for _, number in waiting)
        assert all_of(starts, at_ns) == sorted(each for each in waiting if each[0] <= at_ns)
        waiting = [each for each in waiting if each[0] > at_ns]
    assert all_of(starts, 50) == sorted(waiting)
    assert starts.next_ns() == NEVER_NS


@given(dues=st.lists(st.integers(0, 50), min_size=1), later=st.lists(st.integers(0, 99), min_size=1))
def test_starts_that_are_put_off_are_sorted_anew(dues: list[int], later: list[int]) -> None:
    starts = Starts()
    for index, due_ns in enumerate(dues):
        starts.add(endpoint(index, due_ns))
    for index, each in enumerate(starts):
        each.due_ns += later[index % len(later)]
    expected = sorted((each.due_ns, each.index) for each in starts)
    starts.sort_anew()
    assert all_of(starts, 1000) == expected
