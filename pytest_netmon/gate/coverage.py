"""How much of the plan a session checks, and whether its tests tell of every failure: nothing may be green unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_netmon.reports.layout import placed_id

from .collecting import NetmonModule, endpoint_of, endpoints_of, endpoints_to_probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from pytest_netmon.plan import Endpoint, Plan
    from pytest_netmon.run import Result, Run

#: So many failures that no test told of have a line.
_MOST_LINES = 10


class Coverage:
    """What the tests in `items` are to tell of the endpoints of `plan`.

    wanted: the endpoints to probe, none where tests that could not be collected (`could_collect`) keep the others
    from running.
    """

    def __init__(self, plan: Plan, items: Sequence[pytest.Item], *, could_collect: bool) -> None:
        self.wanted = endpoints_to_probe(items) if could_collect else []
        self._plan = plan
        self._could_collect = could_collect
        self._selected = {_key(endpoint) for endpoint in endpoints_of(items)}
        self._judging: dict[str, tuple[str, str]] = {}
        self._own: set[str] = set()
        for item in items:
            endpoint = endpoint_of(item)
            if endpoint and "netmon_result" in getattr(item, "fixturenames", ()):
                self._judging[item.nodeid] = _key(endpoint)
                if item.getparent(NetmonModule) is None:
                    self._own.add(item.nodeid)
        self._told: set[tuple[str, str]] = set()

    def take(self, report: pytest.TestReport) -> None:
        """Note whether a test told of its endpoint. A user's own test may make of a result what it likes."""
        key = self._judging.get(report.nodeid)
        if key is None:
            return
        judged = report.when == "call" and (report.passed or report.nodeid in self._own)
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
            deselected = any(_key(endpoint) not in self._selected for endpoint in self._plan.endpoints)
            chosen = self.wanted or (self._could_collect and not deselected)
            return ["nothing was checked, so nothing is known to be reachable"] if chosen else []
        judging = set(self._judging.values())
        untold = [
            result
            for result in run.results
            if _is_bad(result) and (key := _key(result.endpoint)) in judging and key not in self._told
        ]
        lines = [
            f"{placed_id(each.endpoint)} {_STATES[each.verdict.status]}, and no test says so: its test was "
            "skipped or did not run (a conftest.py, --setup-only?)"
            for each in untold[:_MOST_LINES]
        ]
        more = len(untold) - _MOST_LINES
        return [*lines, f"and {more} more"] if more > 0 else lines

    def _why(self, checked: set[tuple[str, str]]) -> str:
        left_out = [endpoint for endpoint in self._plan.endpoints if _key(endpoint) not in checked]
        wanted = {_key(endpoint) for endpoint in self.wanted}
        skipped = [e for e in left_out if e.skip is not None or _key(e) in self._selected - wanted]
        deselected = [e for e in left_out if e.skip is None and _key(e) not in self._selected]
        counts = ((len(deselected), "deselected"), (len(skipped), "skipped"))
        return ", ".join(f"{count} {word}" for count, word in counts if count)


_STATES = {"failed": "failed", "inconclusive": "could not be judged"}


def _is_bad(result: Result) -> bool:
    if result.verdict.status == "failed":
        return result.endpoint.xfail is None
    return result.verdict.status == "inconclusive" and result.complete


def _checked(run: Run | None) -> set[tuple[str, str]]:
    return {_key(result.endpoint) for result in run.results} if run else set()


def _key(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.vantage, endpoint.id
