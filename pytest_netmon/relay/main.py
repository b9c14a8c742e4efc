"""The relay's process: reads its job from standard input, follows all vantages, ends with its input.

In: one line of JSON,

    {"netmon": 1, "sample_file": "/path/samples.ndjson",     made by the local prober, whose first line it waits for
     "start_s": 10.0,                                         how long a Python may take to begin anywhere
     "silence_s": 15.0,                                       how long nothing may be heard from one that runs
     "vantages": [{"name": "app",
                   "command": ["kubectl", ...], "python": ["python3"], "through_shell": false,
                   "server": null,                            or [host, port], and then no command
                   "most_s": 42.0, "most_samples": 120,       how long its checks may take, and how many there are;
                                                              null: without end
                   "job": {...}}, ...]}                       as of `prober.protocol`, without what is of this machine

End of standard input means stop.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

from ..prober.protocol import VERSION
from ..prober.samplefile import SampleFile
from .link import Link

#: How often time is looked at, and how long the first line of the sample file may take to come.
_STEP_S = 0.1
_HEADER_S = 30.0
#: The most that is taken in before lines are written.
_MOST_AT_ONCE = 500
#: How long probers may take to stop, all together.
_STOP_S = 0.7
_MOST_HEADER = 1 << 26

Item = tuple["Link | None", object, int]


def main() -> int:
    """Run the job. Returns the exit status, where it returns at all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return 0  # the parent ended before it had written the job
    job = json.loads(line)
    if job.get("netmon") != VERSION:
        raise SystemExit(f"netmon relay: this is protocol {VERSION}, the job is of {job.get('netmon')!r}")
    whole = Relay(job).run()
    sys.stderr.flush()
    os._exit(0 if whole else 1)  # threads that hang in a connection are not waited for


class Relay:
    """Follows all vantages of a job."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._stopping = False
        self._stopping_s = 0.0
        self._links: list[Link] = []
        signal.signal(signal.SIGTERM, lambda *_: self._items.put((None, None, 0)))
        threading.Thread(target=self._await_end_of_input, daemon=True, name="netmon-input").start()

    def run(self) -> bool:
        """Return whether all could be recorded."""
        base_ns = self._await_header()
        if base_ns is None:
            return True
        file = SampleFile(self._job["sample_file"], None, shared=True)
        sources, remote = packed_sources(), (Path(__file__).parent / "remote.py").read_text("utf-8")
        self._links = [
            Link(
                {**entry, "remote": remote},
                sources,
                lambda *item: self._items.put(item),
                base_ns,
                start_s=float(self._job["start_s"]),
                silence_s=float(self._job["silence_s"]),
            )
            for entry in self._job["vantages"]
        ]
        self._follow(file)
        return file.close()

    def _follow(self, file: SampleFile) -> None:
        stepped_s = time.monotonic()
        while not all(link.over for link in self._links):
            for line in self._taken():
                file.sample(line)
            now_s = time.monotonic()
            if now_s - stepped_s >= _STEP_S:
                for line in self._stepped(now_s - stepped_s):
                    file.sample(line)
                stepped_s = now_s
            file.flush(time.monotonic_ns())
            if self._stopping and self._stopping_s > _STOP_S:
                break
        for link in self._links:
            for line in link.abandon():
                file.sample(line)

    def _taken(self) -> list[bytes]:
        lines: list[bytes] = []
        for number in range(_MOST_AT_ONCE):
            try:
                link, item, at_ns = self._items.get(block=number == 0, timeout=_STEP_S)
            except queue.Empty:
                break
            if link is not None:
                lines += link.take(item, at_ns)
            elif not self._stopping:
                self._stopping = True
                lines += [line for each in self._links for line in each.stop()]
        return lines

    def _stepped(self, passed_s: float) -> list[bytes]:
        if self._stopping:
            self._stopping_s += passed_s
        return [line for link in self._links for line in link.step(passed_s)]

    def _await_header(self) -> int | None:
        """Return the start of the campaign by the clock of this machine; None where there is none, or was an end."""
        ends_s = time.monotonic() + _HEADER_S
        while time.monotonic() < ends_s and self._items.empty():
            line = _first_line(self._job["sample_file"])
            if line is not None:
                return int(json.loads(line)["base_ns"])
            time.sleep(0.005)
        return None

    def _await_end_of_input(self) -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        self._items.put((None, None, 0))


def packed_sources() -> bytes:
    """Return the sources of the prober, by the names that they have there."""
    folder = Path(__file__).parent.parent / "prober"
    sources = {f"netmon_prober.{path.stem}": path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}
    sources["netmon_prober"] = sources.pop("netmon_prober.__init__")
    return zlib.compress(json.dumps(sources).encode("ascii"))


def _first_line(path: str) -> bytes | None:
    try:
        with Path(path).open("rb") as file:
            line = file.readline(_MOST_HEADER)
    except OSError:
        return None
    return line if line.endswith(b"\n") else None
