"""Network namespaces as separate places: from one the target can be reached, from the other it is filtered."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from namespaces import FAR, Cable, missing

import pytest_netmon

pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
SCHEMA = json.loads((Path(pytest_netmon.__file__).parent / "schemas" / "results.schema.json").read_text())
PYTEST = ("pytest", "--disable-plugin-autoload", "-p", "pytest_netmon.plugin")


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """Two places: `far`, where the database runs, and `near`, from which a firewall drops what is for it."""
    with contextlib.ExitStack() as stack:
        cable = stack.enter_context(Cable())
        server = cable.listen(5432, 6379)
        stack.callback(server.communicate)
        stack.callback(server.kill)
        cable.firewall("iifname != lo tcp dport 5432 drop")
        path = tmp_path / "netmon.yaml"
        path.write_text(
            f"""\
vantages:
  app: {{via: ip netns exec {shlex.quote(cable.far)}, python: {sys.executable}}}
  node: {{via: ip netns exec {shlex.quote(cable.near)}, python: {sys.executable}}}
defaults: {{timeout: 1500ms, from: [app, node]}}
targets:
  - {{host: {FAR}, name: db, ports: [5432], count: 2, interval: 100ms}}
  - {{host: {FAR}, name: cache, ports: [6379]}}
  - {{host: {FAR}, name: queue, ports: [5672]}}
"""
        )
        yield path


def run(config: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(pytest_netmon.__file__).parent.parent), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=config.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.fault(
    "vantages",
    "a firewall drops what comes from one of two places",
    "red from that place only; what is down is red everywhere",
)
def test_the_matrix_says_at_once_what_is_red_from_one_place_and_what_is_red_everywhere(config: Path) -> None:
    ran = run(config, *PYTEST, "--netmon", "-p", "no:cacheprovider", "-v")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "netmon.yaml::test_tcp[app-db:5432] PASSED" in ran.stdout
    assert "netmon.yaml::test_tcp[node-db:5432] FAILED" in ran.stdout
    assert f"db:5432 ({FAR}, from node): 1 limit broken in 2 checks" in ran.stdout
    assert "2 x timeout (no answer within 1.5 s: packets dropped on the way, a firewall?)" in ran.stdout
    matrix = re.sub(r"[0-9.]+ ms", "N ms", ran.stdout)
    assert re.search(r"^endpoint +app +node$", matrix, re.MULTILINE)
    assert re.search(r"^db:5432 +red from node only +N ms +FAILED timeout$", matrix, re.MULTILINE)
    assert re.search(r"^queue:5672 +red everywhere +FAILED refused +FAILED refused$", matrix, re.MULTILINE)
    assert re.search(r"^cache:6379 +N ms +N ms$", matrix, re.MULTILINE)

    report = json.loads((config.parent / "netmon-report" / "netmon.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    samples = {name: place["raw_data"][FAR]["5432"] for name, place in report["vantages"].items()}
    assert {name: {each["outcome"] for each in of_one} for name, of_one in samples.items()} == {
        "app": {"open"},
        "node": {"timeout"},
    }
    assert (report["statistics"], report["raw_data"]) == ({}, {})
    junit = ElementTree.parse(config.parent / "netmon-report" / "netmon-junit.xml")
    names = {(case.get("classname"), case.get("name")) for case in junit.iter("testcase")}
    assert {("netmon.app", "db:5432"), ("netmon.node", "db:5432")} < names


def test_one_place_can_be_chosen_and_any_other_given_on_the_command_line(config: Path) -> None:
    ran = run(config, "pytest_netmon", "check", "netmon.yaml", "--vantage", "app")
    assert "db:5432" in ran.stdout
    assert "node" not in ran.stdout
    assert ran.returncode == 1  # the queue
    there = re.search(r"app: \{via: (.+?), python", config.read_text())
    assert there is not None
    ran = run(config, "pytest_netmon", "check", f"{FAR}:5432", "--via", there[1])
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"PASS   {FAR}:5432 (from via)" in ran.stdout
