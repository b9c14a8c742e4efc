"""The things that the engine works on: endpoints, names, checks, attempts. State only, no decisions."""

from __future__ import annotations

import json
import socket
from collections import deque
from typing import Deque, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from .dialogue import Passage, Stage
from .names import Address
from .parts import Round, Selection

#: The number of a try before a measured endpoint was as it is waited for.
WAITING = -1


class Endpoint:
    """One endpoint of the job (see `protocol` for the fields) and how far it is.

    due_ns: nominal start of the next check. started, finished: numbers of checks.
    """

    __slots__ = (
        "addresses", "close_with_reset", "count", "done", "due_ns", "finished", "has_proxy", "hold_ns", "host",
        "index", "interval_ns", "late_is_open", "name", "peer_host", "peer_port", "port", "redact", "resolves_anew",
        "retry_on", "samples", "selection", "settled", "stages", "started", "timeout_ns", "wait", "warmup",
    )  # fmt: skip

    def __init__(self, job: Dict[str, object]) -> None:
        self.index = int(job["index"])  # type: ignore[call-overload]
        self.host = str(job["host"])
        self.port = int(job["port"])  # type: ignore[call-overload]
        proxy = job.get("proxy")
        #: What it connects to: the target, or the proxy in front of it.
        self.peer_host, self.peer_port = self.host, self.port
        self.has_proxy = isinstance(proxy, dict)
        if isinstance(proxy, dict):
            self.peer_host, self.peer_port = str(proxy["host"]), int(proxy["port"])
        count = job["count"]
        self.count: Optional[int] = None if count is None else int(count)  # type: ignore[call-overload]
        self.interval_ns: int = int(job["interval_us"]) * 1000  # type: ignore[call-overload]
        self.timeout_ns: int = int(job["timeout_us"]) * 1000  # type: ignore[call-overload]
        self.warmup: int = int(job.get("warmup", 0))  # type: ignore[call-overload]
        retry_on = job.get("retry_on")
        self.retry_on: Optional[FrozenSet[str]] = None if retry_on is None else frozenset(retry_on)  # type: ignore[call-overload]
        wait = job.get("wait")
        #: What is still waited for; None once that is over, or where nothing is.
        self.wait: Optional[Wait] = None if wait is None else Wait(wait)  # type: ignore[arg-type]
        #: Whether the next check asks for the name though its addresses are known.
        self.resolves_anew = False
        self.redact = bool(job.get("redact"))
        self.selection = Selection(str(job.get("family", "any")), str(job.get("addresses", "any")), redact=self.redact)
        #: Parts of a reached one that need no further try. samples: how many were written.
        self.settled: Set[str] = set()
        self.samples = 0
        self.late_is_open = job.get("late") == "open"
        self.close_with_reset = job.get("close") == "reset"
        #: How long an opened connection is kept open.
        self.hold_ns = int(job.get("hold_us", 0)) * 1000  # type: ignore[call-overload]
        #: What an opened connection has to go through.
        self.stages = _stages(job)
        self.addresses: Tuple[Address, ...] = ()
        self.name: Optional[Name] = None
        self.due_ns = 0
        self.started = 0
        self.finished = 0
        self.done = False

    @property
    def known_addresses(self) -> Tuple[Address, ...]:
        return self.addresses if self.name is None else self.name.addresses

    @property
    def is_at_a_rate(self) -> bool:
        """Whether its checks start at a fixed rate, however the last one ends."""
        return self.retry_on is None and self.wait is None

    def next_number(self) -> int:
        """Count one more start; return the number of that check."""
        if self.wait is not None and self.retry_on is None:
            return WAITING
        self.started += 1
        number = self.started - self.warmup
        return number if number > 0 else 0

    @property
    def more(self) -> bool:
        """Whether a check is still to be started."""
        if self.done:
            return False
        return self.count is None or self.started < self.count or self.wait is not None


def _stages(job: Dict[str, object]) -> Tuple[Stage, ...]:
    """Return the stages of an endpoint; only those that it has are imported."""
    stages: List[Stage] = []
    proxy = job.get("proxy")
    if isinstance(proxy, dict):
        from . import tunnel

        stages.append(tunnel.stage_of(proxy, str(job["host"]), int(job["port"])))  # type: ignore[call-overload]
    settings = job.get("tls")
    if isinstance(settings, dict):
        from . import tls

        stages.append(tls.stage_of(settings, str(job["host"])))
    return tuple(stages)


class Wait:
    """Tries until `stable` of them in a row came to an outcome that is waited for, in all parts. until_ns: since the
    start of the campaign. latest: outcomes of the last three. failing: parts that were not so in the last one."""

    __slots__ = ("failing", "in_a_row", "interval_ns", "latest", "outcomes", "stable", "tries", "until_ns")

    def __init__(self, job: Dict[str, object]) -> None:
        self.outcomes: FrozenSet[str] = frozenset(job["for"])  # type: ignore[call-overload]
        self.interval_ns: int = int(job["interval_us"]) * 1000  # type: ignore[call-overload]
        self.until_ns: int = int(job["until_us"]) * 1000  # type: ignore[call-overload]
        self.stable: int = int(job["stable"])  # type: ignore[call-overload]
        self.in_a_row = 0
        self.latest: Deque[str] = deque(maxlen=3)
        self.failing: List[str] = []
        self.tries = 0

    def add(self, outcomes: Mapping[Optional[str], str]) -> None:
        """Take in what each part of a try came to."""
        self.tries += 1
        against = [outcome for outcome in outcomes.values() if outcome not in self.outcomes]
        self.in_a_row = 0 if against else self.in_a_row + 1
        self.latest.append(next(iter(against or outcomes.values())))
        self.failing = [part for part, outcome in outcomes.items() if part and outcome not in self.outcomes]

    @property
    def is_met(self) -> bool:
        return self.in_a_row >= self.stable


class Name:
    """A host name: its addresses once it resolved, and the checks that wait for it."""

    __slots__ = ("addresses", "asking", "has_failed", "host", "incomplete", "is_partial", "redact", "waiting")

    def __init__(self, host: str) -> None:
        self.host = host
        self.addresses: Tuple[Address, ...] = ()
        self.asking = False
        #: Whether its addresses are of one family, for want of an answer about the other.
        self.is_partial = False
        #: Checks that were started with those.
        self.incomplete: List[Check] = []
        self.has_failed = False
        self.redact = False
        self.waiting: List[Check] = []

    def is_enough_for(self, endpoint: Endpoint) -> bool:
        """Whether its addresses that are known are what an endpoint needs to begin."""
        return endpoint.selection.is_ready(self.addresses, partial=self.is_partial)


class Check:
    """One check under way.

    start_ns: its begin, resolution included where it makes one. deadline_ns: of the connect, 0 before it.
    """

    __slots__ = (
        "addresses", "attempts", "awaits_more", "deadline_ns", "decided", "dns_us", "endpoint", "failed", "is_planned",
        "name_deadline_ns", "next_address", "next_at_ns", "number", "part", "round", "start_ns",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint, number: int, start_ns: int) -> None:
        self.endpoint = endpoint
        self.number = number
        self.start_ns = start_ns
        self.deadline_ns = 0
        self.dns_us: Optional[int] = None
        self.attempts: List[Attempt] = []
        self.failed: List[Attempt] = []
        self.next_address = 0
        self.next_at_ns = 0
        self.decided = False
        #: Whether the endpoint's next check is planned already.
        self.is_planned = False
        #: What it connects to, and whether its name may still lead to more.
        self.addresses: Tuple[Address, ...] = ()
        self.awaits_more = False
        self.name_deadline_ns = 0
        #: The part of the endpoint that it is about, and what it is a part of; None where it is about the whole.
        self.part: Optional[str] = None
        self.round: Optional[Round] = None

    def anew(self) -> Check:
        """Return the same check, to be made again."""
        again = Check(self.endpoint, self.number, self.start_ns)
        again.dns_us, again.is_planned = self.dns_us, True
        again.part, again.round = self.part, self.round
        if not self.endpoint.selection.is_plain:
            again.addresses = self.addresses
        return again

    def of_part(self, part: str, addresses: Tuple[Address, ...], of_round: Round) -> Check:
        """Return the check of one part; the next one is planned, and the time of the resolution told, elsewhere."""
        check = Check(self.endpoint, self.number, self.start_ns)
        check.part, check.addresses, check.round = part, addresses, of_round
        check.is_planned = True
        return check


class Attempt:
    """One connect within a check, to one address. Figures in microseconds, None where unmeasured."""

    __slots__ = (
        "address", "check", "clock_us", "code", "connect_us", "descriptor", "draining", "icmp", "outcome",
        "passage", "repeats", "rtt_us", "shut_ns", "sock", "start_ns", "text",
    )  # fmt: skip

    def __init__(self, check: Check, address: Address, sock: socket.socket, start_ns: int) -> None:
        self.check = check
        self.address = address
        self.sock: Optional[socket.socket] = sock
        self.descriptor = sock.fileno()
        self.start_ns = start_ns
        #: Its way through the stages of its endpoint, where that has any.
        self.passage: Optional[Passage] = None
        self.draining = False
        #: When it began to drain.
        self.shut_ns = 0
        self.outcome = ""
        self.clock_us = 0
        self.connect_us: Optional[int] = None
        self.rtt_us: Optional[int] = None
        self.repeats: Optional[int] = None
        self.code = 0
        self.icmp: Optional[Tuple[int, int]] = None
        self.text: Optional[str] = None


def sample_line(
    check: Check,
    outcome: str,
    base_ns: int,
    attempt: Optional[Attempt],
    detail: Dict[str, object],
) -> bytes:
    """Return the check's line of the sample file."""
    endpoint = check.endpoint
    if outcome == "open" and attempt is not None and attempt.rtt_us and not detail and not endpoint.redact:
        host, dns_us = attempt.address.host, check.dns_us
        if "%" not in host:  # as below, in a fifth of the time; a zone could hold anything
            return b'[%d,%d,%d,"open",%d,%d,%b,%d,%d,"%b",null]\n' % (
                endpoint.index, check.number, (check.start_ns - base_ns) // 1000, attempt.connect_us, attempt.clock_us,
                b"null" if dns_us is None else b"%d" % dns_us, attempt.rtt_us, attempt.repeats, host.encode("ascii"),
            )  # type: ignore[str-format]  # fmt: skip
    address: Optional[str] = None
    if attempt is not None and not endpoint.redact:
        address = attempt.address.host
    values = [
        endpoint.index,
        check.number,
        (check.start_ns - base_ns) // 1000,
        outcome,
        attempt.connect_us if attempt is not None and outcome == "open" else None,
        attempt.clock_us if attempt is not None else None,
        check.dns_us,
        attempt.rtt_us if attempt is not None else None,
        attempt.repeats if attempt is not None else None,
        address,
        detail or None,
    ]
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"
