"""When a start is allowed: a plan may not burst past its rate caps. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Deque, Dict, Generic, List, Optional, Tuple, TypeVar

Item = TypeVar("Item")

#: When what is not planned is due: in 2,000 years.
NEVER_NS = 1 << 66
#: How far the whole plan may catch up after a late wake-up; without it each late turn of the loop
#: would lower the rate for good.
_CATCH_UP_NS = 5_000_000


class _Lane(Generic[Item]):
    """Starts of one host, first come, first served."""

    __slots__ = ("gap_ns", "next_ns", "waiting")

    def __init__(self, gap_ns: int) -> None:
        self.gap_ns = gap_ns
        self.next_ns = 0
        self.waiting: Optional[Deque[Item]] = None  # most never have to wait


class Pacer(Generic[Item]):
    """Holds starts back until the rate of their host and of the whole plan allows them.

    host_rates: of single hosts, in place of `max_rate_per_host`.
    Times are nanoseconds, rates starts a second. In any stretch of T seconds a host sees at most
    `max_rate_per_host * T + 2` starts.
    """

    def __init__(
        self, max_rate: float, max_rate_per_host: float, host_rates: Optional[Dict[str, float]] = None
    ) -> None:
        self._host_rates = host_rates or {}
        self._gap_ns = int(1e9 / max_rate)
        self._lane_gap_ns = int(1e9 / max_rate_per_host)
        self._next_ns = 0
        self._lanes: Dict[str, _Lane[Item]] = {}
        self._heap: List[Tuple[int, int, _Lane[Item]]] = []
        self._order = 0

    def add(self, item: Item, host: str, now_ns: int) -> None:
        """Queue a start that is due now."""
        lane = self._lanes.get(host) or self._new_lane(host)
        if lane.waiting:
            lane.waiting.append(item)
            return
        lane.waiting = deque((item,))
        self._push(lane, now_ns)

    def take(self, now_ns: int) -> Optional[Item]:
        """Return a start that is allowed now, None where there is none."""
        if not self._heap or now_ns < self._next_ns or now_ns < self._heap[0][0]:
            return None
        lane = heapq.heappop(self._heap)[2]
        assert lane.waiting is not None
        item = lane.waiting.popleft()
        self._note_start(lane, now_ns)
        if lane.waiting:
            self._push(lane, now_ns)
        return item

    def admits(self, host: str, now_ns: int) -> bool:
        """Say whether a start is allowed now without any wait, and if so count it. To be asked where `take` had none:
        what waits goes first."""
        if now_ns < self._next_ns:
            return False
        lane = self._lanes.get(host) or self._new_lane(host)
        if lane.waiting or now_ns < lane.next_ns:
            return False
        self._note_start(lane, now_ns)
        return True

    def next_ns(self) -> int:
        """Return when the next start is allowed, NEVER_NS where none waits."""
        return max(self._next_ns, self._heap[0][0]) if self._heap else NEVER_NS

    def _new_lane(self, host: str) -> _Lane[Item]:
        rate = self._host_rates.get(host)
        lane = self._lanes[host] = _Lane(int(1e9 / rate) if rate else self._lane_gap_ns)
        return lane

    def _note_start(self, lane: _Lane[Item], now_ns: int) -> None:
        earliest_ns = now_ns - lane.gap_ns
        lane.next_ns = (lane.next_ns if lane.next_ns > earliest_ns else earliest_ns) + lane.gap_ns
        earliest_ns = now_ns - _CATCH_UP_NS
        self._next_ns = (self._next_ns if self._next_ns > earliest_ns else earliest_ns) + self._gap_ns

    def _push(self, lane: _Lane[Item], now_ns: int) -> None:
        self._order += 1
        heapq.heappush(self._heap, (max(now_ns, lane.next_ns), self._order, lane))
