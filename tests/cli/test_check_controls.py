"""Controls in `netmon check`: an exit status of their own."""

from __future__ import annotations

import json
from pathlib import Path

from check_runs import InProcess
from servers import Servers


def write(controls: list[object], *targets: object) -> None:
    Path("netmon.yaml").write_text(json.dumps({"controls": controls, "targets": targets}))


def test_a_failure_beside_a_failed_control_is_inconclusive(check: InProcess, servers: Servers) -> None:
    control, down = servers.closed().target, servers.closed().target
    write([control], down)
    ran = check()
    assert ran.status == 3
    assert f"ERROR  {down}: inconclusive, the control {control} failed too, so that this says nothing" in ran.out
    assert f"ERROR  {control}: inconclusive, this control must be reached for the run to mean anything" in ran.out
    assert ran.out.splitlines()[-1].startswith("2 inconclusive in ")


def test_a_failed_control_alone_is_never_green(check: InProcess, servers: Servers) -> None:
    write([servers.closed().target], servers.open().target)
    assert check().status == 3


def test_what_was_open_and_must_not_be_is_broken_all_the_same(check: InProcess, servers: Servers) -> None:
    write([servers.closed().target], {"host": servers.open().target, "expect": "closed"})
    assert check().status == 1


def test_with_controls_that_work_all_is_as_it_was(check: InProcess, servers: Servers) -> None:
    write([servers.open().target], servers.open().target)
    assert check().status == 0
    write([servers.open().target], servers.closed().target)
    assert check().status == 1


def test_a_silent_port_is_closed_where_something_else_was_reached(check: InProcess, servers: Servers) -> None:
    silent = {"host": servers.silent().target, "expect": "closed", "timeout": "1s"}
    write([], silent)
    alone = check()
    write([servers.open().target], silent)
    beside = check()
    assert (alone.status, beside.status) == (0, 0)
    assert "closed (timeout); not proven: nothing else was reached either" in alone.out
    assert "not proven" not in beside.out
    assert "warning: nothing here is expected to be open" in alone.err
