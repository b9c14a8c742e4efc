"""How endpoints are compared with a baseline, as written. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from ..limits import LimitError, Metric
from ..tolerance import Missing, Tolerance, read_metric
from ..unexpected import Unexpected
from ..units import parse_duration_s
from .fields import read_flag
from .places import Place, Problems, Value
from .shown import did_you_mean

_PERCENT = re.compile(r"\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*%\s*\Z")
_MISSING: tuple[Missing, ...] = ("fail", "skip")
#: A day; whoever allows more compares nothing.
_MOST_DELTA_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTolerance:
    """What one place says of comparing, None where it says nothing. is_off: it is not to be compared."""

    metric: Metric | None = None
    max_increase: float | None = None
    min_delta_ms: float | None = None
    missing: Missing | None = None
    is_off: bool = False


def read_tolerance(place: Place | None, problems: Problems) -> WrittenTolerance | None:
    """Return what stands under `baseline`: a mapping, or false. What is wrong is noted."""
    if place is None or place.broken:
        return None
    if not isinstance(place.value, dict):
        is_on = problems.read(place, _read_switch)
        return None if is_on is None else WrittenTolerance(is_off=not is_on)
    return WrittenTolerance(
        metric=problems.read(place.get("metric"), _read_metric),
        max_increase=problems.read(place.get("max_increase"), _read_increase),
        min_delta_ms=problems.read(place.get("min_delta"), _read_delta),
        missing=problems.read(place.get("missing"), _read_missing),
    )


def tolerance_in_force(
    own: WrittenTolerance | None, inherited: WrittenTolerance | None, *, is_asked_for: bool
) -> Tolerance | None:
    """Return what holds for a target: of each key its own word, else that of the defaults, else what is built in. None
    where it is not to be compared, or nobody speaks of it."""
    if own is None and inherited is None:
        return Tolerance() if is_asked_for else None
    if (own or inherited or WrittenTolerance()).is_off:
        return None
    tolerance = Tolerance()
    for written in (inherited, own):
        for name in ("metric", "max_increase", "min_delta_ms", "missing"):
            value = getattr(written, name) if written else None
            if value is not None:
                tolerance = replace(tolerance, **{name: value})
    return tolerance


def _read_switch(value: Value) -> bool:
    try:
        is_on = read_flag(value)
    except Unexpected:
        is_on = True
    if is_on:
        raise Unexpected("a mapping such as {max_increase: 30%}, or false")
    return is_on


def _read_metric(value: Value) -> Metric:
    if not isinstance(value, str):
        raise Unexpected("median, avg or a percentile such as p95")
    try:
        return read_metric(value)
    except LimitError:
        raise Unexpected("median, avg or a percentile such as p95 or dns.p95") from None


def _read_increase(value: Value) -> float:
    match = _PERCENT.match(value) if isinstance(value, str) else None
    if match is None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        raise Unexpected("a percentage such as 30%", f"write {value}%" if is_number else "")
    return float(match[1]) / 100


def _read_delta(value: Value) -> float:
    expected = "a duration such as 20ms"
    if not isinstance(value, str):
        raise Unexpected(expected, "write the unit" if isinstance(value, (int, float)) else "")
    try:
        seconds = parse_duration_s(value, bare_number=False)
    except ValueError:
        raise Unexpected(expected) from None
    if not 0 <= seconds <= _MOST_DELTA_S:
        raise Unexpected(expected)
    return seconds * 1000


def _read_missing(value: Value) -> Missing:
    if value not in _MISSING:
        raise Unexpected("fail or skip", did_you_mean(value, _MISSING) if isinstance(value, str) else "")
    return value
