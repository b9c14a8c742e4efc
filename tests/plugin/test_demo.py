"""examples/demo, as the README shows it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DEMO = _ROOT / "examples" / "demo"
_README = (_ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def demo(project, monkeypatch):
    monkeypatch.delenv("DEMO_BROKEN", raising=False)
    shutil.copytree(_DEMO, project.path / "examples/demo", ignore=shutil.ignore_patterns("__pycache__"))
    return project


def run(demo, *arguments):
    return demo.run_apart("--netmon", "examples/demo/netmon.yaml", *arguments)


def shown_in_readme(name):
    return re.search(rf"<!-- test: {name} -->\n```text\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)[1].splitlines()


def without_figures(lines):
    """Ports, times and the numbers of checks are others each time, and so is the width of columns."""
    shown = [re.sub(r"[ =_]+", " ", re.sub(r"[0-9]+(\.[0-9]+)?", "#", line)) for line in lines]
    return [re.sub(r"checks?( #|,| and)+ needed", "checks needed", line) for line in shown]


def endpoints(demo):
    return {endpoint["name"]: endpoint for endpoint in demo.artifact()["endpoints"]}


def test_all_is_green_and_the_summary_shows_what_was_measured(demo):
    result = run(demo)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["fast:* passed *20/20 *", "late:* passed *4/4 *", "admin:* passed *"])
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


@pytest.mark.skipif(sys.platform != "linux", reason="the late server is late on Linux only")
@pytest.mark.parametrize("name", ["green", "red"])
def test_it_prints_what_the_readme_shows(demo, monkeypatch, name):
    if name == "red":
        monkeypatch.setenv("DEMO_BROKEN", "1")
    result = run(demo)
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if name == "red" else pytest.ExitCode.OK)
    told, shown = without_figures(result.outlines), without_figures(shown_in_readme(name))
    start = told.index(shown[0])
    assert told[start : start + len(shown)] == shown
