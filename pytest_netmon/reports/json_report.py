"""`netmon.json`: the seed's shape and key names, additions beside them. Pure.

Its schema is `pytest_netmon/schemas/results.schema.json`. Milliseconds keep 3 decimals, which is all that was
measured, rates 6; what was not measured is null.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..baseline import BaselineRun
from ..distributions import Distribution, pooled
from ..limits import PHASES
from ..outcomes import OPEN
from ..plan import Endpoint
from ..run import Measuring, Result, Run
from ..samples import WAITING, Sample
from ..statistics import Statistics
from .json_endpoints import endpoint_documents
from .json_figures import errors_of, figures, in_ms, of_phase, rate, rounded
from .json_text import array, headed, leads, members, nested, on_a_line
from .rounds import rounds_of

#: Of the shape of the file. A reader must know the first number; a second one counts additions.
SCHEMA_VERSION = "1.0"
TOOL_NAME = "pytest-netmon"

#: results by port, and those by host: several entries of a plan may name the same host and port.
_ByPort = dict[int, list[Result]]
_ByHost = dict[str, _ByPort]


def json_chunks(run: Run) -> Iterator[str]:
    """Yield `netmon.json` in pieces, ASCII, ending in a newline; memory does not grow with the number of samples.

    - Keys are hosts (the name where an endpoint is redacted) in the order of the plan. Endpoints of one host and port
      are pooled in `statistics`; their samples follow each other in `raw_data`, each with its `endpoint` id.
    - "successful" is "open", also where `expect: closed` wants it otherwise: the verdicts stand in `endpoints`.
    - `total_checks` are rounds: see `rounds_of`.
    - `statistics`, `raw_data` and `waiting_data` are of what was checked from this machine; those of each other vantage
      stand in `vantages`, under its name.
    - Tries before a measured endpoint was as expected stand in `waiting_data`: all of `raw_data` are checks.

    Raises what `run.store` raises where samples cannot be read.
    """
    local = _by_host([result for result in run.results if result.endpoint.is_local])
    yield f'{{\n  "monitoring_session": {nested(_session(run), 2)},\n  "statistics": '
    yield from _statistics(local)
    yield ',\n  "endpoints": '
    yield from array(nested(endpoint, 4) for endpoint in endpoint_documents(run))
    yield from _samples(local, run)
    elsewhere = dict.fromkeys(each.vantage for each in run.plan.endpoints if not each.is_local)
    if elsewhere:
        yield ',\n  "vantages": '
        yield from members((name, _vantage(name, run)) for name in elsewhere)
    yield "\n}\n"


def _by_host(results: Sequence[Result]) -> _ByHost:
    hosts: _ByHost = {}
    for result in results:
        hosts.setdefault(result.endpoint.shown_host, {}).setdefault(result.endpoint.port, []).append(result)
    return hosts


def _statistics(hosts: _ByHost) -> Iterator[str]:
    yield from members((host, [nested(_host_statistics(ports), 4)]) for host, ports in hosts.items())


def _samples(hosts: _ByHost, run: Run) -> Iterator[str]:
    """The members that hold samples, each behind a comma."""
    yield ',\n  "raw_data": '
    yield from members((host, _raw_data_of(ports, run)) for host, ports in hosts.items())
    every = (result for ports in hosts.values() for results in ports.values() for result in results)
    waited_for = _by_host([result for result in every if result.waited is not None and result.endpoint.measured])
    if waited_for:
        yield ',\n  "waiting_data": '
        yield from members((host, _raw_data_of(ports, run, of_tries=True)) for host, ports in waited_for.items())


def _vantage(name: str, run: Run) -> Iterator[str]:
    """What was checked from another place, and how that place stood in the end."""
    state = run.vantages.get(name)
    hosts = _by_host([result for result in run.results if result.endpoint.vantage == name])
    head = {
        "state": state.state if state else None,
        "text": state.text if state else None,
        "machine": dict(state.machine) if state and state.machine else None,
        "round_trip_ms": in_ms(state.round_trip_us / 1000) if state and state.round_trip_us is not None else None,
    }
    yield "{" + ",".join(f"\n  {on_a_line(key)}: {on_a_line(value)}" for key, value in head.items())
    yield ',\n  "statistics": '
    yield from _statistics(hosts)
    yield from _samples(hosts, run)
    yield "\n}"


def _session(run: Run) -> dict[str, Any]:
    return {
        "start_time": _time(run.started_at),
        "end_time": _time(run.ended_at),
        "targets": list(dict.fromkeys(result.endpoint.shown_host for result in run.results)),
        "ports": sorted({result.endpoint.port for result in run.results}),
        "interval": rounded(run.plan.interval_s, 6),
        "timeout": rounded(run.plan.timeout_s, 6),
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL_NAME, "version": run.tool_version},
        "machine": run.machine,
        "partial": run.partial,
        "gaps": [
            {
                "timestamp": _time(run.started_at + datetime.timedelta(microseconds=gap.at_us)),
                "length_s": rounded(gap.length_us / 1e6, 6),
                "cause": gap.cause,
                "missed_checks": gap.missed,
            }
            for gap in run.gaps
        ],
        "lost_samples": run.lost_samples,
        "warnings": list(run.warnings),
        "measuring": _measuring(run.measuring),
        "baseline": _baseline(run.baseline),
    }


def _measuring(measuring: Measuring | None) -> dict[str, Any] | None:
    if measuring is None:
        return None
    lag, late = measuring.lag, measuring.late_starts
    return {
        "kernel_timed_checks": lag.count,
        "own_clock_checks": measuring.own_clock_checks,
        "lag": {"median_ms": in_ms(lag.median_ms), "p99_ms": in_ms(lag.p99_ms), "max_ms": in_ms(lag.max_ms)},
        "late_starts": None
        if late is None
        else {
            "starts": late.starts,
            "median_ms": in_ms(late.median_us / 1000),
            "p99_ms": in_ms(late.p99_us / 1000),
            "max_ms": in_ms(late.max_us / 1000),
        },
    }


def _baseline(baseline: BaselineRun | None) -> dict[str, Any] | None:
    if baseline is None:
        return None
    return {
        "file": baseline.file,
        "start_time": _time(baseline.started_at),
        "host": baseline.host,
        "partial": baseline.partial,
        "not_passed": baseline.not_passed,
    }


def _host_statistics(ports: _ByPort) -> dict[str, Any]:
    results = [result for port in ports.values() for result in port]
    rounds = rounds_of(results)
    connect = _one([result.statistics.connect for result in results])
    return {
        "total_checks": rounds.total,
        "successful_checks": rounds.successful,
        "success_rate": rate(rounds.successful, rounds.total),
        "ping_statistics": {
            "min_ms": in_ms(connect.min_ms),
            "max_ms": in_ms(connect.max_ms),
            "avg_ms": in_ms(connect.avg_ms),
            "median_ms": in_ms(connect.median_ms),
        },
        "port_statistics": {
            str(port): _port_statistics([result.statistics for result in results]) for port, results in ports.items()
        },
        "error_count": rounds.errors,
    }


def _port_statistics(parts: Sequence[Statistics]) -> dict[str, Any]:
    connect = _one([part.connect for part in parts])
    phases = [part.phases for part in parts]
    return {
        "success_rate": rate(sum(part.successful for part in parts), sum(part.checks for part in parts)),
        "avg_response_time_ms": in_ms(connect.avg_ms),
        "checks": sum(part.checks for part in parts),
        "successful_checks": sum(part.successful for part in parts),
        "local_errors": sum(part.local_errors for part in parts),
        "errors": errors_of(parts),
        "syn_repeats": _sum_of_known(part.syn_repeats for part in parts),
        **figures(connect),
        **{name: of_phase(_one([each[name] for each in phases])) for name in PHASES if name != "connect"},
        "cert_expires_in_s": min(
            (part.cert_expires_in_s for part in parts if part.cert_expires_in_s is not None), default=None
        ),
    }


def _one(distributions: Sequence[Distribution]) -> Distribution:
    """A single one keeps its jitter, which `pooled` cannot know."""
    return distributions[0] if len(distributions) == 1 else pooled(distributions)


def _sum_of_known(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _raw_data_of(ports: _ByPort, run: Run, *, of_tries: bool = False) -> Iterator[str]:
    for lead, (port, results) in zip(leads("{"), ports.items(), strict=False):
        yield from headed(f'{lead}\n      "{port}": ', _sample_lines(results, run, of_tries=of_tries))
    yield "\n    }"


def _sample_lines(results: Sequence[Result], run: Run, *, of_tries: bool) -> Iterator[str]:
    shared = of_tries or len(results) > 1  # others of the same host and port may not have been waited for
    lines = (
        on_a_line(_sample(sample, result.endpoint, run, shared=shared))
        for result in results
        for sample in result.store.of(result.index)
        if (sample.check == WAITING) is of_tries
    )
    yield from array(lines, indent=6)


def _sample(sample: Sample, endpoint: Endpoint, run: Run, *, shared: bool) -> dict[str, Any]:
    shown = {
        "timestamp": _time(run.timestamp_of(sample)),
        "check": sample.check,
        "outcome": sample.outcome,
        "connect_ms": in_ms(sample.connect_ms),
        "clock_ms": in_ms(sample.clock_ms),
        "dns_ms": in_ms(sample.dns_ms),
        "rtt_ms": in_ms(sample.rtt_ms),
        "syn_repeats": sample.syn_repeats,
        "address": None if endpoint.redact else sample.address,
    }
    stages = {
        "proxy_ms": in_ms(sample.proxy_ms),
        "tls_ms": in_ms(sample.tls_ms),
        "cert_expires_s": sample.cert_expires_s,
    }
    shown.update((name, value) for name, value in stages.items() if value is not None)
    if sample.part is not None:
        shown["part"] = sample.part
    if shared:
        shown["endpoint"] = endpoint.id
    if sample.outcome != OPEN:
        shown["errno"] = sample.errno
        shown["icmp"] = {"type": sample.icmp[0], "code": sample.icmp[1]} if sample.icmp else None
        shown["message"] = None if endpoint.redact else sample.message
    if sample.attempts:
        shown["attempts"] = [
            {
                "address": None if endpoint.redact else attempt.address,
                "outcome": attempt.outcome,
                "clock_ms": in_ms(attempt.clock_ms),
            }
            for attempt in sample.attempts
        ]
    return shown


def _time(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="microseconds")
