"""Beside plugins that reorder, repeat, forbid or report: in one process and in several.

Those that the `test` extra does not bring are tried where they are installed.
"""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.parametrize("processes", ["-n0", "-n2"])


@pytest.fixture(autouse=True)
def _with_xdist():
    pytest.importorskip("xdist")


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
    pytest.importorskip("pytest_randomly")
    project.write("test_own.py", "def test_a(netmon_result): pass\ndef test_b(): pass\n")
    project.run_apart("--netmon", processes).assert_outcomes(passed=4, failed=1)
    assert up.connects == 2


def test_repeated_tests_share_one_measurement(project, up, processes):
    pytest.importorskip("pytest_repeat")
    project.run_apart("--netmon", processes, "--count=3").assert_outcomes(passed=3, failed=3)
    assert up.connects == 2


def test_tests_without_sockets_do_not_mind_the_prober(project, up, processes):
    pytest.importorskip("pytest_socket")
    project.run_apart("--netmon", processes, "--disable-socket").assert_outcomes(passed=1, failed=1)
    assert up.connects == 2


def test_a_timeout_of_tests_leaves_the_gate_alone(project, up, processes):
    pytest.importorskip("pytest_timeout")
    project.run_apart("--netmon", processes, "--timeout=60").assert_outcomes(passed=1, failed=1)


def test_an_html_report_has_the_failures_text(project, up, processes):
    pytest.importorskip("pytest_html")
    project.run_apart("--netmon", processes, "--html=report.html").assert_outcomes(passed=1, failed=1)
    assert "2 x refused" in (project.path / "report.html").read_text("utf-8")


def test_allure_has_the_failures_text(project, up, processes):
    pytest.importorskip("allure_pytest")
    project.run_apart("--netmon", processes, "--alluredir=allure").assert_outcomes(passed=1, failed=1)
    written = [json.loads(path.read_text("utf-8")) for path in (project.path / "allure").glob("*-result.json")]
    assert sorted(each["status"] for each in written) == ["failed", "passed"]
    (failed,) = [each for each in written if each["status"] == "failed"]
    assert "2 x refused" in failed["statusDetails"]["message"]
