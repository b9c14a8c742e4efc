"""Durations as people write them (`250ms`, `2s`, `14d`), read and shown. Pure."""

from __future__ import annotations

import math
import re

#: Seconds in each unit that a duration may carry.
UNITS_S: dict[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_DURATION = re.compile(r"(?P<number>[+-]?\d+(?:\.\d+)?|[+-]?\.\d+)\s*(?P<unit>[A-Za-z]*)\Z")


def parse_duration_s(value: str | int | float, *, bare_number: bool = True) -> float:
    """Return `value` in seconds.

    A number (or a string that is one) is seconds where `bare_number` allows it; a string may
    end in ms, s, m, h or d. The sign is kept: whether a duration may be zero or negative is
    the caller's to say.

    Raises ValueError, its text saying what was expected, for anything else.
    """
    if isinstance(value, bool):
        raise ValueError("expected a duration such as 250ms or 2s")
    if isinstance(value, (int, float)):
        if not bare_number:
            raise ValueError(f"expected a unit: write {value}s or {value}ms")
        try:
            seconds = float(value)
        except OverflowError:
            seconds = math.inf
        if not math.isfinite(seconds):
            raise ValueError("expected a finite duration such as 250ms or 2s")
        return seconds
    match = _DURATION.match(value.strip())
    if match is None:
        raise ValueError("expected a duration such as 250ms or 2s")
    number, unit = float(match["number"]), match["unit"]
    if not math.isfinite(number):
        raise ValueError("expected a finite duration such as 250ms or 2s")
    if not unit:
        if not bare_number:
            raise ValueError(f"expected a unit: write {match['number']}s or {match['number']}ms")
        return number
    if unit not in UNITS_S:
        raise ValueError(f"expected one of the units {', '.join(UNITS_S)}, got {unit!r}")
    return number * UNITS_S[unit]


def show_duration(seconds: float) -> str:
    """Return the shortest exact text for a duration: 0.25 -> `250ms`, 2 -> `2s`, 90 -> `90s`,
    86400 -> `1d`."""
    for unit in ("d", "h", "m"):
        size = UNITS_S[unit]
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    if seconds and abs(seconds) < 1:
        return f"{seconds * 1000:.10g}ms"
    return f"{seconds:.10g}s"


def spell_duration(seconds: float) -> str:
    """Return `show_duration` with a space before the unit, as sentences have it: 2 -> `2 s`."""
    shown = show_duration(seconds)
    number = shown.rstrip("".join(UNITS_S))
    return f"{number} {shown[len(number) :]}"
