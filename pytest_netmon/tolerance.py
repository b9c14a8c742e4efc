"""How much slower than its baseline an endpoint may get. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .limits import LimitError, Metric, parse_metric

Missing = Literal["fail", "skip"]

#: Those that say where a distribution lies. A minimum or a maximum is one check, and a spread is no place.
_STATS = ("avg", "median", "pNN")
_MEDIAN = parse_metric("median")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What makes a regression: `metric` is larger than in the baseline by more than `max_increase` (0.3 is 30 %) and by
    more than `min_delta_ms`, and the samples are of one distribution only by an unlikely chance. All three are needed.

    missing: what it means that there is no baseline for an endpoint, or too few samples to tell: `fail` or `skip`.
    """

    metric: Metric = _MEDIAN
    max_increase: float = 0.3
    min_delta_ms: float = 20.0
    missing: Missing = "fail"


def read_metric(text: str) -> Metric:
    """Return the metric that can be compared with a baseline. Raises LimitError."""
    metric = parse_metric(text)
    if metric.stat not in _STATS:
        raise LimitError(f"expected median, avg or a percentile such as p95 or dns.p95, found '{metric.shown_name}'")
    return metric


def tolerance_record(tolerance: Tolerance | None) -> dict[str, object] | None:
    """Return a tolerance as JSON values."""
    if tolerance is None:
        return None
    return {
        "metric": tolerance.metric.shown_name,
        "max_increase": round(tolerance.max_increase, 6),
        "min_delta_ms": round(tolerance.min_delta_ms, 6),
        "missing": tolerance.missing,
    }


def tolerance_of(record: Mapping[str, Any] | None) -> Tolerance | None:
    """Return the tolerance that a record says. Raises TypeError, ValueError and KeyError for anything else."""
    if record is None:
        return None
    tolerance = Tolerance(
        read_metric(record["metric"]), record["max_increase"], record["min_delta_ms"], record["missing"]
    )
    for text in tolerance_texts(tolerance):
        raise ValueError(text)
    return tolerance


def tolerance_texts(tolerance: object) -> Iterator[str]:
    """Yield what is wrong with a tolerance, whatever kinds its values are of."""
    if not isinstance(tolerance, Tolerance):
        yield f"expected a Tolerance or None for baseline, got {tolerance!r:.80}"
        return
    if not isinstance(tolerance.metric, Metric) or tolerance.metric.stat not in _STATS:
        yield f"expected the metric median, avg or a percentile for baseline, got {tolerance.metric!r:.80}"
    for name in ("max_increase", "min_delta_ms"):
        value = getattr(tolerance, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e9:
            yield f"expected a number of 0 or more for {name} of baseline, got {value!r:.80}"
    if tolerance.missing not in ("fail", "skip"):
        yield f"expected fail or skip for missing of baseline, got {tolerance.missing!r:.80}"
