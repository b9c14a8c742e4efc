"""Figures as `netmon.json` writes them. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

from ..distributions import Distribution
from ..statistics import Statistics
from .json_text import Encoded, on_a_line

_FIGURES = ("min_ms", "median_ms", "p95_ms", "p99_ms", "max_ms", "stdev_ms", "jitter_ms")
_PHASE = '{"count": %d, "avg_ms": %s, ' + ", ".join(f'"{name}": %s' for name in _FIGURES) + "}"


def rounded(value: float | None, decimals: int) -> float | None:
    """Return `value` with that many decimals; None for what was not measured, or is no number."""
    return None if value is None or not math.isfinite(value) else round(value, decimals)


def in_ms(value: float | None) -> float | None:
    return rounded(value, 3)


def rate(part: int, whole: int) -> float | None:
    return rounded(part / whole, 6) if whole else None


def of_phase(phase: Distribution) -> Encoded:
    """All figures of a phase. There are a dozen phases an endpoint: too many to become objects first."""
    if not phase.count:
        return _NO_VALUES
    if phase.count == 1:
        return Encoded(_ONE_VALUE.replace("%s", _ms_text(phase.min_ms)))
    return Encoded(_PHASE % (phase.count, _ms_text(phase.avg_ms), *map(_ms_text, _figures_ms(phase))))


def figures(phase: Distribution) -> dict[str, Any]:
    rounded_ms = [None if ms is None else round(ms, 3) for ms in _figures_ms(phase)]
    return dict(zip(_FIGURES, rounded_ms, strict=True))


def _figures_ms(phase: Distribution) -> tuple[float | None, ...]:
    return (
        phase.min_ms,
        phase.median_ms,
        phase.percentile_ms(95),
        phase.percentile_ms(99),
        phase.max_ms,
        phase.stdev_ms,
        phase.jitter_ms,
    )


@functools.lru_cache(maxsize=256, typed=True)
def _ms_text(value: float | None) -> str:
    """One value is often several figures: of one check it is nearly all of them."""
    return on_a_line(in_ms(value))


_ONE_VALUE = _PHASE % (1, *["%s"] * 6, "null", "null")  # with which it has neither a deviation nor a jitter
_NO_VALUES = Encoded(_PHASE % (0, *["null"] * (1 + len(_FIGURES))))


def errors_of(parts: Iterable[Statistics]) -> dict[str, int]:
    errors: dict[str, int] = {}
    for part in parts:
        for outcome, times in part.errors.items():
            errors[outcome] = errors.get(outcome, 0) + times
    return dict(sorted(errors.items()))
