"""The grammar of limits: one everywhere (YAML, option, command line). Pure.

    limit  = metric op value          op = < <= > >= ==
    metric = success | [phase "."] stat | errors ["." outcome] | consecutive_failures
           | outage | syn_repeats | cert.expires_in
    phase  = connect (when left out) | dns | rtt | tls | proxy | total
    stat   = min | avg | median | max | pNN[.N] | stdev | jitter
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Op = Literal["<", "<=", ">", ">=", "=="]
Unit = Literal["ratio", "ms", "s", "count"]
Origin = Literal["option", "target", "defaults", "built-in"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What a limit speaks of.

    name: canonical text, unique for the metric (`success`, `connect.p95`, `dns.avg`,
        `errors`, `errors.timeout`, `consecutive_failures`, `outage`, `syn_repeats`).
    unit: of the limit's value and of what is measured: `ratio` (0..1), `ms`, `s` or `count`.
    phase, stat: for timing metrics. percentile: 0 < p <= 100 where stat is pNN.
    outcome: for `errors.outcome`.
    """

    name: str
    unit: Unit
    phase: str | None = None
    stat: str | None = None
    percentile: float | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: `metric op value`, the value in the metric's unit. `text` is its normal form as
    people write it (`p95 < 50ms`, `success >= 99%`); `origin` says where it came from."""

    metric: Metric
    op: Op
    value: float
    text: str
    origin: Origin = "target"


class LimitError(ValueError):
    """A text that is no limit. `args[0]` says what was expected; `offset` counts characters."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def parse_limit(text: str, origin: Origin = "target") -> Limit:
    raise NotImplementedError


def merge_limits(inherited: tuple[Limit, ...], own: tuple[Limit, ...]) -> tuple[Limit, ...]:
    raise NotImplementedError
