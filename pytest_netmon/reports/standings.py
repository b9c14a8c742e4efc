"""How each endpoint of a run stands, and the run in one sentence: what reports for people begin with. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..outcomes import LOCAL_ERROR, ONCE_OPEN, OUTCOMES, cause_of
from ..plan import Endpoint
from ..run import Result, Run
from ..safe import for_terminal
from ..vantage import is_lost
from ..verdict import WARNING
from .compared import NOT_COMPARED, SLOWER, broken_comparison
from .layout import counted, placed_id

FAILED, INCONCLUSIVE, XFAILED, WATCHED, PASSED = "failed", "inconclusive", "expected failure", "watched", "passed"
SKIPPED, NOT_RUN = "skipped", "not run"
#: The order in which reports show them: what needs a look first.
ORDER = (FAILED, INCONCLUSIVE, XFAILED, WATCHED, PASSED, SKIPPED, NOT_RUN)
#: What makes a run red.
RED = (FAILED, INCONCLUSIVE)

_MUST_BE_CLOSED = "must not be reachable"
_LIMIT = "limit"
_CUT_OFF = "cut off"
_CONTROL = "control failed"
_LOST = "vantage lost"
#: What a main cause means that is no outcome.
_MEANINGS = {
    _MUST_BE_CLOSED: "it was open, or opened and then broken off",
    _LIMIT: "a limit is broken though every check was open",
    _CUT_OFF: "the run ended before its checks did",
    _LOST: "the place to check from could not be had, or its connection ended",
    SLOWER: "it takes longer than in the run that it was compared with",
    NOT_COMPARED: "there is no baseline for it, or there are too few samples",
    _CONTROL: "what must be reached for the run to mean anything was not",
}


def standing_of(result: Result) -> str:
    """Return one of `ORDER` for an endpoint that was probed."""
    if not result.endpoint.is_judged:
        return WATCHED
    if result.verdict.status == FAILED and result.endpoint.xfail is not None:
        return XFAILED
    return result.verdict.status


def in_order(results: Iterable[Result]) -> list[Result]:
    """Return the results with those first that need a look; else in the order of the plan."""
    return sorted(results, key=lambda result: ORDER.index(standing_of(result)))


def without_result(run: Run) -> list[tuple[Endpoint, str]]:
    """Return the endpoints of the plan that have no result, each with `skipped` or `not run`: deselected, or not
    reached before the run was cut off."""
    probed = {result.index for result in run.results}
    rest = (endpoint for index, endpoint in enumerate(run.plan.endpoints) if index not in probed)
    return [(endpoint, NOT_RUN if endpoint.skip is None else SKIPPED) for endpoint in rest]


def tally_of(run: Run) -> dict[str, int]:
    """Return how many endpoints of the plan stand how, in the order of `ORDER`; none with 0."""
    counts = Counter([standing_of(result) for result in run.results])
    counts.update(standing for _, standing in without_result(run))
    return {standing: counts[standing] for standing in ORDER if counts[standing]}


def status_of(run: Run) -> str:
    """Return `failed`, `inconclusive`, `passed`, `watched` where nothing was asked of any, or `not run`."""
    tally = tally_of(run)
    for standing in (FAILED, INCONCLUSIVE):
        if standing in tally:
            return standing
    if PASSED in tally or XFAILED in tally:
        return PASSED
    return WATCHED if WATCHED in tally else NOT_RUN


def was_cut_off(run: Run) -> bool:
    """Whether a run is partial for more than vantages that were lost: these have their own words."""
    missing = [result for result in run.results if not result.complete]
    return run.partial and not (
        missing and all(is_lost(each.endpoint.vantage, each.verdict.reasons) for each in missing)
    )


def headline(run: Run) -> str:
    """Return the run in one sentence without its full stop: `3 of 12 endpoints failed, 1 is inconclusive`."""
    sentence = _headline(tally_of(run), len(run.results))
    return f"{sentence}; the run was cut off" if was_cut_off(run) else sentence


def _headline(tally: Mapping[str, int], probed: int) -> str:
    failed, inconclusive, xfailed = (tally.get(each, 0) for each in (FAILED, INCONCLUSIVE, XFAILED))
    passed, watched = tally.get(PASSED, 0), tally.get(WATCHED, 0)
    if not probed:
        return "nothing was checked"
    of_all = f"of {counted(probed, 'endpoint')}"
    if failed:
        also = f", {inconclusive} {_is(inconclusive)} inconclusive" if inconclusive else ""
        return f"{failed} {of_all} failed{also}"
    if inconclusive:
        return f"{inconclusive} {of_all} {_is(inconclusive)} inconclusive"
    also = f", {xfailed} failed as expected" if xfailed else ""
    if watched == probed:
        return f"{counted(watched, 'endpoint')} watched, nothing was asked of {'it' if watched == 1 else 'them'}"
    also += f", {watched} only watched" if watched else ""
    if passed < probed:
        return f"{passed} {of_all} passed{also}"
    return "the endpoint passed" if passed == 1 else f"all {passed} endpoints passed"


def warnings_of(results: Iterable[Result]) -> list[str]:
    """Return the broken limits that fail nothing, a line each, harmless for a terminal."""
    return [
        f"{placed_id(result.endpoint)}: {for_terminal(note)}"
        for result in results
        for note in result.verdict.notes
        if note.startswith(WARNING)
    ]


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


@dataclass(frozen=True, slots=True)
class Cause:
    """name: an outcome, `limit`, `must not be reachable`, `control failed`, `vantage lost` or `cut off`. text: what it
    means, one line. endpoints: how many red ones it is the main cause of."""

    name: str
    text: str
    endpoints: int


def causes_of(run: Run) -> list[Cause]:
    """Return why endpoints failed or are inconclusive, the most frequent main cause first."""
    red = [result for result in run.results if standing_of(result) in RED]
    counts = Counter(map(main_cause, red))
    return [Cause(name, _meaning(name, red), times) for name, times in counts.most_common()]


def main_cause(result: Result) -> str:
    """Return the outcome that most of the failed checks of a red endpoint came to; else one of the other names
    that a `Cause` may have."""
    result = result.decisive
    statistics, errors = result.statistics, result.statistics.errors
    if result.verdict.failed_controls:
        return _CONTROL
    if is_lost(result.endpoint.vantage, result.verdict.reasons):
        return _LOST
    if result.verdict.status == INCONCLUSIVE and not (result.endpoint.control and errors):
        return LOCAL_ERROR if statistics.local_errors and result.complete else _CUT_OFF
    if not result.endpoint.expects_open and (statistics.successful or any(outcome in ONCE_OPEN for outcome in errors)):
        return _MUST_BE_CLOSED
    if not errors:
        return _LIMIT if result.verdict.broken else broken_comparison(result) or _LIMIT
    return for_terminal(max(errors, key=lambda outcome: (errors[outcome], outcome)))


def _meaning(name: str, red: list[Result]) -> str:
    if name in _MEANINGS:
        return _MEANINGS[name]
    timeouts_s = {result.endpoint.timeout_s for result in red if main_cause(result) == name}
    if len(timeouts_s) == 1 or name not in OUTCOMES:
        return cause_of(name, timeouts_s.pop())
    return OUTCOMES[name].cause.replace("{timeout}", "its timeout")
