"""Targets from options alone: what `netmon check host:port` and a gate without a file do."""

from __future__ import annotations

import subprocess
import sys

from written_config import Written, limits_of

from pytest_netmon.problems import Source

_LIGHT = """
import sys
from pathlib import Path
from pytest_netmon.config.load import Overrides, find_default, load_plan
from pytest_netmon.config.targets import parse_target
find_default(Path())
plan = load_plan([], Overrides(targets=("db:1",), limits=("p95 < 50ms",)), env={}, base=Path())
assert plan.endpoints
heavy = {"yaml", "jsonschema", "pytest", "rich", "jinja2", "asyncio"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_targets_from_options_alone_import_neither_yaml_nor_jsonschema() -> None:
    subprocess.run([sys.executable, "-c", _LIGHT], check=True)


def test_a_plan_may_come_from_options_alone(written: Written) -> None:
    plan = written.load(
        targets=("db:5432,cache", "https://user:secret@api.example.com/x"),
        ports=("6379,6380", "7000-7001"),
        limits=("success >= 99%", "p95 < 50ms"),
        timeout=1.5,
    )
    assert [endpoint.id for endpoint in plan.endpoints] == [
        "db:5432",
        *(f"cache:{port}" for port in (6379, 6380, 7000, 7001)),
        "api.example.com:443",
    ]
    assert {endpoint.source for endpoint in plan.endpoints} == {Source("--netmon-target")}
    assert limits_of(plan.endpoints[0]) == ["success >= 99%", "p95 < 50ms"]
    assert (plan.files, plan.timeout_s, plan.interval_s) == ((), 1.5, 0.25)
    assert "secret" not in repr(plan)


def test_an_option_joins_a_file(written: Written) -> None:
    plan = written.plan("defaults: {timeout: 9s}\ntargets: [db:1]\n", targets=("api:2",))
    assert [(endpoint.id, endpoint.timeout_s) for endpoint in plan.endpoints] == [("db:1", 9.0), ("api:2", 3.0)]


def test_a_target_of_an_option_names_the_option_that_gives_the_port(written: Written) -> None:
    assert written.lines(targets=("db.internal",)) == [
        "--netmon-target: expected a target with a port, got 'db.internal': write db.internal:PORT, "
        "or give --netmon-port"
    ]
