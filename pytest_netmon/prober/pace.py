"""When a start is allowed: a plan may not burst past its rate caps. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Deque, Dict, Generic, List, Optional, Tuple, TypeVar

Item = TypeVar("Item")

#: When what is not planned is due: in 2,000 years.
NEVER_NS = 1 << 66
# Each rate is a token bucket: after a pause so much time's worth of it may start at once, of the whole plan and of one
# host. With the rates that are built in that is 200 and 10, at different ports: nothing that a connection table, the
# queue of a listener or a count over seconds would feel. Of a rate that is set low, because something does, it is less.
_DEPTH_NS, _HOST_DEPTH_NS = 100_000_000, 50_000_000
#: Starts of a burst are so far apart, but for five that may catch up after a late wake-up: so are their answers, and
#: the engine is not behind with them. The median of 200 checks by our own clock was late by 2.4 ms with 30 us between
#: them, 1.2 with 60, 0.13 with 75 and 0.05 with 100.
_APART_NS, _APART_CATCH_UP_NS = 100_000, 400_000
#: How far the whole plan may catch up after a late wake-up at the least; without it each late turn of the loop
#: would lower the rate for good.
_CATCH_UP_NS = 5_000_000


class _Lane(Generic[Item]):
    """Starts of one host, first come, first served."""

    __slots__ = ("ahead_ns", "gap_ns", "next_ns", "waiting")

    def __init__(self, gap_ns: int) -> None:
        self.gap_ns = gap_ns
        self.ahead_ns = max(gap_ns, _HOST_DEPTH_NS - gap_ns)
        self.next_ns = 0
        self.waiting: Optional[Deque[Item]] = None  # most never have to wait


class Pacer(Generic[Item]):
    """Holds starts back until the rate of their host and of the whole plan allows them.

    host_rates: of single hosts, in place of `max_rate_per_host`.
    Times are nanoseconds, rates starts a second. In any stretch of T seconds the plan has at most `max_rate * T` starts
    and a tenth of its rate more, a host `max_rate_per_host * T` and a twentieth of its rate more: ten of 200, but two
    at the least.
    """

    def __init__(
        self, max_rate: float, max_rate_per_host: float, host_rates: Optional[Dict[str, float]] = None
    ) -> None:
        self._host_rates = host_rates or {}
        self._gap_ns = int(1e9 / max_rate)
        self._ahead_ns = max(_CATCH_UP_NS, _DEPTH_NS - self._gap_ns)
        self._lane_gap_ns = int(1e9 / max_rate_per_host)
        self._least_gap_ns = min(_APART_NS, self._gap_ns // 2)  # a late turn is made up for at any rate
        self._next_ns = self._apart_ns = 0
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
        if not self._heap or now_ns < self.next_ns():
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
        if now_ns < self._next_ns or now_ns < self._apart_ns:
            return False
        lane = self._lanes.get(host) or self._new_lane(host)
        if lane.waiting or now_ns < lane.next_ns:
            return False
        self._note_start(lane, now_ns)
        return True

    def next_ns(self) -> int:
        """Return when the next start is allowed, NEVER_NS where none waits."""
        return max(self._next_ns, self._apart_ns, self._heap[0][0]) if self._heap else NEVER_NS

    def _new_lane(self, host: str) -> _Lane[Item]:
        rate = self._host_rates.get(host)
        lane = self._lanes[host] = _Lane(int(1e9 / rate) if rate else self._lane_gap_ns)
        return lane

    def _note_start(self, lane: _Lane[Item], now_ns: int) -> None:
        # Each counts on from where it stands, but from no longer ago than may be caught up with.
        least_ns = now_ns - lane.ahead_ns
        lane.next_ns = (lane.next_ns if lane.next_ns > least_ns else least_ns) + lane.gap_ns
        least_ns = now_ns - self._ahead_ns
        self._next_ns = (self._next_ns if self._next_ns > least_ns else least_ns) + self._gap_ns
        least_ns = now_ns - _APART_CATCH_UP_NS
        self._apart_ns = (self._apart_ns if self._apart_ns > least_ns else least_ns) + self._least_gap_ns

    def _push(self, lane: _Lane[Item], now_ns: int) -> None:
        self._order += 1
        heapq.heappush(self._heap, (max(now_ns, lane.next_ns), self._order, lane))
