"""`netmon.json` read back as a run, so that any report can be made of it. Pure.

Verdicts are those of the file: nothing is judged twice. Figures are made anew from its samples, and a file whose
samples are not those of its verdicts is refused. Nothing in it is trusted: it may have come from another machine.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast, get_args

from .addresses import ADDRESSES, FAMILIES
from .baseline import Baseline, BaselineRun, Reference
from .distributions import DistributionBuilder
from .outcomes import EXPECTED
from .plan import Close, Endpoint, Plan
from .plan_checks import identity_texts
from .plan_record import endpoint_of
from .plan_values import mistyped_texts
from .pooling import PartsBuilder
from .results_samples import ReadStore, SampleHook, parts_by_vantage, samples_by_endpoint
from .results_verdicts import verdict_of, written_limits
from .run import Measuring, Result, Run
from .safe import for_terminal
from .samples import Gap, Lateness, Sample, VantageState
from .stages import stage_texts
from .statistics import Statistics
from .strict_json import DocumentError, Node, parse, unix_us
from .verdict import Verdict
from .waited import Waited
from .waits import wait_texts

#: Some two million samples.
MOST_BYTES = 512 << 20
#: The first number of the versions that can be read.
_VERSION = "1"
_TOOL = "pytest-netmon"
#: What the address of a redacted endpoint is while it is looked at: its name stands in for it, which is no host.
_REDACTED_HOST = "redacted.invalid"


def run_of_results(text: str, look: Callable[[int], None] | None = None) -> Run:
    """Return the run that a `netmon.json` tells of, as far as the file knows it: not the plan's rates.

    look: called now and then with the number of samples read. Raises DocumentError with the path of what is wrong.
    """
    if len(text) > MOST_BYTES:
        raise DocumentError(f"expected at most {MOST_BYTES >> 20} MiB, got more: merge fewer or shorter runs")
    root = parse(text, SampleHook(look))
    session = root.needed("monitoring_session")
    _refuse_other_versions(session)
    started_at = session.needed("start_time").time()
    endpoints = [(node, _endpoint(node)) for node in root.needed("endpoints").items()]
    plan = _plan(session, endpoints)
    samples = samples_by_endpoint(root, plan, unix_us(started_at))
    store = ReadStore(samples)
    results = (_result(index, node, plan.endpoints[index], store) for index, (node, _) in enumerate(endpoints))
    return Run(
        plan=plan,
        results=tuple(result for result in results if result),
        started_at=started_at,
        ended_at=session.needed("end_time").time(),
        partial=session.needed("partial").flag(),
        tool_version=session.needed("tool").needed("version").text(),
        machine={name: node.text() for name, node in session.needed("machine").members()},
        gaps=tuple(_gap(node, started_at) for node in session.needed("gaps").items()),
        lost_samples=session.needed("lost_samples").whole(),
        warnings=session.needed("warnings").texts(),
        measuring=_measuring(session.get("measuring"), samples),
        vantages=_vantage_states(root),
        baseline=_baseline_run(session.get("baseline")),
    )


def _refuse_other_versions(session: Node) -> None:
    version = session.get("schema_version").value
    if version is None:
        session.refuse("no schema_version: expected a netmon.json of pytest-netmon, got something else or an old one")
    name = session.needed("tool").needed("name")
    if name.text() != _TOOL:
        name.wrong(_TOOL)
    shown = session.get("schema_version").text()
    if shown.partition(".")[0] != _VERSION:
        told = for_terminal(shown, 20)
        session.get("schema_version").refuse(f"{told} is not of the versions {_VERSION}.x that can be read here: "
                                             "read it with the version of pytest-netmon that wrote it")  # fmt: skip


def _endpoint(node: Node) -> Endpoint:
    """The endpoint as its settings say; what a later version may have added is passed over."""
    settings = node.needed("settings").members_dict()
    source = node.get("source")
    record = {name: settings[name] for name in Endpoint.__slots__ if name in settings}
    record |= {name: node.get(name).value for name in ("host", "port", "name", "vantage", "skip")}
    record |= {name: [*written_limits(node.needed(name))] for name in ("limits", "warn")}
    record["source"] = None
    if source.value is not None:
        place = (source.get("line"), source.get("column"))
        numbers = [0 if number.value is None else number.whole(1) for number in place]
        record["source"] = {"file": source.needed("file").text(), "line": numbers[0], "column": numbers[1]}
    try:
        endpoint = endpoint_of(record)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        node.refuse(f"no endpoint of ours: {for_terminal(str(error))}")
    _refuse_other_values(node, endpoint)
    return endpoint


def _refuse_other_values(node: Node, endpoint: Endpoint) -> None:
    """What a report relies on; whether such a plan makes sense is nothing to ask of one that has been run."""
    settings = node.needed("settings")
    if settings.get("count").value is not None:
        settings.get("count").whole(1)
    settings.needed("warmup").whole()
    for name in ("interval_s", "timeout_s"):
        if settings.needed(name).number() < 0:
            settings.needed(name).wrong("seconds")
    for name, known in (
        ("expect", tuple(EXPECTED)),
        ("close", get_args(Close)),
        ("family", FAMILIES),
        ("addresses", ADDRESSES),
    ):
        if settings.needed(name).text() not in known:
            settings.needed(name).wrong(f"one of {', '.join(known)}")
    node.needed("host").text()
    shown = replace(endpoint, host=_REDACTED_HOST) if endpoint.redact is True else endpoint
    stages = stage_texts(endpoint.hold_s, endpoint.tls, endpoint.proxy, redacted=endpoint.redact)
    for text in (*mistyped_texts(endpoint), *identity_texts(shown), *wait_texts(endpoint.wait), *stages):
        node.refuse(for_terminal(text, None))


def _plan(session: Node, endpoints: Sequence[tuple[Node, Endpoint]]) -> Plan:
    sources = [endpoint.source for _, endpoint in endpoints]
    files = [source.file for source in sources if source and source.line]
    plan = Plan(
        endpoints=[endpoint for _, endpoint in endpoints],
        interval_s=session.needed("interval").number(),
        timeout_s=session.needed("timeout").number(),
        files=tuple(dict.fromkeys(files)),
    )
    for node, endpoint in endpoints:
        if node.needed("id").value != endpoint.id:
            node.needed("id").wrong(f"'{for_terminal(endpoint.id)}', which its name, host and port say")
    known = [(endpoint.vantage, endpoint.id) for endpoint in plan.endpoints]
    if len(set(known)) < len(known):
        twice = next(each for each, times in Counter(known).items() if times > 1)
        raise DocumentError(f"endpoints: {for_terminal(twice[1])} stands there twice")
    return plan


def _vantage_states(root: Node) -> dict[str, VantageState]:
    """How other places stood in the end; none of those of which nothing is known."""
    states = {}
    for name, node in parts_by_vantage(root):
        if node.needed("state").value is None:
            continue
        machine, round_trip_ms = node.needed("machine"), node.needed("round_trip_ms").number_or_none()
        states[name] = VantageState(
            name=name,
            state=node.needed("state").text(),
            text=node.needed("text").text_or_none(),
            machine=None if machine.value is None else {key: each.text() for key, each in machine.members()},
            round_trip_us=None if round_trip_ms is None else round(round_trip_ms * 1000),
        )
    return states


def _result(index: int, node: Node, endpoint: Endpoint, store: ReadStore) -> Result | None:
    """None for an endpoint that was not checked."""
    recorded = node.needed("statistics")
    if recorded.value is None:
        return None
    builder = PartsBuilder()
    for sample in store.of(index):
        if sample.is_counted:
            builder.add(sample)
    statistics = builder.finish()
    _refuse_other_samples(recorded, statistics)
    parts = {} if node.get("addresses").value is None else _part_verdicts(node.get("addresses"), endpoint, statistics)
    return Result(
        index=index,
        endpoint=endpoint,
        statistics=statistics,
        verdict=replace(verdict_of(node), parts=parts),
        complete=node.needed("complete").flag(),
        address=None if endpoint.redact else node.needed("address").text_or_none(),
        store=store,
        waited=_waited(node.get("waited")),
    )


def _waited(node: Node) -> Waited | None:
    if node.value is None:
        return None
    return Waited(
        outcomes={outcome: times.whole(1) for outcome, times in node.needed("outcomes").members()},
        met=None if node.get("met").value is None else node.get("met").flag(),
        took_s=node.get("took_s").number_or_none(),
        latest=node.needed("latest").texts(),
        tries=node.needed("tries").whole(),
        failing=() if node.get("failing").value is None else node.get("failing").texts(),
    )


def _part_verdicts(node: Node, endpoint: Endpoint, statistics: Statistics) -> dict[str, Verdict]:
    """The verdicts on addresses or families that were judged one by one."""
    parts = {part.needed("part").text(): part for part in node.items()}
    for part in parts.values():
        list(written_limits(part.needed("limits")))  # refuses wrong ones
    if set(parts) != set(statistics.parts):
        node.refuse("expected each address or family that samples in raw_data are about, and no other")
    return {
        name: verdict_of(part)
        for name, part in parts.items()
        if part.needed("verdict").value is not None or not endpoint.is_judged
    }


def _refuse_other_samples(recorded: Node, statistics: Statistics) -> None:
    """Without all of its samples no report of a run would be true."""
    found = {
        "checks": statistics.checks,
        "successful_checks": statistics.successful,
        "local_errors": statistics.local_errors,
    }
    for name, number in found.items():
        told = recorded.needed(name).whole()
        if told != number:
            recorded.needed(name).refuse(f"{told} here, but {number} in raw_data: all samples are needed there")


def _baseline_run(node: Node) -> BaselineRun | None:
    if node.value is None:
        return None
    return BaselineRun(
        file=node.needed("file").text(),
        started_at=node.needed("start_time").time(),
        host=node.needed("host").text(),
        partial=node.needed("partial").flag(),
        not_passed=node.needed("not_passed").whole(),
    )


def baseline_of(run: Run, file: str) -> Baseline:
    """Return a run as a baseline; `file` is how its user named it."""
    references = {
        (result.endpoint.vantage, result.endpoint.id): Reference(result.endpoint.measured, result.statistics.phases)
        for result in run.results
    }
    judged = [result for result in run.results if result.endpoint.is_judged]
    not_passed = sum(result.verdict.status != "passed" for result in judged)
    host = run.machine.get("host", "")
    return Baseline(BaselineRun(file, run.started_at, host, run.partial, not_passed), references)


def _gap(node: Node, started_at: datetime.datetime) -> Gap:
    return Gap(
        at_us=max(0, unix_us(node.needed("timestamp").time()) - unix_us(started_at)),
        length_us=round(node.needed("length_s").number() * 1e6),
        cause=node.needed("cause").text(),
        missed=node.needed("missed_checks").whole(),
    )


def _measuring(node: Node, samples: dict[int, list[Sample]]) -> Measuring | None:
    """How late our own clock was is made anew from the samples, as `recording` makes it."""
    if node.value is None:
        return None
    lag, own_clock_checks = DistributionBuilder(), 0
    for sample in (sample for each in samples.values() for sample in each if sample.connect_ms is not None):
        if sample.syn_repeats is None:
            own_clock_checks += 1
        elif sample.syn_repeats == 0 and sample.clock_ms is not None:
            lag.add(max(0, round((sample.clock_ms - cast(float, sample.connect_ms)) * 1000)))
    late_starts = _late_starts(node.get("late_starts"))
    return Measuring(lag=lag.finish(), own_clock_checks=own_clock_checks, late_starts=late_starts)


def _late_starts(node: Node) -> Lateness | None:
    if node.value is None:
        return None
    figures = [round(node.needed(f"{name}_ms").number() * 1000) for name in ("median", "p99", "max")]
    return Lateness(node.needed("starts").whole(), *figures)
