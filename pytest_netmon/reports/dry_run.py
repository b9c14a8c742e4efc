"""What a dry run shows: endpoints, what is in force for each and where it came from, how long it will take. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..addresses import choice_in_words, shown_parts
from ..baseline import shown_tolerance
from ..limits import Limit
from ..plan import Endpoint, Plan
from ..safe import for_terminal
from ..units import spell_duration
from ..verdict import limits_in_force
from .layout import counted, in_columns, placed_id
from .stages import stage_words
from .waiting import waits_told

_INDENT = "    "


def dry_run_lines(
    plan: Plan, endpoints: Sequence[Endpoint], addresses: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Return what would be done for `endpoints` of the plan, harmless for a terminal.

    addresses: host -> the addresses to be tried, in their order, or what was said instead; None where
    nothing was resolved.
    """
    lines = []
    for endpoint in endpoints:
        lines += [_heading(endpoint), *_limit_lines(endpoint, plan)]
        if addresses is not None and not endpoint.redact and endpoint.skip is None:
            told = _shown_addresses(endpoint, addresses.get(endpoint.looked_up_host, ()))
            lines.append(f"{_INDENT}addresses{' of the proxy' if endpoint.proxy else ''}: {told}")
    return [*lines, _total(plan, endpoints)]


def _shown_addresses(endpoint: Endpoint, found: Sequence[str]) -> str:
    shown = ", ".join(map(for_terminal, shown_parts(found, endpoint.family, endpoint.addresses)))
    each = "each of " if endpoint.has_parts and endpoint.family != "both" else ""
    return f"{each}{shown}" if shown else "none of that family"


def _heading(endpoint: Endpoint) -> str:
    host = endpoint.host if endpoint.name and not endpoint.redact else None
    where = [for_terminal(str(part)) for part in (host, endpoint.source) if part]
    name = placed_id(endpoint) + (f" ({', '.join(where)})" if where else "")
    if endpoint.skip is not None:
        return f"{name}: skipped, {for_terminal(endpoint.skip)}"
    kinds = [words for _, words in stage_words(endpoint)]
    kinds += ["control"] if endpoint.control else []
    kinds += [] if endpoint.expects_open else [f"expected {endpoint.expect}"]
    choice = choice_in_words(endpoint.family, endpoint.addresses)
    kinds += [choice] if choice else []
    kinds += ["expected to fail"] if endpoint.xfail is not None else []
    kinds += [f"tags {', '.join(endpoint.tags)}"] if endpoint.tags else []
    return f"{name}: {'; '.join([_schedule(endpoint), *kinds])}"


def _schedule(endpoint: Endpoint) -> str:
    timeout = f"timeout {spell_duration(endpoint.timeout_s)}"
    if endpoint.wait is not None:
        in_a_row = f" {endpoint.wait.stable} times in a row" if endpoint.wait.stable > 1 else ""
        every, most = spell_duration(endpoint.wait.interval_s), spell_duration(endpoint.wait.timeout_s)
        waiting = f"waited for until {endpoint.expect}{in_a_row}, a try every {every} for {most} at most"
        return f"{waiting}, then {_checks(endpoint)}, {timeout}" if endpoint.measured else f"{waiting}, {timeout}"
    if not endpoint.measured:
        return f"reached, {counted(endpoint.count or 1, 'try', 'tries')} at most, {timeout}"
    return f"{_checks(endpoint)}, {timeout}"


def _checks(endpoint: Endpoint) -> str:
    number = counted(endpoint.count or 0, "check")
    warmup = f" after {counted(endpoint.warmup, 'warmup check')}" if endpoint.warmup else ""
    every = f" every {spell_duration(endpoint.interval_s)}" if endpoint.is_repeated else ""
    return f"{number}{warmup}{every}"


def _limit_lines(endpoint: Endpoint, plan: Plan) -> list[str]:
    rows = [_row("limit", limit) for limit in limits_in_force(endpoint)]
    rows += [_row("warn", limit) for limit in endpoint.warn]
    if plan.baseline and endpoint.baseline and endpoint.is_compared:
        allowed = f"{endpoint.baseline.metric.shown_name} {shown_tolerance(endpoint.baseline)}"
        rows.append(("baseline", allowed, f"({for_terminal(plan.baseline.run.file)})"))
    return [_INDENT + line for line in in_columns(rows)] if rows else []


def _row(kind: str, limit: Limit) -> tuple[str, str, str]:
    return kind, limit.text, f"({limit.origin})"


def _total(plan: Plan, endpoints: Sequence[Endpoint]) -> str:
    checked = [endpoint for endpoint in endpoints if endpoint.skip is None]
    planned_s = max((endpoint.planned_duration_s for endpoint in checked), default=0.0)
    rate = math.fsum(1 / endpoint.interval_s for endpoint in checked if endpoint.is_repeated)
    told = [counted(len(checked), "endpoint")]
    told += [f"planned {planned_s:.1f} s at up to {rate:.1f} checks/s"] if rate else []
    told[-1] += waits_told(checked)
    told += [f"{len(endpoints) - len(checked)} skipped"] if len(checked) < len(endpoints) else []
    told += [f"{plan.deselected} left out by tags"] if plan.deselected else []
    return f"{', '.join(told)}; nothing was sent"
