"""Endpoints against an earlier run of them: has any got slower? Pure.

A regression is larger than what is allowed in percent, larger than what is allowed in milliseconds, and not to be
explained by chance: the rank test of `ranks` over all samples of both runs, corrected by Holm's method for the number
of endpoints that are compared, at `ALPHA`. How often that errs is shown in tests/error_rates.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from .distributions import Distribution, comparable_counts
from .limits import Metric
from .ranks import holm, least_p, p_larger
from .safe import for_terminal
from .vantage import LOCAL_VANTAGE

if TYPE_CHECKING:
    from .tolerance import Tolerance

#: How likely a run of unchanged endpoints is to alarm, at the most.
ALPHA = 0.01
#: What begins the text of one that could not be made.
NOT_COMPARED = "not compared with the baseline: "
#: What came of a comparison. few: too few samples to tell. none: there is no baseline.
State = Literal["kept", "slower", "faster", "few", "none"]

#: Vantage and id of an endpoint.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class BaselineRun:
    """The run that a baseline is.

    file: as the user named it. started_at: when it began. host: of its machine. partial: it was cut off. not_passed:
    how many of its endpoints did not pass.
    """

    file: str
    started_at: datetime.datetime
    host: str
    partial: bool
    not_passed: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know of it."""
        told = ["its run was cut off"] if self.partial else []
        if self.not_passed:
            told.append(f"{self.not_passed} of its endpoints did not pass")
        return tuple(f"baseline {self.file}: {each}" for each in told)


@dataclass(frozen=True, slots=True)
class Reference:
    """One endpoint of a baseline. phases: what was measured, by the phase's name, of counted checks only. measured: it
    was not only reached, so that its checks were not tries."""

    measured: bool
    phases: Mapping[str, Distribution]


@dataclass(frozen=True, slots=True)
class Baseline:
    """references: by vantage and id. is_kept: False where the samples were left out of the header of a sample file."""

    run: BaselineRun
    references: Mapping[Key, Reference] = field(repr=False)
    is_kept: bool = True

    def seen_from(self, vantages: Iterable[str]) -> Mapping[Key, Reference]:
        """The references as a run from these places knows them. Where it and all of the baseline were checked from one
        place each, whatever that is called, those are taken for the same."""
        here, known = set(vantages), {vantage for vantage, _ in self.references}
        if len(here) != 1 or len(known) != 1:
            return self.references
        (vantage,) = here
        return {(vantage, name): reference for (_, name), reference in self.references.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of comparing an endpoint; figures are None where there is no sample.

    p: the p-value after Holm's correction over `tests` endpoints, 1 where the increase is not above what is allowed;
    None where nothing was tested. ok: whether it keeps what is asked for. text: all of that as one sentence.
    """

    state: State
    ok: bool
    metric: Metric
    value_ms: float | None
    baseline_ms: float | None
    samples: int
    baseline_samples: int
    p: float | None
    tests: int
    text: str

    @property
    def increase(self) -> float | None:
        """0.5 is 50 % slower; None without both figures, and for a baseline of 0."""
        if self.value_ms is None or not self.baseline_ms:
            return None
        return self.value_ms / self.baseline_ms - 1

    @property
    def delta_ms(self) -> float | None:
        return None if self.value_ms is None or self.baseline_ms is None else self.value_ms - self.baseline_ms


@dataclass(frozen=True, slots=True)
class Measured:
    """An endpoint to compare. phases: None where it is not complete: it counts as one of those that are compared."""

    index: int
    vantage: str
    id: str
    tolerance: Tolerance
    phases: Mapping[str, Distribution] | None


@dataclass(frozen=True, slots=True)
class _Pair:
    """One endpoint's samples of both runs."""

    endpoint: Measured
    now: Distribution
    then: Distribution

    @property
    def increase_ms(self) -> float:
        return cast(float, _figure(self.endpoint, self.now)) - cast(float, _figure(self.endpoint, self.then))

    def exceeds(self, sign: int) -> bool:
        """Whether it got slower (sign 1) or faster (-1) by more than its tolerance allows."""
        tolerance = self.endpoint.tolerance
        base_ms = cast(float, _figure(self.endpoint, self.then if sign > 0 else self.now))
        change_ms = self.increase_ms * sign
        return change_ms > base_ms * tolerance.max_increase and change_ms > tolerance.min_delta_ms

    def p(self, sign: int) -> float:
        now, then = comparable_counts(self.now, self.then)
        return p_larger(now, then) if sign > 0 else p_larger(then, now)


def compare(endpoints: Sequence[Measured], baseline: Baseline) -> dict[int, Comparison]:
    """Return what came of comparing all `endpoints` of a run, by their indexes.

    One that did not get slower by more than is allowed has a p-value of 1 for Holm's correction. That makes no p-value
    smaller than it is, so that the error rate holds, and spares most of the tests.
    """
    references = baseline.seen_from(endpoint.vantage for endpoint in endpoints)
    pairs: dict[int, _Pair] = {}
    comparisons: dict[int, Comparison] = {}
    for endpoint in endpoints:
        reference = references.get((endpoint.vantage, endpoint.id))
        if endpoint.phases is None:
            continue
        trouble = _trouble(endpoint, reference, len(endpoints), baseline)
        if trouble is None and reference is not None:
            phase = cast(str, endpoint.tolerance.metric.phase)
            pairs[endpoint.index] = _Pair(endpoint, endpoint.phases[phase], reference.phases[phase])
        else:
            comparisons[endpoint.index] = _untold(endpoint, reference, trouble or ("none", ""), len(endpoints))
    slower, faster = _significant(pairs, 1, len(endpoints)), _significant(pairs, -1, len(endpoints))
    for index, pair in pairs.items():
        comparisons[index] = _told(pair, slower.get(index), faster.get(index), len(endpoints))
    return comparisons


def _significant(pairs: Mapping[int, _Pair], sign: int, tests: int) -> dict[int, float]:
    """The corrected p-values of those whose change is above what is allowed."""
    changed = [index for index, pair in pairs.items() if pair.exceeds(sign)]
    return dict(zip(changed, holm([pairs[index].p(sign) for index in changed], tests), strict=True))


def _trouble(
    endpoint: Measured, reference: Reference | None, tests: int, baseline: Baseline
) -> tuple[State, str] | None:
    """Why an endpoint cannot be compared; None where it can."""
    file = for_terminal(baseline.run.file, None)
    if not baseline.is_kept:
        return "none", f"its baseline {file} is not in the sample file: give it again with --baseline"
    if reference is None:
        place = "" if endpoint.vantage == LOCAL_VANTAGE else f" from {for_terminal(endpoint.vantage)}"
        return "none", f"no baseline for it{place} in {file}"
    if not reference.measured:
        return "none", f"no baseline for it in {file}: there it was only reached, not measured (count)"
    metric = endpoint.tolerance.metric
    phase = cast(str, metric.phase)
    now, then = (phases[phase].count if phase in phases else 0 for phases in (endpoint.phases or {}, reference.phases))
    if not now or not then:
        return "few", f"no {phase} time {'in this run' if not now else f'in the baseline {file}'} to compare"
    if tests * least_p(now, then) > ALPHA:
        told = f"{now} here and {then} in the baseline are too few to tell a regression from chance"
        needed = needed_samples(tests)
        return "few", f"samples: {told}; with {_endpoints(tests)} compared it takes {needed} and {needed}"
    return None


def needed_samples(tests: int) -> int:
    """Return how many samples of both runs it takes to tell a regression of one of so many endpoints at all."""
    needed = 1
    while tests * least_p(needed, needed) > ALPHA:
        needed += 1
    return needed


def _untold(endpoint: Measured, reference: Reference | None, trouble: tuple[State, str], tests: int) -> Comparison:
    state, text = trouble
    phase = cast(str, endpoint.tolerance.metric.phase)
    now = (endpoint.phases or {}).get(phase)
    then = reference.phases.get(phase) if reference else None
    return Comparison(
        state=state,
        ok=endpoint.tolerance.missing == "skip",
        metric=endpoint.tolerance.metric,
        value_ms=_figure(endpoint, now) if now else None,
        baseline_ms=_figure(endpoint, then) if then else None,
        samples=now.count if now else 0,
        baseline_samples=then.count if then else 0,
        p=None,
        tests=tests,
        text=NOT_COMPARED + text,
    )


def _told(pair: _Pair, p_slower: float | None, p_faster: float | None, tests: int) -> Comparison:
    is_slower = p_slower is not None and p_slower <= ALPHA
    is_faster = p_faster is not None and p_faster <= ALPHA
    tolerance = pair.endpoint.tolerance
    value_ms, baseline_ms = (cast(float, _figure(pair.endpoint, phase)) for phase in (pair.now, pair.then))
    p = p_slower if p_faster is None else p_faster
    text = f"{tolerance.metric.shown_name} {value_ms:.2f} ms, baseline {baseline_ms:.2f} ms"
    text += f": {_change(value_ms, baseline_ms)}, allowed {shown_tolerance(tolerance)}"
    if p is not None:
        text += f"; p = {p:.2g} after Holm over {tests}"
    return Comparison(
        state="slower" if is_slower else "faster" if is_faster else "kept",
        ok=not is_slower,
        metric=tolerance.metric,
        value_ms=value_ms,
        baseline_ms=baseline_ms,
        samples=pair.now.count,
        baseline_samples=pair.then.count,
        p=1.0 if p is None else p,
        tests=tests,
        text=text,
    )


def shown_tolerance(tolerance: Tolerance) -> str:
    """Return `+30 % and 20 ms`."""
    return f"+{tolerance.max_increase * 100:.10g} % and {tolerance.min_delta_ms:.10g} ms"


def _change(value_ms: float, baseline_ms: float) -> str:
    delta_ms = value_ms - baseline_ms
    share = f"{delta_ms / baseline_ms * 100:+.0f} % " if baseline_ms else ""
    return f"{share}({delta_ms:+.2f} ms)" if share else f"{delta_ms:+.2f} ms"


def _figure(endpoint: Measured, phase: Distribution) -> float | None:
    metric = endpoint.tolerance.metric
    return phase.figure_ms(metric.stat, metric.percentile)


def _endpoints(number: int) -> str:
    return "1 endpoint" if number == 1 else f"{number} endpoints"
