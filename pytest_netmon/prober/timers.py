"""What is to be done when: starts of checks, calls in the order of their times, deadlines. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from typing import Callable, Deque, Dict, Iterator, List, Optional, Tuple, TypeVar

from .pace import NEVER_NS
from .work import Check, Endpoint

What = TypeVar("What")
_Entry = Tuple[int, int, Callable[..., None], object]

#: Calls made in one go, so that events are not kept waiting by them.
MOST_A_TURN = 16


class Starts:
    """Endpoints in the order in which their next checks are due (`due_ns`).

    Where all have one interval, what is added is due after all others: those stand in a queue, the rest in a heap.
    """

    def __init__(self) -> None:
        self._queue: Deque[Tuple[int, int, Endpoint]] = deque()
        self._heap: List[Tuple[int, int, Endpoint]] = []
        self._next_order = itertools.count().__next__

    def add(self, endpoint: Endpoint) -> None:
        """Plan the endpoint's next check for its `due_ns`."""
        due_ns, queue = endpoint.due_ns, self._queue
        start = (due_ns, self._next_order(), endpoint)
        if not queue or due_ns >= queue[-1][0]:
            queue.append(start)
        else:
            heapq.heappush(self._heap, start)

    def next_ns(self) -> int:
        """Return when the next one is due; NEVER_NS where none is planned."""
        queue_ns = self._queue[0][0] if self._queue else NEVER_NS
        return min(queue_ns, self._heap[0][0]) if self._heap else queue_ns

    def take(self, at_ns: int) -> Optional[Endpoint]:
        """Take out and return the first one that is due by then, None where there is none."""
        queue, heap = self._queue, self._heap
        if heap and heap[0][0] <= at_ns and not (queue and queue[0] < heap[0]):
            return heapq.heappop(heap)[2]
        if queue and queue[0][0] <= at_ns:
            return queue.popleft()[2]
        return None

    def __iter__(self) -> Iterator[Endpoint]:
        for starts in (self._queue, self._heap):
            for _, _, endpoint in starts:
                yield endpoint

    def sort_anew(self) -> None:
        """Take in that `due_ns` of some has changed."""
        starts = sorted(
            (endpoint.due_ns, order, endpoint) for ends in (self._queue, self._heap) for _, order, endpoint in ends
        )
        self._queue, self._heap = deque(starts), []


class Timers:
    """Calls to be made at given times (nanoseconds), the earliest first. None is taken back: what is
    called looks whether it still matters."""

    def __init__(self) -> None:
        self._heap: List[_Entry] = []
        self._next_order = itertools.count().__next__

    def add(self, when_ns: int, call: Callable[[What, int], None], what: What) -> None:
        """Have `call(what, at_ns)` made at `when_ns`."""
        heapq.heappush(self._heap, (when_ns, self._next_order(), call, what))

    def next_ns(self) -> int:
        return self._heap[0][0] if self._heap else NEVER_NS

    def expire(self, at_ns: int) -> None:
        """Make calls that are due, a few."""
        heap, left = self._heap, MOST_A_TURN
        while heap and heap[0][0] <= at_ns and left:
            _, _, call, what = heapq.heappop(heap)
            call(what, at_ns)
            left -= 1


class Deadlines:
    """Deadlines of checks, a queue for each timeout: they follow each other as the starts did.

    A check that is decided leaves its queue as soon as it stands first, so that what is kept is what
    is in flight, not what was started within a timeout.
    """

    def __init__(self) -> None:
        self._queues: Dict[int, Deque[Check]] = {}

    def add(self, check: Check, timeout_ns: int) -> None:
        """Take in a check whose `deadline_ns` was just set, a timeout from now."""
        queue = self._queues.get(timeout_ns)
        if queue is None:
            queue = self._queues[timeout_ns] = deque()
        while queue and queue[0].decided:
            queue.popleft()
        queue.append(check)

    def next_ns(self) -> int:
        soonest_ns = NEVER_NS
        for queue in self._queues.values():
            while queue and queue[0].decided:
                queue.popleft()
            if queue and queue[0].deadline_ns < soonest_ns:
                soonest_ns = queue[0].deadline_ns
        return soonest_ns

    def due(self, at_ns: int) -> List[Check]:
        """Take out and return undecided checks whose deadline has passed, a few."""
        found: List[Check] = []
        for queue in self._queues.values():
            while queue and (queue[0].decided or queue[0].deadline_ns <= at_ns) and len(found) < MOST_A_TURN:
                check = queue.popleft()
                if not check.decided:
                    found.append(check)
        return found
