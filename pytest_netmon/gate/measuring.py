"""The campaign behind a session's tests: one for all of them, one more for each re-run of a test."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pytest_netmon.campaign import Campaign, CampaignError
from pytest_netmon.recording import LaterStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_netmon.campaign import Progress
    from pytest_netmon.plan import Endpoint, Plan
    from pytest_netmon.run import Result, Run


class UnmeasuredError(Exception):
    """A test cannot have a result to judge, which is the checker's own fault.

    Not `pytest.fail`: an expected failure (xfail) must not hide it. The text is for users and is
    shown without a traceback.
    """

    __module__ = "builtins"  # as pytest's own: reports show the name without a path to it


class Measuring:
    """Measures the endpoints that are `wanted`, in a process of its own, from `start` to `stop`."""

    def __init__(self, plan: Plan, wanted: Iterable[Endpoint]) -> None:
        self._plan = plan
        keys = {_key(endpoint) for endpoint in wanted}
        self._indices = {key: i for i, e in enumerate(plan.endpoints) if (key := _key(e)) in keys}
        self._controls = [i for i, e in enumerate(plan.endpoints) if e.control and e.skip is None]
        self._campaign: Campaign | None = None
        self._fault: str | None = None
        self._repeated: dict[int, tuple[Campaign, Result]] = {}
        self._first_failures: dict[int, str] = {}

    def __contains__(self, endpoint: Endpoint) -> bool:
        return _key(endpoint) in self._indices

    @property
    def planned_s(self) -> float:
        """From the first to the last planned start of a check."""
        endpoints = (self._plan.endpoints[index] for index in self._with_controls(self._indices.values()))
        return max(endpoint.planned_duration_s for endpoint in endpoints)

    def start(self) -> None:
        """Start probing. Where that fails, `result` says so to every test."""
        try:
            self._campaign = Campaign(self._plan, self._with_controls(self._indices.values()))
            self._campaign.start()
        except (CampaignError, OSError) as error:
            self._fault = f"nothing was probed: {error}"

    def wait(self, endpoint: Endpoint, tick: Callable[[Progress], None]) -> None:
        """Block until all checks of the endpoint are in; `tick` is called some ten times a second."""
        self._started().wait(self._indices[_key(endpoint)], tick)

    def result(self, endpoint: Endpoint) -> Result:
        """Return the latest result of an endpoint that was waited for.

        Raises UnmeasuredError where there can be none.
        """
        index = self._indices[_key(endpoint)]
        if index in self._repeated:
            return self._repeated[index][1]
        return self._started().result(index)

    def repeat(self, endpoint: Endpoint) -> Result:
        """Probe the endpoint anew and return what came of it: its result from now on."""
        first, index = self._started(), self._indices[_key(endpoint)]
        self._note_failure(self.result(endpoint))
        campaign = Campaign(self._plan, self._with_controls([index]))
        try:
            campaign.start()
            campaign.wait(index)
        except CampaignError as error:
            raise UnmeasuredError(f"nothing was probed: {error}") from error
        finally:
            campaign.stop()
        self._forget(index)
        result = campaign.result(index)
        store = LaterStore(result.store, _started_unix_us(campaign) - _started_unix_us(first))
        self._repeated[index] = campaign, dataclasses.replace(result, store=store)
        return self._repeated[index][1]

    def stop(self) -> None:
        """End the probing, whatever is still to be done."""
        if self._campaign:
            self._campaign.stop()

    def finish(self) -> Run | None:
        """Stop and return all that was measured, judged; None where nothing could be started."""
        if self._campaign is None or self._fault:
            return None
        run = self._campaign.run({index: result for index, (_, result) in self._repeated.items()})
        notes = (self._note_of_rerun(result) for result in run.results)
        return dataclasses.replace(run, warnings=(*run.warnings, *(note for note in notes if note)))

    def close(self) -> None:
        """Forget all samples."""
        for index in list(self._repeated):
            self._forget(index)
        if self._campaign:
            self._campaign.close()

    def _with_controls(self, indexes: Iterable[int]) -> list[int]:
        """Also those whose tests are deselected: no verdict means anything without them."""
        return sorted({*self._controls, *indexes})

    def _started(self) -> Campaign:
        if self._campaign is None or self._fault:
            raise UnmeasuredError(self._fault or "nothing was probed")
        return self._campaign

    def _note_failure(self, result: Result) -> None:
        if result.verdict.status != "passed":
            told = ", ".join(result.statistics.errors) or "; ".join(result.verdict.reasons)
            self._first_failures.setdefault(result.index, told)

    def _note_of_rerun(self, result: Result) -> str | None:
        """What a green result would hide: that it is not the first one."""
        first = self._first_failures.get(result.index)
        if first is None or result.verdict.status != "passed":
            return None
        return f"{result.endpoint.test_id}: first failed ({first}), passed on a re-run"

    def _forget(self, index: int) -> None:
        if index in self._repeated:
            self._repeated.pop(index)[0].close()


def _key(endpoint: Endpoint) -> tuple[str, str]:
    """What no two endpoints of a plan share (`plan.validate_plan`)."""
    return endpoint.vantage, endpoint.id


def _started_unix_us(campaign: Campaign) -> int:
    header = campaign.recording.header
    return header.started_unix_us if header else 0
