"""Samples and statistics in a few words, for tests of what is made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_netmon.samples import Sample
from pytest_netmon.statistics import Statistics, StatisticsBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

INTERVAL_US = 250_000


def sample_of(check: int, outcome: str = "open", connect_us: int = 10_000, **more: object) -> Sample:
    """One check of endpoint 0, 250 ms after the one before it."""
    spent_ms = connect_us / 1000
    fields: dict[str, object] = {
        "endpoint": 0,
        "check": check,
        "start_us": (check - 1) * INTERVAL_US,
        "outcome": outcome,
        "connect_ms": spent_ms if outcome == "open" else None,
        "clock_ms": spent_ms,
    }
    return Sample(**{**fields, **more})  # type: ignore[arg-type]


def statistics_of(samples: Iterable[Sample]) -> Statistics:
    builder = StatisticsBuilder()
    for sample in samples:
        builder.add(sample)
    return builder.finish()


def outcomes(*names: str) -> Statistics:
    """Statistics of checks that came to these outcomes, in this order."""
    return statistics_of(sample_of(number, name) for number, name in enumerate(names, 1))
