"""Tests in several processes, and checks from several places: still one campaign."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("xdist")


def write_plan(project, *servers):
    """Each server is checked twice from here, and twice from another Python."""
    targets = [{"host": each.host, "ports": [each.port], "count": 2, "interval": "50ms"} for each in servers]
    there = {"there": {"via": "env", "python": sys.executable}}
    project.write("netmon.yaml", json.dumps({"vantages": there, "targets": targets}))


def test_each_place_checks_once_whatever_the_number_of_workers(project, servers):
    up, down = servers.open(), servers.closed()
    write_plan(project, up, down)
    result = project.run_apart("--netmon", "-n2")
    result.assert_outcomes(passed=2, failed=2)
    assert up.connects == 4
    seen = sorted((each["vantage"], each["port"], each["verdict"]) for each in project.artifact()["endpoints"])
    ports = sorted([(up.port, "passed"), (down.port, "failed")])
    assert seen == [(vantage, *each) for vantage in ("local", "there") for each in ports]


FAILS_ONCE_THERE = """
import os

def test_fails_once(netmon_result):
    if netmon_result.endpoint.vantage == "local":
        return
    try:
        os.mkdir("failed-once")
    except FileExistsError:
        return
    raise AssertionError
"""


def test_a_rerun_checks_from_its_place_again(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    up = servers.open()
    write_plan(project, up)
    project.write("test_own.py", FAILS_ONCE_THERE)
    result = project.run_apart("--netmon", "-n2", "--reruns=1")
    assert result.parseoutcomes() == {"passed": 4, "rerun": 1}
    assert up.connects == 6
    assert not project.artifact()["monitoring_session"]["partial"]
