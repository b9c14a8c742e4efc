"""What is to be done when: calls in the order of their times. Pure."""

from __future__ import annotations

import heapq
from typing import Callable, List, Optional, Tuple, TypeVar

What = TypeVar("What")
_Entry = Tuple[int, int, Callable[..., None], object]


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
        """Make all calls that are due."""
        while self._heap and self._heap[0][0] <= at_ns:
            _, _, call, what = heapq.heappop(self._heap)
            call(what, at_ns)
