"""`warn` limits and `warmup` in `netmon check`."""

from __future__ import annotations

import json
from pathlib import Path

from check_runs import InProcess
from servers import Servers


def test_a_broken_warn_limit_is_shown_and_the_run_is_green(check: InProcess, servers: Servers) -> None:
    target = {"host": servers.open().target, "count": 2, "warmup": 1, "interval": "5ms", "warn": ["errors > 0"]}
    Path("netmon.yaml").write_text(json.dumps({"targets": [target]}))
    ran = check()
    assert ran.status == 0
    assert ran.out.splitlines()[0].endswith("; warning: errors 0, allowed > 0")
    assert "2 of 2, median" in ran.out
