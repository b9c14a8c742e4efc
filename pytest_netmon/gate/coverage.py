"""How much of the plan a session checks, and whether its tests tell of every failure: nothing may be green unseen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_netmon.reports.layout import placed_id

from .collecting import Key, NetmonModule, endpoint_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from pytest_netmon.plan import Plan
    from pytest_netmon.run import Result, Run

#: So many failures that no test told of have a line.
_MOST_LINES = 10


@dataclass(frozen=True)
class Collected:
    """What tests are to tell of endpoints.

    wanted: the endpoints of those that will run, not of the deselected, not of the skipped; they are to be probed.
    selected: also of the skipped. judging: those that ask for a result, by node id, with their endpoint. own: those
    of them that a user wrote, by node id.
    """

    wanted: frozenset[Key] = frozenset()
    selected: frozenset[Key] = frozenset()
    judging: Mapping[str, Key] = field(default_factory=dict)
    own: frozenset[str] = frozenset()

    @classmethod
    def of(cls, items: Iterable[pytest.Item], *, will_run: bool = True) -> Collected:
        """will_run: False where tests that could not be collected keep the others from running."""
        wanted, selected, judging, own = set(), set(), {}, set()
        for item in items:
            endpoint = endpoint_of(item)
            if endpoint is None:
                continue
            key = key_of(endpoint)
            selected.add(key)
            if will_run and item.get_closest_marker("skip") is None:
                wanted.add(key)
            if "netmon_result" in getattr(item, "fixturenames", ()):
                judging[item.nodeid] = key
                if item.getparent(NetmonModule) is None:
                    own.add(item.nodeid)
        return cls(frozenset(wanted), frozenset(selected), judging, frozenset(own))

    def __or__(self, others: Collected) -> Collected:
        return Collected(
            self.wanted | others.wanted,
            self.selected | others.selected,
            {**self.judging, **others.judging},
            self.own | others.own,
        )


class Coverage:
    """What `tests` have told of the endpoints of `plan`; `could_collect`: those are all that should have been there."""

    def __init__(self, plan: Plan, tests: Collected, *, could_collect: bool = True) -> None:
        self._plan = plan
        self._tests = tests
        self._could_collect = could_collect
        self._told: set[Key] = set()

    def take(self, report: pytest.TestReport) -> None:
        """Note whether a test told of its endpoint. A user's own test may make of a result what it likes."""
        key = self._tests.judging.get(report.nodeid)
        if key is None:
            return
        judged = report.when == "call" and (report.passed or report.nodeid in self._tests.own)
        if judged or report.failed or hasattr(report, "wasxfail"):
            self._told.add(key)

    def line(self, run: Run | None) -> str | None:
        """Say how much was checked, None where all was."""
        planned, checked = len(self._plan.endpoints), _checked(run)
        if len(checked) == planned:
            return None
        why = self._why(checked) if self._could_collect else "tests could not be collected"
        return f"{len(checked)} of {planned} endpoint{'s' if planned > 1 else ''} checked{f' ({why})' if why else ''}"

    def troubles(self, run: Run | None) -> list[str]:
        """What must not be green: nothing checked though nobody deselected it, failures that no test told of."""
        if run is None:
            deselected = any(key_of(endpoint) not in self._tests.selected for endpoint in self._plan.endpoints)
            chosen = self._tests.wanted or (self._could_collect and not deselected)
            return ["nothing was checked, so nothing is known to be reachable"] if chosen else []
        judging = set(self._tests.judging.values())
        untold = [
            result
            for result in run.results
            if _is_bad(result) and (key := key_of(result.endpoint)) in judging and key not in self._told
        ]
        why = "the session ended before its test did" if run.partial else _NOT_RUN
        lines = [
            f"{placed_id(each.endpoint)} {_STATES[each.verdict.status]}, and no test says so: {why}"
            for each in untold[:_MOST_LINES]
        ]
        more = len(untold) - _MOST_LINES
        return [*lines, f"and {more} more"] if more > 0 else lines

    def _why(self, checked: set[Key]) -> str:
        left_out = [endpoint for endpoint in self._plan.endpoints if key_of(endpoint) not in checked]
        wanted, selected = self._tests.wanted, self._tests.selected
        skipped = [e for e in left_out if e.skip is not None or key_of(e) in selected - wanted]
        deselected = [e for e in left_out if e.skip is None and key_of(e) not in selected]
        counts = ((len(deselected), "deselected"), (len(skipped), "skipped"))
        return ", ".join(f"{count} {word}" for count, word in counts if count)


_NOT_RUN = "its test was skipped or did not run (a conftest.py, --setup-only?)"
_STATES = {"failed": "failed", "inconclusive": "could not be judged"}


def _is_bad(result: Result) -> bool:
    if result.verdict.status == "failed":
        return result.endpoint.xfail is None
    return result.verdict.status == "inconclusive" and result.complete


def _checked(run: Run | None) -> set[Key]:
    return {key_of(result.endpoint) for result in run.results} if run else set()
