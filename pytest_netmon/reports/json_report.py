"""`netmon.json`: the seed's shape and key names, additions beside them. Pure.

Its schema is `pytest_netmon/schemas/results.schema.json`. Milliseconds keep 3 decimals, which is all that was
measured, rates 6; what was not measured is null.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..baseline import BaselineRun
from ..baseline_record import comparison_record
from ..distributions import Distribution, pooled
from ..limits import PHASES, Limit
from ..outcomes import OPEN
from ..plan import Endpoint
from ..run import Measuring, Result, Run
from ..samples import WAITING, Sample
from ..statistics import Statistics
from ..tolerance import tolerance_record
from ..verdict import limits_in_force
from .json_text import array, leads, members, nested, on_a_line
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
    local = [result for result in run.results if result.endpoint.is_local]
    yield f'{{\n  "monitoring_session": {nested(_session(run), 2)},\n  "statistics": '
    yield from _statistics(local)
    yield ',\n  "endpoints": '
    yield from array(nested(endpoint, 4) for endpoint in _endpoints(run))
    yield from _samples(local, run)
    elsewhere = dict.fromkeys(each.vantage for each in run.plan.endpoints if not each.is_local)
    if elsewhere:
        yield ',\n  "vantages": '
        yield from members((name, _vantage(name, run)) for name in elsewhere)
    yield "\n}\n"


def rounded(value: float | None, decimals: int) -> float | None:
    """Return `value` with that many decimals; None for what was not measured, or is no number."""
    return None if value is None or not math.isfinite(value) else round(value, decimals)


def _by_host(results: Sequence[Result]) -> _ByHost:
    hosts: _ByHost = {}
    for result in results:
        hosts.setdefault(result.endpoint.shown_host, {}).setdefault(result.endpoint.port, []).append(result)
    return hosts


def _statistics(results: Sequence[Result]) -> Iterator[str]:
    yield from members((host, [nested(_host_statistics(ports), 4)]) for host, ports in _by_host(results).items())


def _samples(results: Sequence[Result], run: Run) -> Iterator[str]:
    """The members that hold samples, each behind a comma."""
    yield ',\n  "raw_data": '
    yield from members((host, _raw_data_of(ports, run)) for host, ports in _by_host(results).items())
    waited_for = _by_host([result for result in results if result.waited is not None and result.endpoint.measured])
    if waited_for:
        yield ',\n  "waiting_data": '
        yield from members((host, _raw_data_of(ports, run, of_tries=True)) for host, ports in waited_for.items())


def _vantage(name: str, run: Run) -> Iterator[str]:
    """What was checked from another place, and how that place stood in the end."""
    state = run.vantages.get(name)
    results = [result for result in run.results if result.endpoint.vantage == name]
    head = {
        "state": state.state if state else None,
        "text": state.text if state else None,
        "machine": dict(state.machine) if state and state.machine else None,
        "round_trip_ms": _ms(state.round_trip_us / 1000) if state and state.round_trip_us is not None else None,
    }
    yield "{" + ",".join(f"\n  {on_a_line(key)}: {on_a_line(value)}" for key, value in head.items())
    yield ',\n  "statistics": '
    yield from _statistics(results)
    yield from _samples(results, run)
    yield "\n}"


def _session(run: Run) -> dict[str, Any]:
    hosts = _by_host(run.results)
    return {
        "start_time": _time(run.started_at),
        "end_time": _time(run.ended_at),
        "targets": list(hosts),
        "ports": sorted({port for ports in hosts.values() for port in ports}),
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
        "lag": {"median_ms": _ms(lag.median_ms), "p99_ms": _ms(lag.p99_ms), "max_ms": _ms(lag.max_ms)},
        "late_starts": None
        if late is None
        else {
            "starts": late.starts,
            "median_ms": _ms(late.median_us / 1000),
            "p99_ms": _ms(late.p99_us / 1000),
            "max_ms": _ms(late.max_us / 1000),
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
    connect = pooled(result.statistics.connect for result in results)
    return {
        "total_checks": rounds.total,
        "successful_checks": rounds.successful,
        "success_rate": _rate(rounds.successful, rounds.total),
        "ping_statistics": {
            "min_ms": _ms(connect.min_ms),
            "max_ms": _ms(connect.max_ms),
            "avg_ms": _ms(connect.avg_ms),
            "median_ms": _ms(connect.median_ms),
        },
        "port_statistics": {
            str(port): _port_statistics([result.statistics for result in results]) for port, results in ports.items()
        },
        "error_count": rounds.errors,
    }


def _port_statistics(parts: Sequence[Statistics]) -> dict[str, Any]:
    connect = _one([part.connect for part in parts])
    return {
        "success_rate": _rate(sum(part.successful for part in parts), sum(part.checks for part in parts)),
        "avg_response_time_ms": _ms(connect.avg_ms),
        "checks": sum(part.checks for part in parts),
        "successful_checks": sum(part.successful for part in parts),
        "local_errors": sum(part.local_errors for part in parts),
        "errors": _errors(parts),
        "syn_repeats": _sum_of_known(part.syn_repeats for part in parts),
        **_figures(connect),
        **{name: _phase(_one([part.phases[name] for part in parts])) for name in PHASES if name != "connect"},
        "cert_expires_in_s": min(
            (part.cert_expires_in_s for part in parts if part.cert_expires_in_s is not None), default=None
        ),
    }


def _endpoints(run: Run) -> Iterator[dict[str, Any]]:
    """All of the plan: also those that were skipped, deselected or not reached before the end."""
    results = {result.index: result for result in run.results}
    for index, endpoint in enumerate(run.plan.endpoints):
        result = results.get(index)
        yield {**_settings(endpoint), **(_judged(result) if result else _not_judged(endpoint))}


def _settings(endpoint: Endpoint) -> dict[str, Any]:
    source = endpoint.source
    return {
        "id": endpoint.id,
        "host": endpoint.shown_host,
        "port": endpoint.port,
        "name": endpoint.name,
        "vantage": endpoint.vantage,
        "source": {"file": source.file, "line": source.line or None, "column": source.column or None}
        if source
        else None,
        "settings": {
            "measured": endpoint.measured,
            "watched": endpoint.watched,
            "count": endpoint.count,
            "warmup": endpoint.warmup,
            "interval_s": rounded(endpoint.interval_s, 6),
            "timeout_s": rounded(endpoint.timeout_s, 6),
            "wait": _wait(endpoint),
            "expect": endpoint.expect,
            "baseline": tolerance_record(endpoint.baseline),
            "control": endpoint.control,
            "xfail": endpoint.xfail,
            "redact": endpoint.redact,
            "close": endpoint.close,
            "hold_s": rounded(endpoint.hold_s, 6),
            "tls": None if endpoint.shown_tls is None else dataclasses.asdict(endpoint.shown_tls),
            "proxy": None if endpoint.proxy is None else dataclasses.asdict(endpoint.proxy),
            "family": endpoint.family,
            "addresses": endpoint.addresses,
            "tags": list(endpoint.tags),
        },
        "skip": endpoint.skip,
    }


def _wait(endpoint: Endpoint) -> dict[str, Any] | None:
    wait = endpoint.wait
    if wait is None:
        return None
    return {
        "timeout_s": rounded(wait.timeout_s, 6),
        "interval_s": rounded(wait.interval_s, 6),
        "stable": wait.stable,
    }


def _parts(result: Result) -> list[dict[str, Any]]:
    """Each address or family that was judged by itself; where a wait decided, without a verdict."""
    verdicts = result.verdict.parts
    return [
        {
            "part": name,
            "statistics": _endpoint_statistics(statistics),
            "verdict": verdicts[name].status if name in verdicts and result.endpoint.is_judged else None,
            "reasons": list(verdicts[name].reasons) if name in verdicts else [],
            "notes": list(verdicts[name].notes) if name in verdicts else [],
            "limits": [_limit(each.limit, each.value, each.ok) for each in verdicts[name].limits]
            if name in verdicts
            else [],
        }
        for name, statistics in result.statistics.parts.items()
    ]


def _waited(result: Result) -> dict[str, Any] | None:
    waited = result.waited
    if waited is None:
        return None
    return {
        "met": waited.met,
        "took_s": rounded(waited.took_s, 6),
        "tries": waited.made,
        "outcomes": dict(waited.outcomes),
        "latest": list(waited.latest),
        "failing": list(waited.failing),
    }


def _judged(result: Result) -> dict[str, Any]:
    verdict = result.verdict
    return {
        "complete": result.complete,
        "address": None if result.endpoint.redact else result.address,
        "waited": _waited(result),
        "statistics": _endpoint_statistics(result.statistics),
        "addresses": _parts(result),
        "verdict": verdict.status if result.endpoint.is_judged else None,
        "reasons": list(verdict.reasons),
        "notes": list(verdict.notes),
        "failed_controls": list(verdict.failed_controls),
        "baseline": comparison_record(verdict.baseline),
        "limits": [_limit(each.limit, each.value, each.ok) for each in verdict.limits],
        "warn": [_limit(each.limit, each.value, each.ok) for each in verdict.warn],
    }


def _not_judged(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "complete": False,
        "address": None,
        "waited": None,
        "statistics": None,
        "addresses": [],
        "verdict": None,
        "reasons": [],
        "notes": [],
        "failed_controls": [],
        "baseline": None,
        "limits": [_limit(limit, None, None) for limit in limits_in_force(endpoint)],
        "warn": [_limit(limit, None, None) for limit in endpoint.warn],
    }


def _endpoint_statistics(statistics: Statistics) -> dict[str, Any]:
    return {
        "checks": statistics.checks,
        "successful_checks": statistics.successful,
        "success_rate": rounded(statistics.success_rate, 6),
        "local_errors": statistics.local_errors,
        "errors": _errors([statistics]),
        "consecutive_failures": statistics.consecutive_failures,
        "outage_s": rounded(statistics.outage_s, 6),
        "syn_repeats": statistics.syn_repeats,
        **{name: _phase(phase) for name, phase in statistics.phases.items()},
        "cert_expires_in_s": statistics.cert_expires_in_s,
        "first_success": statistics.first_success,
        "last_outcome": statistics.last_outcome,
    }


def _limit(limit: Limit, value: float | None, ok: bool | None) -> dict[str, Any]:
    decimals = 3 if limit.metric.unit == "ms" else 6
    return {
        "limit": limit.text,
        "metric": limit.metric.name,
        "op": limit.op,
        "allowed": rounded(limit.value, decimals),
        "unit": limit.metric.unit,
        "value": rounded(value, decimals),
        "ok": ok,
        "origin": limit.origin,
    }


def _phase(phase: Distribution) -> dict[str, Any]:
    return {"count": phase.count, "avg_ms": _ms(phase.avg_ms), **_figures(phase)}


def _figures(phase: Distribution) -> dict[str, Any]:
    return {
        "min_ms": _ms(phase.min_ms),
        "median_ms": _ms(phase.median_ms),
        "p95_ms": _ms(phase.percentile_ms(95)),
        "p99_ms": _ms(phase.percentile_ms(99)),
        "max_ms": _ms(phase.max_ms),
        "stdev_ms": _ms(phase.stdev_ms),
        "jitter_ms": _ms(phase.jitter_ms),
    }


def _one(distributions: Sequence[Distribution]) -> Distribution:
    """A single one keeps its jitter, which `pooled` cannot know."""
    return distributions[0] if len(distributions) == 1 else pooled(distributions)


def _errors(parts: Iterable[Statistics]) -> dict[str, int]:
    errors: dict[str, int] = {}
    for part in parts:
        for outcome, times in part.errors.items():
            errors[outcome] = errors.get(outcome, 0) + times
    return dict(sorted(errors.items()))


def _sum_of_known(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _raw_data_of(ports: _ByPort, run: Run, *, of_tries: bool = False) -> Iterator[str]:
    for lead, (port, results) in zip(leads("{"), ports.items(), strict=False):
        yield f'{lead}\n      "{port}": '
        yield from _sample_lines(results, run, of_tries=of_tries)
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
        "connect_ms": _ms(sample.connect_ms),
        "clock_ms": _ms(sample.clock_ms),
        "dns_ms": _ms(sample.dns_ms),
        "rtt_ms": _ms(sample.rtt_ms),
        "syn_repeats": sample.syn_repeats,
        "address": None if endpoint.redact else sample.address,
    }
    stages = {"proxy_ms": _ms(sample.proxy_ms), "tls_ms": _ms(sample.tls_ms), "cert_expires_s": sample.cert_expires_s}
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
                "clock_ms": _ms(attempt.clock_ms),
            }
            for attempt in sample.attempts
        ]
    return shown


def _ms(value: float | None) -> float | None:
    return rounded(value, 3)


def _rate(part: int, whole: int) -> float | None:
    return rounded(part / whole, 6) if whole else None


def _time(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="microseconds")
