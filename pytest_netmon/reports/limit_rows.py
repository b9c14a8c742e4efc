"""Broken limits as rows of a failure's text. Pure."""

from __future__ import annotations

from ..distributions import Distribution
from ..limits import shown_limit, shown_measured
from ..run import Result
from ..verdict import LimitResult
from .layout import counted, in_columns, padded, shown_ms, width_of


def limit_rows(result: Result) -> list[str]:
    """Return a row for each limit that is broken: measured, allowed, and what it rests on; none without checks."""
    broken = result.verdict.broken
    if not broken or not result.statistics.checks:
        return []
    names = [each.limit.metric.shown_name for each in broken]
    values = in_columns([_number_and_unit(each) for each in broken], right=[0], gap=" ")
    allowed = [f"allowed {shown_limit(each.limit)}" for each in broken]
    contexts = [_context(each, result) for each in broken]
    told = [context if context not in contexts[:at] else "" for at, context in enumerate(contexts)]
    return _joined(_joined(_joined(names, values, " "), allowed, "   "), told, "     ")


def _number_and_unit(broken: LimitResult) -> tuple[str, str]:
    shown = shown_measured(broken.limit, broken.value)
    if broken.value is None:
        return shown, ""
    number, _, unit = shown.partition(" ")
    return number, unit


def _joined(left: list[str], right: list[str], gap: str) -> list[str]:
    width = max(map(width_of, left))
    return [(padded(start, width) + gap + end).rstrip() for start, end in zip(left, right, strict=True)]


def _context(broken: LimitResult, result: Result) -> str:
    statistics, metric = result.statistics, broken.limit.metric
    if metric.name == "success":
        return f"{statistics.successful} of {statistics.checks}"
    if metric.name.startswith("errors"):
        return f"of {counted(statistics.checks, 'check')}"
    return "" if metric.phase is None else _spread(statistics.phases[metric.phase])


def _spread(phase: Distribution) -> str:
    if not phase.count:
        return ""
    figures = {"min": phase.min_ms, "avg": phase.avg_ms, "median": phase.median_ms, "max": phase.max_ms}
    return "  ".join(f"{name} {shown_ms(value)}" for name, value in figures.items())
