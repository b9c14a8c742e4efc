"""How late starts were: a histogram in bounded memory. Pure."""

from __future__ import annotations

from typing import Dict, Optional


class Lateness:
    """Counts by the five leading bits, so that figures are within 6 % at any size; the maximum is exact."""

    def __init__(self) -> None:
        self._counts: Dict[int, int] = {}
        self.starts = 0
        self.max_us = 0

    def add(self, late_us: int) -> None:
        spare = max(0, late_us.bit_length() - 5)
        value_us = late_us >> spare << spare
        self._counts[value_us] = self._counts.get(value_us, 0) + 1
        self.starts += 1
        self.max_us = max(self.max_us, late_us)

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
