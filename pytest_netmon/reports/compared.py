"""What reports say of comparing with a baseline. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..baseline import NOT_COMPARED as UNTOLD
from ..baseline import BaselineRun, shown_tolerance
from ..run import Result
from ..safe import for_terminal
from ..tolerance import Tolerance

SLOWER, NOT_COMPARED = "slower than its baseline", "not compared with its baseline"
#: What to try about each state, where it fails an endpoint.
_STEPS = {
    "slower": "see what changed since then: the route (`{trace}`), the load there, the machine that checks; where it "
    "is to stay so, copy this run's netmon.json over the baseline",
    "few": "raise count here, and in the run that is the baseline",
    "none": "copy this run's netmon.json over the baseline: it measured it; or set `baseline: {{missing: skip}}`",
}

#: metric, measured, allowed, state, origin.
Row = tuple[str, str, str, str, str]


def broken_comparison(result: Result) -> str | None:
    """Return what is wrong in a few words; None where nothing is, or nothing was compared."""
    comparison = result.verdict.baseline
    if comparison is None or comparison.ok:
        return None
    return SLOWER if comparison.state == "slower" else NOT_COMPARED


def comparison_lines(result: Result) -> list[str]:
    """Return the line about a comparison that fails an endpoint; what the heading says too is left out."""
    comparison = result.verdict.baseline
    if comparison is None or comparison.ok:
        return []
    return [for_terminal(comparison.text.removeprefix(UNTOLD), None)]


def comparison_steps(result: Result, host: str | None) -> list[str]:
    """Return what to try; `host` is None where it must not be shown."""
    comparison = result.verdict.baseline
    if comparison is None or comparison.ok:
        return []
    return [_STEPS[comparison.state].format(trace=f"mtr -n {host}" if host else "mtr")]


def comparison_row(result: Result) -> Row | None:
    """Return the comparison as a row of the table of limits; None where nothing was compared."""
    comparison = result.verdict.baseline
    if comparison is None:
        return None
    name = f"{comparison.metric.shown_name}, baseline"
    value = "-" if comparison.value_ms is None else f"{comparison.value_ms:.2f} ms"
    if comparison.baseline_ms is None:
        return name, value, "-", _state(result), "baseline"
    tolerance = shown_tolerance(result.endpoint.baseline or Tolerance())
    return name, value, f"{comparison.baseline_ms:.2f} ms {tolerance}", _state(result), "baseline"


def _state(result: Result) -> str:
    comparison = result.verdict.baseline
    if comparison is None or comparison.ok:
        return "warning" if comparison and comparison.state in ("few", "none") else "kept"
    return "broken"


def comparison_facts(result: Result) -> Iterator[tuple[str, str]]:
    """Yield a term and what is to say of it, quietly: also that an endpoint got faster."""
    comparison = result.verdict.baseline
    if comparison is not None:
        faster = "faster: " if comparison.state == "faster" else ""
        yield "baseline", faster + for_terminal(comparison.text, None)


def baseline_line(baseline: BaselineRun) -> str:
    """Return `old.json, of 2026-07-01 12:30 on runner-7`."""
    host = f" on {for_terminal(baseline.host)}" if baseline.host else ""
    return f"{for_terminal(baseline.file)}, of {baseline.started_at:%Y-%m-%d %H:%M}{host}"
