"""The loop: starts checks when they are due, reads events, keeps deadlines, writes samples.

Short turns keep the times true: at most a few starts, then at most a few events, one timestamp a
wake-up. Starts have a fixed rate; what a late loop missed is left out and recorded, never made up
for in a burst. Events are read before deadlines expire: what the kernel completed in time is
open, however late we look.
"""

from __future__ import annotations

import errno
import heapq
import os
import socket
from collections import deque
from typing import Callable, Deque, Dict, List, Optional, Tuple

from . import kernel
from .classify import connect_outcome, error_name
from .kernel import now_ns
from .names import Address, Answer, Resolver, literal
from .pace import Pacer
from .samplefile import SampleFile
from .wait import READ, WRITE, make_waiter
from .work import Attempt, Check, Endpoint, Name, sample_line

#: Measured best for true times: at most 8 starts, then at most 16 events (`wait`) a turn.
STARTS_A_TURN = 8
#: RFC 8305, section 8: Connection Attempt Delay.
NEXT_ADDRESS_NS = 250_000_000
# How long a server may take to answer our FIN before the connection is closed all the same.
DRAIN_LEAST_NS, DRAIN_MOST_NS = 20_000_000, 100_000_000
DRAIN_MOST_BYTES = 1 << 20
#: A loop that did not run for this long was stopped or suspended: recorded as a gap.
STALL_NS = 1_000_000_000
HOUSEKEEPING_NS = 1_000_000_000

_START, _DEADLINE, _NEXT_ADDRESS, _DRAINED, _HOUSEKEEPING, _REFRESH = range(6)
_IN_PROGRESS = frozenset(
    getattr(errno, name) for name in ("EINPROGRESS", "EWOULDBLOCK", "EAGAIN", "WSAEWOULDBLOCK") if hasattr(errno, name)
)


class Engine:
    """Runs a job (see `protocol`) and writes its samples.

    `run()` returns the reason of the end: `complete`, `stopped` or `orphaned`. `stop()` may be
    called from any thread or a signal handler.
    """

    def __init__(
        self,
        job: Dict[str, object],
        sample_file: SampleFile,
        base_ns: int,
        resolver: Optional[Callable[[Callable[[Answer], None]], Resolver]] = None,
    ) -> None:
        self._samples = sample_file
        self._base_ns = base_ns
        self._kernel = bool(job.get("kernel", True))
        self._parent = job.get("parent")
        refresh_s = job.get("refresh_s")
        self._refresh_ns = None if refresh_s is None else int(float(refresh_s) * 1e9)  # type: ignore[arg-type]
        self._endpoints = [Endpoint(entry) for entry in job["endpoints"]]  # type: ignore[attr-defined]
        self._left = len(self._endpoints)
        self._pacer: Pacer[Check] = Pacer(float(job["max_rate"]), float(job["max_rate_per_host"]))  # type: ignore[arg-type]
        self._names: Dict[str, Name] = {}
        self._answers: Deque[Answer] = deque()
        self._resolver = (resolver or Resolver)(self._deliver)
        self._waiter = make_waiter()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._waiter.add(self._wake_read, READ)
        self._attempts: Dict[int, Attempt] = {}
        self._starts: List[Tuple[int, int, int, Endpoint]] = []
        self._timers: List[Tuple[int, int, int, object]] = []
        self._order = 0
        self._most_open = kernel.raise_descriptor_limit()
        self._short_of_descriptors = False
        self._suspended_ns = kernel.suspended_ns()
        self._route_cache: Dict[int, Tuple[int, bool]] = {}
        self._reason: Optional[str] = None
        self._stopping = False

    # -- from outside ---------------------------------------------------------------------------

    def stop(self) -> None:
        self._stopping = True
        self._wake()

    def run(self) -> str:
        start_ns = now_ns()
        for endpoint in self._endpoints:
            self._prepare(endpoint)
            endpoint.due_ns = start_ns
            self._schedule(endpoint)
        self._timer(start_ns + HOUSEKEEPING_NS, _HOUSEKEEPING, None)
        if self._refresh_ns is not None and self._names:
            self._timer(start_ns + self._refresh_ns, _REFRESH, None)
        while self._reason is None:
            if self._left == 0:
                self._reason = "complete"
            elif self._stopping:
                self._reason = "stopped"
            else:
                self._turn()
        self._close_all()
        self._samples.event({"event": "end", "reason": self._reason})
        return self._reason

    # -- one turn -------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._begin_checks()
        self._samples.flush(now_ns())
        if not self._left:  # decided at once, as loopback refuses: nothing to wait for
            return
        before_ns = now_ns()
        timeout_ns = self._until_next(before_ns)
        events = self._waiter.wait(timeout_ns / 1e9)
        woke_ns = now_ns()
        if woke_ns - before_ns - timeout_ns > STALL_NS:
            self._note_gap(before_ns + timeout_ns, woke_ns)
        for descriptor, _ in events:
            attempt = self._attempts.get(descriptor)
            if attempt is not None:
                self._on_event(attempt, woke_ns)
            elif descriptor == self._wake_read.fileno():
                self._take_answers(woke_ns)
        if len(events) < self._waiter.most:
            self._expire(woke_ns)
        self._samples.flush(woke_ns)

    def _until_next(self, at_ns: int) -> int:
        times = [self._timers[0][0]] if self._timers else []
        if self._starts:
            times.append(self._starts[0][0])
        paced_ns = None if len(self._attempts) >= self._most_open else self._pacer.next_ns()
        if paced_ns is not None:
            times.append(paced_ns)
        return max(0, min(times) - at_ns)

    def _begin_checks(self) -> None:
        at_ns = now_ns()
        while self._starts and self._starts[0][0] <= at_ns:
            self._begin(heapq.heappop(self._starts)[3], at_ns)
        for _ in range(STARTS_A_TURN):
            if len(self._attempts) >= self._most_open:
                self._note_shortage()
                return
            check = self._pacer.take(now_ns())
            if check is None:
                return
            self._launch(check)

    def _expire(self, at_ns: int) -> None:
        while self._timers and self._timers[0][0] <= at_ns:
            _, _, kind, what = heapq.heappop(self._timers)
            if kind == _DEADLINE:
                assert isinstance(what, Check)
                self._on_deadline(what, at_ns)
            elif kind == _NEXT_ADDRESS:
                assert isinstance(what, Check)
                if at_ns >= what.next_at_ns:
                    self._try_next_address(what)
            elif kind == _DRAINED:
                assert isinstance(what, Attempt)
                self._finish_drain(what)
            elif kind == _REFRESH:
                self._refresh(at_ns)
            else:
                self._keep_house(at_ns)

    # -- starting -------------------------------------------------------------------------------

    def _prepare(self, endpoint: Endpoint) -> None:
        address = literal(endpoint.host)
        if address is not None:
            endpoint.addresses = (address,)
            return
        name = self._names.get(endpoint.host)
        if name is None:
            name = self._names[endpoint.host] = Name(endpoint.host)
        name.redact = name.redact or endpoint.redact
        endpoint.name = name

    def _schedule(self, endpoint: Endpoint) -> None:
        self._order += 1
        heapq.heappush(self._starts, (endpoint.due_ns, self._order, _START, endpoint))

    def _timer(self, when_ns: int, kind: int, what: object) -> None:
        self._order += 1
        heapq.heappush(self._timers, (when_ns, self._order, kind, what))

    def _begin(self, endpoint: Endpoint, at_ns: int) -> None:
        if not endpoint.more:
            return
        endpoint.started += 1
        check = Check(endpoint, endpoint.started, at_ns)
        name = endpoint.name
        if name is None or name.addresses:
            self._pacer.add(check, endpoint.host, at_ns)
            return
        check.deadline_ns = at_ns + endpoint.timeout_ns
        self._timer(check.deadline_ns, _DEADLINE, check)
        name.waiting.append(check)
        if not name.asking:
            name.asking = True
            self._resolver.ask(name.host)

    def _launch(self, check: Check) -> None:
        """Start connecting, and plan the endpoint's next check from here."""
        endpoint = check.endpoint
        start_ns = now_ns()
        if check.dns_us is None:
            check.start_ns = start_ns
        if endpoint.retry_on is None:
            first = check.number == 1 or check.dns_us is not None
            nominal_ns = start_ns if first or start_ns - endpoint.due_ns > endpoint.interval_ns else endpoint.due_ns
            endpoint.due_ns = nominal_ns + endpoint.interval_ns
            if endpoint.more:
                self._schedule(endpoint)
        check.deadline_ns = start_ns + endpoint.timeout_ns
        self._timer(check.deadline_ns, _DEADLINE, check)
        self._try_next_address(check)

    def _try_next_address(self, check: Check) -> None:
        """Connect to the next address, if one is left; RFC 8305 starts it while others wait."""
        addresses = self._addresses(check)
        if check.decided or check.next_address >= len(addresses):
            return
        address = addresses[check.next_address]
        check.next_address += 1
        try:
            sock = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            self._decide_without_attempt(check, "local_error", error_name(error.errno or 0), error.strerror)
            return
        sock.setblocking(False)
        if self._kernel:
            kernel.ask_for_icmp(sock)
        attempt = Attempt(check, address, sock, now_ns())
        if check.next_address < len(addresses):
            check.next_at_ns = attempt.start_ns + NEXT_ADDRESS_NS
            self._timer(check.next_at_ns, _NEXT_ADDRESS, check)
        check.attempts.append(attempt)
        self._attempts[attempt.descriptor] = attempt
        self._connect(attempt, sock)

    @staticmethod
    def _addresses(check: Check) -> Tuple[Address, ...]:
        endpoint = check.endpoint
        return endpoint.name.addresses if endpoint.name is not None else endpoint.addresses

    def _connect(self, attempt: Attempt, sock: socket.socket) -> None:
        try:
            code = sock.connect_ex(attempt.address.sockaddr(attempt.check.endpoint.port))
        except OSError as error:  # what the socket module itself finds wrong
            code = error.errno or errno.EINVAL
        if code in _IN_PROGRESS:
            self._waiter.add(sock, WRITE)
            info = kernel.tcp_info(sock) if self._kernel else None
            # Loopback is done before connect() returns: no need to wait for the event.
            if info is not None and info.state != kernel.SYN_SENT:
                self._on_event(attempt, now_ns())
            return
        if code == 0:
            self._waiter.add(sock, WRITE)
            self._on_event(attempt, now_ns())
            return
        attempt.clock_us = (now_ns() - attempt.start_ns) // 1000
        self._fail(attempt, code)

    # -- deciding -------------------------------------------------------------------------------

    def _on_event(self, attempt: Attempt, at_ns: int) -> None:
        sock = attempt.sock
        if sock is None:
            return
        if attempt.draining:
            self._drain(attempt, sock)
            return
        attempt.clock_us = max(0, at_ns - attempt.start_ns) // 1000
        info = kernel.tcp_info(sock) if self._kernel else None
        if info is not None:
            attempt.rtt_us = info.rtt_us or None
            attempt.repeats = info.repeats
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(attempt, code)
            return
        if not self._connected(sock, info):
            return
        handshake_us = self._handshake_us(attempt, info)
        if attempt.start_ns + handshake_us * 1000 > attempt.check.deadline_ns:
            self._decide(attempt.check, attempt, "timeout")
            return
        self._established(attempt, sock, handshake_us)

    @staticmethod
    def _connected(sock: socket.socket, info: Optional[kernel.TcpInfo]) -> bool:
        """Whether the handshake is complete: an event may have been for a descriptor's last owner."""
        if info is not None:
            return info.state not in (kernel.SYN_SENT, kernel.SYN_RECV)
        try:
            sock.getpeername()
        except OSError as error:
            return error.errno != errno.ENOTCONN
        return True

    def _handshake_us(self, attempt: Attempt, info: Optional[kernel.TcpInfo]) -> int:
        """Return SYN sent to handshake complete: the kernel's figure where it has one, else ours.

        Where a SYN was repeated the kernel's round trip leaves out the wait; our clock includes
        it, but also how late we looked. What the kernel says about the last ACK (jiffies, at
        most 10 ms) corrects that.
        """
        if info is None:
            return attempt.clock_us
        if info.repeats == 0 and info.rtt_us:
            return min(info.rtt_us, attempt.clock_us)
        if info.acked_ms_ago > 10 and info.acked_ms_ago * 1000 < attempt.clock_us:
            return attempt.clock_us - info.acked_ms_ago * 1000
        return attempt.clock_us

    def _established(self, attempt: Attempt, sock: socket.socket, handshake_us: int) -> None:
        try:
            to_itself = sock.getsockname()[:2] == sock.getpeername()[:2]
        except OSError:  # already reset
            to_itself = False
        if to_itself:
            # TCP's simultaneous open: a port of the ephemeral range that nobody listens on.
            attempt.text = "connected to itself: nobody listens on that port"
            self._decide(attempt.check, attempt, "refused")
            return
        attempt.connect_us = handshake_us
        attempt.outcome = "open"
        self._part_from_others(attempt)
        self._begin_drain(attempt, sock)

    def _fail(self, attempt: Attempt, code: int) -> None:
        """An attempt came to nothing: try the next address, or decide the check by it."""
        check = attempt.check
        if attempt.sock is not None and self._kernel:
            attempt.icmp = kernel.icmp_error(attempt.sock)
        attempt.code = code
        attempt.text = kernel.system_words(code)
        attempt.outcome = connect_outcome(code, attempt.icmp, attempt.address.family, self._has_route)
        self._close(attempt)
        check.attempts.remove(attempt)
        if check.next_address < len(self._addresses(check)):
            check.failed.append(attempt)
            self._try_next_address(check)
        elif check.attempts:
            check.failed.append(attempt)
        else:
            self._decide(check, self._telling(check, attempt), None)

    @staticmethod
    def _telling(check: Check, last: Attempt) -> Attempt:
        """The attempt that tells most: the last one, unless that failed for a local reason only."""
        if last.outcome != "local_error":
            return last
        for index, attempt in enumerate(check.failed):
            if attempt.outcome != "local_error":
                check.failed[index] = last
                return attempt
        return last

    def _on_deadline(self, check: Check, at_ns: int) -> None:
        if check.decided or at_ns < check.deadline_ns:
            return
        if not check.attempts:
            name = check.endpoint.name
            if name is not None and check in name.waiting:
                name.waiting.remove(check)
                self._resolver.give_up(name.host)
                self._fail_name(check, "dns_timeout", None, (at_ns - check.start_ns) // 1000, at_ns)
            return
        for attempt in tuple(check.attempts):
            info = kernel.tcp_info(attempt.sock) if self._kernel and attempt.sock is not None else None
            if info is not None and info.state != kernel.SYN_SENT:
                self._on_event(attempt, at_ns)
                if check.decided:
                    return
            elif info is not None:
                attempt.repeats = info.repeats
        if check.decided or not check.attempts:
            return
        for attempt in check.attempts:
            attempt.clock_us = (at_ns - attempt.start_ns) // 1000
            attempt.outcome = "timeout"
        check.failed.extend(check.attempts[1:])
        self._decide(check, check.attempts[0], "timeout")

    def _part_from_others(self, winner: Attempt) -> None:
        check = winner.check
        check.decided = True
        for attempt in check.attempts:
            if attempt is not winner:
                self._close(attempt)
        check.attempts = [winner]

    def _begin_drain(self, attempt: Attempt, sock: socket.socket) -> None:
        """Close with FIN: a close on unread data (a banner) would send RST, which servers log."""
        attempt.draining = True
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._finish_drain(attempt)
            return
        self._waiter.change(sock, READ)
        patience_ns = min(max(3 * (attempt.rtt_us or attempt.clock_us) * 1000, DRAIN_LEAST_NS), DRAIN_MOST_NS)
        self._timer(now_ns() + patience_ns, _DRAINED, attempt)

    def _drain(self, attempt: Attempt, sock: socket.socket) -> None:
        taken = 0
        while taken < DRAIN_MOST_BYTES:
            try:
                data = sock.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                attempt.code = error.errno or 0
                attempt.text = error.strerror
                attempt.outcome = "reset"
                break
            if not data:
                break
            taken += len(data)
        self._finish_drain(attempt)

    def _finish_drain(self, attempt: Attempt) -> None:
        if attempt.sock is not None:
            self._decide(attempt.check, attempt, None)

    def _decide(self, check: Check, attempt: Attempt, outcome: Optional[str]) -> None:
        """Write the check's sample, decided by `attempt`."""
        attempt.outcome = outcome or attempt.outcome
        detail: Dict[str, object] = {}
        if attempt.code:
            detail["errno"] = error_name(attempt.code)
        if attempt.icmp is not None:
            detail["icmp"] = list(attempt.icmp)
        if attempt.text and not check.endpoint.redact:
            detail["text"] = attempt.text
        if check.failed:
            redact = check.endpoint.redact
            detail["attempts"] = [[None if redact else a.address.host, a.outcome, a.clock_us] for a in check.failed]
        for other in check.attempts:
            self._close(other)
        self._close(attempt)
        self._write(check, attempt, attempt.outcome, detail)

    def _decide_without_attempt(self, check: Check, outcome: str, code: Optional[str], text: Optional[str]) -> None:
        for attempt in check.attempts:
            self._close(attempt)
        detail: Dict[str, object] = {}
        if code:
            detail["errno"] = code
        if text and not check.endpoint.redact:
            detail["text"] = text
        self._write(check, None, outcome, detail)

    def _write(self, check: Check, attempt: Optional[Attempt], outcome: str, detail: Dict[str, object]) -> None:
        check.decided = True
        check.attempts = []
        check.failed = []
        self._samples.sample(sample_line(check, outcome, self._base_ns, attempt, detail))
        endpoint = check.endpoint
        endpoint.finished += 1
        if endpoint.retry_on is None:
            over = endpoint.count is not None and endpoint.finished >= endpoint.count
        else:
            due_ns = max(check.start_ns + endpoint.interval_ns, now_ns())
            late = endpoint.until_ns is not None and due_ns - self._base_ns > endpoint.until_ns
            over = late or outcome not in endpoint.retry_on or not endpoint.more
            if not over:
                endpoint.due_ns = due_ns
                self._schedule(endpoint)
        if over and not endpoint.done:
            endpoint.done = True
            self._left -= 1
            self._samples.event({"event": "done", "endpoint": endpoint.index})

    # -- names ----------------------------------------------------------------------------------

    def _deliver(self, answer: Answer) -> None:
        """Called in a resolver's thread."""
        self._answers.append(answer)
        self._wake()

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
        while self._answers:
            self._take_answer(self._answers.popleft(), at_ns)

    def _take_answer(self, answer: Answer, at_ns: int) -> None:
        name = self._names[answer.host]
        name.asking = False
        waiting, name.waiting = name.waiting, []
        if answer.outcome is not None:
            for check in waiting:
                self._fail_name(check, answer.outcome, answer.text, answer.spent_us, at_ns)
            return
        if name.addresses and set(name.addresses) != set(answer.addresses) and not name.redact:
            old, new = ([address.host for address in a] for a in (name.addresses, answer.addresses))
            self._samples.event({"event": "address", "host": name.host, "old": old, "new": new})
        name.addresses = answer.addresses
        for check in waiting:
            check.dns_us = answer.spent_us
            self._pacer.add(check, name.host, at_ns)

    def _fail_name(self, check: Check, outcome: str, text: Optional[str], spent_us: int, at_ns: int) -> None:
        """The check ends without a connect; the endpoint's next check asks for the name again."""
        check.dns_us = spent_us
        self._decide_without_attempt(check, outcome, None, text)
        endpoint = check.endpoint
        if endpoint.retry_on is None and endpoint.more:
            endpoint.due_ns = max(check.start_ns + endpoint.interval_ns, at_ns)
            self._schedule(endpoint)

    def _refresh(self, at_ns: int) -> None:
        assert self._refresh_ns is not None
        for name in self._names.values():
            if name.addresses and not name.asking:
                name.asking = True
                self._resolver.ask(name.host)
        self._timer(at_ns + self._refresh_ns, _REFRESH, None)

    # -- keeping house --------------------------------------------------------------------------

    def _keep_house(self, at_ns: int) -> None:
        # A parent that was killed leaves us to another process (or to init).
        if self._parent is not None and hasattr(os, "getppid") and os.getppid() != self._parent:
            self._reason = "orphaned"
        self._timer(at_ns + HOUSEKEEPING_NS, _HOUSEKEEPING, None)

    def _note_gap(self, from_ns: int, to_ns: int) -> None:
        """Leave out the starts that fell into a stretch in which the loop did not run."""
        suspended_ns = kernel.suspended_ns()
        was_suspended = suspended_ns - self._suspended_ns > STALL_NS // 2
        self._suspended_ns = suspended_ns
        missed = 0
        for _, _, _, endpoint in self._starts:
            late = max(0, to_ns - endpoint.due_ns) // endpoint.interval_ns if endpoint.interval_ns else 0
            endpoint.due_ns += late * endpoint.interval_ns
            missed += late
        endpoints = [entry[3] for entry in self._starts]
        self._starts = []
        for endpoint in endpoints:
            self._schedule(endpoint)
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
        cut = {id(attempt.check): attempt.check for attempt in self._attempts.values() if not attempt.draining}
        for check in cut.values():
            for attempt in check.attempts:
                self._close(attempt)
            check.attempts, check.failed, check.next_address = [], [], 0
            check.decided = True  # timers of the old one pass it by
            again = Check(check.endpoint, check.number, check.start_ns)
            again.dns_us = check.dns_us
            self._pacer.add(again, check.endpoint.host, at_ns)

    def _note_shortage(self) -> None:
        if self._short_of_descriptors:
            return
        self._short_of_descriptors = True
        text = f"at most {self._most_open} connects at once here (ulimit -n): some checks started late"
        self._samples.event({"event": "warning", "text": text})

    def _has_route(self, family: int) -> bool:
        at_ns = now_ns()
        cached = self._route_cache.get(family)
        if cached is None or at_ns - cached[0] > HOUSEKEEPING_NS:
            cached = self._route_cache[family] = (at_ns, kernel.has_route(family))
        return cached[1]

    def _close(self, attempt: Attempt) -> None:
        sock = attempt.sock
        if sock is None:
            return
        attempt.sock = None
        del self._attempts[attempt.descriptor]
        self._waiter.remove(sock)
        sock.close()

    def _close_all(self) -> None:
        """The end: what is decided is written, what is not is dropped."""
        for attempt in tuple(self._attempts.values()):
            if attempt.draining:
                self._finish_drain(attempt)
            else:
                self._close(attempt)
