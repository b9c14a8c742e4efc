"""The campaign behind a session's tests: one for all of them, one more for each re-run of a test."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from pytest_netmon.campaign import Campaign
from pytest_netmon.launching import CampaignError
from pytest_netmon.recording import LaterStore

from .collecting import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from pytest_netmon.campaign import Progress
    from pytest_netmon.plan import Endpoint, Plan
    from pytest_netmon.recording import Recording
    from pytest_netmon.run import Result, Run

    from .collecting import Key


class UnmeasuredError(Exception):
    """A test cannot have a result to judge, which is the checker's own fault.

    Not `pytest.fail`: an expected failure (xfail) must not hide it. The text is for users and is
    shown without a traceback.
    """

    __module__ = "builtins"  # as pytest's own: reports show the name without a path to it


class Source(Protocol):
    """Where results come from: a campaign of this process, or one that it follows."""

    recording: Recording

    def wait(self, index: int, tick: Callable[[Progress], None]) -> None: ...
    def result(self, index: int) -> Result: ...
    def close(self) -> None: ...


class Measuring:
    """Measures the endpoints that are `wanted`, in a process of its own, from `start` to `stop`.

    sample_file: where samples are recorded, a temporary file where not given.
    """

    def __init__(self, plan: Plan, wanted: Collection[Key], sample_file: Path | None = None) -> None:
        self._plan = plan
        self._indices = {key: i for i, e in enumerate(plan.endpoints) if (key := key_of(e)) in wanted}
        self._controls = [i for i, e in enumerate(plan.endpoints) if e.control and e.skip is None]
        self._sample_file = sample_file
        self._campaign: Campaign | None = None
        self._source: Source | None = None
        self._fault: str | None = None
        self._repeated: dict[int, tuple[Result, Callable[[], None]]] = {}
        self._first_failures: dict[int, str] = {}

    def __contains__(self, endpoint: Endpoint) -> bool:
        return key_of(endpoint) in self._indices

    @property
    def planned_s(self) -> float:
        """From the first to the last planned start of a check."""
        endpoints = (self._plan.endpoints[index] for index in self._with_controls(self._indices.values()))
        return max(endpoint.planned_duration_s for endpoint in endpoints)

    @property
    def waiting(self) -> list[tuple[Endpoint, str | None]]:
        """The endpoints that are waited for and not open yet, each with its latest outcome."""
        return self._campaign.waiting if self._campaign else []

    def start(self) -> None:
        """Start probing. Where that fails, `result` says so to every test."""
        try:
            selected = self._with_controls(self._indices.values())
            self._source = self._campaign = Campaign(self._plan, selected, sample_file=self._sample_file)
            self._campaign.start()
        except (CampaignError, OSError) as error:
            self._fault = f"nothing was probed: {error}"

    def wait(self, endpoint: Endpoint, tick: Callable[[Progress], None]) -> None:
        """Block until all checks of the endpoint are in; `tick` is called some ten times a second."""
        self._started().wait(self._indices[key_of(endpoint)], tick)

    def result(self, endpoint: Endpoint) -> Result:
        """Return the latest result of an endpoint that was waited for.

        Raises UnmeasuredError where there can be none.
        """
        index = self._indices[key_of(endpoint)]
        if index in self._repeated:
            return self._repeated[index][0]
        return self._started().result(index)

    def repeat(self, endpoint: Endpoint) -> Result:
        """Probe the endpoint anew and return what came of it: its result from now on."""
        index = self._indices[key_of(endpoint)]
        self._started()
        campaign = self._probe_again(index)
        return self._keep(campaign.result(index), campaign.recording, campaign.close)

    def stop(self) -> None:
        """End the probing, whatever is still to be done."""
        if self._campaign:
            self._campaign.stop()

    def finish(self) -> Run | None:
        """Stop and return all that was measured, judged; None where nothing was started here."""
        if self._campaign is None or self._fault:
            return None
        run = self._campaign.run({index: result for index, (result, _) in self._repeated.items()})
        notes = (self._note_of_rerun(result) for result in run.results)
        return dataclasses.replace(run, warnings=(*run.warnings, *(note for note in notes if note)))

    def close(self) -> None:
        """Forget all samples."""
        for index in list(self._repeated):
            self._forget(index)
        if self._source:
            self._source.close()

    def _with_controls(self, indexes: Iterable[int]) -> list[int]:
        """Also those whose tests are deselected: no verdict from the same vantage means anything without them."""
        wanted = set(indexes)
        vantages = {self._plan.endpoints[index].vantage for index in wanted}
        controls = (index for index in self._controls if self._plan.endpoints[index].vantage in vantages)
        return sorted({*controls, *wanted})

    def _started(self) -> Source:
        if self._source is None or self._fault:
            raise UnmeasuredError(self._fault or "nothing was probed")
        return self._source

    def _probe_again(self, index: int) -> Campaign:
        return probed(self._plan, self._with_controls([index]), index)

    def _keep(self, result: Result, recording: Recording, close: Callable[[], None]) -> Result:
        """Let `result`, of a campaign that began later, be the endpoint's from now on."""
        earlier = self._repeated.get(result.index)
        self._note_failure(earlier[0] if earlier else self._started().result(result.index))
        self._forget(result.index)
        later_us = _started_unix_us(recording) - _started_unix_us(self._started().recording)
        result = dataclasses.replace(result, store=LaterStore(result.store, later_us))
        self._repeated[result.index] = result, close
        return result

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
            _, close = self._repeated.pop(index)
            close()


def probed(
    plan: Plan,
    selected: Sequence[int],
    index: int,
    sample_file: Path | None = None,
    tick: Callable[[Progress], None] | None = None,
) -> Campaign:
    """Probe what is `selected` for the endpoint `index` in a campaign of its own, and return that, ended.

    Raises UnmeasuredError where that cannot be done, and what `tick` raises.
    """
    try:
        campaign = Campaign(plan, selected, sample_file=sample_file)
    except CampaignError as error:
        raise UnmeasuredError(f"nothing was probed: {error}") from error
    try:
        campaign.start()
        campaign.wait(index, tick)
        campaign.stop()
    except BaseException as error:
        campaign.close()
        if isinstance(error, CampaignError):
            raise UnmeasuredError(f"nothing was probed: {error}") from error
        raise
    return campaign


def _started_unix_us(recording: Recording) -> int:
    return recording.header.started_unix_us if recording.header else 0
