"""Comparing with a baseline where some of what is compared never came."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import measured, opened, run_of
from sealed_lines import line_of

from pytest_netmon.judging import Judge, recover
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of
from pytest_netmon.recording import Recording
from pytest_netmon.results import baseline_of
from pytest_netmon.tolerance import Tolerance
from pytest_netmon.vantage import Vantage

ANY = Tolerance(min_delta_ms=0.0)


def endpoint(vantage: str = "local", port: int = 1) -> Endpoint:
    return measured("h", port, count=20, vantage=vantage, baseline=ANY)


def plan_of(*endpoints: Endpoint) -> Plan:
    old = run_of([(each, [opened(12.0 + at / 1000) for at in range(20)]) for each in endpoints])
    vantages = {each.vantage: Vantage(name=each.vantage, kind="via", way="") for each in endpoints if not each.is_local}
    return Plan(endpoints=list(endpoints), vantages=vantages, baseline=baseline_of(old, "old.json"))


def header(plan: Plan) -> str:
    context = {"plan": record_of(plan), "selected": [*range(len(plan.endpoints))], "machine": {"host": "m"}}
    return line_of({"netmon": 1, "started_unix_us": 1_782_000_000_000_000, "context": context})


def checks(index: int, us: int, count: int = 20) -> str:
    lines = [
        [index, check, check * 1000, "open", us + check, us, None, us, 0, "10.0.0.1", None]
        for check in range(1, count + 1)
    ]
    return "".join(map(line_of, lines))


def done(index: int) -> str:
    return line_of({"event": "done", "endpoint": index})


@pytest.mark.parametrize("others", [(endpoint(port=2),), (endpoint("paris"),)], ids=["here", "elsewhere"])
def test_what_was_cut_off_is_inconclusive_and_counts_for_the_correction(
    tmp_path: Path, others: tuple[Endpoint, ...]
) -> None:
    plan = plan_of(endpoint(), *others)
    (tmp_path / "s").write_text(header(plan) + checks(0, 24_000) + done(0) + checks(1, 24_000, 7))
    first, second = recover(tmp_path / "s").results
    assert first.verdict.baseline is not None
    assert (first.verdict.status, first.verdict.baseline.state, first.verdict.baseline.tests) == ("failed", "slower", 2)
    assert (second.verdict.status, second.verdict.baseline) == ("inconclusive", None)


@pytest.mark.fault("results", "a vantage is lost while a baseline waits for all", "the others are compared without it")
def test_nothing_is_judged_before_all_that_are_compared_are_done(tmp_path: Path) -> None:
    plan = plan_of(endpoint(), endpoint(port=2), endpoint("paris"))
    path = tmp_path / "s"
    path.write_text(header(plan) + checks(0, 12_000) + done(0))
    recording = Recording(path)
    judge = Judge(plan, recording, [0, 1, 2])
    recording.poll()
    assert [judge.is_done(index) for index in range(3)] == [False, False, False]
    judge.over.add("paris")  # lost: nothing more comes from there
    assert [judge.is_done(index) for index in range(3)] == [False, False, False]
    with path.open("a") as file:
        file.write(checks(1, 24_000) + done(1))
    recording.poll()
    assert [judge.is_done(index) for index in range(3)] == [True, True, True]
    states = [
        (result.verdict.status, result.verdict.baseline and result.verdict.baseline.state)
        for result in map(judge.result, range(3))
    ]
    assert states == [("passed", "kept"), ("failed", "slower"), ("inconclusive", None)]
    recording.close()
