"""`netmon check --tag`."""

from __future__ import annotations

import json
from pathlib import Path

from check_runs import InProcess
from servers import Servers


def write(servers: Servers) -> list[str]:
    first, second = servers.open(), servers.closed()
    targets = [{"host": first.target, "tags": ["db"]}, {"host": second.target, "tags": ["web"]}]
    Path("netmon.yaml").write_text(json.dumps({"targets": targets}))
    return [first.target, second.target]


def test_a_tag_selects_and_the_last_line_says_how_many_are_left_out(check: InProcess, servers: Servers) -> None:
    first, _ = write(servers)
    ran = check("--tag", "db")
    line, last = ran.out.splitlines()
    assert ran.status == 0
    assert line.startswith(f"PASS   {first}  ")
    assert last.startswith("1 passed, 1 left out by tags in ")


def test_a_tag_excludes(check: InProcess, servers: Servers) -> None:
    _, second = write(servers)
    ran = check("--tag", "!db")
    assert ran.status == 1
    assert ran.out.startswith(f"FAIL   {second}")


def test_an_unknown_tag_is_a_usage_error(check: InProcess, servers: Servers) -> None:
    write(servers)
    ran = check("--tag", "wep")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == ("netmon check: --tag: expected a tag of some target (db, web), got 'wep': did you mean 'web'?\n")
