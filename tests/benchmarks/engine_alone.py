"""The prober's engine with nothing written: the job on standard input, one line of JSON out.

As `pytest_netmon.prober.main`, but the sample file is a counter, so that what is left is the
engine itself, up to and with a sample's line.
"""

from __future__ import annotations

import gc
import json
import sys
import time

from pytest_netmon.prober.engine import Engine
from pytest_netmon.prober.kernel import now_ns


class Counter:
    """In place of the sample file."""

    def __init__(self) -> None:
        self.samples = 0
        self.open = 0

    def sample(self, line: bytes) -> None:
        self.samples += 1
        self.open += b'"open"' in line

    def event(self, event: dict[str, object]) -> None:
        pass

    def flush(self, now_ns: int) -> None:
        pass


def main() -> None:
    job = json.loads(sys.stdin.readline())
    counter = Counter()
    engine = Engine(job)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    engine.run(counter, now_ns())
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    print(json.dumps({"checks": counter.open, "samples": counter.samples, "wall_s": wall_s, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
