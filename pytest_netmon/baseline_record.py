"""Baselines and what came of comparing as JSON values, for sample files, other processes and results. Pure.

Nothing that is read here is trusted: what no writer of these would write raises.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .baseline import Baseline, BaselineRun, Comparison, Reference
from .distributions import Distribution, DistributionBuilder

#: A baseline in the header of a sample file, in pairs of a value and how often it was seen: some 5 MB.
MOST_KEPT_PAIRS = 400_000


def baseline_record(baseline: Baseline, phases: Mapping[str, str], *, whole: bool = False) -> Any:
    """Return a baseline as JSON values: of each endpoint the phase that `phases` names by its id. Where that is
    too much for the header of a sample file the samples are left out, unless the `whole` is wanted."""
    run = baseline.run
    kept = {key: each for key, each in baseline.references.items() if key[1] in phases}
    names = {key: phases[key[1]] for key in kept}
    pairs = sum(len(each.phases[names[key]].counts_us) for key, each in kept.items() if names[key] in each.phases)
    is_kept = baseline.is_kept and (whole or pairs <= MOST_KEPT_PAIRS)
    return {
        "file": run.file,
        "started_at": run.started_at.isoformat(),
        "host": run.host,
        "partial": run.partial,
        "not_passed": run.not_passed,
        "is_kept": is_kept,
        "references": [[*key, each.measured, *_phase_record(each, names[key])] for key, each in kept.items()]
        if is_kept
        else [],
    }


def _phase_record(reference: Reference, name: str) -> Iterator[object]:
    phase = reference.phases.get(name)
    yield name
    yield phase is None or phase.is_exact
    yield [] if phase is None else [number for pair in phase.counts_us.items() for number in pair]


def baseline_of_record(record: Any) -> Baseline:
    """Return the baseline that a record says. Raises KeyError, TypeError and ValueError for anything else."""
    started_at = datetime.datetime.fromisoformat(record["started_at"])
    run = BaselineRun(record["file"], started_at, record["host"], record["partial"], record["not_passed"])
    references = {
        (vantage, name): Reference(measured, {phase: _distribution(counts, is_exact=is_exact)})
        for vantage, name, measured, phase, is_exact, counts in record["references"]
    }
    return Baseline(run, references, record["is_kept"])


def _distribution(counts: Sequence[int], *, is_exact: bool) -> Distribution:
    builder = DistributionBuilder()
    for value_us, times in zip(counts[::2], counts[1::2], strict=True):
        builder.add_many(value_us, times)
    builder.is_exact = is_exact
    return builder.finish()


def comparison_record(comparison: Comparison | None) -> dict[str, object] | None:
    """Return a comparison as JSON values: milliseconds with 3 decimals, the increase with 6."""
    if comparison is None:
        return None
    figures = {"value_ms": comparison.value_ms, "baseline_ms": comparison.baseline_ms, "delta_ms": comparison.delta_ms}
    increase = comparison.increase
    return {
        "state": comparison.state,
        "ok": comparison.ok,
        "metric": comparison.metric.name,
        **{name: None if ms is None else round(ms, 3) for name, ms in figures.items()},
        "increase": None if increase is None else round(increase, 6),
        "samples": comparison.samples,
        "baseline_samples": comparison.baseline_samples,
        "p": None if comparison.p is None else float(f"{comparison.p:.6g}"),
        "tests": comparison.tests,
        "text": comparison.text,
    }
