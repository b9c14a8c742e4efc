"""Many vantages on one controller: start-up, memory and samples a second, with gateways on this machine.

    python tests/benchmarks/fan_out.py [VANTAGES] [ENDPOINTS] [CHECKS] [INTERVAL_MS]

Each vantage is a Python of its own that checks the same server on loopback; all of them share this machine's
processors with the relay and with the server, which several machines would not.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pytest_netmon.campaign import Campaign
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.vantage import Vantage

sys.path.insert(0, str(Path(__file__).parents[1]))
from servers import Servers


def main(vantages: int = 50, endpoints: int = 200, checks: int = 5, interval_ms: float = 1000.0) -> None:
    with Servers() as servers:
        server = servers.closed()  # refused at once: no accepting process takes a part of the figures
        names = [f"v{number:02}" for number in range(vantages)]
        plan = Plan(
            endpoints=[
                Endpoint(
                    host=f"127.0.{number // 200}.{number % 200 + 1}",
                    port=server.port,
                    vantage=name,
                    measured=True,
                    count=checks,
                    interval_s=interval_ms / 1000,
                )
                for name in names
                for number in range(endpoints)
            ],
            vantages={
                name: Vantage(name=name, kind="via", way="env -i", python=f"{sys.executable} -S -E") for name in names
            },
            max_rate=1e6,
            max_rate_per_host=1e5,
        )
        _measure(plan, vantages)


def _measure(plan: Plan, vantages: int) -> None:
    campaign = Campaign(plan, range(len(plan.endpoints)))
    began_s = time.monotonic()
    most_kib = 0
    try:
        campaign.start()
        while not campaign.ended:
            campaign.poll()
            most_kib = max(most_kib, _memory_kib(campaign._relay.pid))
            time.sleep(0.05)
        total_s = time.monotonic() - began_s
        times = os.times()
        run = campaign.run()
        firsts = {result.endpoint.vantage: result for result in reversed(run.results)}
        starts = sorted(next(iter(result.store.of(result.index))).start_us / 1e6 for result in firsts.values())
    finally:
        campaign.close()
    samples = sum(result.statistics.checks for result in run.results)
    lost = [f"{name}: {state.text}" for name, state in run.vantages.items() if state.state == "lost"]
    middle, spent_s = starts[len(starts) // 2], times.children_user + times.children_system
    print(f"{vantages} vantages x {len(plan.endpoints) // vantages} endpoints: {samples} samples in {total_s:.1f} s")
    print(f"checks began after {starts[0]:.2f} s at the first vantage, median {middle:.2f}, last {starts[-1]:.2f}")
    print(f"{samples / (total_s - starts[0]):,.0f} samples a second from the first start on")
    print(f"the relay: {most_kib / 1024:.0f} MiB at most; it and all gateways: {spent_s:.1f} s of processor time")
    print(*lost, sep="\n", end="\n" if lost else "")
    print(f"complete: {not run.partial}, lost samples: {run.lost_samples}, warnings: {len(run.warnings)}")


def _memory_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    main(*[int(each) for each in given[:3]], *given[3:])
