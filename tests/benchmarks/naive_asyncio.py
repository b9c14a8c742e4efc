"""What most people would write: asyncio.open_connection with a timeout and a clock around it.

    naive_asyncio.py FILE

FILE is JSON: {"endpoints": [[host, port], ...], "count": N, "interval_s": S, "in_flight": M or null}.
With `in_flight` as many workers make `count` checks of each endpoint as fast as they can, else each
endpoint has a task of its own that starts a check every `interval_s`. Prints one line of JSON:
checks that were open, wall and CPU seconds, and the times measured, in milliseconds.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from pathlib import Path

TIMEOUT_S = 3.0


async def check(host: str, port: int, times_ms: list[float]) -> None:
    began_s = time.perf_counter()
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), TIMEOUT_S)
    except (OSError, asyncio.TimeoutError):
        return
    times_ms.append((time.perf_counter() - began_s) * 1000)
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass


async def at_interval(host: str, port: int, count: int, interval_s: float, times_ms: list[float]) -> None:
    began_s = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began_s + number * interval_s - time.perf_counter()))
        await check(host, port, times_ms)


async def worker(jobs: itertools.chain[tuple[str, int]], times_ms: list[float]) -> None:
    for host, port in jobs:
        await check(host, port, times_ms)


async def main(plan: dict) -> list[float]:
    times_ms: list[float] = []
    endpoints = [(host, port) for host, port in plan["endpoints"]]
    if plan["in_flight"]:
        jobs = itertools.chain.from_iterable(itertools.repeat(endpoints, plan["count"]))
        await asyncio.gather(*(worker(jobs, times_ms) for _ in range(plan["in_flight"])))
    else:
        tasks = (at_interval(*endpoint, plan["count"], plan["interval_s"], times_ms) for endpoint in endpoints)
        await asyncio.gather(*tasks)
    return times_ms


if __name__ == "__main__":
    try:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except ImportError:
        pass
    plan = json.loads(Path(sys.argv[1]).read_text())
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    times_ms = asyncio.run(main(plan))
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    print(json.dumps({"checks": len(times_ms), "wall_s": wall_s, "cpu_s": cpu_s, "times_ms": times_ms}))
