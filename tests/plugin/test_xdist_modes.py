"""Tests in several processes: one campaign, each endpoint probed as often as in one process."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("xdist")

MODES = ("load", "loadgroup", "loadfile", "loadscope", "worksteal")
OWN_TESTS = """
import pytest

def test_mine(netmon_result):
    assert len(netmon_result.samples) == 3

@pytest.mark.parametrize("number", range(8))
@pytest.mark.xdist_group("one")
def test_else(number): pass
"""


def measured(server, **settings):
    return {"host": server.host, "ports": [server.port], "count": 3, "interval": "50ms", **settings}


@pytest.mark.parametrize("mode", MODES)
def test_each_endpoint_is_probed_as_often_as_without_xdist(project, servers, mode):
    opened = [servers.open() for _ in range(5)]
    closed = servers.closed()
    project.write_targets(*(measured(server) for server in opened), measured(closed))
    project.write("test_own.py", OWN_TESTS)
    result = project.run_apart("--netmon", "-n4", f"--dist={mode}", "--junitxml=pytest.xml")
    result.assert_outcomes(passed=5 + 6 + 8, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [server.connects for server in opened] == [3] * 5
    endpoints = project.artifact()["endpoints"]
    assert [endpoint["verdict"] for endpoint in endpoints] == ["passed"] * 5 + ["failed"]
    assert not project.artifact()["monitoring_session"]["partial"]
    assert len(list(ET.fromstring(project.artifact("netmon-junit.xml")).iter("testcase"))) == 6
    result.stdout.fnmatch_lines(["netmon: 6 endpoints*; one campaign for 4 workers"])
    text = result.stdout.str()
    assert text.count("= netmon =") == 1
    assert text.count("written: netmon-report/netmon.json") == 1
    result.stdout.fnmatch_lines([f"{closed.target}*: *", f"FAILED netmon.yaml::test_tcp*{closed.target}*"])


LATE = """
import os, time
from pathlib import Path

import pytest
from pytest_netmon.campaign import Campaign

real = Campaign.start

def start(self):
    Path("started").touch()
    real(self)

Campaign.start = start

@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_xdist_node_collection_finished(node):
    Path(f"seen-{node.gateway.id}").touch()

@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish():
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
        until_s = time.monotonic() + 60
        while not Path("seen-gw0").exists() and time.monotonic() < until_s:
            time.sleep(0.01)
        Path("started-before-gw1").write_text(str(Path("started").exists()))
"""


def test_nothing_is_probed_before_all_workers_have_collected(project, servers):
    project.write_targets(measured(servers.open()))
    project.write("conftest.py", LATE)
    project.run_apart("--netmon", "-n2").assert_outcomes(passed=1)
    assert (project.path / "started").exists()
    assert (project.path / "started-before-gw1").read_text() == "False"
