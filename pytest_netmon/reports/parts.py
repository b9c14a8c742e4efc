"""The text of an endpoint whose addresses or families were judged one by one: what came of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..addresses import FAMILY_PARTS
from ..run import Result
from ..safe import for_terminal
from .layout import counted, listed

#: Parts that are told at length, and those that are named, before "and 12 more".
MOST_TOLD = 5
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Parts:
    """red: those that failed or are inconclusive, by name, what failed first. passed: the others."""

    red: dict[str, Result]
    passed: dict[str, Result]


def parts_of(result: Result) -> Parts:
    """Return the parts of a result; without any where it has none."""
    every = result.parts
    red = [name for status in ("failed", "inconclusive") for name, p in every.items() if p.verdict.status == status]
    return Parts(
        red={name: every[name] for name in red},
        passed={name: part for name, part in every.items() if name not in red},
    )


def kind_of(names: Iterable[str], number: int) -> str:
    """Return `3 addresses`, `1 address`, `2 families`."""
    is_families = all(name in FAMILY_PARTS for name in names)
    return counted(number, "family", "families") if is_families else counted(number, "address", "addresses")


def red_heading(parts: Parts) -> str:
    """Return `1 of 3 addresses failed`; `is inconclusive` where none failed."""
    failed = [name for name, part in parts.red.items() if part.verdict.status == "failed"]
    names = [*parts.red, *parts.passed]
    number = len(failed or parts.red)
    of_all = kind_of(names, len(names))
    if failed:
        return f"{number} of {of_all} failed"
    return f"inconclusive, {number} of {of_all} could not be judged"


def more_red(parts: Parts) -> Iterator[str]:
    """Yield a line on the red parts that are not told at length, and one on those that passed."""
    rest = [for_terminal(name) for name in parts.red][MOST_TOLD:]
    if rest:
        yield f"and {kind_of(parts.red, len(rest))} more: {listed(rest, _MOST_NAMED)}"
    if parts.passed:
        yield f"passed: {listed([for_terminal(name) for name in parts.passed], _MOST_NAMED)}"
