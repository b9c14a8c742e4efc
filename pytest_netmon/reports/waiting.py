"""How long is waited at most, and how far a wait is, in a line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..plan import Endpoint
from ..safe import for_terminal
from ..units import spell_duration
from .layout import placed_id

#: What a line has room for.
_MOST_NAMED = 10


def waits_told(endpoints: Iterable[Endpoint]) -> str:
    """Return `, after waits of 60 s at most` for what is waited for first; nothing where nothing is."""
    longest_s = max((endpoint.wait.timeout_s for endpoint in endpoints if endpoint.wait), default=0.0)
    return f", after waits of {spell_duration(longest_s)} at most" if longest_s else ""


def waiting_line(pending: Sequence[tuple[Endpoint, str | None]], total: int, elapsed_s: float) -> str:
    """Return how far a wait is, with the latest outcome of each that is waited for (None: none yet):
    `netmon: 12.3 s of 60 s, waiting for 2 of 5: db:5432 (refused), cache:6379 (dns_not_found)`."""
    named = [_named(endpoint, outcome) for endpoint, outcome in pending[:_MOST_NAMED]]
    more = len(pending) - len(named)
    names = ", ".join(named) + (f" and {more} more" if more else "")
    longest_s = max((endpoint.wait.timeout_s for endpoint, _ in pending if endpoint.wait), default=0.0)
    return f"netmon: {elapsed_s:.1f} s of {longest_s:.10g} s, waiting for {len(pending)} of {total}: {names}"


def _named(endpoint: Endpoint, outcome: str | None) -> str:
    name = placed_id(endpoint)
    return name if outcome is None else f"{name} ({for_terminal(outcome)})"
