"""The scale of a chart: from milliseconds to a share of its height, with ticks at round numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: From here on a linear scale would press most values into one line.
_LOG_FROM_RATIO = 25
#: What a clock can tell: 1 us. A logarithm needs something above 0.
_LEAST_MS = 0.001
_MOST_TICKS = 6
_HEADROOM = 1.06
_ROUND_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Scale:
    """From low_ms at the bottom to high_ms at the top; a linear one starts at 0, so that heights compare."""

    low_ms: float
    high_ms: float
    is_log: bool

    def share_of(self, value_ms: float) -> float:
        """Return how far up `value_ms` stands: 0 at the bottom, 1 at the top, never beyond."""
        low, high, value = self._flat(self.low_ms), self._flat(self.high_ms), self._flat(value_ms)
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def value_at(self, share: float) -> float:
        """Return the milliseconds at a share of the height."""
        if not self.is_log:
            return self.low_ms + share * (self.high_ms - self.low_ms)
        return math.exp(self._flat(self.low_ms) + share * (self._flat(self.high_ms) - self._flat(self.low_ms)))

    @property
    def ticks_ms(self) -> list[float]:
        """Round numbers from bottom to top, at most six."""
        return self._log_ticks() if self.is_log else self._linear_ticks()

    def _flat(self, value_ms: float) -> float:
        return math.log(max(value_ms, _LEAST_MS)) if self.is_log else value_ms

    def _linear_ticks(self) -> list[float]:
        least_step = self.high_ms / (_MOST_TICKS - 1)
        step = next(step for step in _round_numbers(least_step) if step >= least_step)
        return [round(number * step, 9) for number in range(math.floor(self.high_ms / step) + 1)]

    def _log_ticks(self) -> list[float]:
        found: list[float] = []
        for steps in (_ROUND_STEPS, (1, 3), (1,)):
            found = [tick for tick in _round_numbers(self.low_ms, steps) if tick >= self.low_ms]
            found = found[: next((at for at, tick in enumerate(found) if tick > self.high_ms), len(found))]
            if len(found) <= _MOST_TICKS:
                return found
        return found[:: math.ceil(len(found) / _MOST_TICKS)]


def scale_of(values_ms: Sequence[float]) -> Scale:
    """Return a scale that holds all values (at least one): linear from 0, or logarithmic where the largest is more
    than 25 times the smallest."""
    low, high = max(min(values_ms), _LEAST_MS), max(*values_ms, _LEAST_MS)
    if high / low <= _LOG_FROM_RATIO:
        return Scale(0.0, high * _HEADROOM, is_log=False)
    return Scale(_round_below(low), high * _HEADROOM, is_log=True)


def shown_tick(value_ms: float) -> str:
    """`0.05`, `12`, `1000`."""
    return f"{value_ms:.10g}"


def _round_below(value_ms: float) -> float:
    return max(step for step in _round_numbers(value_ms / 10) if step <= value_ms)


def _round_numbers(around: float, steps: Sequence[int] = _ROUND_STEPS) -> Iterator[float]:
    """Yield 1, 2, 5, 10, 20 ... ascending, from some power of ten below `around`, over many powers."""
    first = math.floor(math.log10(around)) - 1
    for power in range(first, first + 14):
        for step in steps:
            yield float(f"{step}e{power}")
