"""Judging: statistics against limits. Pure. Nothing is judged twice: every report shows this."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from .limits import Limit, Metric, asks_for_success, holds, parse_limit, shown_limit, shown_measured
from .outcomes import CLOSED, EXPECTED, LOCAL_ERROR, ONCE_OPEN, OPEN
from .plan import REACHED_TRIES
from .waited import in_vain, outcomes_of_tries, tries_in_words, waiting_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .baseline import Comparison
    from .plan import Endpoint
    from .statistics import Statistics
    from .waited import Waited

Status = Literal["passed", "failed", "inconclusive"]

#: What a measured open endpoint must keep where no limit of its own asks for success.
BUILT_IN_SUCCESS = parse_limit("success >= 100%", origin="built-in")
#: How the note on a broken `warn` limit begins.
WARNING = "warning: "
#: Shared by all that have none; nobody changes it.
_NO_PARTS: Mapping[str, Verdict] = {}
_CONTROL_FAILED = "this control must be reached for the run to mean anything"
_OTHERS_UNKNOWN = "interrupted: what came of its other addresses, if there are any, is not known"
_NOT_PROVEN = "not proven: nothing else was reached either"
#: Answers of the way to a closed port, or of the port itself while it was waited for.
_HEARD = ("refused", "prohibited", *ONCE_OPEN)


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
    the same (`reached at try 2 of 3, after timeout`). warn: limits that fail nothing; a broken one
    is among the notes. failed_controls: ids of controls that failed with it, which made it inconclusive. baseline: what
    came of comparing it with an earlier run, None where it was not; a regression is among the reasons.
    parts: where addresses or families are judged one by one, the verdict on each; each of `limits` then has the worst
    value. Empty elsewhere, and where a wait decided.
    """

    status: Status
    limits: tuple[LimitResult, ...]
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warn: tuple[LimitResult, ...] = ()
    failed_controls: tuple[str, ...] = ()
    baseline: Comparison | None = None
    parts: Mapping[str, Verdict] = field(default_factory=lambda: _NO_PARTS)

    @property
    def broken(self) -> tuple[LimitResult, ...]:
        return tuple(result for result in self.limits if not result.ok)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of a run says of this machine's network. failed_controls: their ids. others_opened: whether any
    other endpoint was open. comparison: with the baseline, which takes all endpoints."""

    failed_controls: tuple[str, ...] = ()
    others_opened: bool = True
    comparison: Comparison | None = None


#: Where nothing is known of the rest of the run.
ALONE = Surroundings()


def judge(
    endpoint: Endpoint,
    statistics: Statistics,
    *,
    complete: bool,
    around: Surroundings = ALONE,
    waited: Waited | None = None,
) -> Verdict:
    """Return the verdict on one endpoint; `complete` is False where the run ended before its checks. `waited`: what
    came of waiting for it. Where that was in vain, it is what is judged.

    In this order: a run that was cut off, or left nothing to judge, is inconclusive; what broke on
    the judged samples fails; a check that this machine could not make leaves the rest inconclusive.
    A reached endpoint whose last check was open has all that was asked for and passes in any case.
    Where addresses or families are judged one by one, all of that holds for each, and each must pass.

    Where a control failed too, a failure says nothing of the target: inconclusive. So is what passed by nothing but
    timeouts. That it was open where it must not be is said in any case. A control that fails is inconclusive itself.
    """
    soft, warnings = _judged_softly(endpoint, statistics)
    if waited is None or (waited.met and endpoint.measured):
        judged = _judged_by_parts if statistics.parts else _judged
        verdict = judged(endpoint, statistics, complete=complete)
    else:
        verdict = _judged_by_tries(endpoint, statistics, waited, complete=complete)
    heard = {*_seen(statistics), *(waited.outcomes if waited else ())}
    verdict = amid(with_comparison(verdict, around.comparison), endpoint, heard, around)
    notes = (*warnings, *waiting_note(endpoint, waited))
    return replace(verdict, notes=(*notes, *verdict.notes), warn=soft) if notes or soft else verdict


def with_comparison(verdict: Verdict, comparison: Comparison | None) -> Verdict:
    """Return the verdict in view of the baseline. That an endpoint got slower fails it, whatever else could not be told
    of it; that nothing could be compared does too, where that is asked for."""
    if comparison is None:
        return verdict
    if comparison.ok:
        told = () if comparison.state in ("kept", "faster") else (comparison.text,)
        return replace(verdict, notes=(*verdict.notes, *told), baseline=comparison)
    if verdict.status == "inconclusive" and comparison.state == "slower":
        notes = (*verdict.notes, *verdict.reasons)
        return replace(verdict, status="failed", reasons=(comparison.text,), notes=notes, baseline=comparison)
    status: Status = "inconclusive" if verdict.status == "inconclusive" else "failed"
    return replace(verdict, status=status, reasons=(*verdict.reasons, comparison.text), baseline=comparison)


def amid(verdict: Verdict, endpoint: Endpoint, heard: set[str], around: Surroundings) -> Verdict:
    """Return the verdict in view of the rest of the run; heard: what all checks and tries came to."""
    if endpoint.control:
        if verdict.status != "failed":
            return verdict
        return replace(verdict, status="inconclusive", reasons=(_CONTROL_FAILED, *verdict.reasons))
    # Whether a port passes for closed though nothing was heard of it, as without any network.
    by_silence = verdict.status == "passed" and not endpoint.expects_open and heard.isdisjoint(_HEARD)
    was_open = not endpoint.expects_open and not heard.isdisjoint(ONCE_OPEN)
    if around.failed_controls and (by_silence or (verdict.status == "failed" and not was_open)):
        failed = around.failed_controls
        controls = f"the control {failed[0]}" if len(failed) == 1 else f"the controls {', '.join(failed)}"
        told = f"{controls} failed too, so that this says nothing of the target"
        reasons = (told, *verdict.reasons)
        return replace(verdict, status="inconclusive", reasons=reasons, failed_controls=failed)
    if by_silence and not around.others_opened:
        return replace(verdict, notes=(*verdict.notes, _NOT_PROVEN))
    return verdict


def _judged(endpoint: Endpoint, statistics: Statistics, *, complete: bool, is_part: bool = False) -> Verdict:
    results = tuple(_result(limit, statistics) for limit in limits_in_force(endpoint))
    notes = _notes(endpoint, statistics, complete=complete, is_part=is_part)
    unmade = _unmade(statistics)
    if _reached(endpoint, statistics):
        return Verdict("passed", results, notes=(*notes, *unmade))
    breaches = _breaches(endpoint, statistics, results)
    if not complete:
        return Verdict("inconclusive", results, (_interrupted(endpoint, statistics),), (*notes, *unmade))
    if not statistics.checks:
        return Verdict("inconclusive", results, unmade or ("no check was recorded",), notes)
    if unmade and not _proven(endpoint, statistics, results):
        return Verdict("inconclusive", results, (*unmade, *breaches), notes)
    if breaches:
        return Verdict("failed", results, breaches, (*notes, *unmade))
    return Verdict("passed", results, notes=notes)


def _judged_by_parts(endpoint: Endpoint, statistics: Statistics, *, complete: bool) -> Verdict:
    """The verdict where addresses or families are judged one by one: one that is worse decides."""
    parts = {name: _judged(endpoint, part, complete=complete, is_part=True) for name, part in statistics.parts.items()}
    statuses = {part.status for part in parts.values()}
    status: Status = "failed" if "failed" in statuses else "inconclusive" if "inconclusive" in statuses else "passed"
    others = {name: part.reasons for name, part in parts.items() if part.status not in (status, "passed")}
    notes = {name: (*others.get(name, ()), *part.notes) for name, part in parts.items()}
    reasons = _named_by_part({name: part.reasons if part.status == status else () for name, part in parts.items()})
    if status == "passed" and not complete:  # those that were reached are done, but there may be others
        status, reasons = "inconclusive", (_OTHERS_UNKNOWN,)
    return Verdict(
        status,
        tuple(map(_worst, zip(*(part.limits for part in parts.values()), strict=True))),
        reasons,
        _named_by_part(notes),
        parts=parts,
    )


def _named_by_part(texts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Each text with its part; what all of them have is said once."""
    shared = [text for text in next(iter(texts.values())) if len(texts) > 1 and all(text in t for t in texts.values())]
    own = [f"{name}: {text}" for name, each in texts.items() for text in each if text not in shared]
    return (*shared, *own)


def _worst(results: Sequence[LimitResult]) -> LimitResult:
    """The result that is farthest on the wrong side; one without a value before all."""
    lower_is_worse = results[0].limit.op in (">", ">=")

    def badness(result: LimitResult) -> tuple[bool, float]:
        value = math.inf if result.value is None else -result.value if lower_is_worse else result.value
        return not result.ok, value

    return max(results, key=badness)


def _judged_softly(endpoint: Endpoint, statistics: Statistics) -> tuple[tuple[LimitResult, ...], tuple[str, ...]]:
    """The limits that fail nothing, and what to say of the broken ones."""
    if not statistics.parts:
        soft = tuple(_result(limit, statistics) for limit in endpoint.warn)
        return soft, _warnings(soft, statistics)
    of_parts = {name: tuple(_result(limit, part) for limit in endpoint.warn) for name, part in statistics.parts.items()}
    told = {
        name: tuple(text.removeprefix(WARNING) for text in _warnings(soft, statistics.parts[name]))
        for name, soft in of_parts.items()
    }
    worst = tuple(map(_worst, zip(*of_parts.values(), strict=True)))
    return worst, tuple(f"{WARNING}{text}" for text in _named_by_part(told))


def _judged_by_tries(endpoint: Endpoint, statistics: Statistics, waited: Waited, *, complete: bool) -> Verdict:
    """The verdict where a wait was all, or went on to the end, or was in vain."""
    results = tuple(_result(limit, statistics) for limit in limits_in_force(endpoint))
    unmade = _unmade(waited.statistics)
    if waited.met:
        return Verdict("passed", results, notes=unmade)
    if waited.met is None or not complete:
        return Verdict("inconclusive", results, (f"interrupted after {tries_in_words(waited)} of waiting",), unmade)
    failing = f"; in the end not so: {', '.join(waited.failing)}" if waited.failing else ""
    breach = f"{in_vain(endpoint, waited)}: {outcomes_of_tries(waited)}{failing}"
    if waited.latest[-1:] == (LOCAL_ERROR,):
        return Verdict("inconclusive", results, (*unmade, breach))
    return Verdict("failed", results, (breach,), unmade)


def limits_in_force(endpoint: Endpoint) -> tuple[Limit, ...]:
    """Return the limits that `endpoint` is judged by: its own, and for a measured one that is
    expected to be open and none of which asks for success, `success >= 100%` first. One that is only watched
    has none."""
    needs_success = endpoint.measured and endpoint.expects_open and endpoint.is_judged
    if needs_success and not any(map(asks_for_success, endpoint.limits)):
        return (BUILT_IN_SUCCESS, *endpoint.limits)
    return endpoint.limits


def metric_value(metric: Metric, statistics: Statistics) -> float | None:
    """Return what was measured, in the metric's unit; None without samples, and for a metric that
    this version does not measure."""
    if metric.phase is not None:
        return _timing(metric, statistics)
    if not statistics.checks:
        return None
    if metric.outcome is not None:
        return statistics.errors.get(metric.outcome, 0)
    values = {
        "success": statistics.success_rate,
        "errors": sum(statistics.errors.values()),
        "consecutive_failures": statistics.consecutive_failures,
        "outage": statistics.outage_s,
        "syn_repeats": statistics.syn_repeats,
        "cert.expires_in": statistics.cert_expires_in_s,
    }
    return values.get(metric.name)


def breach_text(result: LimitResult, statistics: Statistics) -> str:
    """Return a broken limit as a sentence: `success 92.50 % (37 of 40), allowed >= 99 %`."""
    measured = shown_measured(result.limit, result.value)
    if result.limit.metric.name == "cert.expires_in" and result.value is not None:
        when = f"expired {measured.removeprefix('-')} ago" if result.value < 0 else f"expires in {measured}"
        return f"certificate {when}, allowed {shown_limit(result.limit)}"
    if result.limit.metric.name == "success" and result.value is not None:
        measured += f" ({statistics.successful} of {statistics.checks})"
    return f"{result.limit.metric.shown_name} {measured}, allowed {shown_limit(result.limit)}"


def _warnings(soft: tuple[LimitResult, ...], statistics: Statistics) -> tuple[str, ...]:
    if not statistics.checks:
        return ()  # nothing was measured, which is told already
    return tuple(f"{WARNING}{breach_text(result, statistics)}" for result in soft if not result.ok)


def _result(limit: Limit, statistics: Statistics) -> LimitResult:
    value = metric_value(limit.metric, statistics)
    return LimitResult(limit, value, ok=value is not None and holds(limit, value))


def _timing(metric: Metric, statistics: Statistics) -> float | None:
    distribution = statistics.phases.get(metric.phase or "")
    if distribution is None:
        return None
    return distribution.figure_ms(metric.stat, metric.percentile)


def _reached(endpoint: Endpoint, statistics: Statistics) -> bool:
    return not endpoint.measured and endpoint.expects_open and statistics.last_outcome == OPEN


def _seen(statistics: Statistics) -> dict[str, int]:
    """How often each outcome was seen among the judged checks."""
    return {**({OPEN: statistics.successful} if statistics.successful else {}), **statistics.errors}


def _made(statistics: Statistics) -> int:
    return statistics.checks + statistics.local_errors


def _breaches(endpoint: Endpoint, statistics: Statistics, results: tuple[LimitResult, ...]) -> tuple[str, ...]:
    of_limits = tuple(breach_text(result, statistics) for result in results if not result.ok)
    if not endpoint.expects_open:
        return (*_not_closed(endpoint, statistics), *of_limits)
    if not endpoint.measured:
        tries = "1 try" if statistics.checks == 1 else f"{statistics.checks} tries"
        return (f"not reached in {tries}: {_failed_tries(statistics)}", *of_limits)
    return of_limits


def _not_closed(endpoint: Endpoint, statistics: Statistics) -> tuple[str, ...]:
    """What speaks against a port that is expected to be closed. A reached one is judged by its last
    check, like any other, but having been open once is never made good."""
    accepted = EXPECTED[endpoint.expect]
    against = {outcome: times for outcome, times in _seen(statistics).items() if outcome not in accepted}
    if not endpoint.measured:
        decisive = (*ONCE_OPEN, statistics.last_outcome)
        against = {outcome: times for outcome, times in against.items() if outcome in decisive}
    checks = statistics.checks
    return tuple(_against_closed(endpoint.expect, outcome, times, checks) for outcome, times in against.items())


def _against_closed(expect: str, outcome: str, times: int, checks: int) -> str:
    share = f"{outcome} in {_of_checks(times, checks)}"
    if outcome in ONCE_OPEN or expect != "closed":
        return f"{share}, expected {expect}"
    return f"{share} proves nothing, expected {', '.join(CLOSED[:-1])} or {CLOSED[-1]}"


def _proven(endpoint: Endpoint, statistics: Statistics, results: tuple[LimitResult, ...]) -> bool:
    """Whether the judged samples break something by themselves, so that the checks which this
    machine could not make would have changed nothing."""
    if any(result.value is not None and not result.ok for result in results):
        return True
    if endpoint.expects_open:
        return False  # nothing but a metric without samples, or a try that was ours
    if endpoint.measured:
        return bool(_not_closed(endpoint, statistics))
    return any(outcome in ONCE_OPEN for outcome in _seen(statistics))


def _unmade(statistics: Statistics) -> tuple[str, ...]:
    if not statistics.local_errors:
        return ()
    share = _of_checks(statistics.local_errors, _made(statistics))
    return (f"{share} could not be made by this machine ({LOCAL_ERROR})",)


def _interrupted(endpoint: Endpoint, statistics: Statistics) -> str:
    made = _made(statistics)
    if endpoint.measured and endpoint.count is not None:
        return f"interrupted: {_of_checks(made, endpoint.count)} were made"
    if endpoint.measured:
        return f"interrupted by force after {_checks(made)}"
    return f"interrupted after {made} of at most {endpoint.count} tries"


def _notes(endpoint: Endpoint, statistics: Statistics, *, complete: bool, is_part: bool) -> tuple[str, ...]:
    if endpoint.measured:
        made = _made(statistics)
        if endpoint.count is None or not complete or not 0 < made < endpoint.count:
            return ()
        if is_part:
            return (f"in {_of_checks(made, endpoint.count)}: the name did not lead to it in the others",)
        return (f"only {_of_checks(made, endpoint.count)} were made",)
    first = statistics.first_success
    if endpoint.expects_open and first is not None and first > 1 and statistics.errors:
        return (f"reached at try {first} of {endpoint.count}, after {_failed_tries(statistics)}",)
    return ()


def _failed_tries(statistics: Statistics) -> str:
    """The outcomes of failed tries in their order. `errors` has them as first seen and the last one
    is known, which gives the order of up to three; of more, how often each came."""
    earlier = dict(statistics.errors)
    last = statistics.last_outcome
    if sum(earlier.values()) > REACHED_TRIES or last is None:
        return ", ".join(f"{times} x {outcome}" for outcome, times in earlier.items())
    if last in earlier:
        earlier[last] -= 1
    tries = [outcome for outcome, times in earlier.items() for _ in range(times)]
    return ", ".join(tries if last == OPEN else [*tries, last])


def _of_checks(times: int, checks: int) -> str:
    return f"{times} of {_checks(checks)}"


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"
