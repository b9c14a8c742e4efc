"""The samples of a `netmon.json`, taken out of it while it is parsed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .plan import Plan
from .safe import for_terminal
from .sample_lines import MOST_TIME_US, SampleFileError, sample_of
from .samples import Sample
from .strict_json import DocumentError, Node, time_of, unix_us, whole_us
from .vantage import LOCAL_VANTAGE

_SAMPLES_A_LOOK = 1_000
#: Times of a sample: values of its line, and those that stand in its detail.
_TIMES, _STAGES = ("connect_ms", "clock_ms", "dns_ms", "rtt_ms"), {"proxy_ms", "tls_ms"}
_OF_DETAIL = {"errno", "icmp", "message", "attempts", "cert_expires_s", "part", *_STAGES}


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


class SampleHook:
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
        for name in (*_TIMES, *(_STAGES & value.keys())):
            ms = value.get(name)
            times_us[name] = us = None if ms is None else whole_us(ms)
            if us is None and ms is not None:
                return _Malformed(f"expected a number of milliseconds or null for {name}")
        try:
            detail = None if _OF_DETAIL.isdisjoint(value) else _detail(value, times_us)
        except DocumentError as error:
            return _Malformed(str(error))
        outcome, address = self._once(value.get("outcome")), self._once(value.get("address"))
        measured_us = [times_us[name] for name in _TIMES]
        fields = [0, value["check"], 0, outcome, *measured_us, value.get("syn_repeats"), address, detail]
        return _Raw(unix_us(time), fields, self._once(value.get("endpoint")))

    def _once(self, value: Any) -> Any:
        """The same text as one object: a million samples have a few."""
        return self._known.setdefault(value, value) if type(value) is str else value


def _detail(value: dict[str, Any], times_us: Mapping[str, int | None]) -> dict[str, Any]:
    detail = {"errno": value.get("errno"), "text": value.get("message"), "cert_expires_s": value.get("cert_expires_s")}
    detail["part"] = value.get("part")
    detail |= {name.replace("_ms", "_us"): times_us.get(name) for name in _STAGES}
    if value.get("icmp") is not None:
        icmp = Node(value["icmp"], "icmp")
        detail["icmp"] = [icmp.needed("type").value, icmp.needed("code").value]
    if value.get("attempts") is not None:
        attempts = Node(value["attempts"], "attempts").items()
        detail["attempts"] = [
            [node.get("address").value, node.get("outcome").value, whole_us(node.get("clock_ms").value)]
            for node in attempts
        ]
    return detail


def samples_by_endpoint(root: Node, plan: Plan, started_us: int) -> dict[int, list[Sample]]:
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
    for vantage, place in ((LOCAL_VANTAGE, root), *parts_by_vantage(root)):
        tries = place.get("waiting_data")
        for each in (place.needed("raw_data"), *(() if tries.value is None else (tries,))):
            for host, ports in each.members():
                for port, node in ports.members():
                    yield vantage, host, port, node


def parts_by_vantage(root: Node) -> list[tuple[str, Node]]:
    vantages = root.get("vantages")
    return [] if vantages.value is None else list(vantages.members())


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
