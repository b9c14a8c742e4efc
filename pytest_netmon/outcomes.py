"""Every outcome of a check, its likely cause and what to try next: one table for all reports. Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: After one of these a reached endpoint is tried again (product.md, "Reached or measured").
TRANSIENT = ("timeout", "reset", "dns_failed", "dns_timeout")
#: What counts as closed under `expect: closed`.
CLOSED = ("refused", "timeout", "prohibited")


@dataclass(frozen=True, slots=True)
class Outcome:
    """name: as in samples, JSON and `errors.NAME`. cause: likely cause, one line; next_step: what to try, one line."""

    name: str
    cause: str
    next_step: str


OUTCOMES: dict[str, Outcome] = {}
