"""A soak of `netmon monitor` on loopback: flat memory, descriptors and threads, and no sample missing.

    python tests/soak/soak.py [--minutes 60] [--endpoints 100] [--interval 0.25] [--folder FOLDER]

Of four endpoints one is sound. The others are so for seven seconds and for three of every ten one refuses, one takes no
connection (its backlog is full: packets are dropped) and one resets. Every ten minutes the prober is stopped for two
seconds. The monitor is watched from outside (/proc: Linux), ended by SIGTERM, and its results are counted: for each
endpoint, samples = planned starts - starts that a recorded gap took. Exit status 0 where all of that holds, else 1.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
#: Endpoints of one host: a host may be checked 200 times a second at the most.
_A_HOST = 10
_BACKLOG = 1024
#: What is wrong with an endpoint while it is not sound, by its index.
_FAULTS = ("refuses", "drops", "resets", "")
_SOUND_S, _FAULTY_S = 7.0, 3.0
_STOP_EVERY_S, _STOPPED_S = 600.0, 2.0
#: `SO_LINGER` on, zero seconds: closing sends a RST instead of a FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LOOK_EVERY_S = 5.0
_TIMEOUT_S = 1.5
#: Memory may grow by this much an endpoint after the first fifth: statistics keep each distinct microsecond, 5,000
#: of a distribution at the most, and new ones come in ever more slowly.
_MOST_GROWTH_KIB = 40
#: Connects that time out are in flight for as long: what may not grow is how few descriptors there are in between.
_MOST_MORE_DESCRIPTORS = 16


class Servers(threading.Thread):
    """Ports on 127.0.0.1, 127.0.0.2 ..., one thread for all."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self._selector = selectors.DefaultSelector()
        self._listeners = [_listener_on(f"127.0.0.{1 + index // _A_HOST}", _fault_of(index)) for index in range(number)]
        for listener in self._listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, "listener")
        self.addresses = [listener.getsockname() for listener in self._listeners]
        self._is_sound = [True] * number
        self._index_of = {listener: index for index, listener in enumerate(self._listeners)}
        self._began_s = time.monotonic()

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select(0.1):
                self._serve(key)
            for index in range(len(self.addresses)):
                self._change(index)

    def _serve(self, key: selectors.SelectorKey) -> None:
        sock: Any = key.fileobj
        if key.data == "listener":
            with contextlib.suppress(BlockingIOError):
                self._take(sock.accept()[0], self._index_of[sock])
            return
        with contextlib.suppress(OSError):
            if sock.recv(4096):
                return
        self._selector.unregister(sock)
        sock.close()

    def _take(self, client: socket.socket, index: int) -> None:
        if _fault_of(index) == "resets" and not self._is_sound[index]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            client.close()
        else:
            self._selector.register(client, selectors.EVENT_READ, "client")

    def _change(self, index: int) -> None:
        sound = (time.monotonic() - self._began_s + index) % (_SOUND_S + _FAULTY_S) < _SOUND_S
        fault, listener = _fault_of(index), self._listeners[index]
        if sound == self._is_sound[index] or not fault:
            return
        self._is_sound[index] = sound
        if fault == "resets":
            return
        if not sound:
            self._selector.unregister(listener)
            if fault == "refuses":  # and keeps its port, which nobody else can get
                listener.shutdown(socket.SHUT_RDWR)
            return
        if fault == "refuses":
            listener.listen(_BACKLOG)
        self._selector.register(listener, selectors.EVENT_READ, "listener")


def _fault_of(index: int) -> str:
    return _FAULTS[index % len(_FAULTS)]


def _listener_on(host: str, fault: str) -> socket.socket:
    """Listen on a free port, bound by its number: only so Linux leaves it to a socket that was shut down."""
    with socket.create_server((host, 0)) as found:
        port = found.getsockname()[1]
    return socket.create_server((host, port), backlog=0 if fault == "drops" else _BACKLOG)


@dataclass(frozen=True)
class Look:
    """What was seen of the monitor and its prober: resident memory in KiB, open descriptors, threads."""

    at_s: float
    rss_kib: tuple[int, int]
    descriptors: tuple[int, int]
    threads: tuple[int, int]


def watch(process: subprocess.Popen[Any], seconds: float) -> list[Look]:
    began_s = time.monotonic()
    prober = _prober_of(process.pid)
    looks: list[Look] = []
    stop_at_s = began_s + min(_STOP_EVERY_S, max(10 * _STOPPED_S, seconds / 2))
    while time.monotonic() - began_s < seconds and process.poll() is None:
        time.sleep(min(_LOOK_EVERY_S, seconds / 20))
        is_near_end = time.monotonic() > began_s + seconds - 10 * _STOPPED_S
        if time.monotonic() > stop_at_s and not is_near_end:  # samples must follow a gap, to be counted
            stop_at_s += _STOP_EVERY_S
            os.kill(prober, signal.SIGSTOP)
            time.sleep(_STOPPED_S)
            os.kill(prober, signal.SIGCONT)
        at_s = time.monotonic() - began_s
        seen = [(_figure(pid, "VmRSS"), _descriptors(pid), _figure(pid, "Threads")) for pid in (process.pid, prober)]
        looks.append(Look(at_s, *zip(*seen, strict=True)))
    return looks


def _prober_of(pid: int) -> int:
    for _ in range(1000):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise SystemExit("the monitor has started no prober")


def _figure(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def missing_samples(report: dict[str, Any], interval_s: float) -> tuple[int, int]:
    """Return how many samples there are, and how many planned starts have none; checks that the end cut off, while
    later ones were decided, are left out."""
    samples = missing = 0
    for ports in report["raw_data"].values():
        for recorded in ports.values():
            starts = [datetime.datetime.fromisoformat(sample["timestamp"]) for sample in recorded]
            planned = round((starts[-1] - starts[0]).total_seconds() / interval_s) + 1
            numbers = [sample["check"] for sample in recorded]
            assert numbers == sorted({*numbers}), "a check stands there twice"
            absent = {*range(1, numbers[-1] + 1)} - {*numbers}
            cut_off = numbers[-1] - _TIMEOUT_S / interval_s - 1
            assert all(number > cut_off for number in absent), f"checks are missing: {sorted(absent)}"
            samples += len(recorded)
            missing += planned - len(recorded) - len(absent)
    return samples, missing


def told(looks: list[Look]) -> Iterator[str]:
    yield f"{'time':>7}  {'monitor KiB':>12}  {'prober KiB':>11}  descriptors  threads"
    for look in looks[:: max(1, len(looks) // 15)]:
        minutes = f"{look.at_s / 60:.1f} m"
        monitor, prober = zip(look.rss_kib, look.descriptors, look.threads, strict=True)
        descriptors, threads = f"{monitor[1]} + {prober[1]}", f"{monitor[2]} + {prober[2]}"
        yield f"{minutes:>7}  {monitor[0]:>12}  {prober[0]:>11}  {descriptors:<11}  {threads}"


def complaints(looks: list[Look], report: dict[str, Any], missing: int, status: int) -> Iterator[str]:
    settled = looks[len(looks) // 5 :]
    for which, name in enumerate(("monitor", "prober")):
        growth = settled[-1].rss_kib[which] - settled[0].rss_kib[which]
        if growth > _MOST_GROWTH_KIB * max(50, len(report["endpoints"])):
            yield f"the memory of the {name} grew by {growth} KiB"
        counts = [look.descriptors[which] for look in settled]
        quarter = max(1, len(counts) // 4)
        if min(counts[-quarter:]) > min(counts[:quarter]) + _MOST_MORE_DESCRIPTORS:
            yield f"the {name} had at least {min(counts[:quarter])} descriptors, later {min(counts[-quarter:])}"
        threads = {look.threads[which] for look in settled}
        if len(threads) > 1:
            yield f"the {name} had from {min(threads)} to {max(threads)} threads"
    in_gaps = sum(gap["missed_checks"] for gap in report["monitoring_session"]["gaps"])
    if missing != in_gaps:
        yield f"{missing} planned checks have no sample, gaps account for {in_gaps}"
    if report["monitoring_session"]["lost_samples"]:
        yield f"{report['monitoring_session']['lost_samples']} samples were lost"
    if status:
        yield f"the monitor ended with status {status}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--endpoints", type=int, default=100)
    parser.add_argument("--interval", type=float, default=0.25)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="netmon-soak-"))
    servers = Servers(options.endpoints)
    servers.start()
    targets = [f"{host}:{port}" for host, port in servers.addresses]
    command = [sys.executable, "-m", "pytest_netmon", "monitor", *targets, "--timeout", str(_TIMEOUT_S)]
    with (folder / "log.txt").open("w") as log, (folder / "blocks.txt").open("w") as blocks:
        process = subprocess.Popen(
            [*command, "-i", str(options.interval), "-o", str(folder / "soak.json")],
            stdout=blocks,
            stderr=log,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT)},
        )
        looks = watch(process, options.minutes * 60)
        process.terminate()  # Ctrl-C is ignored by what a script starts in the background
        status = process.wait()
    report = json.loads((folder / "soak.json").read_text())
    samples, missing = missing_samples(report, options.interval)
    gaps = report["monitoring_session"]["gaps"]
    outcomes = Counter(
        sample["outcome"] for ports in report["raw_data"].values() for recorded in ports.values() for sample in recorded
    )
    wrong = list(complaints(looks, report, missing, status))
    lines = [
        *told(looks),
        f"{samples} samples of {options.endpoints} endpoints, {missing} starts left out, {len(gaps)} gaps",
        ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()),
    ]
    sys.stdout.write("\n".join([*lines, *(f"WRONG: {each}" for each in wrong), "" if wrong else "all is well", ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
