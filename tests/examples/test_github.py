"""The project's workflows, and the action that it offers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from schemas import EXAMPLES, GITHUB, ROOT, complaints

import pytest_netmon
from pytest_netmon.cli.init_pipelines import SETUP_PYTHON, UPLOAD_ARTIFACT

_WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
_ACTION = GITHUB / "actions" / "netmon" / "action.yml"
_STEPS = [_ACTION, *_WORKFLOWS, *sorted(EXAMPLES.rglob("github*.yml"))]
_PINNED = re.compile(r"uses: (?:\./\S+|([\w-]+/[\w./-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+)$")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("github-workflows", path) for path in _WORKFLOWS),
        ("github-actions", _ACTION),
        ("dependabot", GITHUB / "dependabot.yml"),
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_it_is_valid(schema, path):
    assert complaints(schema, path) == ""


def test_a_workflow_that_is_none_is_told(tmp_path):
    path = tmp_path / "ci.yml"
    path.write_text("on: push\njobs: {tests: {runs-on: ubuntu-latest, stepz: []}}\n")
    assert "stepz" in complaints("github-workflows", path)


@pytest.mark.parametrize("path", _STEPS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(path):
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert [line for line in lines if not _PINNED.search(line)] == []


def test_each_action_has_one_commit_everywhere():
    pinned = {SETUP_PYTHON, UPLOAD_ARTIFACT}
    for path in (*_STEPS, ROOT / "README.md"):
        pinned |= set(re.findall(r"uses: ([\w/-]+@[0-9a-f]{40})", path.read_text("utf-8")))
    names = [each.partition("@")[0] for each in pinned]
    assert len(names) == len(set(names))


def steps_of(path):
    document = yaml.safe_load(path.read_text("utf-8"))
    if "runs" in document:
        return document["runs"]["steps"]
    return [step for job in document["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("path", _STEPS, ids=lambda path: path.name)
def test_no_text_of_others_is_pasted_into_a_script(path):
    assert [step["run"] for step in steps_of(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_no_more_and_ends(path):
    document = yaml.safe_load(path.read_text("utf-8"))
    assert document["permissions"] == {"contents": "read"}
    assert [name for name, job in document["jobs"].items() if "uses" not in job and "timeout-minutes" not in job] == []


def test_the_tests_run_on_three_systems_and_five_pythons():
    jobs = yaml.safe_load((GITHUB / "workflows/ci.yml").read_text("utf-8"))["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert [system.partition("-")[0] for system in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert any(".ci/run" in step.get("run", "") for step in jobs["everything"]["steps"])


def test_only_the_publishing_job_gets_a_token_and_no_secret_is_kept():
    path = GITHUB / "workflows/release.yml"
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    assert {name: job.get("permissions") for name, job in jobs.items()} == {
        "ci": None,
        "build": None,
        "publish": {"id-token": "write"},
    }
    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("ci", "build")
    assert "secrets." not in path.read_text("utf-8")


def test_every_input_of_the_action_is_handed_on_as_a_variable():
    action = yaml.safe_load(_ACTION.read_text("utf-8"))
    env = action["runs"]["steps"][0]["env"]
    assert env == {f"NETMON_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}


class Gate:
    """The script of the action, run as the action runs it."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, **inputs):
        """Return its exit status, what it said, and its outputs."""
        output = self.folder / "output"
        output.unlink(missing_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "NETMON_"))}
        env |= {f"NETMON_{name.upper()}": value for name, value in inputs.items()}
        env |= {"GITHUB_OUTPUT": str(output), "PYTHONPATH": str(Path(pytest_netmon.__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, str(_ACTION.parent / "gate.py")],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        lines = output.read_text("utf-8").splitlines() if output.exists() else []
        return done.returncode, done.stdout + done.stderr, dict(line.split("=", 1) for line in lines)


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


def test_the_action_says_that_all_is_open(gate, servers):
    up, other = servers.open(), servers.open()
    status, said, outputs = gate(targets=f"{up.host} {up.port}\nredis://me:geheim@{other.target}/0\n", wait="20s")
    assert (status, outputs) == (
        0,
        {"verdict": "passed", "passed": "2", "failed": "0", "inconclusive": "0", "report": "netmon-report"},
    )
    assert "geheim" not in said


def test_the_action_says_what_failed_and_fails(gate, servers):
    up, down = servers.open(), servers.closed()
    (gate.folder / "gate.yaml").write_text(f"defaults: {{interval: 10ms}}\ntargets: ['{up.target}', '{down.target}']\n")
    status, said, outputs = gate(file="gate.yaml", limits="max < 1h\nsuccess >= 0%\n", report="deep/er")
    assert status == 1
    assert "refused" in said
    assert (outputs["verdict"], outputs["passed"], outputs["failed"]) == ("failed", "1", "1")
    names = {path.name for path in (gate.folder / outputs["report"]).iterdir()}
    assert names == {"netmon.json", "netmon-junit.xml", "netmon.html"}


def test_the_action_reads_the_file_that_is_there_when_nothing_is_named(gate, servers):
    (gate.folder / "netmon.yaml").write_text(f"targets: ['{servers.open().target}']\n")
    assert gate()[2]["passed"] == "1"


def test_the_action_compares_with_a_baseline_that_it_does_not_write_over(gate, servers):
    server = servers.open()
    (gate.folder / "netmon.yaml").write_text(
        "defaults: {count: 20, interval: 2ms, baseline: {min_delta: 1s}}\n"
        f"max_rate_per_host: 1000\ntargets: ['{server.target}']\n"
    )
    assert gate()[2]["verdict"] == "passed"
    status, said, outputs = gate(baseline="netmon-report/netmon.json")
    assert (status, outputs["verdict"], outputs["passed"]) == (2, "error", "0")
    assert "netmon-report/netmon.json would be written over" in said
    (gate.folder / "netmon-report/netmon.json").rename(gate.folder / "baseline.json")
    status, said, outputs = gate(baseline="baseline.json")
    assert (status, outputs["verdict"], outputs["passed"]) == (0, "passed", "1"), said
    last = json.loads((gate.folder / "netmon-report/netmon.json").read_text("utf-8"))
    assert last["endpoints"][0]["baseline"]["p"] is not None


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"targets": "127.0.0.1:1", "baseline": "--output=pwned"},
        {"file": "nowhere.yaml"},
        {"targets": "--help"},
        {"targets": "$(touch pwned)"},
        {"targets": "a:1; touch pwned"},
        {"targets": "127.0.0.1:1", "limits": "--output=pwned"},
        {"targets": "127.0.0.1:1", "wait": "1s --output=pwned"},
        {"file": "--output=pwned"},
        {"targets": "127.0.0.1:1", "report": "x\nverdict=passed"},
    ],
    ids=str,
)
def test_no_input_is_green_by_mistake_or_an_option_or_a_command(gate, inputs):
    status, _, outputs = gate(**inputs)
    assert (status, outputs.get("verdict", "error")) == (2, "error")
    assert not (gate.folder / "pwned").exists()


def test_an_error_leaves_no_result_of_an_earlier_step(gate, servers):
    assert gate(targets=servers.open().target)[0] == 0
    _, _, outputs = gate(targets="127.0.0.1:70000")
    assert (outputs["verdict"], outputs["passed"]) == ("error", "0")
    assert not (gate.folder / "netmon-report/netmon.json").exists()


def test_the_results_are_those_of_the_schema_s_version(gate, servers):
    gate(targets=servers.open().target)
    results = json.loads((gate.folder / "netmon-report/netmon.json").read_text("utf-8"))
    assert results["monitoring_session"]["schema_version"]


def test_the_source_distribution_holds_what_these_tests_need():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '".github"' in text
    assert '"check-jsonschema' in text
