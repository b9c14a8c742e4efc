"""`netmon monitor` run in this process or in one of its own, and what a reader sees of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from check_runs import Ran, clean_environment, command

from pytest_netmon.cli.main import main
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.samples import Sample

#: No test waits longer for another process; none comes near it.
PATIENCE_S = 60


class InProcess:
    """Runs `netmon monitor` in this process, in an empty folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        status = main(["monitor", *arguments])
        captured = self._capsys.readouterr()
        return Ran(status, captured.out, calm(captured.err))


def calm(log: str) -> str:
    """The log without what a machine says that is busy with other tests."""
    return "".join(line for line in log.splitlines(keepends=True) if "this machine was too busy" not in line)


@contextlib.contextmanager
def running(folder: Path, *arguments: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """`netmon monitor` in a process group of its own, as a shell starts it."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = clean_environment(**settings.pop("env", {}))
    process = subprocess.Popen(
        command("monitor", *arguments), cwd=folder, env=environment, text=True, start_new_session=True,
        **{**streams, **settings},
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def wait_for(what: Any, true: Any = bool) -> Any:
    """Return what `what()` gives, as soon as `true` of it."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        found = what()
        if true(found):
            return found
        assert time.monotonic() < until_s, f"still {found!r}"
        time.sleep(0.01)


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open, as /proc tells it."""
    try:
        return any(link.readlink() == path for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it was closed meanwhile
        return False


def lines_of(path: Path) -> list[str]:
    """The whole lines of samples in a sample file, none where it is not there."""
    try:
        text = path.read_bytes().decode("ascii")
    except FileNotFoundError:
        return []
    return [line for line in text.split("\n")[:-1] if line.startswith("[")]


def report_of(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def recorded_checks(report: dict[str, Any]) -> set[tuple[str, int]]:
    """Port and check number of every sample."""
    ports = [item for hosts in report["raw_data"].values() for item in hosts.items()]
    return {(port, sample["check"]) for port, samples in ports for sample in samples}


def watched(host: str = "db", port: int = 80, **fields: Any) -> Endpoint:
    given = {"count": None, "interval_s": 1.0, "timeout_s": 5.0, **fields}
    return Endpoint(host=host, port=port, measured=True, watched=True, **given)


def plan_of(*endpoints: Endpoint) -> Plan:
    return Plan(endpoints=list(endpoints))


def sample(check: int, outcome: str = "open", ms: float = 10.0, endpoint: int = 0, **fields: Any) -> Sample:
    """A check that starts a second after the one before it."""
    is_open = outcome == "open"
    given = {"connect_ms": ms if is_open else None, "clock_ms": ms, "address": "10.0.0.1", **fields}
    return Sample(endpoint=endpoint, check=check, start_us=(check - 1) * 1_000_000, outcome=outcome, **given)
