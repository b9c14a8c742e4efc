"""The prober run as the campaign runs it: a job on its standard input, samples in a file."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ground import Ground, GroundError, pinned

_BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from pytest_netmon.prober.main import main; sys.exit(main())"
_UNLIMITED = 1e9
#: Starts 20 us apart: what "all at once" means here for the prober.
AT_ONCE = 50_000.0


class Sample(NamedTuple):
    """What a row needs of a line of the sample file; microseconds."""

    start_us: int
    outcome: str
    connect_us: int | None
    clock_us: int | None
    dns_us: int | None
    syn_repeats: int | None
    tls_us: int | None


def job(
    endpoints: Sequence[tuple[str, int]], count: int, interval_s: float, *, timeout_s: float = 3.0,
    max_rate: float = _UNLIMITED, kernel: bool = True, tls: dict[str, object] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A job (see `pytest_netmon.prober.protocol`) of checks at an interval."""
    return {
        "netmon": 1,
        "parent": os.getpid(),
        "max_rate": max_rate,
        "max_rate_per_host": _UNLIMITED,
        "refresh_s": None,
        "kernel": kernel,
        "context": "{}",
        "endpoints": [
            {
                "index": index,
                "host": host,
                "port": port,
                "count": count,
                "interval_us": max(1, round(interval_s * 1e6)),
                "timeout_us": round(timeout_s * 1e6),
                "retry_on": None,
                "wait": None,
                "tls": tls,
                "close": "fin",
                "redact": False,
            }
            for index, (host, port) in enumerate(endpoints)
        ],
    }


class ProberRun:
    """A prober at work; a context manager that ends it.

    cpu: the only one that it may use; without it any. ended_s: its end by the wall clock, once `wait` has returned.
    """

    _number = 0

    def __init__(self, ground: Ground, work: dict[str, Any], cpu: int | None = None) -> None:
        ProberRun._number += 1
        self._path = ground.folder / f"samples-{ProberRun._number}.ndjson"
        self._process = subprocess.Popen(
            [
                *pinned(cpu),
                sys.executable,
                "-I",
                "-c",
                _BOOTSTRAP,
                ground.environment["PYTHONPATH"].split(os.pathsep)[0],
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        self.ended_s = 0.0
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**work, "sample_file": str(self._path)}).encode() + b"\n")
        self._process.stdin.flush()

    def __enter__(self) -> ProberRun:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._path.unlink()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait(self, timeout_s: float) -> None:
        """Wait for its end. Raises GroundError where it does not come or is no good one."""
        killer = threading.Timer(timeout_s, self._process.kill)
        killer.start()
        # Not wait(timeout): that looks only every 50 ms.
        status = self._process.wait()
        self.ended_s = time.time()
        killer.cancel()
        if status:
            raise GroundError(f"the prober ended with status {status} within {timeout_s:.0f} s")

    def samples(self) -> list[Sample]:
        lines = self._lines()
        arrays = (json.loads(line) for line in lines[1:] if line.startswith("["))
        return [
            Sample(line[2], line[3], line[4], line[5], line[6], line[8], (line[10] or {}).get("tls_us"))
            for line in arrays
        ]

    @property
    def started_s(self) -> float:
        """Its start by the wall clock."""
        return float(json.loads(self._lines()[0])["started_unix_us"]) / 1e6

    def _lines(self) -> list[str]:
        return self._path.read_text("utf-8").splitlines()


def run_prober(
    ground: Ground, work: dict[str, Any], timeout_s: float = 60.0, cpu: int | None = None
) -> tuple[list[Sample], float]:
    """Run a job to its end; return its samples and the seconds from the campaign's start to the prober's end."""
    with ProberRun(ground, work, cpu) as run:
        run.wait(timeout_s)
        return run.samples(), run.ended_s - run.started_s


def private_bytes(pid: int) -> int:
    """Anonymous memory of a process (proc_pid_status(5), RssAnon): its heap, without code and files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise GroundError("no word about the memory of a process: it has ended, or this kernel does not tell")
