"""Plans with vantages, run as campaigns; and what must be gone after them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_netmon.campaign import Campaign
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.run import Result, Run
from pytest_netmon.vantage import Vantage


def bare(name: str = "app") -> Vantage:
    """A vantage on this machine: a Python without environment and without site-packages."""
    return Vantage(name=name, kind="via", way="env -i", python=f"{sys.executable} -S -E -s")


def python_of(version: str) -> Path | None:
    """A Python of that version that really starts (pyenv leaves shims that do not); None where there is none."""
    found = [Path(found) for found in [shutil.which(f"python{version}")] if found]
    found += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    works = (
        path for path in found if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    )
    return next(works, None)


def via(name: str, way: str, python: str = sys.executable) -> Vantage:
    return Vantage(name=name, kind="via", way=way, python=python)


def plan_of(vantages: Sequence[Vantage], *endpoints: Endpoint, **settings: object) -> Plan:
    return Plan(endpoints=list(endpoints), vantages={each.name: each for each in vantages}, **settings)  # type: ignore[arg-type]


def measured(plan: Plan, **settings: object) -> Run:
    """The plan's run, to its end."""
    campaign = Campaign(plan, range(len(plan.endpoints)), **settings)  # type: ignore[arg-type]
    try:
        campaign.start()
        campaign.wait_all()
        return campaign.run()
    finally:
        campaign.close()


def reasons_of(run: Run, vantage: str) -> set[str]:
    """The first reasons of all results from there, which are all inconclusive."""
    results = [result for result in run.results if result.endpoint.vantage == vantage]
    assert {result.verdict.status for result in results} == {"inconclusive"}
    return {result.verdict.reasons[0] for result in results}


def result_at(run: Run, vantage: str) -> Result:
    (result,) = (result for result in run.results if result.endpoint.vantage == vantage)
    return result


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds; fail where it does not."""
    ends_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_s, "it did not come to hold"
        time.sleep(0.02)


def processes_with(mark: str) -> list[int]:
    """The processes whose command line holds a text; not this one."""
    return [pid for pid, words in _command_lines() if mark in words and pid != os.getpid()]


def _command_lines() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield (
                    int(folder.name),
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"),
                )
            except OSError:
                continue
