"""What a dry run shows of a plan."""

from __future__ import annotations

import dataclasses

from made_runs import measured, reached

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Plan
from pytest_netmon.reports.dry_run import dry_run_lines
from pytest_netmon.reports.summary import header_lines
from pytest_netmon.waits import Wait


def shown(*endpoints, addresses=None, **fields):
    plan = Plan(endpoints=list(endpoints), **fields)
    return dry_run_lines(plan, plan.endpoints, addresses)


def test_each_limit_is_shown_with_where_it_came_from():
    limits = (parse_limit("p95 < 50ms", "option"), parse_limit("max < 1s", "defaults"))
    endpoint = dataclasses.replace(
        measured(name="api", warmup=2), limits=limits, warn=(parse_limit("errors == 0"),), tags=("db", "prod")
    )
    assert shown(endpoint, deselected=3) == [
        "api:5432 (db.internal, netmon.yaml:7:5): 40 checks after 2 warmup checks every 250 ms, timeout 2 s; "
        "tags db, prod",
        "    limit  success >= 100%  (built-in)",
        "    limit  p95 < 50ms       (option)",
        "    limit  max < 1s         (defaults)",
        "    warn   errors == 0      (target)",
        "1 endpoint, planned 10.2 s at up to 4.0 checks/s, 3 left out by tags; nothing was sent",
    ]


def test_what_is_waited_for_first_makes_a_run_longer_than_planned():
    waited, later = reached(wait=Wait(timeout_s=60.0)), measured(port=1, wait=Wait(timeout_s=5.0))
    skipped = reached(port=2, skip="later", wait=Wait(timeout_s=600.0))
    assert shown(waited)[-1] == "1 endpoint, after waits of 1 m at most; nothing was sent"
    line = "2 endpoints, planned 9.8 s at up to 4.0 checks/s, after waits of 1 m at most, 1 skipped; nothing was sent"
    assert shown(waited, later, skipped)[-1] == line
    (header,) = header_lines(Plan(endpoints=[waited, later, skipped], files=("netmon.yaml",)), 3)
    assert header.endswith("planned 9.8 s at up to 4.0 checks/s, after waits of 1 m at most from netmon.yaml")


def test_what_is_reached_skipped_a_control_or_to_be_closed_is_said():
    assert shown(
        reached(control=True), reached(port=1, skip="later"), reached(port=2, expect="closed", xfail="pending")
    ) == [
        "db.internal:5432 (netmon.yaml:3:5): reached, 3 tries at most, timeout 3 s; control",
        "db.internal:1 (netmon.yaml:3:5): skipped, later",
        "db.internal:2 (netmon.yaml:3:5): reached, 3 tries at most, timeout 3 s; expected closed; expected to fail",
        "2 endpoints, 1 skipped; nothing was sent",
    ]


def test_addresses_are_shown_where_they_were_looked_up_and_not_of_what_is_redacted():
    lines = shown(
        reached(),
        reached("secret.internal", name="hidden", redact=True),
        addresses={"db.internal": ["10.0.0.1", "2001:db8::1"], "secret.internal": ["10.0.0.2"]},
    )
    assert lines[1] == "    addresses: 10.0.0.1, 2001:db8::1"
    assert "10.0.0.2" not in str(lines)
    assert "secret" not in str(lines)


def test_foreign_text_cannot_steer_the_terminal():
    assert "\x1b" not in str(shown(reached(skip="\x1b[2J"), reached(port=1), addresses={"db.internal": ["\x1b[2J"]}))
