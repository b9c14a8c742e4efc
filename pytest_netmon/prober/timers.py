"""What is to be done when: calls in the order of their times, deadlines of checks. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Callable, Deque, Dict, List, Optional, Tuple, TypeVar

from .work import Check

What = TypeVar("What")
_Entry = Tuple[int, int, Callable[..., None], object]

#: Calls made in one go, so that events are not kept waiting by them.
MOST_A_TURN = 16


class Timers:
    """Calls to be made at given times (nanoseconds), the earliest first. None is taken back: what is
    called looks whether it still matters."""

    def __init__(self) -> None:
        self._heap: List[_Entry] = []
        self._order = 0

    def add(self, when_ns: int, call: Callable[[What, int], None], what: What) -> None:
        """Have `call(what, at_ns)` made at `when_ns`."""
        self._order += 1
        heapq.heappush(self._heap, (when_ns, self._order, call, what))

    def next_ns(self) -> Optional[int]:
        return self._heap[0][0] if self._heap else None

    def expire(self, at_ns: int) -> None:
        """Make calls that are due, a few."""
        heap = self._heap
        for _ in range(MOST_A_TURN):
            if not heap or heap[0][0] > at_ns:
                return
            _, _, call, what = heapq.heappop(heap)
            call(what, at_ns)


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

    def next_ns(self) -> Optional[int]:
        soonest_ns: Optional[int] = None
        for queue in self._queues.values():
            while queue and queue[0].decided:
                queue.popleft()
            if queue and (soonest_ns is None or queue[0].deadline_ns < soonest_ns):
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
