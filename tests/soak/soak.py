"""A soak of `netmon monitor` on loopback: flat memory and descriptors, and no sample missing.

    python tests/soak/soak.py [--minutes 15] [--endpoints 50] [--interval 0.25] [--folder FOLDER]

Every fourth endpoint flaps: it listens for seven seconds and refuses for three. The monitor is watched from outside
(/proc: Linux), ended by SIGTERM, and its results are counted: for each endpoint, samples = planned starts - starts
that a recorded gap took. Exit status 0 where all of that holds, else 1.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
#: Endpoints of one host: a host may be checked 200 times a second at the most.
_A_HOST = 10
_BACKLOG = 1024
_FLAP_EVERY, _UP_S, _DOWN_S = 4, 7.0, 3.0
_LOOK_EVERY_S = 5.0
#: Memory may grow by this much after the first fifth: places of the first 65,536 samples are half a MiB, and
#: distinct values of statistics come in for a while.
_MOST_GROWTH_KIB = 2048
#: Sockets in flight come and go.
_MOST_MORE_DESCRIPTORS = 64


class Servers(threading.Thread):
    """Ports on 127.0.0.1, 127.0.0.2 ..., one thread for all."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self._selector = selectors.DefaultSelector()
        self._listeners = [_listener_on(f"127.0.0.{1 + index // _A_HOST}") for index in range(number)]
        for listener in self._listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, "listener")
        self.addresses = [listener.getsockname() for listener in self._listeners]
        self._is_up = [True] * number
        self._began_s = time.monotonic()

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select(0.1):
                self._serve(key)
            for index in range(0, len(self.addresses), _FLAP_EVERY):
                self._flap(index)

    def _serve(self, key: selectors.SelectorKey) -> None:
        sock: Any = key.fileobj
        if key.data == "listener":
            with contextlib.suppress(BlockingIOError):
                self._selector.register(sock.accept()[0], selectors.EVENT_READ, "client")
            return
        with contextlib.suppress(OSError):
            if sock.recv(4096):
                return
        self._selector.unregister(sock)
        sock.close()

    def _flap(self, index: int) -> None:
        wanted = (time.monotonic() - self._began_s + index) % (_UP_S + _DOWN_S) < _UP_S
        if wanted == self._is_up[index]:
            return
        self._is_up[index] = wanted
        listener = self._listeners[index]
        if wanted:
            listener.listen(_BACKLOG)
            self._selector.register(listener, selectors.EVENT_READ, "listener")
        else:
            # It refuses from now on and keeps its port, which nobody else can get.
            self._selector.unregister(listener)
            listener.shutdown(socket.SHUT_RDWR)


def _listener_on(host: str) -> socket.socket:
    """Listen on a free port, bound by its number: only so Linux leaves it to a socket that was shut down."""
    with socket.create_server((host, 0)) as found:
        port = found.getsockname()[1]
    return socket.create_server((host, port), backlog=_BACKLOG)


@dataclass(frozen=True)
class Look:
    """What was seen of the monitor and its prober: resident memory in KiB, open descriptors."""

    at_s: float
    rss_kib: tuple[int, int]
    descriptors: tuple[int, int]


def watch(process: subprocess.Popen[Any], seconds: float) -> list[Look]:
    began_s = time.monotonic()
    prober = _prober_of(process.pid)
    looks = []
    while time.monotonic() - began_s < seconds and process.poll() is None:
        time.sleep(min(_LOOK_EVERY_S, seconds / 20))
        pids = (process.pid, prober)
        looks.append(Look(time.monotonic() - began_s, _both(_rss_kib, pids), _both(_descriptors, pids)))
    return looks


def _both(of: Any, pids: tuple[int, int]) -> tuple[int, int]:
    return of(pids[0]), of(pids[1])


def _prober_of(pid: int) -> int:
    for _ in range(1000):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise SystemExit("the monitor has started no prober")


def _rss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def missing_samples(report: dict[str, Any], interval_s: float) -> tuple[int, int]:
    """Return how many samples there are, and how many planned starts have none."""
    samples = missing = 0
    for ports in report["raw_data"].values():
        for recorded in ports.values():
            starts = [datetime.datetime.fromisoformat(sample["timestamp"]) for sample in recorded]
            planned = round((starts[-1] - starts[0]).total_seconds() / interval_s) + 1
            numbers = [sample["check"] for sample in recorded]
            assert numbers == list(range(1, len(numbers) + 1)), "a check is missing, or stands there twice"
            samples += len(recorded)
            missing += planned - len(recorded)
    return samples, missing


def told(looks: list[Look]) -> Iterator[str]:
    yield f"{'time':>7}  {'monitor KiB':>12}  {'prober KiB':>11}  descriptors"
    for look in looks[:: max(1, len(looks) // 15)]:
        minutes = f"{look.at_s / 60:.1f} m"
        monitor, prober = zip(look.rss_kib, look.descriptors, strict=True)
        yield f"{minutes:>7}  {monitor[0]:>12}  {prober[0]:>11}  {monitor[1]} + {prober[1]}"


def complaints(looks: list[Look], report: dict[str, Any], missing: int, status: int) -> Iterator[str]:
    settled = looks[len(looks) // 5 :]
    for which, name in enumerate(("monitor", "prober")):
        growth = settled[-1].rss_kib[which] - settled[0].rss_kib[which]
        if growth > _MOST_GROWTH_KIB:
            yield f"the memory of the {name} grew by {growth} KiB"
        counts = [look.descriptors[which] for look in settled]
        if max(counts) - min(counts) > _MOST_MORE_DESCRIPTORS:
            yield f"the {name} had from {min(counts)} to {max(counts)} descriptors"
    in_gaps = sum(gap["missed_checks"] for gap in report["monitoring_session"]["gaps"])
    if missing != in_gaps:
        yield f"{missing} planned checks have no sample, gaps account for {in_gaps}"
    if report["monitoring_session"]["lost_samples"]:
        yield f"{report['monitoring_session']['lost_samples']} samples were lost"
    if status:
        yield f"the monitor ended with status {status}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--endpoints", type=int, default=50)
    parser.add_argument("--interval", type=float, default=0.25)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="netmon-soak-"))
    servers = Servers(options.endpoints)
    servers.start()
    targets = [f"{host}:{port}" for host, port in servers.addresses]
    command = [sys.executable, "-m", "pytest_netmon", "monitor", *targets, "-i", str(options.interval)]
    with (folder / "log.txt").open("w") as log, (folder / "blocks.txt").open("w") as blocks:
        process = subprocess.Popen(
            [*command, "-o", str(folder / "soak.json")],
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
    wrong = list(complaints(looks, report, missing, status))
    lines = [
        *told(looks),
        f"{samples} samples of {options.endpoints} endpoints, {missing} starts left out, {len(gaps)} gaps",
    ]
    sys.stdout.write("\n".join([*lines, *(f"WRONG: {each}" for each in wrong), "" if wrong else "all is well", ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
