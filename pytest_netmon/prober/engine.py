"""The loop: starts checks when they are due, reads events, keeps time, writes samples.

Short turns keep the times true: at most a few starts, then at most a few events, one timestamp a
wake-up. Starts have a fixed rate; what a late loop missed is left out and recorded, never made up
for in a burst.
"""

from __future__ import annotations

import os
import socket
from typing import Callable, Dict, Mapping, Optional, Set, Tuple

from . import kernel
from .classify import error_name
from .connecting import Connector, Detail
from .kernel import now_ns
from .lateness import Lateness, LeftOut
from .names import Address, Answer, Resolver
from .naming import Naming
from .pace import NEVER_NS, Pacer
from .parts import Round, no_address_of
from .samplefile import SampleFile
from .timers import Starts, Timers
from .wait import make_waiter
from .work import Attempt, Check, Endpoint, Name, Wait, sample_line

#: Measured best for true times: at most 8 starts, then at most 16 events (`wait`) a turn.
STARTS_A_TURN = 8
#: A loop that did not run for this long was stopped or suspended: recorded as a gap.
STALL_NS = 1_000_000_000
HOUSEKEEPING_NS = 1_000_000_000
#: No other machine answers sooner: 5 us on loopback, 100 us and more across a switch (measured).
NEAR_US = 50


class Engine:
    """Prepares a job (see `protocol`), runs it and writes its samples. `stop()` may be called from any thread or a
    signal handler, also before `run`."""

    _samples: SampleFile
    _base_ns: int
    _left_out: LeftOut

    def __init__(
        self, job: Dict[str, object], resolver: Optional[Callable[[Callable[[Answer], None]], Resolver]] = None
    ) -> None:
        self._parent = job.get("parent")
        refresh_s = job.get("refresh_s")
        self._refresh_ns = None if refresh_s is None else int(float(refresh_s) * 1e9)  # type: ignore[arg-type]
        self._endpoints = [Endpoint(entry) for entry in job["endpoints"]]  # type: ignore[attr-defined]
        self._left = len(self._endpoints)
        self._pacer: Pacer[Check] = Pacer(
            float(job["max_rate"]),  # type: ignore[arg-type]
            float(job["max_rate_per_host"]),  # type: ignore[arg-type]
            job.get("host_rates"),  # type: ignore[arg-type]
        )
        self._waiter = make_waiter()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._waiter.add_reader(self._wake_read)
        self._timers = Timers()
        self._connector = Connector(
            self._waiter, self._timers, self._on_decided, in_kernel=bool(job.get("kernel", True))
        )
        self._naming = Naming(self._timers, resolver or Resolver, self._wake, self)
        self._starts = Starts()
        self._most_open = kernel.raise_descriptor_limit()
        self._short_of_descriptors = False
        self._lateness = Lateness()
        self._near: Set[int] = set()
        self._suspended_ns = kernel.suspended_ns()
        self._alive_ns = now_ns()
        self._reason: Optional[str] = None
        self._stopping = False
        self._is_crowded = False
        for endpoint in self._endpoints:
            self._naming.attach(endpoint)
            self._starts.add(endpoint)

    # -- from outside ---------------------------------------------------------------------------

    def stop(self) -> None:
        self._stopping = True
        self._wake()

    def run(self, sample_file: SampleFile, base_ns: int) -> str:
        """Run the job to its end and return the reason of that: `complete`, `stopped` or `orphaned`.

        base_ns: the start of the campaign by `now_ns`; times in the samples count from there.
        """
        self._samples, self._base_ns, self._left_out = sample_file, base_ns, LeftOut(base_ns)
        start_ns = self._alive_ns = now_ns()
        for endpoint in self._endpoints:
            endpoint.due_ns = start_ns
        self._timers.add(start_ns + HOUSEKEEPING_NS, self._keep_house, None)
        self._naming.keep_fresh(start_ns, self._refresh_ns, self._endpoints)
        while self._reason is None:
            if self._left == 0:
                self._reason = "complete"
            elif self._stopping:
                self._reason = "stopped"
            else:
                self._turn()
        self._connector.end()
        self._tell(self._left_out.event())
        self._tell(self._lateness.event())
        self._samples.event({"event": "end", "reason": self._reason})
        return self._reason

    # -- one turn -------------------------------------------------------------------------------

    def _turn(self) -> None:
        at_ns = self._note_alive(self._alive_ns)
        if not self._is_crowded:
            self._begin_checks(at_ns)
        self._samples.flush(at_ns)
        if not self._left:  # decided at once, as loopback refuses: nothing to wait for
            return
        before_ns = self._note_alive(self._alive_ns)
        timeout_ns = self._until_next(before_ns)
        events = self._waiter.wait(timeout_ns / 1e9)
        woke_ns = self._note_alive(before_ns + timeout_ns)
        for descriptor, _ in events:
            attempt = self._connector.attempts.get(descriptor)
            if attempt is not None:
                self._connector.on_event(attempt, woke_ns)
            elif descriptor == self._wake_read.fileno():
                self._take_answers(woke_ns)
        # More may be ready than was handed out: first those, as each is late by what goes before it.
        self._is_crowded = len(events) >= self._waiter.most
        if not self._is_crowded:
            self._connector.expire(woke_ns)
            self._timers.expire(woke_ns)
            self._naming.go_on()

    def _note_alive(self, expected_ns: int) -> int:
        """Return the time; where it is much later than expected, the process did not run."""
        at_ns = now_ns()
        if at_ns - expected_ns > STALL_NS:
            self._note_gap(expected_ns, at_ns)
        self._alive_ns = at_ns
        return at_ns

    def _until_next(self, at_ns: int) -> int:
        soonest_ns = min(self._timers.next_ns(), self._connector.deadlines.next_ns())
        if not self._is_full:
            soonest_ns = min(soonest_ns, self._pacer.next_ns(), self._starts.next_ns())
        return soonest_ns - at_ns if soonest_ns > at_ns else 0

    @property
    def _is_full(self) -> bool:
        return len(self._connector.attempts) >= self._most_open

    # -- starting -------------------------------------------------------------------------------

    def _begin_checks(self, due_ns: int) -> None:
        """Start a few: those that had to wait, then those that were due by then."""
        starts, pacer, attempts = self._starts, self._pacer, self._connector.attempts
        at_ns = due_ns
        for _ in range(STARTS_A_TURN):
            if len(attempts) >= self._most_open:
                self._note_shortage(at_ns)
                return
            check = pacer.take(at_ns)
            if check is not None:
                self._launch(check, at_ns)
            else:
                endpoint = starts.take(due_ns)
                if endpoint is None:
                    return
                self._begin(endpoint, at_ns)
            at_ns = now_ns()

    def _begin(self, endpoint: Endpoint, at_ns: int) -> None:
        if endpoint.done:
            return
        check = Check(endpoint, endpoint.next_number(), at_ns)
        name = endpoint.name
        if name is None or (name.is_enough_for(endpoint) and not endpoint.resolves_anew):
            if endpoint.selection.is_plain and self._pacer.admits(endpoint.host, at_ns):
                self._launch(check, at_ns)
            else:
                self.queue(check, at_ns)
            return
        endpoint.resolves_anew = False
        if name.has_failed and endpoint.is_at_a_rate:
            self._plan_next(check, at_ns)  # at its rate, however long each resolution takes
        self._naming.wait_for(name, check, at_ns)

    def queue(self, check: Check, at_ns: int) -> None:
        """Its addresses are known: have it start, or its parts, as soon as the rates allow."""
        endpoint = check.endpoint
        if endpoint.selection.is_plain:
            self._pacer.add(check, endpoint.host, at_ns)
            return
        check.addresses = endpoint.selection.of(endpoint.known_addresses)
        if not check.addresses:
            self.fail_name(check, "dns_no_address", endpoint.selection.lacking, check.dns_us, at_ns)
        elif endpoint.selection.has_parts and endpoint.name is not None:
            self.queue_parts(check, at_ns)
        else:
            self._pacer.add(check, endpoint.host, at_ns)

    def queue_parts(
        self, check: Check, at_ns: int, unknown: Optional[int] = None, outcome: str = "dns_no_address"
    ) -> None:
        """Make a check of each part, all of the same number. unknown: a family that nothing is known of; outcome: of
        its resolution."""
        endpoint = check.endpoint
        parts = endpoint.selection.parts_of(endpoint.known_addresses, unknown)
        if endpoint.wait is None:
            parts = [(part, addresses) for part, addresses in parts if part not in endpoint.settled]
        of_round = Round(len(parts))
        checks = [check.of_part(part, addresses, of_round) for part, addresses in parts]
        if not checks:  # those that were to be tried again are gone
            self._end(endpoint)
            return
        checks[0].dns_us, checks[0].is_planned = check.dns_us, check.is_planned
        for each in checks:
            if each.addresses:
                self._pacer.add(each, endpoint.host, at_ns)
                continue
            each.start_ns = check.start_ns if each.dns_us is not None else at_ns
            self._on_decided(each, outcome, None, {"text": no_address_of(each.part or "")} if unknown is None else {})

    def _launch(self, check: Check, at_ns: int) -> None:
        """Start connecting, and plan the endpoint's next check from here."""
        endpoint = check.endpoint
        if check.dns_us is None:
            check.start_ns = at_ns
        if not check.is_planned and endpoint.is_at_a_rate:
            self._plan_next(check, at_ns)
        if endpoint.selection.is_plain:
            name = endpoint.name
            check.addresses = endpoint.addresses if name is None else name.addresses
            if name is not None and name.is_partial:
                check.awaits_more = True
                name.incomplete.append(check)
        self._connector.start(check)

    def _plan_next(self, check: Check, start_ns: int) -> None:
        """Plan the endpoint's next check: an interval from the nominal start of this one."""
        endpoint = check.endpoint
        check.is_planned = True
        if endpoint.started == 1 or check.dns_us is not None:
            endpoint.due_ns = start_ns
        else:
            late_ns = start_ns - endpoint.due_ns
            self._lateness.add(late_ns // 1000 if late_ns > 0 else 0)
            if late_ns >= endpoint.interval_ns > 0:
                self._leave_out(endpoint, late_ns, start_ns)
        endpoint.due_ns += endpoint.interval_ns
        if endpoint.more:
            self._starts.add(endpoint)

    def _leave_out(self, endpoint: Endpoint, late_ns: int, start_ns: int) -> None:
        """Leave out the starts that were due while this one came late; of a counted run they are postponed."""
        missed = late_ns // endpoint.interval_ns
        if endpoint.count is None:
            self._tell(self._left_out.add(missed, endpoint.due_ns, start_ns))
        endpoint.due_ns += missed * endpoint.interval_ns

    # -- deciding -------------------------------------------------------------------------------

    def _on_decided(self, check: Check, outcome: str, attempt: Optional[Attempt], detail: Detail) -> None:
        """Write the sample of a check, and see whether its endpoint is done."""
        endpoint = check.endpoint
        if check.part is not None:
            detail["part"] = check.part
        endpoint.samples += 1
        self._samples.sample(sample_line(check, outcome, self._base_ns, attempt, detail))
        if attempt is not None and attempt.connect_us is not None and attempt.connect_us < NEAR_US:
            self._look_near(endpoint.index, outcome, attempt.address, attempt.connect_us)
        outcomes = {check.part: outcome} if check.round is None else check.round.add(check.part, outcome)
        if outcomes:
            self._on_all_decided(endpoint, check, outcomes)

    def _on_all_decided(self, endpoint: Endpoint, check: Check, outcomes: Mapping[Optional[str], str]) -> None:
        """A check is over, with all of its parts; see whether its endpoint is done."""
        if endpoint.wait is not None:
            self._go_on_waiting(endpoint, endpoint.wait, check, outcomes)
            return
        endpoint.finished += 1
        if endpoint.retry_on is None:
            over = endpoint.count is not None and endpoint.finished >= endpoint.count
        else:
            again = {part for part, outcome in outcomes.items() if outcome in endpoint.retry_on}
            endpoint.settled.update(part for part in outcomes if part is not None and part not in again)
            over = not again or not endpoint.more
            if not over:
                self._schedule_after(check, endpoint.interval_ns)
        if over:
            self._end(endpoint)

    def _go_on_waiting(
        self, endpoint: Endpoint, wait: Wait, check: Check, outcomes: Mapping[Optional[str], str]
    ) -> None:
        """Try again until the wait is met or over; where it is met, begin to measure."""
        wait.add(outcomes)
        at_ns = now_ns()
        next_ns = max(check.start_ns + wait.interval_ns, at_ns)
        if not wait.is_met and next_ns - self._base_ns <= wait.until_ns:
            self._schedule_after(check, wait.interval_ns)
            return
        endpoint.wait = None
        took_us = (at_ns - self._base_ns) // 1000
        self._samples.event(
            {
                "event": "waited",
                "endpoint": endpoint.index,
                "met": wait.is_met,
                "took_us": took_us,
                "tries": wait.tries,
                "latest": list(wait.latest),
                "failing": wait.failing,
            }
        )
        if not wait.is_met or endpoint.retry_on is not None:
            self._end(endpoint)
            return
        endpoint.resolves_anew = endpoint.name is not None  # its time belongs to what is measured
        endpoint.due_ns = at_ns
        self._starts.add(endpoint)

    def _schedule_after(self, check: Check, interval_ns: int) -> None:
        """Start the next one so long after the start of this one, or now if that is later."""
        check.endpoint.due_ns = max(check.start_ns + interval_ns, now_ns())
        self._starts.add(check.endpoint)

    def _end(self, endpoint: Endpoint) -> None:
        if not endpoint.done:
            endpoint.done = True
            self._left -= 1
            done: Dict[str, object] = {"event": "done", "endpoint": endpoint.index}
            self._samples.event({**done, "samples": endpoint.samples} if endpoint.selection.has_parts else done)

    def _look_near(self, index: int, outcome: str, address: Address, connect_us: int) -> None:
        """Say once when an address answered so soon that should be another machine's but cannot be."""
        if outcome == "open" and index not in self._near and not kernel.is_own(address.family, address.host):
            self._near.add(index)
            self._samples.event({"event": "near", "endpoint": index, "connect_us": connect_us})

    # -- names ----------------------------------------------------------------------------------

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"x")
        except OSError:  # full: it will wake up anyway
            pass

    def _take_answers(self, at_ns: int) -> None:
        try:
            self._wake_read.recv(4096)
        except OSError:
            pass
        self._naming.take_answers(at_ns)

    def fail_name(
        self, check: Check, outcome: str, text: Optional[str], spent_us: Optional[int], at_ns: int, *, code: int = 0
    ) -> None:
        """The check ends without a connect; the endpoint's next check asks for the name again."""
        check.dns_us = spent_us
        endpoint = check.endpoint
        if endpoint.name is not None:
            endpoint.resolves_anew = bool(endpoint.name.addresses)
            endpoint.name.has_failed = True
        if endpoint.has_proxy:
            text = f"name of the proxy: {text}" if text else "name of the proxy"
        detail: Detail = {"text": text} if text and not endpoint.redact else {}
        if code:
            detail["errno"] = error_name(code)
        was_at_a_rate = endpoint.is_at_a_rate  # what is decided may end a wait
        self._on_decided(check, outcome, None, detail)
        if was_at_a_rate and endpoint.more and not check.is_planned:
            endpoint.due_ns = max(check.start_ns + endpoint.interval_ns, at_ns)
            self._starts.add(endpoint)

    def add_addresses(self, check: Check, addresses: Tuple[Address, ...]) -> None:
        """Give a check that was started with one family's addresses the rest."""
        self._connector.add_addresses(check, addresses, more=False)

    def note_move(self, name: Name, old: Tuple[Address, ...], new: Tuple[Address, ...]) -> None:
        """Tell that a name leads elsewhere."""
        if not name.redact:
            moved = {"old": [address.host for address in old], "new": [address.host for address in new]}
            self._samples.event({"event": "address", "host": name.host, **moved})

    # -- keeping house --------------------------------------------------------------------------

    def _keep_house(self, _: None, at_ns: int) -> None:
        # A parent that was killed leaves us to another process (or to init).
        if self._parent is not None and hasattr(os, "getppid") and os.getppid() != self._parent:
            self._reason = "orphaned"
        self._tell(self._left_out.over(at_ns))
        self._timers.add(at_ns + HOUSEKEEPING_NS, self._keep_house, None)

    def _tell(self, event: Optional[Dict[str, object]]) -> None:
        if event is not None:
            self._samples.event(event)

    def _note_gap(self, from_ns: int, to_ns: int) -> None:
        """Leave out the starts that fell into a stretch in which the loop did not run."""
        suspended_ns = kernel.suspended_ns()
        was_suspended = suspended_ns - self._suspended_ns > STALL_NS // 2
        self._suspended_ns = suspended_ns
        missed = 0
        for endpoint in self._starts:
            has_rate = endpoint.interval_ns and endpoint.wait is None
            late = max(0, to_ns - endpoint.due_ns) // endpoint.interval_ns if has_rate else 0
            endpoint.due_ns += late * endpoint.interval_ns
            missed += late if endpoint.count is None else 0  # those of a counted run are postponed
        self._starts.sort_anew()
        if was_suspended:
            self._check_again(to_ns)
        self._samples.event(
            {
                "event": "gap",
                "at_us": (from_ns - self._base_ns) // 1000,
                "length_us": (to_ns - from_ns) // 1000,
                "cause": "suspended" if was_suspended else "stalled",
                "missed": missed,
            }
        )

    def _check_again(self, at_ns: int) -> None:
        """Connects that a suspension cut in two say nothing of the target: make them anew."""
        cut = {id(a.check): a.check for a in self._connector.attempts.values() if not a.draining}
        for check in cut.values():
            self._connector.drop(check)
            self._pacer.add(check.anew(), check.endpoint.host, at_ns)
        self._naming.put_off(at_ns)

    def _note_shortage(self, at_ns: int) -> None:
        is_due = self._starts.next_ns() <= at_ns or self._pacer.next_ns() < NEVER_NS
        if self._short_of_descriptors or not is_due:
            return
        self._short_of_descriptors = True
        text = f"at most {self._most_open} connects at once here (ulimit -n): some checks started late"
        self._samples.event({"event": "warning", "text": text})
