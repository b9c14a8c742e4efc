"""Figures as `netmon.json` writes them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..distributions import Distribution
from ..statistics import Statistics


def rounded(value: float | None, decimals: int) -> float | None:
    """Return `value` with that many decimals; None for what was not measured, or is no number."""
    return None if value is None or not math.isfinite(value) else round(value, decimals)


def in_ms(value: float | None) -> float | None:
    return rounded(value, 3)


def rate(part: int, whole: int) -> float | None:
    return rounded(part / whole, 6) if whole else None


def of_phase(phase: Distribution) -> dict[str, Any]:
    return {"count": phase.count, "avg_ms": in_ms(phase.avg_ms), **figures(phase)}


def figures(phase: Distribution) -> dict[str, Any]:
    return {
        "min_ms": in_ms(phase.min_ms),
        "median_ms": in_ms(phase.median_ms),
        "p95_ms": in_ms(phase.percentile_ms(95)),
        "p99_ms": in_ms(phase.percentile_ms(99)),
        "max_ms": in_ms(phase.max_ms),
        "stdev_ms": in_ms(phase.stdev_ms),
        "jitter_ms": in_ms(phase.jitter_ms),
    }


def errors_of(parts: Iterable[Statistics]) -> dict[str, int]:
    errors: dict[str, int] = {}
    for part in parts:
        for outcome, times in part.errors.items():
            errors[outcome] = errors.get(outcome, 0) + times
    return dict(sorted(errors.items()))
