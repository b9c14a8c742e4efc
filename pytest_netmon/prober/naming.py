"""Names of endpoints: asked for when a check needs them; checks wait for their addresses, each as long as it may."""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque, Dict, Iterable, List, Optional, Protocol, Tuple

from .names import Address, Answer, Resolver, literal
from .parts import other_family
from .timers import Timers
from .work import Check, Endpoint, Name

#: A name that has not resolved by then is asked for in each family by itself (or at half its budget).
SLOW_NAME_NS = 1_000_000_000
#: Names may come to lead elsewhere while they are waited for.
WAIT_REFRESH_NS = 5_000_000_000
#: While names are waited for, how often to look whether what hangs holds up others.
LOOK_NS = 150_000_000


class Asker(Protocol):
    """Who wants to know what came of a name."""

    def queue(self, check: Check, at_ns: int) -> None:
        """Its addresses are known."""

    def queue_parts(self, check: Check, at_ns: int, unknown: Optional[int] = None, outcome: str = ...) -> None:
        """Those of one family are; of the other came only an outcome."""

    def fail_name(
        self, check: Check, outcome: str, text: Optional[str], spent_us: Optional[int], at_ns: int, *, code: int = 0
    ) -> None:
        """There are none."""

    def add_addresses(self, check: Check, addresses: Tuple[Address, ...]) -> None:
        """There are more than it was started with, or no more."""

    def note_move(self, name: Name, old: Tuple[Address, ...], new: Tuple[Address, ...]) -> None:
        """They are others than before."""


class Naming:
    """All names of a job. wake: called in a resolver's thread when an answer is there for `take_answers`."""

    def __init__(
        self,
        timers: Timers,
        resolver: Callable[[Callable[[Answer], None]], Resolver],
        wake: Callable[[], None],
        asker: Asker,
    ) -> None:
        self._timers = timers
        self._wake = wake
        self._asker = asker
        self._names: Dict[str, Name] = {}
        self._answers: Deque[Answer] = deque()
        self._gave_up = False
        self._is_watching = False
        self._resolver = resolver(self._deliver)

    def attach(self, endpoint: Endpoint) -> None:
        """Give an endpoint its name, or the address that it is."""
        address = literal(endpoint.peer_host)
        if address is not None:
            endpoint.addresses = (address,)
            return
        name = self._names.get(endpoint.peer_host)
        if name is None:
            name = self._names[endpoint.peer_host] = Name(endpoint.peer_host)
        name.redact = name.redact or endpoint.redact
        endpoint.name = name

    def keep_fresh(self, start_ns: int, refresh_ns: Optional[int], endpoints: List[Endpoint]) -> None:
        """Ask for names again: all of them each `refresh_ns`, else those that are waited for now and then."""
        if refresh_ns is not None and self._names:
            self._timers.add(start_ns + refresh_ns, self._refresh, refresh_ns)
        elif any(endpoint.wait and endpoint.name for endpoint in endpoints):
            self._timers.add(start_ns + WAIT_REFRESH_NS, self._refresh_waited_for, endpoints)

    def wait_for(self, name: Name, check: Check, at_ns: int) -> None:
        """Have a check told what comes of its name, at its deadline in any case."""
        check.name_deadline_ns = at_ns + check.endpoint.timeout_ns
        self._timers.add(check.name_deadline_ns, self._on_name_deadline, check)
        name.waiting.append(check)
        if not name.asking:
            name.asking = True
            self._resolver.ask(name.host)
            self._timers.add(at_ns + min(SLOW_NAME_NS, check.endpoint.timeout_ns // 2), self._on_slow_name, name)
        if not self._is_watching:
            self._is_watching = True
            self._timers.add(at_ns + LOOK_NS, self._look, None)

    def take_answers(self, at_ns: int) -> None:
        """Take in what resolvers have said since."""
        while self._answers:
            self._take_answer(self._answers.popleft(), at_ns)

    def go_on(self) -> None:
        """Ask in place of what was given up."""
        if self._gave_up:
            self._gave_up = False
            self._resolver.go_on()

    def put_off(self, at_ns: int) -> None:
        """Give all that wait their whole time again: this machine was suspended."""
        for name in self._names.values():
            for check in name.waiting:
                check.name_deadline_ns = at_ns + check.endpoint.timeout_ns
                self._timers.add(check.name_deadline_ns, self._on_name_deadline, check)

    def _deliver(self, answer: Answer) -> None:
        """Called in a resolver's thread."""
        self._answers.append(answer)
        self._wake()

    def _take_answer(self, answer: Answer, at_ns: int) -> None:
        name = self._names[answer.host]
        if answer.family == 0:
            name.asking = False
        elif answer.outcome is not None or name.addresses:
            self._take_other_family(name, answer, at_ns)
            return
        waiting, name.waiting = name.waiting, []
        if answer.outcome is not None:
            self._complete(name, ())
            name.has_failed = True
            for check in waiting:
                if name.is_partial and check.endpoint.selection.has_parts:
                    check.dns_us = answer.spent_us
                    self._asker.queue_parts(check, at_ns, other_family(name.addresses), answer.outcome)
                else:
                    self._asker.fail_name(check, answer.outcome, answer.text, answer.spent_us, at_ns, code=answer.code)
            return
        self._note_addresses(name, answer)
        self._serve(name, waiting, at_ns, None if answer.family else answer.spent_us)

    def _serve(self, name: Name, waiting: List[Check], at_ns: int, spent_us: Optional[int]) -> None:
        """Start the checks that have what they need; spent_us: by the resolution, None where each knows that itself."""
        for check in waiting:
            if name.is_enough_for(check.endpoint):
                check.dns_us = (at_ns - check.start_ns) // 1000 if spent_us is None else spent_us
                self._asker.queue(check, at_ns)
            else:
                name.waiting.append(check)

    def _take_other_family(self, name: Name, answer: Answer, at_ns: int) -> None:
        """One family was asked for by itself: what comes second makes the name whole; an error alone says nothing
        while the question for both is open."""
        if not name.is_partial:
            return
        if name.addresses and answer.addresses:
            name.addresses = (*name.addresses, *(a for a in answer.addresses if a not in name.addresses))
        if answer.addresses or answer.outcome in ("dns_no_address", "dns_not_found"):
            name.is_partial = False
            self._complete(name, answer.addresses)
            waiting, name.waiting = name.waiting, []
            self._serve(name, waiting, at_ns, None)

    def _complete(self, name: Name, addresses: Tuple[Address, ...]) -> None:
        """Give checks that were started with one family's addresses the rest."""
        incomplete, name.incomplete = name.incomplete, []
        for check in incomplete:
            self._asker.add_addresses(check, addresses)

    def _note_addresses(self, name: Name, answer: Answer) -> None:
        moved = set(name.addresses) != set(answer.addresses) and not name.is_partial
        if name.addresses and moved:
            self._asker.note_move(name, name.addresses, answer.addresses)
        name.addresses = answer.addresses
        name.is_partial = answer.family != 0
        name.has_failed = False
        if not name.is_partial:
            self._complete(name, answer.addresses)

    def _look(self, _: None, at_ns: int) -> None:
        self._is_watching = any(name.waiting for name in self._names.values())
        if self._is_watching:
            self._resolver.go_on()
            self._timers.add(at_ns + LOOK_NS, self._look, None)

    def _on_slow_name(self, name: Name, _at_ns: int) -> None:
        if name.waiting:
            self._resolver.ask_each_family(name.host)

    def _on_name_deadline(self, check: Check, at_ns: int) -> None:
        name = check.endpoint.name
        if name is not None and check in name.waiting and at_ns >= check.name_deadline_ns:
            name.waiting.remove(check)
            self._resolver.give_up(name.host)
            self._gave_up = True
            spent_us = (at_ns - check.start_ns) // 1000
            if name.is_partial and check.endpoint.selection.has_parts:
                check.dns_us = spent_us
                self._asker.queue_parts(check, at_ns, other_family(name.addresses), "dns_timeout")
            else:
                self._asker.fail_name(check, "dns_timeout", None, spent_us, at_ns)

    def _refresh(self, refresh_ns: int, at_ns: int) -> None:
        self._ask_again(self._names.values())
        self._timers.add(at_ns + refresh_ns, self._refresh, refresh_ns)

    def _refresh_waited_for(self, endpoints: List[Endpoint], at_ns: int) -> None:
        waiting = [endpoint.name for endpoint in endpoints if endpoint.wait and not endpoint.done]
        if waiting:
            self._ask_again(name for name in waiting if name is not None)
            self._timers.add(at_ns + WAIT_REFRESH_NS, self._refresh_waited_for, endpoints)

    def _ask_again(self, names: Iterable[Name]) -> None:
        for name in names:
            if name.addresses and not name.asking:
                name.asking = True
                self._resolver.ask(name.host)
