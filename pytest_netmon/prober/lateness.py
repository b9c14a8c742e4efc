"""How late starts were: a histogram in bounded memory, and what came too late for others to be made. Pure."""

from __future__ import annotations

from typing import Dict, Optional

#: Stretches that are no farther apart are one.
_TOUCH_NS = 100_000_000


class Lateness:
    """Counts by the five leading bits, so that figures are within 6 % at any size; the maximum is exact."""

    def __init__(self) -> None:
        self._counts: Dict[int, int] = {}
        self.max_us = 0

    def add(self, late_us: int) -> None:
        if late_us > self.max_us:
            self.max_us = late_us
        spare = late_us.bit_length() - 5
        if spare > 0:
            late_us = late_us >> spare << spare
        self._counts[late_us] = self._counts.get(late_us, 0) + 1

    @property
    def starts(self) -> int:
        return sum(self._counts.values())

    def event(self) -> Optional[Dict[str, object]]:
        """Return the event for the sample file; None where nothing was scheduled."""
        if not self.starts:
            return None
        return {
            "event": "lateness",
            "starts": self.starts,
            "median_us": self._ranked_us((self.starts + 1) // 2),
            "p99_us": self._ranked_us(-(-self.starts * 99 // 100)),
            "max_us": self.max_us,
        }

    def _ranked_us(self, rank: int) -> int:
        seen = 0
        for value_us, times in sorted(self._counts.items()):
            seen += times
            if seen >= rank:
                return value_us
        return self.max_us


class LeftOut:
    """Starts that came so late that others of their endpoint were due meanwhile, and were left out: told as
    gaps, one for all whose stretches touch."""

    def __init__(self, base_ns: int) -> None:
        self._base_ns = base_ns
        self._missed = 0
        self._from_ns = self._to_ns = 0

    def add(self, missed: int, from_ns: int, to_ns: int) -> Optional[Dict[str, object]]:
        """So many starts of an endpoint were left out between two times; return what `over` does."""
        ended = self.over(from_ns)
        self._from_ns = min(self._from_ns, from_ns) if self._missed else from_ns
        self._to_ns = max(self._to_ns, to_ns)
        self._missed += missed
        return ended

    def over(self, at_ns: int) -> Optional[Dict[str, object]]:
        """Return the event of the latest gap if that is over by then."""
        return self.event() if at_ns > self._to_ns + _TOUCH_NS else None

    def event(self) -> Optional[Dict[str, object]]:
        """Return the event of the latest gap, and begin another; None where there is nothing to tell."""
        if not self._missed:
            return None
        missed, self._missed = self._missed, 0
        at_us = (self._from_ns - self._base_ns) // 1000
        length_us = (self._to_ns - self._from_ns) // 1000
        return {"event": "gap", "at_us": at_us, "length_us": length_us, "cause": "late", "missed": missed}
