"""What the gate refuses, and what it costs those who do not use it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def refused(result):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    return result.stderr.str()


def test_no_configuration_is_an_error_that_shows_one(project):
    told = refused(project.run("--netmon"))
    assert "targets:" in told
    assert "netmon.yaml" in told


def test_all_problems_are_told_at_once_and_nothing_is_sent(project, servers):
    server = servers.open()
    project.write("test_own.py", "def test_own(): raise AssertionError('ran')\n")
    project.write(
        "netmon.yaml", f"targets:\n  - {server.target}\n  - host: a\n    ports: [70000]\n  - host: b\n    port: [1]\n"
    )
    result = project.run("--netmon")
    lines = [line for line in refused(result).splitlines() if line.startswith("ERROR: netmon.yaml:")]
    assert len(lines) >= 2
    assert lines[0].startswith("ERROR: netmon.yaml:4:")
    assert "did you mean" in refused(result)
    result.stdout.no_fnmatch_line("*ran*")
    assert (server.connects, project.has_artifacts) == (0, False)


def test_a_bad_option_is_named(project, servers):
    server = servers.open()
    told = refused(project.run(f"--netmon-target={server.target}", "--netmon-count=many"))
    assert "--netmon-count" in told
    assert server.connects == 0


def test_a_missing_file_is_named(project):
    assert "nowhere.yaml" in refused(project.run("--netmon-config=nowhere.yaml"))


def test_two_files_to_choose_from_are_an_error(project, servers):
    server = servers.open()
    project.write_targets(server.target, name="netmon.yaml")
    project.write_targets(server.target, name="netmon.yml")
    assert "netmon.yml" in refused(project.run("--netmon"))


def test_text_of_a_file_cannot_steer_the_terminal(project):
    project.write("netmon.yaml", 'targets:\n  - "\\e]0;owned\\a.example:80"\n')
    assert "\x1b" not in refused(project.run("--netmon"))


@pytest.mark.parametrize("arguments", [["-n0"], ["-n0", "--dist=loadgroup"], ["-n2", "--collect-only"]])
def test_xdist_that_distributes_nothing_is_fine(project, servers, arguments):
    pytest.importorskip("xdist")
    project.write_targets(servers.open().target)
    assert project.run_apart("--netmon", *arguments).ret == 0


def test_xdist_is_fine_where_the_gate_is_off(project):
    pytest.importorskip("xdist")
    project.write("test_own.py", "def test_own(): pass\n")
    project.run_apart("-n1").assert_outcomes(passed=1)


def test_the_plugin_can_be_switched_off(project):
    project.write("test_own.py", "def test_own(): pass\n")
    project.run("-p", "no:netmon").assert_outcomes(passed=1)
    assert refused(project.run("-p", "no:netmon", "--netmon"))


@pytest.mark.parametrize("plugin", ["terminal", "cacheprovider", "junitxml", "capture", "xdist"])
def test_the_gate_needs_no_other_plugin(project, servers, plugin):
    server = servers.open()
    project.write("pytest.ini", "[pytest]\n")
    project.write_targets(server.target)
    assert project.run_apart("--netmon", "-p", f"no:{plugin}").ret == 0
    assert server.connects == 1


#: What a pytest that has the package installed and does not use it must not pay for.
HEAVY = {"asyncio", "jinja2", "jsonschema", "junit_xml", "rich", "subprocess", "yaml"} | {
    f"pytest_netmon.{name}" for name in ("campaign", "config", "gate", "plan", "reports", "run")
}
LISTS_MODULES = """
import json, sys
from pathlib import Path

def pytest_unconfigure():
    Path("modules.json").write_text(json.dumps(list(sys.modules)))
"""


def test_installed_but_unused_it_imports_nothing_of_weight(project, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project.write("test_own.py", "def test_own(): pass\n")
    project.write("conftest.py", LISTS_MODULES)
    project.run_apart("-p", "netmon").assert_outcomes(passed=1)
    modules = set(json.loads((project.path / "modules.json").read_text()))
    assert "pytest_netmon.plugin" in modules
    assert modules & HEAVY <= modules_of_pytest(project)


def modules_of_pytest(project):
    """What pytest imports by itself (`subprocess`, on some platforms and versions)."""
    project.run_apart("-p", "no:netmon").assert_outcomes(passed=1)
    return set(json.loads((project.path / "modules.json").read_text()))


def test_the_entry_module_imports_only_pytest():
    code = "import pytest, sys; known = set(sys.modules); import pytest_netmon.plugin; print(*set(sys.modules) - known)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"pytest_netmon", "pytest_netmon.plugin"}
