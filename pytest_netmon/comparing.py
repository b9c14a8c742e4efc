"""A run that is over, compared with a baseline: verdicts stay those of the run but for what the baseline says. Pure."""

from __future__ import annotations

from dataclasses import replace

from .baseline import Baseline, Comparison, Measured, compare
from .run import Result, Run
from .tolerance import Tolerance
from .verdict import Surroundings, Verdict, amid, with_comparison


def compared(run: Run, baseline: Baseline) -> Run:
    """Return the run compared with `baseline`, in place of any other that it was compared with before.

    An endpoint is compared by what was asked of it in its run, else by what is built in. One that was only reached is
    not: one check tells nothing.
    """
    endpoints = [
        replace(each, baseline=each.baseline or Tolerance()) if each.measured and each.expects_open else each
        for each in run.plan.endpoints
    ]
    results = [replace(result, endpoint=endpoints[result.index]) for result in run.results]
    measured = [_measured(result) for result in results if result.endpoint.is_compared]
    comparisons = compare(measured, baseline)
    failed = _failed_controls(results)
    reached = sum(each.endpoint.expects_open and not each.endpoint.measured for each in results)
    told = [f"{reached} endpoints were only reached, not measured: they are not compared"] if reached > 1 else []
    told += ["1 endpoint was only reached, not measured: it is not compared"] if reached == 1 else []
    earlier = run.baseline.warnings if run.baseline else ()
    return replace(
        run,
        plan=replace(run.plan, endpoints=endpoints, baseline=baseline),
        results=tuple(_judged_anew(each, comparisons.get(each.index), failed) for each in results),
        warnings=(*(each for each in run.warnings if each not in earlier), *baseline.run.warnings, *told),
        baseline=baseline.run,
    )


def _measured(result: Result) -> Measured:
    endpoint = result.endpoint
    phases = result.statistics.phases if result.complete else None
    return Measured(result.index, endpoint.vantage, endpoint.id, endpoint.baseline or Tolerance(), phases)


def _failed_controls(results: list[Result]) -> dict[str, tuple[str, ...]]:
    """Those of each place."""
    failed: dict[str, tuple[str, ...]] = {}
    for result in results:
        endpoint = result.endpoint
        if endpoint.control and result.complete and result.verdict.status != "passed":
            failed[endpoint.vantage] = (*failed.get(endpoint.vantage, ()), endpoint.id)
    return failed


def _judged_anew(result: Result, comparison: Comparison | None, failed: dict[str, tuple[str, ...]]) -> Result:
    verdict = with_comparison(_uncompared(result.verdict), comparison)
    if verdict.status == "failed" and not verdict.failed_controls:
        around = Surroundings(failed_controls=failed.get(result.endpoint.vantage, ()))
        verdict = amid(verdict, result.endpoint, {"open", *result.statistics.errors}, around)
    return replace(result, verdict=verdict)


def _uncompared(verdict: Verdict) -> Verdict:
    """The verdict without what an earlier baseline made of it."""
    if verdict.baseline is None:
        return verdict
    text = verdict.baseline.text
    reasons = tuple(reason for reason in verdict.reasons if reason != text)
    notes = tuple(note for note in verdict.notes if note != text)
    was_all = len(reasons) < len(verdict.reasons) and len(reasons) == bool(verdict.failed_controls)
    if was_all:  # of a failed control the one reason that is left says that it failed too
        return replace(verdict, status="passed", reasons=(), notes=notes, failed_controls=(), baseline=None)
    return replace(verdict, reasons=reasons, notes=notes, baseline=None)
