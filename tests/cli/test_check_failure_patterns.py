"""How failures are spread, as limits of `netmon check`."""

from __future__ import annotations

from check_runs import InProcess
from servers import Servers


def test_failures_in_a_row_break_a_limit_and_outages_that_are_short_do_not(check: InProcess, servers: Servers) -> None:
    arguments = [servers.closed().target, "--count", "3", "--interval", "5ms", "--limit", "success >= 0%"]
    broken = check(*arguments, "--limit", "consecutive_failures <= 2", "--limit", "outage <= 60s")
    assert broken.status == 1
    assert "consecutive_failures 3" in " ".join(broken.out.split())
    assert "outage" not in broken.out
    assert check(*arguments, "--limit", "consecutive_failures <= 3", "--limit", "errors.timeout == 0").status == 0
