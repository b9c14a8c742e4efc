"""What runs at a vantage: loads the prober from its sources, runs a job, sends the lines. Sent as source itself.

Its law: standard library only, Python >= 3.8, no file is written and none is read, and nothing stays behind in a
process that lives on (execnet's socket server).

Over the channel come: the prober's sources, packed; then tuples: ("ping", t), ("run", packed job), ("stop",). Back go:
a dict that says which machine this is, ("pong", t, own time), ("base", own time of the start), and lines, many in one
bytes object; an empty one says that all is well. Times are nanoseconds of the clock that the prober uses.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.util
import json
import os
import platform
import socket
import sys
import threading
import time
import zlib
from collections import deque
from typing import Any, Callable, Deque, Dict

#: Lines go out that often: a batch costs 12 us a sample where one message each costs 100 (measured).
SEND_EVERY_S = 0.02
ALIVE_EVERY_S = 1.0
#: Lines that wait for a slow connection before further ones are dropped, and counted.
MOST_WAITING = 100_000
#: A sender that cannot get rid of the rest by then leaves it.
END_S = 5.0


class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads modules in a mapping of names to sources."""

    def __init__(self, sources: Dict[str, str]) -> None:
        self._sources = sources

    def find_spec(self, fullname: str, *_: object) -> Any:
        if fullname not in self._sources:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package="." not in fullname)

    def exec_module(self, module: Any) -> None:
        name = module.__name__
        exec(compile(self._sources[name], f"<{name}>", "exec"), module.__dict__)  # noqa: S102 - what the relay sent

    def forget(self) -> None:
        sys.meta_path.remove(self)
        for name in self._sources:
            sys.modules.pop(name, None)


class Sender:
    """Stands in the place of the prober's sample file: the loop never waits for the connection."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._lines: Deque[bytes] = deque()
        self._lost = 0
        self._turned = True
        self._over = False
        self._thread = threading.Thread(target=self._send_for_ever, daemon=True, name="netmon-send")
        self._thread.start()

    def event(self, event: Dict[str, object]) -> None:
        self._lines.append(json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n")

    def sample(self, line: bytes) -> None:
        if len(self._lines) < MOST_WAITING:
            self._lines.append(line)
        else:
            self._lost += 1

    def flush(self, _now_ns: int) -> None:
        self._turned = True

    def close(self) -> None:
        self._over = True
        self._thread.join(END_S)

    def _send_for_ever(self) -> None:
        alive_s = time.monotonic()
        while True:
            over = self._over
            if not over:
                time.sleep(SEND_EVERY_S)
            if self._lost and len(self._lines) < MOST_WAITING:
                lost, self._lost = self._lost, 0
                self.event({"event": "lost", "samples": lost, "text": "the connection to this vantage was too slow"})
            batch = b"".join([self._lines.popleft() for _ in range(len(self._lines))])
            now_s = time.monotonic()
            is_due = self._turned and now_s - alive_s >= ALIVE_EVERY_S
            try:
                if batch or is_due:
                    alive_s, self._turned = now_s, False
                    self._send(batch)
            except OSError:  # nobody listens any more: whoever watches the connection ends the run
                return
            if over and not self._lines:
                return


class Line:
    """The connection to the relay: answers pings, and stops the engine when nothing more is heard."""

    def __init__(
        self, channel: Any, engine: Any, now_ns: Callable[[], int], *, silence_s: float, own_process: bool
    ) -> None:
        self._channel = channel
        self._engine = engine
        self._now_ns = now_ns
        self._silence_s = silence_s
        self._own_process = own_process
        self._heard = True
        self.over = False
        channel.setcallback(self._on_item, endmarker=None)
        threading.Thread(target=self._watch, daemon=True, name="netmon-watch").start()

    def _on_item(self, item: Any) -> None:
        self._heard = True
        if item is not None and item[0] == "ping":
            self._channel.send(("pong", item[1], self._now_ns()))
        else:
            self._engine.stop()

    def _watch(self) -> None:
        """Steps, not a clock: a machine that slept has heard nothing, which is not the relay's fault."""
        quiet_s, step_s = 0.0, min(1.0, self._silence_s / 4)
        while quiet_s < self._silence_s:
            if self.over:
                return
            time.sleep(step_s)
            quiet_s = 0.0 if self._heard else quiet_s + step_s
            self._heard = False
        self._engine.stop()
        time.sleep(2 * END_S)
        if not self.over and self._own_process:
            os._exit(1)  # the end hangs in a connection that is no more


def main(channel: Any) -> None:
    sources = Sources(json.loads(zlib.decompress(channel.receive())))
    sys.meta_path.insert(0, sources)
    try:
        serve(channel)
    finally:
        sources.forget()


def serve(channel: Any) -> None:
    engines, kernel = importlib.import_module("netmon_prober.engine"), importlib.import_module("netmon_prober.kernel")
    now_ns: Callable[[], int] = kernel.now_ns
    channel.send(
        {
            "host": socket.gethostname(),
            "system": platform.system(),
            "release": platform.release(),
            "python": platform.python_version(),
        }
    )
    item = channel.receive()
    while item[0] == "ping":
        channel.send(("pong", item[1], now_ns()))
        item = channel.receive()
    if item[0] != "run":
        return
    job = json.loads(zlib.decompress(item[1]))
    kernel.make_room_for_descriptors(kernel.raise_descriptor_limit())
    engine = engines.Engine(job)
    gc.collect()
    gc.freeze()
    base_ns = now_ns()
    channel.send(("base", base_ns))
    sender = Sender(channel.send)
    line = Line(channel, engine, now_ns, silence_s=job["silence_s"], own_process=job["own_process"])
    try:
        engine.run(sender, base_ns)
        sender.close()
    finally:
        line.over = True
        gc.unfreeze()


if __name__ == "__channelexec__":
    main(channel)  # type: ignore[name-defined]  # noqa: F821 - execnet puts it there
