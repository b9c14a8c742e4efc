"""examples/demo, as the README shows it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

_DEMO = Path(__file__).parents[2] / "examples" / "demo"


@pytest.fixture
def demo(project, monkeypatch):
    monkeypatch.delenv("DEMO_BROKEN", raising=False)
    shutil.copytree(_DEMO, project.path / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    return project


def run(demo, *arguments):
    return demo.run_apart("--netmon", "demo/netmon.yaml", *arguments)


def endpoints(demo):
    return {endpoint["name"]: endpoint for endpoint in demo.artifact()["endpoints"]}


def test_all_is_green_and_the_summary_shows_what_was_measured(demo):
    result = run(demo)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["fast:* passed *20/20 *", "late:* passed *4/4 *", "admin:* passed *0/1 *"])
    result.stdout.fnmatch_lines(["written: netmon-report/netmon.json", "written: netmon-report/netmon-junit.xml"])
    assert endpoints(demo)["fast"]["statistics"]["connect"]["p95_ms"] is not None
    assert endpoints(demo)["admin"]["statistics"]["errors"] == {"refused": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog drops SYNs on Linux only")
def test_the_late_server_makes_the_kernel_send_a_syn_again(demo):
    run(demo, "-k", "late").assert_outcomes(passed=1, deselected=3)
    statistics = endpoints(demo)["late"]["statistics"]
    assert statistics["syn_repeats"] >= 1
    assert statistics["connect"]["max_ms"] >= 1000


def test_the_secrets_of_its_url_are_nowhere(demo):
    result = run(demo, "-v")
    shown = [*result.outlines, *result.errlines, demo.artifact("netmon-junit.xml"), str(demo.artifact())]
    assert not [text for text in shown if "user:secret" in text or "redis:" in text]


def test_it_goes_red_when_asked_to(demo, monkeypatch):
    monkeypatch.setenv("DEMO_BROKEN", "1")
    result = run(demo)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["fast:*: 2 limits broken in 20 checks", "*success *0.00 % *allowed >= 100 % *0 of 20", "*20 x refused (*"]
    )
    if sys.platform == "linux":
        result.stdout.fnmatch_lines(
            ["late:*: 1 limit broken in 4 checks", "*max * allowed < 500 ms*", "*repeated SYN*"]
        )
