"""Runs of several machines put together as one, in which each machine is a place to check from. Pure.

The verdicts stay those of the machines: what is true from one place need not be true from another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .distributions import pooled
from .plan import Plan
from .run import Measuring, Result, Run
from .samples import Sample, SampleStore

#: Texts of machines to name before "and 12 more".
_MOST_NAMED = 4


class MergeError(ValueError):
    """Runs that cannot be put together; the text says why."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The samples of one endpoint in the run that it came from."""

    store: SampleStore
    index: int
    later_us: int


class MergedStore:
    """The samples of all runs, on the clock of the earliest; a `samples.SampleStore`."""

    def __init__(self, parts: dict[int, _Part]) -> None:
        self._parts = parts

    def of(self, endpoint: int) -> Iterator[Sample]:
        if part := self._parts.get(endpoint):
            for sample in part.store.of(part.index):
                yield replace(sample, endpoint=endpoint, start_us=sample.start_us + part.later_us)


def relabelled(run: Run, label: str) -> Run:
    """Return the run with what was checked from its own machine checked from `label`, and from any other vantage
    from `label.vantage`."""
    endpoints = [
        replace(each, vantage=label if each.is_local else f"{label}.{each.vantage}") for each in run.plan.endpoints
    ]
    results = tuple(replace(result, endpoint=endpoints[result.index]) for result in run.results)
    vantages = {f"{label}.{name}": replace(state, name=f"{label}.{name}") for name, state in run.vantages.items()}
    return replace(run, plan=replace(run.plan, endpoints=endpoints), results=results, vantages=vantages)


def labels_of(hosts: Sequence[str], paths: Sequence[Sequence[str]]) -> list[str]:
    """Return a label for each run: the name of its machine; where several have the same name, or none, what tells the
    paths of their files apart (`a/netmon.json`, `b/netmon.json`: a and b). Whatever is still the same is numbered.

    paths: of each file its parts, the last one without its ending.
    """
    times = Counter(hosts)
    labels = [host if host and times[host] == 1 else "" for host in hosts]
    tied = [at for at, label in enumerate(labels) if not label]
    for at, part in zip(tied, _what_differs([paths[at] for at in tied]), strict=True):
        labels[at] = part or hosts[at] or "run"
    seen: Counter[str] = Counter()
    for at, label in enumerate(labels):
        seen[label] += 1
        if seen[label] > 1:
            labels[at] = f"{label}-{seen[label]}"
    return labels


def _what_differs(paths: Sequence[Sequence[str]]) -> list[str]:
    """Of each path the part, counted from its end, in which all of them differ; else the part in which most do."""
    depth = min((len(path) for path in paths), default=0)
    different = {at: len({path[-at] for path in paths}) for at in range(1, depth + 1)}
    best = max(different, key=lambda at: (different[at], -at), default=0)
    return [path[-best] if best else "" for path in paths]


def merged(runs: Sequence[tuple[str, Run]]) -> Run:
    """Return one run of all endpoints of `runs`, each given with its label; only one is left as it is.

    Stretches in which one machine stood still belong to no other, so that they are told as warnings.
    Raises MergeError where two have the same endpoint from the same vantage.
    """
    if len(runs) == 1:
        return runs[0][1]
    _refuse_doubles(runs)
    every = [run for _, run in runs]
    start = min(run.started_at for run in every)
    first = next(run for run in every if run.started_at == start)
    parts: dict[int, _Part] = {}
    results: list[Result] = []
    store = MergedStore(parts)
    offset = 0
    for run in every:
        later_us = round((run.started_at - start).total_seconds() * 1e6)
        for result in run.results:
            index = offset + result.index
            parts[index] = _Part(result.store, result.index, later_us)
            results.append(replace(result, index=index, store=store))
        offset += len(run.plan.endpoints)
    return replace(
        first,
        plan=_plan([run.plan for run in every]),
        results=tuple(results),
        started_at=start,
        ended_at=max(every, key=lambda run: run.ended_at).ended_at,
        partial=any(run.partial for run in every),
        tool_version=_listed([run.tool_version for run in every]),
        machine=_machine([run.machine for run in every]),
        gaps=(),
        lost_samples=sum(run.lost_samples for run in every),
        warnings=tuple(_warnings(runs)),
        measuring=_measuring([run.measuring for run in every]),
        vantages={name: state for run in every for name, state in run.vantages.items()},
    )


def _refuse_doubles(runs: Sequence[tuple[str, Run]]) -> None:
    endpoints = (endpoint for _, run in runs for endpoint in run.plan.endpoints)
    for (vantage, name), times in Counter((each.vantage, each.id) for each in endpoints).items():
        if times > 1:
            raise MergeError(f"{name} from {vantage} stands in several of the runs")


def _plan(plans: Sequence[Plan]) -> Plan:
    return replace(
        plans[0],
        endpoints=[endpoint for plan in plans for endpoint in plan.endpoints],
        files=tuple(dict.fromkeys(file for plan in plans for file in plan.files)),
        warnings=[],
        deselected=0,
        elsewhere=0,
        vantages={name: vantage for plan in plans for name, vantage in plan.vantages.items()},
    )


def _machine(machines: Sequence[dict[str, str]]) -> dict[str, str]:
    names = dict.fromkeys(name for machine in machines for name in machine)
    return {name: _listed([machine[name] for machine in machines if name in machine]) for name in names}


def _listed(texts: Sequence[str]) -> str:
    different = list(dict.fromkeys(texts))
    more = len(different) - _MOST_NAMED
    return ", ".join(different[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _warnings(runs: Sequence[tuple[str, Run]]) -> Iterator[str]:
    """What all runs say is said once, what some say with their labels."""
    whose: dict[str, list[str]] = {}
    for label, run in runs:
        missed = sum(gap.missed for gap in run.gaps)
        length_s = sum(gap.length_us for gap in run.gaps) / 1e6
        still = [f"the checker itself stood still for {length_s:.1f} s in all: {missed} checks left out"]
        cut_off = ["the run was cut off"] if run.partial else []
        for warning in (*run.warnings, *(still if run.gaps else []), *cut_off):
            whose.setdefault(warning, []).append(label)
    for warning, labels in whose.items():
        yield warning if len(labels) == len(runs) else f"{_listed(labels)}: {warning}"


def _measuring(parts: Sequence[Measuring | None]) -> Measuring | None:
    """Of late starts those of the machine that was latest."""
    known = [part for part in parts if part]
    late = [part.late_starts for part in known if part.late_starts]
    if not known:
        return None
    return Measuring(
        lag=pooled(part.lag for part in known),
        own_clock_checks=sum(part.own_clock_checks for part in known),
        late_starts=max(late, key=lambda each: each.p99_us, default=None),
    )
