"""Beside plugins that reorder, repeat, forbid or report: in one process and in several.

They act as soon as they are installed, so they have an environment of their own, `tox -e plugins`; `.ci/run` runs it.
"""

from __future__ import annotations

import importlib
import json
import os

import pytest

pytestmark = pytest.mark.parametrize("processes", ["-n0", "-n2"])


def needs(*modules):
    """Skip a test whose plugins are not installed; where all should be, fail."""
    for module in ("xdist", *modules):
        if os.environ.get("NETMON_ALL_PLUGINS"):
            importlib.import_module(module)
        else:
            pytest.importorskip(module, reason=f"{module} is not installed (tox -e plugins)")


@pytest.fixture
def up(project, servers):
    """A server that is up, in a plan with one that is not; each is checked twice."""
    up, down = servers.open(), servers.closed()
    project.write_targets(
        *(
            {"host": server.host, "ports": [server.port], "name": name, "count": 2, "interval": "50ms"}
            for name, server in (("up", up), ("down", down))
        )
    )
    return up


def test_a_random_order_changes_no_result(project, up, processes):
    needs("pytest_randomly")
    project.write("test_own.py", "def test_a(netmon_result): pass\ndef test_b(): pass\n")
    project.run_apart("--netmon", processes, "-p", "randomly").assert_outcomes(passed=4, failed=1)
    assert up.connects == 2


def test_repeated_tests_share_one_measurement(project, up, processes):
    needs("pytest_repeat")
    project.run_apart("--netmon", processes, "--count=3").assert_outcomes(passed=3, failed=3)
    assert up.connects == 2


def test_tests_without_sockets_do_not_mind_the_prober(project, up, processes):
    needs("pytest_socket")
    project.write("test_own.py", FORBIDDEN)
    project.run_apart("--netmon", processes, "--disable-socket").assert_outcomes(passed=2, failed=1)
    assert up.connects == 2


FORBIDDEN = """
import socket, pytest, pytest_socket

def test_sockets_are_forbidden_here():
    with pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket()
"""


def test_a_timeout_of_tests_does_not_count_the_wait_for_checks(project, up, processes):
    needs("pytest_timeout")
    project.write("test_own.py", "import time\ndef test_hangs(): time.sleep(60)\n")
    result = project.run_apart("--netmon", processes, "--netmon-count=21", "--netmon-interval=150ms", "--timeout=2.5")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["FAILED test_own.py::test_hangs*Timeout*"])
    assert up.connects == 21


def test_an_html_report_has_the_failures_text(project, up, processes):
    needs("pytest_html")
    project.run_apart("--netmon", processes, "--html=report.html").assert_outcomes(passed=1, failed=1)
    assert "2 x refused" in (project.path / "report.html").read_text("utf-8")


def test_allure_has_the_failures_text(project, up, processes):
    needs("allure_pytest")
    project.run_apart("--netmon", processes, "--alluredir=allure").assert_outcomes(passed=1, failed=1)
    written = [json.loads(path.read_text("utf-8")) for path in (project.path / "allure").glob("*-result.json")]
    assert sorted(each["status"] for each in written) == ["failed", "passed"]
    (failed,) = [each for each in written if each["status"] == "failed"]
    assert "2 x refused" in failed["statusDetails"]["message"]


def test_all_of_them_together(project, up, processes):
    needs("pytest_randomly", "pytest_repeat", "pytest_socket", "pytest_timeout", "pytest_html", "allure_pytest")
    needs("pytest_rerunfailures")
    options = ("--count=2", "--disable-socket", "--timeout=60", "--html=report.html", "--alluredir=allure")
    result = project.run_apart("--netmon", processes, "--reruns=1", "-k", "up", *options)
    result.assert_outcomes(passed=2)
    assert up.connects == 2
    assert [each["verdict"] for each in project.artifact()["endpoints"] if each["verdict"]] == ["passed"]
