"""A sample: what one check came to; and the events of a campaign, as values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from .outcomes import OPEN

#: The numbers of checks that are made before those that count: warm-ups, and tries before it was open.
WARM_UP, WAITING = 0, -1


@dataclass(frozen=True, slots=True)
class Attempt:
    """An address that was tried within a check and did not answer (RFC 8305); None where redacted."""

    address: str | None
    outcome: str
    clock_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The record of one check.

    endpoint: index in the plan. check: number, counting from 1; WARM_UP (0) or WAITING (-1) for what is not counted.
    start_us: start of the check in microseconds since the start of the campaign (monotonic).
    outcome: a name from `outcomes.OUTCOMES`; from a newer version's file it may be another.
    connect_ms: SYN sent to handshake complete, from the kernel where it measured it and no SYN
        was repeated, else our clock; None unless the outcome is `open`.
    clock_ms: what our own clock said from the start of the attempt that decided to its end;
        None where there was no attempt (`dns_*`).
    dns_ms: the resolution just before this check; None where none was made.
    rtt_ms: the kernel's round-trip time of the path; None where unknown.
    syn_repeats: SYNs that the kernel sent again; None where the platform does not tell.
    proxy_ms: request to the proxy sent to tunnel ready. tls_ms: connection (or tunnel) ready to TLS handshake
        complete. None where that stage did not end well, or was none.
    cert_expires_s: from the check to the end of the server certificate's validity, negative when it has expired;
        None where no certificate was seen.
    address: the address that answered, or the last one tried.
    errno: its symbol (`ECONNREFUSED`). icmp: (type, code). message: the system's words.
    attempts: addresses that failed before the one that decided.
    part: what of the endpoint it is about, where addresses or families are judged one by one: the address, `IPv4`,
        `IPv6`, of a redacted one `address 1`. None elsewhere, and where the name did not resolve.
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
    proxy_ms: float | None = None
    tls_ms: float | None = None
    cert_expires_s: int | None = None
    address: str | None = None
    errno: str | None = None
    icmp: tuple[int, int] | None = None
    message: str | None = None
    attempts: tuple[Attempt, ...] = ()
    part: str | None = None

    @property
    def is_counted(self) -> bool:
        """Whether the check is a part of the statistics."""
        return self.check > WARM_UP

    @property
    def end_us(self) -> int:
        """When the check was decided, in microseconds since the start of the campaign."""
        attempts_ms = sum(attempt.clock_ms for attempt in self.attempts) if self.attempts else 0.0
        spent_ms = (self.clock_ms or 0.0) + (self.dns_ms or 0.0) + attempts_ms
        # What failed was timed to its end.
        stages_ms = (self.proxy_ms or 0.0) + (self.tls_ms or 0.0) if self.outcome == OPEN else 0.0
        return self.start_us + round((spent_ms + stages_ms) * 1000)


class SampleStore(Protocol):
    """Where the samples of a run can be read again, an endpoint at a time, by check number."""

    def of(self, endpoint: int) -> Iterator[Sample]:
        """Yield the samples of the endpoint with that index, by check number."""
        ...


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: when the campaign started (microseconds of Unix time) and the job's context."""

    started_unix_us: int
    context: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Done:
    """No more samples of the endpoint with that index. samples: how many there were; None where its count says it."""

    endpoint: int
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class WaitOver:
    """The end of waiting for an endpoint. met: whether it was as it was to be. took_us: since the start of the
    campaign. latest: outcomes of the last tries, three at the most. failing: parts that were not so in the last one.
    tries: how many there were."""

    endpoint: int
    met: bool
    took_us: int
    latest: tuple[str, ...]
    failing: tuple[str, ...] = ()
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which the checker itself did not run (suspended, stopped): starts in it are
    left out, not made up for. at_us, length_us: microseconds, as `Sample.start_us`.
    missed: planned starts that fell into it."""

    at_us: int
    length_us: int
    cause: str
    missed: int


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A name resolved again leads elsewhere; host is None where redacted."""

    host: str | None
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """How many samples were measured but not recorded since the last such line, and why."""

    samples: int
    text: str


@dataclass(frozen=True, slots=True)
class Warning_:  # noqa: N801 - `Warning` is a builtin
    """What the prober wants a reader to know; for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Near:
    """An address of another machine answered sooner than one can: `connect_us` microseconds."""

    endpoint: int
    connect_us: int


#: Later than this, and our own clock's times say something of the machine that measures.
LARGE_LATENESS_US = 5_000


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the prober's scheduled starts were, in microseconds; median and p99 within 6 %."""

    starts: int
    median_us: int
    p99_us: int
    max_us: int

    @property
    def doubt(self) -> str | None:
        """Why times that only our own clock took may be too long; None where they are not."""
        if self.p99_us <= LARGE_LATENESS_US:
            return None
        return (
            "connect times are those of the checker's own clock (the kernel does not tell there), and it was late by "
            f"up to {self.p99_us / 1000:.1f} ms (p99): times may be too long by as much"
        )


@dataclass(frozen=True, slots=True)
class End:
    """The last line; reason is `complete`, `stopped` or `orphaned`."""

    reason: str


@dataclass(frozen=True, slots=True)
class VantageState:
    """Checks from another place have `began`, have `ended` (text: the reason, as of `End`) or are `lost` (text: why).
    machine: what that place says of itself. round_trip_us: to there and back, of the connection to it."""

    name: str
    state: str
    text: str | None = None
    machine: Mapping[str, str] | None = None
    round_trip_us: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether no more samples will come from there."""
        return self.state != "began"


Event = VantageState | Done | WaitOver | Gap | AddressChange | Lost | Warning_ | Near | Lateness | End
Record = Header | Sample | Event
