"""What a session says of endpoints: passed, failed with the text, inconclusive as an error."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest


def measured(server, **settings):
    """A target that is checked twice, at once."""
    return {"host": server.host, "ports": [server.port], "count": 2, "interval": "20ms", **settings}


def test_a_closed_port_fails_with_the_cause_and_without_a_traceback(project, servers):
    closed = servers.closed()
    project.write_targets(closed.target)
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [f"*test_tcp[[]{closed.target}]*", f"{closed.target}: *", "*refused*", f"FAILED netmon.yaml::*{closed.target}*"]
    )
    result.stdout.no_fnmatch_line("*netmon_result*")
    result.stdout.no_fnmatch_line("*Error*")


def test_a_port_without_an_answer_fails_at_its_timeout(project, servers):
    silent = servers.silent()
    project.write_targets(measured(silent, timeout="200ms"))
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 x timeout (no answer within 200 ms*"])


def test_a_name_that_does_not_resolve_fails(project):
    project.write_targets("nobody.invalid:80")
    result = project.run("--netmon", "--netmon-timeout=300ms")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["nobody.invalid:80: *", "*dns_*"])


def test_a_port_that_must_be_closed_passes_closed_and_fails_open(project, servers):
    for port, outcome in ((servers.closed(), {"passed": 1}), (servers.open(), {"failed": 1})):
        project.write_targets({"host": port.host, "ports": [port.port], "expect": "closed"})
        project.run("--netmon").assert_outcomes(**outcome)


def test_all_broken_limits_are_told_at_once(project, servers):
    project.write_targets(measured(servers.open(), limits=["max < 0.0001ms", "avg < 0.0001ms"]))
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 limits broken in 2 checks", "*max*", "*avg*"])


def test_an_option_limit_goes_before_the_files(project, servers):
    project.write_targets(measured(servers.open(), limits=["max < 0.0001ms"]))
    project.run("--netmon", "--netmon-limit=max < 10s").assert_outcomes(passed=1)


#: The prober is the only child of the pytest that runs this.
KILLS_THE_PROBER = """
import os, signal
from pathlib import Path

def test_kills_the_prober():
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat")]
    fields = [(text.split(" ", 1)[0], text.rpartition(")")[2].split()) for text in stats]
    children = [int(number) for number, rest in fields if int(rest[1]) == os.getpid()]
    os.kill(children[0], signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="finds the prober in /proc")
def test_a_check_that_the_checker_could_not_finish_is_an_error_that_xfail_cannot_hide(project, servers):
    project.write_targets({**measured(servers.open(), count=1000, interval="1s"), "xfail": "firewall change pending"})
    project.write("test_first.py", KILLS_THE_PROBER)
    result = project.run_apart("--netmon")
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*ERROR at setup of test_tcp*", "127.0.0.1:*", "ERROR netmon.yaml::test_tcp*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_netmon.*")
    assert project.artifact()["monitoring_session"]["partial"] is True


def test_a_prober_that_cannot_start_is_an_error_with_its_reason(project, servers):
    project.write_targets(servers.open().target)
    project.write("test_own.py", "def test_own(): pass\n")
    project.write(
        "conftest.py",
        "import sys\n"
        "def pytest_collection_modifyitems(session):\n"
        "    session.executable, sys.executable = sys.executable, '/nowhere/python'\n"
        "def pytest_sessionfinish(session):\n"
        "    sys.executable = session.executable\n",
    )
    result = project.run("--netmon")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["nothing was probed: the prober could not be started: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert not project.has_artifacts


def test_junitxml_of_pytest_has_the_figures_as_properties(project, servers):
    project.write_targets(measured(servers.open(), name="db"))
    project.run("--netmon", "--junitxml=junit.xml", "-o", "junit_family=xunit1").assert_outcomes(passed=1)
    case = ET.parse(project.path / "junit.xml").find(".//testcase")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties["verdict"] == "passed"
    assert (properties["checks"], properties["successful_checks"]) == ("2", "2")
    assert float(properties["connect_max_ms"]) > 0
    assert (case.get("file"), case.get("line")) == ("netmon.yaml", "1")


def test_a_failure_points_at_the_line_of_the_configuration(project, servers):
    closed = servers.closed()
    project.write("conftest.py", "def pytest_runtest_logreport(report): print('at', report.location)\n")
    project.write("netmon.yaml", f"# first\ntargets:\n  - {closed.target}\n")
    result = project.run("--netmon", "-s")
    result.stdout.fnmatch_lines([f"*at ('netmon.yaml', 2, 'test_tcp[[]{closed.target}]')"])


def test_a_hundred_endpoints_take_the_time_of_one(project, servers):
    server = servers.open()
    targets = [measured(server, name=f"n{number}", interval="500ms") for number in range(100)]
    project.write_targets(*targets)
    result = project.run("--netmon", "--netmon-max-rate-per-host=1000")
    result.assert_outcomes(passed=100)
    assert server.connects == 200
    session = project.artifact()["monitoring_session"]
    assert session["partial"] is False


def test_the_header_says_what_is_planned_and_the_summary_what_was_measured(project, servers):
    project.write_targets(measured(servers.open(), name="db"), servers.open().target)
    result = project.run("--netmon")
    result.stdout.fnmatch_lines(
        [
            "netmon: 2 endpoints (1 reached, 1 measured), planned*from netmon.yaml",
            "*= netmon =*",
            "endpoint * verdict*",
            "db:* passed *2/2*",
            "written: netmon-report/netmon.json",
            "written: netmon-report/netmon-junit.xml",
        ]
    )
