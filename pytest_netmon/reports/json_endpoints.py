"""What `netmon.json` says of each endpoint. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from ..baseline_record import comparison_record
from ..limits import Limit
from ..plan import Endpoint
from ..run import Result, Run
from ..statistics import Statistics
from ..tolerance import tolerance_record
from ..verdict import limits_in_force
from .json_figures import errors_of, of_phase, rounded


def endpoint_documents(run: Run) -> Iterator[dict[str, Any]]:
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
        "errors": errors_of([statistics]),
        "consecutive_failures": statistics.consecutive_failures,
        "outage_s": rounded(statistics.outage_s, 6),
        "syn_repeats": statistics.syn_repeats,
        **{name: of_phase(phase) for name, phase in statistics.phases.items()},
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
