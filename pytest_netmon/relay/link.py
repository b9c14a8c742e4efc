"""One vantage: from the first connection to its last line.

Begins in a thread of its own, which may hang; whatever comes in is put on the relay's one queue, and all decisions are
made there.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

import execnet

from ..prober.kernel import now_ns
from .faults import told_break, told_end, told_silence
from .gateways import CommandIO, GatewayError, connected, gateway_of, started_command
from .lines import Lines, LinesError, line_of

#: Pings before the start: the quickest of them says how far the clocks are apart, to half of its time.
_PINGS = 4
_PING_EVERY_S = 2.0
#: Later pings of which the quickest counts: clocks drift by some seconds a day.
_MOST_PINGS = 30
#: A relay that is not heard for so long has gone, and a network with it that never said so.
_REMOTE_SILENCE_S = 30.0
#: A connection that is refused by time says so before its start is given up.
_SHARE_OF_START = 0.8
#: How long a command may take to end once its input has ended.
_END_S = 1.0
#: A clock that jumps is no silence: no step of the relay takes longer.
_LONGEST_STEP_S = 1.0

Put = Callable[["Link", object, int], None]
END = object()


class _NoLink(Exception):  # noqa: N818
    """The vantage cannot be had; the text says why."""


class Link:
    """The vantage that one entry of the relay's job is about.

    put: called in any thread with what comes in and when. base_ns: the start of the campaign. start_s, silence_s:
    how long a start may take, and how long nothing may be heard. over: nothing more will come, and nothing of it runs
    here any more.
    """

    def __init__(
        self, entry: dict[str, Any], sources: bytes, put: Put, base_ns: int, *, start_s: float, silence_s: float
    ) -> None:
        self.name: str = entry["name"]
        self.over = False
        self._entry = entry
        self._sources = sources
        self._put = put
        self._base_ns = base_ns
        self._start_s = start_s
        self._silence_s = silence_s
        indexes = frozenset(each["index"] for each in entry["job"]["endpoints"])
        self._lines = Lines(self.name, indexes, entry["most_samples"])
        self._io: Any = None
        self._channel: Any = None
        self._state = "starting"
        self._quiet_s = self._spent_s = 0.0
        self._since_ping_s = 0.0
        self._offsets: deque[tuple[int, int]] = deque(maxlen=_MOST_PINGS)
        self._remote_base_ns: int | None = None
        self._machine: dict[str, str] = {}
        self._stopped = False
        threading.Thread(target=self._begin, daemon=True, name=f"netmon-{self.name}").start()

    # -- in the thread that begins ----------------------------------------------------------------

    def _begin(self) -> None:
        try:
            self._io = self._opened()
            gateway = gateway_of(self._io, self.name)
            # The first code that a gateway runs is run in the main thread there.
            channel = gateway.remote_exec(self._entry["remote"])
            channel.send(self._sources)
            self._put(self, dict(channel.receive()), now_ns())
            self._offsets.extend(self._ping(channel) for _ in range(_PINGS))
            channel.send(("run", self._job()))
            self._put(self, channel, now_ns())
        except (GatewayError, _NoLink) as fault:
            self._put(self, fault, now_ns())
        except (OSError, EOFError, ValueError, TypeError, execnet.gateway_base.RemoteError) as error:
            self._put(self, _NoLink(self._why(error)), now_ns())

    def _opened(self) -> Any:
        if self._entry["server"] is not None:
            host, port = self._entry["server"]
            return connected((host, port), _SHARE_OF_START * self._start_s)
        entry = self._entry
        io = started_command(entry["command"], entry["python"], through_shell=entry["through_shell"])
        self._io = io  # to be ended from outside, should it hang
        if self._state != "starting":
            io.kill()
        try:
            io.boot()
        except (OSError, EOFError, ValueError):
            raise _NoLink(told_end(_ended(io), io.words(), entry["python"][0])) from None
        return io

    def _ping(self, channel: Any) -> tuple[int, int]:
        """Return the time that a ping took, and how far the clock there is before ours."""
        sent_ns = now_ns()
        channel.send(("ping", sent_ns))
        _, _, there_ns = channel.receive()
        return _measured(sent_ns, now_ns(), int(there_ns))

    def _job(self) -> bytes:
        job = {**self._entry["job"], "silence_s": _REMOTE_SILENCE_S, "own_process": self._entry["server"] is None}
        spent_us = (now_ns() - self._base_ns) // 1000
        job["endpoints"] = [
            each if each["wait"] is None else {**each, "wait": _begun(each["wait"], spent_us)}
            for each in job["endpoints"]
        ]
        return zlib.compress(json.dumps(job).encode("ascii"))

    def _why(self, error: BaseException) -> str:
        if isinstance(error, execnet.gateway_base.RemoteError):
            return f"the prober failed there: {_last_line(str(error))}"
        if isinstance(self._io, CommandIO):
            return told_break(_ended(self._io), self._io.words())
        return f"the connection ended: {error}" if str(error) else "the connection ended"

    # -- in the relay's main thread ---------------------------------------------------------------

    def take(self, item: object, at_ns: int) -> list[bytes]:
        """Take in what was put on the queue; return the lines to append."""
        if self._state in ("ending", "over"):
            return []
        self._quiet_s = 0.0
        if isinstance(item, (GatewayError, _NoLink)):
            return self._lost(str(item))
        if isinstance(item, dict):
            self._machine = {str(key)[:40]: str(value)[:200] for key, value in item.items()}
            return []
        if item is END:
            return self._ended_there()
        if isinstance(item, bytes):
            return self._taken(item)
        if isinstance(item, tuple):
            return self._told(item, at_ns)
        return self._running(item)

    def _running(self, channel: Any) -> list[bytes]:
        self._channel = channel
        self._state = "running"
        channel.setcallback(lambda item: self._put(self, item, now_ns()), endmarker=END)
        if self._stopped:
            self._send(("stop",))
        round_trip_us = min(self._offsets)[0] // 1000
        return [self._event("began", None, machine=self._machine, round_trip_us=round_trip_us)]

    def _taken(self, batch: bytes) -> list[bytes]:
        try:
            taken = list(self._lines.take(batch))
        except LinesError as error:
            return self._lost(f"what comes from there is no prober's: {error}")
        return taken if self._lines.end_reason is None else [*taken, *self._finished()]

    def _told(self, item: tuple[object, ...], at_ns: int) -> list[bytes]:
        """A pong, or the time at which the prober there began."""
        if len(item) == 2 and item[0] == "base" and isinstance(item[1], int):
            self._remote_base_ns = item[1]
        elif len(item) == 3 and item[0] == "pong" and isinstance(item[1], int) and isinstance(item[2], int):
            self._offsets.append(_measured(item[1], at_ns, item[2]))
        else:
            return self._lost("what comes from there is no prober's")
        if self._remote_base_ns is not None:
            ahead_ns = min(self._offsets)[1]
            self._lines.shift_us = (self._remote_base_ns - ahead_ns - self._base_ns) // 1000
        return []

    def _finished(self) -> list[bytes]:
        reason = self._lines.end_reason
        self._state = "ending"
        self._spent_s = 0.0
        self._close()
        return [self._event("ended", "stopped" if reason == "stopped" else "complete")]

    def _ended_there(self) -> list[bytes]:
        try:
            self._channel.waitclose(0)
        except execnet.gateway_base.RemoteError as error:
            return self._lost(f"the prober failed there: {_last_line(str(error))}")
        except (OSError, EOFError):
            pass
        return self._lost(self._why(EOFError()))

    def _lost(self, text: str) -> list[bytes]:
        self._state = "ending"
        self._spent_s = 0.0
        self._close()
        self._kill()
        return [self._event("lost", text)]

    def step(self, passed_s: float) -> list[bytes]:
        """Look at what time has done to it; return the lines to append."""
        passed_s = min(passed_s, _LONGEST_STEP_S)
        self._spent_s += passed_s
        self._quiet_s += passed_s
        if self._state == "starting" and self._spent_s > self._start_s:
            said = self._io.words() if isinstance(self._io, CommandIO) else ""
            return self._lost(told_silence(self._start_s, said))
        if self._state == "running":
            return self._watched(passed_s)
        if self._state == "ending" and (self._is_gone or self._spent_s > _END_S):
            self._kill()
            self._state = "over"
            self.over = True
        return []

    def _watched(self, passed_s: float) -> list[bytes]:
        most_s = self._entry["most_s"]
        if self._quiet_s > self._silence_s:
            return self._lost(f"nothing was heard from there for {self._silence_s:.0f} s: the connection hangs")
        if most_s is not None and self._spent_s > most_s + self._start_s:
            return self._lost(f"the checks there did not end in time ({most_s:.0f} s)")
        self._since_ping_s += passed_s
        if self._since_ping_s >= _PING_EVERY_S:
            self._since_ping_s = 0.0
            self._send(("ping", now_ns()))
        return []

    def stop(self) -> list[bytes]:
        """Ask the prober there to stop; where none runs yet, leave it."""
        self._stopped = True
        if self._state == "starting":
            self._state = "ending"
            self._kill()
            return [self._event("ended", "stopped")]
        if self._state == "running":
            self._send(("stop",))
        return []

    def abandon(self) -> list[bytes]:
        """Leave whatever still runs; what is missing then is missing."""
        if self._state in ("starting", "running"):
            return self._lost("it did not stop in time")
        self._kill()
        return []

    def _send(self, item: tuple[object, ...]) -> None:
        with contextlib.suppress(OSError):  # its end is told by itself
            self._channel.send(item)

    @property
    def _is_gone(self) -> bool:
        return not isinstance(self._io, CommandIO) or self._io.process.poll() is not None

    def _close(self) -> None:
        """End its input: what runs there then ends, and the command that led there."""
        if self._io is not None:
            with contextlib.suppress(OSError, ValueError):
                self._io.close_write()

    def _kill(self) -> None:
        if isinstance(self._io, CommandIO):
            self._io.kill()

    def _event(self, state: str, text: str | None, **more: object) -> bytes:
        return line_of({"event": "vantage", "name": self.name, "state": state, "text": text, **more})


def _begun(wait: dict[str, Any], spent_us: int) -> dict[str, Any]:
    """A wait that counts from the start of the campaign, on the clock of a prober that starts later."""
    return {**wait, "until_us": max(0, wait["until_us"] - spent_us)}


def _measured(sent_ns: int, heard_ns: int, there_ns: int) -> tuple[int, int]:
    """The time that a ping took, and how far the clock there is before ours, to half of that time."""
    return heard_ns - sent_ns, there_ns - (sent_ns + heard_ns) // 2


def _ended(io: CommandIO) -> int | None:
    """How a command ended whose output has: it may take a moment more."""
    for _ in range(20):
        if io.process.poll() is not None:
            break
        time.sleep(0.01)
    return io.process.poll()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no reason given"
