"""A plan as the sample file keeps it, so that an interrupted run can be judged later. Pure.

A redacted endpoint is kept without its host: its name stands in for it. A vantage is kept without the way to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from .limits import Limit, parse_limit
from .plan import Endpoint, Plan
from .problems import Source
from .proxying import Proxy
from .stages import Tls
from .tolerance import tolerance_of, tolerance_record
from .vantage import Vantage
from .waits import Wait

if TYPE_CHECKING:
    from .baseline import Baseline


class PlanRecordError(ValueError):
    """A record that no plan was kept in; the text says what is wrong with it."""


def record_of(plan: Plan, *, whole: bool = False) -> dict[str, object]:
    """Return `plan` as JSON values. A large baseline is left out, unless the `whole` is wanted."""
    return {
        "max_rate": plan.max_rate,
        "max_rate_per_host": plan.max_rate_per_host,
        "interval_s": plan.interval_s,
        "timeout_s": plan.timeout_s,
        "files": list(plan.files),
        "warnings": list(plan.warnings),
        "vantages": {name: vantage.kind for name, vantage in plan.vantages.items()},
        "baseline": None if plan.baseline is None else _baseline_record(plan, plan.baseline, whole=whole),
        "endpoints": [_endpoint_record(endpoint) for endpoint in plan.endpoints],
    }


def plan_of(record: object) -> Plan:
    """Return the plan that `record_of` was given. Raises PlanRecordError for anything else."""
    try:
        if not isinstance(record, dict):
            raise TypeError("expected an object")
        kinds = record.get("vantages", {}).items()
        fields = {
            **record,
            "files": tuple(record["files"]),
            "endpoints": [endpoint_of(e) for e in record["endpoints"]],
            "baseline": _baseline_of(record.get("baseline")),
            "vantages": {name: Vantage(name=name, kind=kind, way="") for name, kind in kinds},
        }
        return Plan(**fields)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise PlanRecordError(f"no plan is kept in it: {error}") from None


def _baseline_record(plan: Plan, baseline: Baseline, *, whole: bool) -> object:
    from .baseline_record import baseline_record  # most plans have none

    tolerances = {each.id: each.baseline for each in plan.endpoints}
    phases = {name: each.metric.phase or "" for name, each in tolerances.items() if each}
    return baseline_record(baseline, phases, whole=whole)


def _baseline_of(record: object) -> Baseline | None:
    if record is None:
        return None
    from .baseline_record import baseline_of_record

    return baseline_of_record(record)


def _endpoint_record(endpoint: Endpoint) -> dict[str, object]:
    record = {name: getattr(endpoint, name) for name in Endpoint.__slots__}
    record["host"] = endpoint.shown_host
    record["tls"] = None if endpoint.shown_tls is None else asdict(endpoint.shown_tls)
    record["proxy"] = None if endpoint.proxy is None else asdict(endpoint.proxy)
    record["limits"] = tuple([(limit.text, limit.origin) for limit in endpoint.limits])
    record["warn"] = tuple([(limit.text, limit.origin) for limit in endpoint.warn])
    record["baseline"] = tolerance_record(endpoint.baseline)
    record["wait"] = None if endpoint.wait is None else asdict(endpoint.wait)
    source = endpoint.source
    record["source"] = None if source is None else {"file": source.file, "line": source.line, "column": source.column}
    return record


def endpoint_of(record: Mapping[str, object]) -> Endpoint:
    """Return the endpoint that a record says. Raises what its values raise where they are of another kind."""
    # What an older version did not keep, it did not know either.
    limits, warn = _limits(record["limits"]), _limits(record.get("warn", []))
    source = None if record["source"] is None else Source(**record["source"])  # type: ignore[arg-type]
    baseline = tolerance_of(record.get("baseline"))  # type: ignore[arg-type]
    tags: tuple[str, ...] = tuple(record.get("tags", []))  # type: ignore[arg-type]
    wait = Wait(**record["wait"]) if record.get("wait") else None  # type: ignore[arg-type]
    fields = {
        **record,
        "source": source,
        "limits": limits,
        "warn": warn,
        "tags": tags,
        "wait": wait,
        "baseline": baseline,
    }
    return Endpoint(**{**fields, **_stages(record)})  # type: ignore[arg-type]


def _stages(record: Mapping[str, object]) -> dict[str, object]:
    tls, proxy = record.get("tls"), record.get("proxy")
    return {
        "tls": None if tls is None else Tls(**tls),  # type: ignore[arg-type]
        "proxy": None if proxy is None else Proxy(**proxy),  # type: ignore[arg-type]
    }


def _limits(record: object) -> tuple[Limit, ...]:
    return tuple(parse_limit(text, origin) for text, origin in record)  # type: ignore[attr-defined]
