"""`netmon.json` read back as a run, so that any report can be made of it. Pure.

Verdicts are those of the file: nothing is judged twice. Figures are made anew from its samples, and a file whose
samples are not those of its verdicts is refused. Nothing in it is trusted: it may have come from another machine.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from .baseline import Baseline, BaselineRun, Comparison, Reference, State
from .distributions import DistributionBuilder
from .limits import LimitError, Origin, parse_limit, parse_metric
from .outcomes import EXPECTED
from .plan import Close, Endpoint, Plan, identity_texts
from .plan_record import endpoint_of
from .plan_values import mistyped_texts
from .run import Measuring, Result, Run
from .safe import for_terminal
from .samples import MOST_TIME_US, Gap, Lateness, Sample, SampleFileError, VantageState, sample_of
from .stages import stage_texts
from .statistics import Statistics, StatisticsBuilder
from .strict_json import DocumentError, Node, parse, time_of, unix_us, whole_us
from .vantage import LOCAL_VANTAGE
from .verdict import LimitResult, Status, Verdict
from .waited import Waited
from .waits import wait_texts

#: Some two million samples.
MOST_BYTES = 512 << 20
#: The first number of the versions that can be read.
_VERSION = "1"
_TOOL = "pytest-netmon"
#: What the address of a redacted endpoint is while it is looked at: its name stands in for it, which is no host.
_REDACTED_HOST = "redacted.invalid"
_SAMPLES_A_LOOK = 1_000
#: Times of a sample: values of its line, and those that stand in its detail.
_TIMES, _STAGES = ("connect_ms", "clock_ms", "dns_ms", "rtt_ms"), ("proxy_ms", "tls_ms")


@dataclass(slots=True)
class _Raw:
    """An object of `raw_data` as the values of a sample's line. time_us: Unix time of its start."""

    time_us: int
    fields: list[Any]
    endpoint: str | None


@dataclass(frozen=True, slots=True)
class _Malformed:
    """What is wrong with an object of `raw_data`, whose path is not known yet."""

    text: str


class ReadStore:
    """The samples of a file, by the index of their endpoint; a `samples.SampleStore`."""

    def __init__(self, samples: dict[int, list[Sample]]) -> None:
        self._samples = samples

    def of(self, endpoint: int) -> Iterator[Sample]:
        return iter(self._samples.get(endpoint, ()))


def run_of_results(text: str, look: Callable[[int], None] | None = None) -> Run:
    """Return the run that a `netmon.json` tells of, as far as the file knows it: not the plan's rates.

    look: called now and then with the number of samples read. Raises DocumentError with the path of what is wrong.
    """
    if len(text) > MOST_BYTES:
        raise DocumentError(f"expected at most {MOST_BYTES >> 20} MiB, got more: merge fewer or shorter runs")
    root = parse(text, _Counting(look))
    session = root.needed("monitoring_session")
    _refuse_other_versions(session)
    started_at = session.needed("start_time").time()
    endpoints = [(node, _endpoint(node)) for node in root.needed("endpoints").items()]
    plan = _plan(session, endpoints)
    samples = _samples_by_endpoint(root, plan, unix_us(started_at))
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


class _Counting:
    """The hook that takes samples out of a document while it is read: as objects they would fill the memory."""

    def __init__(self, look: Callable[[int], None] | None) -> None:
        self._look = look
        self._samples = 0
        self._known: dict[str, str] = {}

    def __call__(self, value: dict[str, Any]) -> Any:
        if "timestamp" not in value or "check" not in value:
            return value
        self._samples += 1
        if self._look and self._samples % _SAMPLES_A_LOOK == 0:
            self._look(self._samples)
        time = time_of(value["timestamp"])
        if time is None:
            return _Malformed("expected a timestamp such as 2026-07-01T12:30:00.000000+02:00")
        times_us: dict[str, int | None] = {}
        for name in (*_TIMES, *_STAGES):
            ms = value.get(name)
            times_us[name] = None if ms is None else whole_us(ms)
            if ms is not None and times_us[name] is None:
                return _Malformed(f"expected a number of milliseconds or null for {name}")
        try:
            detail = _detail(value, {name: times_us[name] for name in _STAGES})
        except DocumentError as error:
            return _Malformed(str(error))
        texts = [self._once(value.get(name)) for name in ("outcome", "address", "endpoint")]
        fields = [
            0,
            value["check"],
            0,
            texts[0],
            *(times_us[name] for name in _TIMES),
            value.get("syn_repeats"),
            texts[1],
            detail,
        ]
        return _Raw(unix_us(time), fields, texts[2])

    def _once(self, value: Any) -> Any:
        """The same text as one object: a million samples have a few."""
        return self._known.setdefault(value, value) if type(value) is str else value


def _detail(value: dict[str, Any], stages_us: Mapping[str, int | None]) -> dict[str, Any] | None:
    detail = {"errno": value.get("errno"), "text": value.get("message"), "cert_expires_s": value.get("cert_expires_s")}
    detail |= {name.replace("_ms", "_us"): us for name, us in stages_us.items()}
    if value.get("icmp") is not None:
        icmp = Node(value["icmp"], "icmp")
        detail["icmp"] = [icmp.needed("type").value, icmp.needed("code").value]
    if value.get("attempts") is not None:
        attempts = Node(value["attempts"], "attempts").items()
        detail["attempts"] = [
            [node.get("address").value, node.get("outcome").value, whole_us(node.get("clock_ms").value)]
            for node in attempts
        ]
    return detail if any(each is not None for each in detail.values()) else None


def _endpoint(node: Node) -> Endpoint:
    """The endpoint as its settings say; what a later version may have added is passed over."""
    settings = node.needed("settings").members_dict()
    source = node.get("source")
    record = {name: settings[name] for name in Endpoint.__slots__ if name in settings}
    record |= {name: node.get(name).value for name in ("host", "port", "name", "vantage", "skip")}
    record |= {name: [*_written_limits(node.needed(name))] for name in ("limits", "warn")}
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
    for name, known in (("expect", tuple(EXPECTED)), ("close", get_args(Close))):
        if settings.needed(name).text() not in known:
            settings.needed(name).wrong(f"one of {', '.join(known)}")
    node.needed("host").text()
    shown = replace(endpoint, host=_REDACTED_HOST) if endpoint.redact is True else endpoint
    stages = stage_texts(endpoint.hold_s, endpoint.tls, endpoint.proxy, redacted=endpoint.redact)
    for text in (*mistyped_texts(endpoint), *identity_texts(shown), *wait_texts(endpoint.wait), *stages):
        node.refuse(for_terminal(text, None))


def _written_limits(node: Node) -> Iterator[tuple[str, str]]:
    """The endpoint's own limits: the built-in one comes back by itself."""
    for limit in node.items():
        origin = limit.needed("origin").text()
        if origin not in get_args(Origin):
            limit.needed("origin").wrong(f"one of {', '.join(get_args(Origin))}")
        if origin != "built-in":
            yield limit.needed("limit").text(), origin


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


def _samples_by_endpoint(root: Node, plan: Plan, started_us: int) -> dict[int, list[Sample]]:
    indexes: dict[tuple[str, str, int], list[int]] = {}
    for index, endpoint in enumerate(plan.endpoints):
        indexes.setdefault((endpoint.vantage, endpoint.shown_host, endpoint.port), []).append(index)
    samples: dict[int, list[Sample]] = {}
    for vantage, host, port, node in _sampled(root):
        key = (vantage, host, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0)
        if key not in indexes:
            node.refuse("samples of no endpoint in this file")
        for raw in node.items():
            index = _whose(raw, plan, indexes[key])
            samples.setdefault(index, []).append(_sample(raw, index, started_us))
    for each in samples.values():
        each.sort(key=lambda sample: sample.check)
    return samples


def _sampled(root: Node) -> Iterator[tuple[str, str, str, Node]]:
    """Each list of samples with its vantage, host and port."""
    for vantage, place in ((LOCAL_VANTAGE, root), *_vantages(root)):
        tries = place.get("waiting_data")
        for each in (place.needed("raw_data"), *(() if tries.value is None else (tries,))):
            for host, ports in each.members():
                for port, node in ports.members():
                    yield vantage, host, port, node


def _vantages(root: Node) -> list[tuple[str, Node]]:
    vantages = root.get("vantages")
    return [] if vantages.value is None else list(vantages.members())


def _vantage_states(root: Node) -> dict[str, VantageState]:
    """How other places stood in the end; none of those of which nothing is known."""
    states = {}
    for name, node in _vantages(root):
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


def _whose(raw: Node, plan: Plan, indexes: Sequence[int]) -> int:
    """The endpoint that a sample is of; those that share a host and a port say so themselves."""
    value = raw.value
    if isinstance(value, _Malformed):
        raw.refuse(value.text)
    if not isinstance(value, _Raw):
        raw.wrong("a sample with its timestamp and its check")
    fitting = [index for index in indexes if value.endpoint in (None, plan.endpoints[index].id)]
    if len(fitting) != 1:
        raw.refuse("expected a sample that says by endpoint which of the endpoints here it is of")
    return fitting[0]


def _sample(raw: Node, index: int, started_us: int) -> Sample:
    value: _Raw = raw.value
    start_us = value.time_us - started_us
    if not 0 <= start_us <= MOST_TIME_US:
        raw.refuse("expected a timestamp from monitoring_session.start_time on")
    value.fields[0], value.fields[2] = index, start_us
    try:
        return sample_of(value.fields)
    except SampleFileError as error:
        raw.refuse(for_terminal(str(error)))


def _result(index: int, node: Node, endpoint: Endpoint, store: ReadStore) -> Result | None:
    """None for an endpoint that was not checked."""
    recorded = node.needed("statistics")
    if recorded.value is None:
        return None
    builder = StatisticsBuilder()
    for sample in store.of(index):
        if sample.is_counted:
            builder.add(sample)
    statistics = builder.finish()
    _refuse_other_samples(recorded, statistics)
    return Result(
        index=index,
        endpoint=endpoint,
        statistics=statistics,
        verdict=_verdict(node),
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
    )


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


def _verdict(node: Node) -> Verdict:
    status, reasons = node.needed("verdict").value, node.needed("reasons").texts()
    if status is None:  # watched without limits
        status = "inconclusive" if reasons else "passed"
    if status not in get_args(Status):
        node.needed("verdict").wrong(f"one of {', '.join(get_args(Status))}")
    return Verdict(
        status=cast(Status, status),
        limits=tuple(_limit_result(each) for each in node.needed("limits").items()),
        reasons=reasons,
        notes=node.needed("notes").texts(),
        warn=tuple(_limit_result(each) for each in node.needed("warn").items()),
        baseline=_comparison(node.get("baseline")),
        failed_controls=() if node.get("failed_controls").value is None else node.get("failed_controls").texts(),
    )


def _comparison(node: Node) -> Comparison | None:
    if node.value is None:
        return None
    state, metric = node.needed("state"), node.needed("metric")
    if state.text() not in get_args(State):
        state.wrong(f"one of {', '.join(get_args(State))}")
    try:
        known = parse_metric(metric.text())
    except LimitError as error:
        metric.refuse(for_terminal(str(error)))
    return Comparison(
        state=cast(State, state.value),
        ok=node.needed("ok").flag(),
        metric=known,
        value_ms=node.needed("value_ms").number_or_none(),
        baseline_ms=node.needed("baseline_ms").number_or_none(),
        samples=node.needed("samples").whole(),
        baseline_samples=node.needed("baseline_samples").whole(),
        p=node.needed("p").number_or_none(),
        tests=node.needed("tests").whole(),
        text=node.needed("text").text(),
    )


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


def _limit_result(node: Node) -> LimitResult:
    origin = cast(Origin, node.needed("origin").text())  # looked at with the endpoint
    try:
        limit = parse_limit(node.needed("limit").text(), origin)
    except LimitError as error:
        node.needed("limit").refuse(for_terminal(str(error)))
    return LimitResult(limit, node.needed("value").number_or_none(), node.needed("ok").flag())


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
