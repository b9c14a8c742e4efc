"""A sample: what one check came to, and its line in the sample file. Pure.

The prober appends to the sample file (NDJSON, UTF-8), others read it. `prober/protocol.py`
writes down the lines; this module turns them into values and trusts nothing in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Attempt:
    """An address that was tried within a check and did not answer (RFC 8305)."""

    address: str
    outcome: str
    clock_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The record of one check.

    endpoint: index in the plan. check: number, counting from 1.
    start_us: start of the check in microseconds since the start of the campaign (monotonic).
    outcome: a name from `outcomes.OUTCOMES`.
    connect_ms: SYN sent to handshake complete, from the kernel where it measured it and no SYN
        was repeated, else our clock; None unless the outcome is `open`.
    clock_ms: what our own clock said from the start of the attempt that decided to its end;
        None where there was no attempt (`dns_*`).
    dns_ms: the resolution just before this check; None where none was made.
    rtt_ms: the kernel's round-trip time of the path; None where unknown.
    syn_repeats: SYNs that the kernel sent again; None where the platform does not tell.
    address: the address that answered, or the last one tried.
    errno: its symbol (`ECONNREFUSED`). icmp: (type, code). message: the system's words.
    attempts: addresses that failed before the one that decided.
    """

    endpoint: int
    check: int
    start_us: int
    outcome: str
    connect_ms: float | None = None
    clock_ms: float | None = None
    dns_ms: float | None = None
    rtt_ms: float | None = None
    syn_repeats: int | None = None
    address: str | None = None
    errno: str | None = None
    icmp: tuple[int, int] | None = None
    message: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def end_us(self) -> int:
        """When the check was decided, in microseconds since the start of the campaign."""
        spent_ms = (self.clock_ms or 0.0) + (self.dns_ms or 0.0) + sum(a.clock_ms for a in self.attempts)
        return self.start_us + round(spent_ms * 1000)


class SampleStore(Protocol):
    """Where the samples of a run can be read again, an endpoint at a time, by check number."""

    def of(self, endpoint: int) -> Iterator[Sample]:
        """Yield the samples of the endpoint with that index, by check number."""
        ...
