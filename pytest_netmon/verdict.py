"""Judging: statistics against limits. Pure. Nothing is judged twice: every report shows this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .limits import Limit
from .plan import Endpoint
from .statistics import Statistics

Status = Literal["passed", "failed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class LimitResult:
    """A limit and what was measured: `value` in the metric's unit, None without samples (then
    the limit is broken)."""

    limit: Limit
    value: float | None
    ok: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed`, `failed` or `inconclusive`, and why.

    limits: every limit in force with its value. reasons: one sentence for each breach or for
    what made the verdict inconclusive; empty when passed. notes: what a reader should know all
    the same (`reached at try 2 of 3, after timeout`).
    """

    status: Status
    limits: tuple[LimitResult, ...]
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[LimitResult, ...]:
        return tuple(result for result in self.limits if not result.ok)


def judge(endpoint: Endpoint, statistics: Statistics, *, complete: bool) -> Verdict:
    raise NotImplementedError
