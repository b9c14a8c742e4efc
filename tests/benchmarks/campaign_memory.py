"""A campaign and its memory: reads {"endpoints", "count"}, prints what parent and prober hold midway and at the end."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from prober_runs import private_bytes

from pytest_netmon.campaign import Campaign
from pytest_netmon.plan import Endpoint, Plan

_LOOK_EVERY_S = 0.02


def main() -> None:
    given = json.loads(sys.stdin.readline())
    endpoints = [
        Endpoint(host=host, port=port, measured=True, count=given["count"], interval_s=0.001, name=f"n{number}")
        for number, (host, port) in enumerate(given["endpoints"])
    ]
    campaign = Campaign(Plan(endpoints=endpoints, max_rate=1e6, max_rate_per_host=1e6), range(len(endpoints)))
    wanted = len(endpoints) * given["count"]
    try:
        campaign.start()
        prober = _child()
        found = {}
        for name, checks in (("at_half", wanted // 2), ("at_end", wanted * 9 // 10)):
            while campaign.recording.checks < checks and not campaign.ended:
                time.sleep(_LOOK_EVERY_S)
                campaign.poll()
            held = {"prober": private_bytes(prober), "parent": private_bytes(os.getpid())}
            found[name] = {"checks": campaign.recording.checks, **held}
    finally:
        campaign.close()
    print(json.dumps(found))


def _child() -> int:
    """The only process that this one has started."""
    return int(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[0])


if __name__ == "__main__":
    main()
