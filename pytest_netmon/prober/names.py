"""Host names to addresses: getaddrinfo() in daemon threads, each name asked for once at a time.

getaddrinfo() honours hosts files, nsswitch and search domains but no deadline (30 s were
measured), so it runs in threads that nobody waits for: the caller keeps its own budget and the
process may end while they hang. asyncio's and concurrent.futures' threads would be joined at exit.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from .classify import SHORTAGES, resolution_outcome
from .kernel import now_ns

#: 64 threads resolve 500 names at 50 ms each in 0.52 s (measured). Of each family, as one alone may hang: threads that
#: have hung for long, or whose budget is spent, no longer count, up to MOST_THREADS. So dead names starve no good ones.
THREADS = 64
MOST_THREADS = 256
HUNG_NS = 300_000_000

#: A name must not lead to a cloud's metadata service: it hands out credentials to whoever asks.
#: All of 169.254.0.0/16 (AWS, Azure, GCP, OpenStack, ECS, EKS and others), Alibaba, Azure's wire server, and
#: over IPv6 AWS and GCP.
METADATA = frozenset(
    (
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)


class Address(NamedTuple):
    """family: AF_INET or AF_INET6. host: numeric, with its zone. flow and scope: 0 but for IPv6."""

    family: int
    host: str
    scope: int

    def sockaddr(self, port: int) -> Tuple[object, ...]:
        if self.family == socket.AF_INET6:
            return (self.host, port, 0, self.scope)
        return (self.host, port)


#: A host and the family of addresses asked for.
_Question = Tuple[str, int]
#: Any of them, and each by itself.
_FAMILIES = (0, int(socket.AF_INET), int(socket.AF_INET6))


class Answer(NamedTuple):
    """What a resolution came to: addresses, or an outcome `dns_*` with the resolver's words. `family`
    is what was asked for, 0 for any."""

    host: str
    addresses: Tuple[Address, ...]
    outcome: Optional[str]
    text: Optional[str]
    spent_us: int
    family: int = 0
    #: The error of a `local_error`, 0 where none is known.
    code: int = 0


def literal(host: str) -> Optional[Address]:
    """Return the address that `host` is; None where it is a name. Nothing is looked up."""
    try:
        socket.inet_pton(socket.AF_INET, host)  # four decimal numbers and nothing else
        return Address(int(socket.AF_INET), host, 0)
    except (OSError, UnicodeError, ValueError):
        pass
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:  # a zone that this machine does not have: connect() will say so
        return Address(socket.AF_INET6 if parsed.version == 6 else socket.AF_INET, str(parsed), 0)
    return _addresses(found)[0]


#: IPv6 that carries IPv4 in its last four bytes: NAT64 (RFC 6052); 6to4 (RFC 3056) has it behind the prefix.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")


def is_metadata(address: Address) -> bool:
    """Say whether an address is a metadata service's, or any of IPv4's link-local ones, also inside IPv6."""
    parsed = ipaddress.ip_address(address.host.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inside = parsed.ipv4_mapped or parsed.sixtofour
        if inside is None and parsed in _NAT64:
            inside = ipaddress.IPv4Address(parsed.packed[-4:])
        if inside is None:
            return str(parsed) in METADATA
        return str(inside) in METADATA or inside in _LINK_LOCAL
    return str(parsed) in METADATA or parsed in _LINK_LOCAL


def resolve(host: str, family: int = 0) -> Answer:
    """Ask the system's resolver for addresses of `family` (0: any); takes as long as it takes."""
    started_ns = now_ns()
    addresses: Tuple[Address, ...] = ()
    outcome: Optional[str] = None
    text: Optional[str] = None
    code = 0
    try:
        if "\0" in host:  # getaddrinfo() would resolve what stands before it
            raise UnicodeError("NUL in a host name")
        addresses = tuple(_addresses(socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)))
    except (OSError, UnicodeError) as error:
        outcome = resolution_outcome(error)
        text = getattr(error, "strerror", None) or str(error)
        shortage = None if outcome == "dns_invalid" else _own_shortage()
        if shortage is not None:
            outcome, text, code = "local_error", shortage.strerror, shortage.errno or 0
    if outcome is None:
        allowed = tuple(address for address in addresses if not is_metadata(address))
        if addresses and not allowed:
            outcome, text = "dns_invalid", "the name leads to a cloud metadata address; write it as a literal if meant"
        elif not allowed:
            outcome, text = "dns_no_address", "no address"
        addresses = allowed
    return Answer(host, addresses, outcome, text, (now_ns() - started_ns) // 1000, family, code)


def _own_shortage() -> Optional[OSError]:
    """What this machine lacks to ask anybody; None where nothing is lacking.

    getaddrinfo() hides it: without a free descriptor it says that a name does not exist when it could not read
    /etc/nsswitch.conf, and "try again" when no socket could be had or connected (measured, glibc 2.36).
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", 53))  # sends nothing
    except OSError as error:
        return error if error.errno in SHORTAGES else None
    return None


def _addresses(found: Iterable[Tuple[int, int, int, str, Tuple[object, ...]]]) -> List[Address]:
    addresses: List[Address] = []
    for family, _, _, _, sockaddr in found:
        if family not in (socket.AF_INET, socket.AF_INET6):
            continue
        scope = sockaddr[3] if len(sockaddr) > 3 else 0
        address = Address(int(family), str(sockaddr[0]), scope if isinstance(scope, int) else 0)
        if address not in addresses:
            addresses.append(address)
    return addresses


class _Lane:
    """Questions for one family, and threads of its own for them.

    waiting: in the order in which they were asked. running: each with when it was begun. hung: those of them that hold
    up no other any more.
    """

    __slots__ = ("hung", "running", "waiting")

    def __init__(self) -> None:
        self.waiting: Dict[_Question, None] = {}
        self.running: Dict[_Question, int] = {}
        self.hung: Set[_Question] = set()

    def note_hung(self, at_ns: int) -> None:
        self.hung.update(question for question, since_ns in self.running.items() if at_ns - since_ns >= HUNG_NS)

    def begin(self) -> _Question:
        question = next(iter(self.waiting))
        del self.waiting[question]
        self.running[question] = now_ns()
        return question

    def end(self, question: _Question) -> None:
        del self.running[question]
        self.hung.discard(question)

    @property
    def may_run(self) -> bool:
        return bool(self.waiting) and len(self.running) - len(self.hung) < THREADS

    @property
    def has_thread_to_spare(self) -> bool:
        return len(self.running) < MOST_THREADS


class Resolver:
    """Resolves names in daemon threads; `deliver(answer)` is called in one of them.

    Each family has a lane: a name server that drops AAAA holds up what asks for it, alone or with A, and nothing else.
    """

    def __init__(self, deliver: Callable[[Answer], None], resolve: Callable[[str, int], Answer] = resolve) -> None:
        self._deliver = deliver
        self._resolve = resolve
        self._lock = threading.Lock()
        self._lanes = {family: _Lane() for family in _FAMILIES}

    def ask(self, host: str, family: int = 0) -> None:
        """Start a resolution of `host`, unless one is under way."""
        question, lane = (host, family), self._lanes[family]
        with self._lock:
            if question in lane.waiting or question in lane.running:
                return
            lane.waiting[question] = None
            if lane.may_run and lane.has_thread_to_spare:
                self._start_thread(lane)

    def ask_each_family(self, host: str) -> None:
        """Ask for IPv4 and IPv6 alone, while the question for both is still open: a name server that
        drops AAAA holds that one up for 15 s (measured), although A was answered at once."""
        for family in _FAMILIES[1:]:
            self.ask(host, family)

    def give_up(self, host: str) -> None:
        """Nobody waits for `host` any more: its threads no longer count (see `go_on`), and what of it waits for
        a thread is not asked."""
        with self._lock:
            for family, lane in self._lanes.items():
                question = (host, family)
                if question in lane.running:
                    lane.hung.add(question)
                else:
                    lane.waiting.pop(question, None)

    def go_on(self) -> None:
        """Ask in place of what was given up or takes long. Once for all that was: names give up together, and a thread
        for one whose own turn to be given up comes next would be for nothing (500 dead names: 0.1-0.5 s of starting
        them)."""
        with self._lock:
            at_ns = now_ns()
            for lane in self._lanes.values():
                lane.note_hung(at_ns)
                while lane.may_run and lane.has_thread_to_spare and self._start_thread(lane):
                    pass

    def _start_thread(self, lane: _Lane) -> bool:
        """Say whether to go on: where this machine has no more threads, those that run do the rest."""
        question = lane.begin()
        try:
            threading.Thread(target=self._work, args=(lane, question), daemon=True, name="netmon-resolver").start()
        except RuntimeError as error:
            lane.end(question)
            if lane.running:
                lane.waiting = {question: None, **lane.waiting}
                return False
            self._deliver(Answer(question[0], (), "local_error", str(error), 0, question[1]))
        return True

    def _work(self, lane: _Lane, question: _Question) -> None:
        while True:
            answer = self._resolve(*question)
            with self._lock:
                lane.end(question)
            self._deliver(answer)
            with self._lock:
                if not lane.may_run:
                    return
                question = lane.begin()
