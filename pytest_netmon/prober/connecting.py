"""Checks in flight: sockets, their events, and what they come to.

A check tries its addresses as RFC 8305 does. Events are read before deadlines expire, and a
deadline asks the kernel first: what it completed in time is open, however late we look.
"""

from __future__ import annotations

import errno
import socket
from typing import Callable, Dict, Optional, Tuple, Union

from . import kernel
from .classify import connect_outcome, error_name, of_proxy
from .closing import Closer
from .kernel import TcpInfo, now_ns
from .names import Address
from .stages import Stages
from .timers import Deadlines, Timers
from .wait import EpollWaiter, SelectorWaiter
from .work import Attempt, Check

#: RFC 8305, section 8: Connection Attempt Delay. Shorter where a timeout would leave addresses untried.
NEXT_ADDRESS_NS = 250_000_000
_LOOPBACK = ("127.", "::1")
#: For how long an answer about this machine's routes is good.
_ROUTE_NS = 1_000_000_000
_IN_PROGRESS = frozenset(
    getattr(errno, name) for name in ("EINPROGRESS", "EWOULDBLOCK", "EAGAIN", "WSAEWOULDBLOCK") if hasattr(errno, name)
)

Detail = Dict[str, object]
#: A check, its outcome, the attempt that decided it (None where no socket could be had), what else is known.
Decided = Callable[[Check, str, Optional[Attempt], Detail], None]


class Connector:
    """Connects checks to their addresses and says once what each came to: `decided(...)`.

    in_kernel: False judges by our own clock alone. `attempts` holds those that have a socket, by its
    descriptor; those of decided checks among them are only being closed.
    """

    def __init__(
        self, waiter: Union[EpollWaiter, SelectorWaiter], timers: Timers, decided: Decided, *, in_kernel: bool
    ) -> None:
        self._waiter = waiter
        self._timers = timers
        self._decided = decided
        self._kernel = in_kernel
        self.attempts: Dict[int, Attempt] = {}
        self.deadlines = Deadlines()
        self._closer = Closer(timers, self._decide)
        self._stages = Stages(waiter, timers, self._closer.finish, self._decide, in_kernel=in_kernel)
        self._chosen_ports = kernel.chosen_ports()
        self._routes: Dict[int, Tuple[int, bool]] = {}

    def on_event(self, attempt: Attempt, at_ns: int, info: Optional[TcpInfo] = None) -> None:
        """Its socket is ready; `at_ns` is when we woke up. info: what the kernel knows of it, where it was asked."""
        sock = attempt.sock
        if sock is None or attempt.draining:
            return
        if attempt.passage is not None:
            self._stages.on_event(attempt, attempt.passage, at_ns)
            return
        past_ns = at_ns - attempt.start_ns
        attempt.clock_us = handshake_us = past_ns // 1000 if past_ns > 0 else 0
        if info is None and self._kernel:
            info = kernel.tcp_info(sock)
        state = 0
        if info is not None:
            state, acked_ms_ago, rtt_us, attempt.repeats = info
            attempt.rtt_us = rtt_us or None
            handshake_us = _handshake_us(handshake_us, acked_ms_ago, rtt_us, info[3])
        if state != kernel.ESTABLISHED:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._fail(attempt, code)
                return
            if not _connected(sock, state):
                self._waiter.again(attempt.descriptor)
                return
        check = attempt.check
        if attempt.start_ns + handshake_us * 1000 > check.deadline_ns and not check.endpoint.late_is_open:
            attempt.outcome = "timeout"
            self._give_up_others(attempt, at_ns)
            self._decide(check, attempt)
            return
        self._established(check, attempt, sock, handshake_us)

    def expire(self, at_ns: int) -> None:
        """End checks whose deadline has passed."""
        for check in self.deadlines.due(at_ns):
            self._on_deadline(check, at_ns)

    def add_addresses(self, check: Check, addresses: Tuple[Address, ...], *, more: bool) -> None:
        """Take in what else its name leads to; `more` where that is still not all."""
        check.awaits_more = more
        if check.decided:
            return
        check.addresses += tuple(address for address in addresses if address not in check.addresses)
        if check.attempts:
            self._timers.add(now_ns() + _next_address_ns(check), self._on_next_address, check)
        elif check.next_address < len(check.addresses):
            self.start(check)
        elif check.failed and not more:
            self._decide(check, _telling(check, check.failed.pop()))

    def drop(self, check: Check) -> None:
        """Forget a check under way; it comes to nothing."""
        for attempt in check.attempts:
            self._close(attempt)
        check.attempts, check.failed = [], []
        check.decided = True  # timers of it pass it by

    def end(self) -> None:
        """Close everything: what is decided is said, what is not comes to nothing."""
        for attempt in tuple(self.attempts.values()):
            if attempt.draining:
                self._decide(attempt.check, attempt)
            else:
                self._close(attempt)

    # -- connecting -----------------------------------------------------------------------------

    def start(self, check: Check) -> None:
        """Connect to the next address of a check, which has one left; its deadline counts from the first attempt."""
        addresses, endpoint = check.addresses, check.endpoint
        address = addresses[check.next_address]
        check.next_address += 1
        try:
            sock = kernel.new_socket(address.family)
        except OSError as error:
            if not check.attempts:  # else another one may still answer
                check.decided = True
                self._decided(check, "local_error", None, _told(check, error.errno or 0, error.strerror))
            return
        if self._kernel:
            kernel.ask_for_icmp(sock, address.family)
        start_ns = now_ns()
        attempt = Attempt(check, address, sock, start_ns)
        if check.next_address < len(addresses):
            check.next_at_ns = start_ns + _next_address_ns(check)
            self._timers.add(check.next_at_ns, self._on_next_address, check)
        if not check.deadline_ns:
            check.deadline_ns = start_ns + endpoint.timeout_ns
            self.deadlines.add(check, endpoint.timeout_ns)
        check.attempts.append(attempt)
        self.attempts[attempt.descriptor] = attempt
        try:
            code = sock.connect_ex(address.sockaddr(endpoint.peer_port))
        except OSError as error:  # what the socket module itself finds wrong
            code = error.errno or errno.EINVAL
        if code in _IN_PROGRESS:
            if self._kernel and address.host.startswith(_LOOPBACK):
                info = kernel.tcp_info(sock)
                if info is not None and info[0] != kernel.SYN_SENT:
                    # Loopback is done before connect() returns: no event to wait for.
                    self.on_event(attempt, now_ns(), info)
                    return
            self._waiter.add(attempt.descriptor)
        elif code == 0:
            self.on_event(attempt, now_ns())
        else:
            attempt.clock_us = (now_ns() - start_ns) // 1000
            self._fail(attempt, code)

    def _on_next_address(self, check: Check, at_ns: int) -> None:
        if at_ns >= check.next_at_ns and not check.decided and check.next_address < len(check.addresses):
            self.start(check)

    def _established(self, check: Check, attempt: Attempt, sock: socket.socket, handshake_us: int) -> None:
        low, high = self._chosen_ports
        if low <= check.endpoint.peer_port <= high and _is_to_itself(sock):
            # TCP's simultaneous open: a port of the ephemeral range that nobody listens on.
            attempt.text = "connected to itself: nobody listens on that port"
            attempt.outcome = "refused"
            self._lose(attempt)
            return
        attempt.connect_us = handshake_us
        attempt.outcome = "open"
        check.decided = True
        if len(check.attempts) > 1:
            self._give_up_others(attempt, now_ns())
        if check.endpoint.stages:
            self._stages.start(attempt)
        else:
            self._closer.finish(attempt, sock)

    def _give_up_others(self, winner: Attempt, at_ns: int) -> None:
        """Addresses that were asked before the one that answered, in vain, are told with it."""
        check = winner.check
        for other in check.attempts:
            if other.start_ns < winner.start_ns:
                other.clock_us = (at_ns - other.start_ns) // 1000
                other.outcome = "timeout"
                check.failed.append(other)
            if other is not winner:
                self._close(other)
        check.attempts = [winner]

    # -- failing --------------------------------------------------------------------------------

    def _fail(self, attempt: Attempt, code: int) -> None:
        """The system says that this attempt came to nothing."""
        if attempt.sock is not None and self._kernel:
            attempt.icmp = kernel.icmp_error(attempt.sock)
        attempt.code = code
        attempt.text = kernel.system_words(code)
        attempt.outcome = connect_outcome(code, attempt.icmp, attempt.address.family, self._has_route)
        self._lose(attempt)

    def _lose(self, attempt: Attempt) -> None:
        """Try the next address, or decide the check by this attempt."""
        check = attempt.check
        self._close(attempt)
        check.attempts.remove(attempt)
        if check.next_address < len(check.addresses):
            check.failed.append(attempt)
            self.start(check)
        elif check.attempts or check.awaits_more:
            check.failed.append(attempt)
        else:
            self._decide(check, _telling(check, attempt))

    def _on_deadline(self, check: Check, at_ns: int) -> None:
        if check.decided:
            return
        for attempt in tuple(check.attempts):
            info = kernel.tcp_info(attempt.sock) if self._kernel and attempt.sock is not None else None
            if info is not None and info[0] != kernel.SYN_SENT:
                self.on_event(attempt, at_ns)
                if check.decided:
                    return
            elif info is not None:
                attempt.repeats = info[3]
        if not check.attempts:
            self._end_unresolved(check)
            return
        for attempt in check.attempts:
            attempt.clock_us = (at_ns - attempt.start_ns) // 1000
            attempt.outcome = "timeout"
        check.failed.extend(check.attempts[1:])
        self._decide(check, check.attempts[0])

    def _end_unresolved(self, check: Check) -> None:
        """The known addresses failed, and the name's others did not come in time: nothing is proven by those."""
        check.decided = True
        detail = _told(check, 0, "only some addresses of the name were resolved in time")
        _tell_failed(check, detail)
        self._decided(check, "dns_timeout", None, detail)

    def _decide(self, check: Check, attempt: Attempt) -> None:
        """Say what the check came to, decided by `attempt`."""
        check.decided = True
        if len(check.attempts) > 1:
            for other in check.attempts:
                self._close(other)
        self._close(attempt)
        if check.endpoint.has_proxy and attempt.passage is None:
            if attempt.outcome == "timeout":
                attempt.text = "no connection to the proxy itself"
            attempt.outcome = of_proxy(attempt.outcome)
        detail = _told(check, attempt.code, attempt.text) if attempt.code or attempt.text else {}
        if attempt.icmp is not None:
            detail["icmp"] = list(attempt.icmp)
        if attempt.passage is not None:
            detail.update(attempt.passage.figures)
            attempt.passage = None  # a timer may hold the attempt for long: not what a handshake takes of memory
        if check.failed:
            _tell_failed(check, detail)
        check.attempts.clear()  # they hold the check as well: no work for the collector
        self._decided(check, attempt.outcome, attempt, detail)

    def _has_route(self, family: int) -> bool:
        at_ns = now_ns()
        known = self._routes.get(family)
        if known is None or at_ns - known[0] > _ROUTE_NS:
            known = self._routes[family] = (at_ns, kernel.has_route(family))
        return known[1]

    def _close(self, attempt: Attempt) -> None:
        sock = attempt.sock
        if sock is None:
            return
        attempt.sock = None
        descriptor = attempt.descriptor
        del self.attempts[descriptor]
        self._waiter.remove(descriptor)
        sock.close()


def _connected(sock: socket.socket, state: int) -> bool:
    """Whether the handshake is complete: an event may have been for a descriptor's last owner. state: 0 where the
    kernel was not asked."""
    if state:
        return state not in (kernel.SYN_SENT, kernel.SYN_RECV)
    try:
        sock.getpeername()
    except OSError as error:
        return error.errno != errno.ENOTCONN
    return True


def _handshake_us(clock_us: int, acked_ms_ago: int, rtt_us: int, repeats: int) -> int:
    """Return SYN sent to handshake complete: the kernel's figure where it has one, else ours.

    Where a SYN was repeated the kernel's round trip leaves out the wait; our clock includes it, but also how late we
    looked. What the kernel says about the last ACK (jiffies, at most 10 ms) corrects that.
    """
    if rtt_us and not repeats:
        return rtt_us if rtt_us < clock_us else clock_us
    if acked_ms_ago > 10 and acked_ms_ago * 1000 < clock_us:
        return clock_us - acked_ms_ago * 1000
    return clock_us


def _is_to_itself(sock: socket.socket) -> bool:
    try:
        return bool(sock.getsockname()[:2] == sock.getpeername()[:2])
    except OSError:  # already reset
        return False


def _next_address_ns(check: Check) -> int:
    return min(NEXT_ADDRESS_NS, check.endpoint.timeout_ns // len(check.addresses))


def _told(check: Check, code: int, text: Optional[str]) -> Detail:
    detail: Detail = {}
    if code:
        detail["errno"] = error_name(code)
    if text and not check.endpoint.redact:
        detail["text"] = text
    return detail


def _tell_failed(check: Check, detail: Detail) -> None:
    redact = check.endpoint.redact
    if check.endpoint.has_proxy:
        for attempt in check.failed:
            attempt.outcome = of_proxy(attempt.outcome)
    detail["attempts"] = [[None if redact else a.address.host, a.outcome, a.clock_us] for a in check.failed]
    check.failed.clear()


def _telling(check: Check, last: Attempt) -> Attempt:
    """The attempt that tells most: the last one, unless that failed for a local reason only."""
    if last.outcome != "local_error":
        return last
    for index, attempt in enumerate(check.failed):
        if attempt.outcome != "local_error":
            check.failed[index] = last
            return attempt
    return last
