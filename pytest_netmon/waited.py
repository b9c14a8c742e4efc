"""What came of waiting for an endpoint, and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .outcomes import EXPECTED, LOCAL_ERROR, OPEN
from .statistics import Statistics, StatisticsBuilder

if TYPE_CHECKING:
    from .plan import Endpoint


@dataclass(frozen=True, slots=True)
class Waited:
    """What came of a wait. outcomes: how often each outcome came, in the order in which they were first seen. met:
    whether it was as expected often enough in a row; None where the run ended before that was known. took_s: from the
    start of the campaign, None with `met`. latest: outcomes of the last three tries. failing: addresses or families
    that were not as expected in the last one, where they are judged one by one. tries: how many there were; None where
    each is an outcome."""

    outcomes: Mapping[str, int]
    met: bool | None = None
    took_s: float | None = None
    latest: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    tries: int | None = None

    @property
    def made(self) -> int:
        """How many tries there were, those that this machine could not make among them."""
        return sum(self.outcomes.values()) if self.tries is None else self.tries

    @property
    def statistics(self) -> Statistics:
        """How often the tries came to what, without times."""
        errors = {outcome: times for outcome, times in self.outcomes.items() if outcome not in (OPEN, LOCAL_ERROR)}
        opened, local_errors = (self.outcomes.get(outcome, 0) for outcome in (OPEN, LOCAL_ERROR))
        last = [outcome for outcome in self.latest if outcome != LOCAL_ERROR]
        checks = opened + sum(errors.values())
        return replace(
            StatisticsBuilder().finish(),
            checks=checks,
            successful=opened,
            success_rate=opened / checks if checks else None,
            errors=errors,
            local_errors=local_errors,
            last_outcome=last[-1] if last else None,
        )


def in_vain(endpoint: Endpoint, waited: Waited) -> str:
    """Return what was waited for in vain: `not reached 3 times in a row within 60 s in 57 tries`."""
    wait = endpoint.wait
    what = "reached" if endpoint.expects_open else endpoint.expect
    in_a_row = f" {wait.stable} times in a row" if wait and wait.stable > 1 else ""
    within = f" within {wait.timeout_s:.10g} s" if wait else ""
    return f"not {what}{in_a_row}{within} in {tries_in_words(waited)}"


def waiting_note(endpoint: Endpoint, waited: Waited | None) -> tuple[str, ...]:
    """Return how long it was waited for with success; nothing where it was as it was to be at once."""
    if waited is None or not waited.met or waited.took_s is None or waited.made == 1:
        return ()
    what = "reached" if endpoint.expects_open else endpoint.expect
    until = "before it was measured" if endpoint.measured else f"until it was {what}"
    outcomes = outcomes_of_tries(waited, *EXPECTED[endpoint.expect])
    return (f"waited {waited.took_s:.1f} s {until} ({tries_in_words(waited)}{f': {outcomes}' if outcomes else ''})",)


def outcomes_of_tries(waited: Waited, *but: str) -> str:
    """Return how often each outcome came, but for those in `but`; of all, where they differ, also the last ones."""
    counts = ", ".join(f"{times} x {outcome}" for outcome, times in waited.outcomes.items() if outcome not in but)
    last = f"; the last: {', '.join(waited.latest)}" if not but and len(waited.outcomes) > 1 else ""
    return f"{counts}{last}"


def tries_in_words(waited: Waited) -> str:
    """`1 try`, `57 tries`."""
    return "1 try" if waited.made == 1 else f"{waited.made} tries"
