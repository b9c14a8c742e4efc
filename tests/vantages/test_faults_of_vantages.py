"""A vantage that cannot be had: its endpoints are inconclusive with the reason, and others are not touched."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from gateway_runs import bare, eventually, measured, plan_of, processes_with, python_of, reasons_of, via
from servers import Servers

from pytest_netmon import jobs
from pytest_netmon.campaign import Campaign
from pytest_netmon.plan import Endpoint
from pytest_netmon.run import Run
from pytest_netmon.vantage import Vantage

#: Starts as execnet's bootstrap does, with another server.
_AS_EXECNET = """
import sys
code = eval(sys.stdin.readline())
start, end = code.replace("serve(io, id='netmon')", "lie(io)").rsplit("io = init", 1)
exec(start + HEAD + "io = init" + end)
"""
#: A sample of endpoint 0, which it was not asked for.
_LIAR = """
def lie(io):
    def execute(self, item):
        channel = item[0]
        channel.receive()
        channel.send({})
        while True:
            what = channel.receive()
            if what[0] != "ping":
                break
            channel.send(("pong", what[1], what[1]))
        channel.send(("base", 0))
        channel.send(b'[0,1,5,"open",40,40,null,40,0,"127.0.0.1",null]\\n')
        channel.receive()
    WorkerGateway.executetask = execute
    serve(io, "liar")
"""


def run_with(servers: Servers, way: Vantage) -> Run:
    """A run from a vantage that cannot be had, from one that can, and from here."""
    server = servers.open()
    names = ("local", "good", way.name)
    endpoints = [Endpoint(host="127.0.0.1", port=server.port, vantage=name) for name in names]
    run = measured(plan_of([bare("good"), way], *endpoints))
    assert [result.verdict.status for result in run.results] == ["passed", "passed", "inconclusive"]
    return run


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "command"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.fault(
    "vantages",
    "the command to a vantage is not there",
    "its endpoints are inconclusive with the reason, no others",
)
def test_a_command_that_is_not_there(servers: Servers) -> None:
    run = run_with(servers, via("bad", "/nowhere/kubectl exec -i deploy/app --"))
    (reason,) = reasons_of(run, "bad")
    assert reason == (
        "the vantage bad: the command /nowhere/kubectl was not found here: install it, or name it in full"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'echo "error: unable to connect to the server" >&2; exit 1',
            'no Python began there (status 1): "error: unable to connect to the server"',
        ),
        (
            'echo "sh: python3: not found" >&2; exit 127',
            'no Python began there: "sh: python3: not found": is there a `{python}`? Else name one with `python:`',
        ),
        (
            'echo "exec: $1: executable file not found in PATH\ncommand terminated with exit code 126" >&2; exit 1',
            'no Python began there: "exec: {python}: executable file not found in PATH": '
            "is there a `{python}`? Else name one with `python:`",
        ),
        (
            'echo "Error from server (NotFound): pods app not found" >&2; exit 1',
            'no Python began there (status 1): "Error from server (NotFound): pods app not found"',
        ),
        (
            'echo "me@worker-1: Permission denied (publickey,password)." >&2; exit 255',
            'no Python began there: "me@worker-1: Permission denied (publickey,password).": '
            "ssh must let this user in without a question: a key, or an agent",
        ),
        ("echo Welcome; exit 0", 'no Python began there (status 0): "Welcome"'),
        ("kill -9 $$", "no Python began there (ended by signal 9)"),
    ],
    ids=["no server", "no python", "no python in a pod", "no pod", "a password", "garbage", "killed"],
)
@pytest.mark.fault(
    "vantages",
    "the command ends before a Python began: no server, no Python, a password, garbage, killed",
    "inconclusive, with its status, its last words and what to do",
)
def test_a_command_that_ends_before_python_began(servers: Servers, tmp_path: Path, text: str, told: str) -> None:
    run = run_with(servers, via("bad", script(tmp_path, text)))
    assert reasons_of(run, "bad") == {f"the vantage bad: {told.format(python=sys.executable)}"}


@pytest.mark.fault(
    "vantages",
    "the command prints garbage without end",
    "inconclusive at once",
)
def test_endless_garbage_is_no_python(servers: Servers, tmp_path: Path) -> None:
    run = run_with(servers, via("bad", script(tmp_path, "exec cat /dev/zero")))
    (reason,) = reasons_of(run, "bad")
    assert reason.startswith("the vantage bad: no Python began there (")  # and not: within 10 s


@pytest.mark.fault(
    "vantages",
    "a login prints a greeting first",
    "no matter",
)
def test_what_a_login_prints_is_passed_over(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    way = via("app", script(tmp_path, 'echo "Welcome to app!"; echo "1"; exec "$@"'))
    run = measured(plan_of([way], Endpoint(host="127.0.0.1", port=server.port, vantage="app")))
    assert run.results[0].verdict.status == "passed"


@pytest.mark.fault(
    "vantages",
    "the command hangs or asks for a password",
    "inconclusive at the deadline; nothing of it is left running",
)
def test_a_command_that_hangs_is_ended_at_the_deadline(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "START_S", 1.5)
    began_s = time.monotonic()
    way = via("bad", script(tmp_path, 'echo "me@worker-1 password: " >&2; sleep 987 & wait'))
    run = run_with(servers, way)
    assert reasons_of(run, "bad") == {'the vantage bad: no Python began there within 1.9 s: "me@worker-1 password:"'}
    assert time.monotonic() - began_s < 15
    eventually(lambda: not processes_with("sleep 987"))


@pytest.mark.skipif(python_of("3.7") is None, reason="no Python 3.7 here")
def test_a_python_that_is_too_old(servers: Servers) -> None:
    run = run_with(servers, via("bad", "env -i", python=str(python_of("3.7"))))
    assert reasons_of(run, "bad") == {
        'the vantage bad: no Python began there: "netmon: this is Python 3.7, not 3.8 or newer": '
        "name a newer one with `python:`"
    }


@pytest.mark.fault(
    "vantages",
    "Python there is older than 3.8",
    "inconclusive, with its version",
)
def test_a_stand_in_for_a_python_that_is_too_old(servers: Servers, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(f"#!{sys.executable} -S\nimport sys\nsys.version_info = (3, 7, 17)\nexec(sys.argv[-1])\n")
    old.chmod(0o755)
    run = run_with(servers, via("bad", "env -i", python=str(old)))
    (reason,) = reasons_of(run, "bad")
    assert "netmon: this is Python 3.7, not 3.8 or newer" in reason


@pytest.mark.fault(
    "vantages",
    "a vantage claims samples of endpoints that it was not asked for",
    "not taken; that vantage is lost",
)
def test_lines_that_no_prober_sends_are_not_taken(servers: Servers, tmp_path: Path) -> None:
    """Somebody else's prober: it claims a sample of an endpoint that it was never asked for."""
    hostile = tmp_path / "hostile"
    hostile.write_text(f"#!{sys.executable} -S\nHEAD = {_LIAR!r}\n" + _AS_EXECNET)
    hostile.chmod(0o755)
    down = servers.closed()
    endpoints = [
        Endpoint(host="127.0.0.1", port=down.port),
        Endpoint(host="127.0.0.1", port=down.port, vantage="bad"),
    ]
    run = measured(plan_of([via("bad", "env -i", python=str(hostile))], *endpoints))
    assert run.results[0].verdict.status == "failed"
    assert run.results[0].statistics.successful == 0
    assert reasons_of(run, "bad") == {
        "the vantage bad: what comes from there is no prober's: a sample of an endpoint that it was not asked for"
    }


@pytest.mark.fault(
    "vantages",
    "a connection hangs in mid-run",
    "given up after 15 s of silence, others not touched",
)
def test_a_connection_that_hangs_in_mid_run_is_given_up(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other side is stopped: its connection stays open, and nothing comes any more."""
    monkeypatch.setattr(jobs, "SILENCE_S", 3.0)
    server, mark = servers.open(), str(tmp_path / "stopped")
    way = via("bad", "env -i", python=f"{sys.executable} -X {mark}")
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, vantage="bad", measured=True, count=10_000, interval_s=0.05),
        Endpoint(host="127.0.0.1", port=server.port, vantage="good", measured=True, count=5, interval_s=0.05),
    ]
    campaign = Campaign(plan_of([way, bare("good")], *endpoints), [0, 1])
    try:
        campaign.start()
        eventually(lambda: campaign.poll() or 0 in campaign.recording.last)  # type: ignore[func-returns-value]
        for pid in processes_with(mark):
            os.kill(pid, signal.SIGSTOP)
        campaign.wait_all()
        run = campaign.run()
    finally:
        campaign.close()
    assert reasons_of(run, "bad") == {"the vantage bad: nothing was heard from there for 3 s: the connection hangs"}
    assert run.results[1].verdict.status == "passed"
    eventually(lambda: not processes_with(mark))


def test_a_lost_vantage_is_told_in_the_warnings_too(servers: Servers) -> None:
    run = run_with(servers, via("bad", "/nowhere"))
    assert run.partial
    assert run.vantages["bad"].state == "lost"
    told = "the vantage bad: the command /nowhere was not found here: install it, or name it in full"
    assert run.warnings.count(told) == 1
