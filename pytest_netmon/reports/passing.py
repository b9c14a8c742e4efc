"""What there is to tell of an endpoint that passed: in most runs all that is told. Pure."""

from __future__ import annotations

from ..run import Result
from ..safe import for_terminal
from .layout import shown_ms
from .naming import shown_name
from .parts import kind_of
from .stages import told_stages


def passed_line(result: Result) -> str:
    """Return id, address and times of an endpoint that passed, harmless for a terminal."""
    return f"{shown_name(result)}  {what_passed(result)}"


def what_passed(result: Result) -> str:
    """Return the same without its name."""
    statistics, connect = result.statistics, result.statistics.connect
    if not result.endpoint.expects_open:
        every = result.endpoint.measured or result.verdict.parts
        outcomes = statistics.errors if every else [for_terminal(statistics.last_outcome or "")]
        told = f"closed ({', '.join(outcomes)})"
    elif result.endpoint.measured:
        shares = f"{statistics.successful} of {statistics.checks}"
        told = f"{shares}, median {shown_ms(connect.median_ms)} ms, max {shown_ms(connect.max_ms)} ms"
        told += told_stages(statistics)
    else:
        told = f"{shown_ms(connect.avg_ms)} ms{told_stages(statistics)}"
    each = [f"each of {kind_of(result.verdict.parts, len(result.verdict.parts))}"] if result.verdict.parts else []
    return "; ".join([told, *each, *map(for_terminal, result.verdict.notes)])
