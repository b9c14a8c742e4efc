"""Fixtures and hooks for users, as the documentation shows them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest


def measured(server, **settings):
    return {"host": server.host, "ports": [server.port], "count": 2, "interval": "20ms", **settings}


def test_a_users_test_runs_for_each_endpoint_with_one_campaign_for_all(project, servers):
    first, second = servers.open(), servers.open()
    project.write_targets(measured(first, name="first"), measured(second, name="second"))
    project.write(
        "test_mine.py",
        "def test_mine(netmon_result):\n    assert netmon_result.statistics.connect.max_ms < 5000\n"
        "def test_named(netmon_endpoint):\n    assert netmon_endpoint.name in ('first', 'second')\n",
    )
    result = project.run("--netmon", "-v")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines([f"test_mine.py::test_mine[[]first:{first.port}] PASSED*"])
    assert (first.connects, second.connects) == (2, 2)


def test_a_users_test_alone_has_its_endpoint_probed(project, servers):
    server = servers.open()
    project.write_targets(measured(server))
    project.write("test_mine.py", "def test_mine(netmon_result): assert len(netmon_result.samples) == 2\n")
    project.run("--netmon", "test_mine.py", "-m", "not netmon").assert_outcomes(passed=1, deselected=1)
    assert server.connects == 2


def test_broken_limits_do_not_fail_a_users_test(project, servers):
    project.write_targets(servers.closed().target)
    project.write("test_mine.py", "def test_mine(netmon_result): assert netmon_result.verdict.status == 'failed'\n")
    project.run("--netmon", "-k", "mine").assert_outcomes(passed=1, deselected=1)


def test_a_targets_skip_holds_for_users_tests_and_its_xfail_hides_none_of_their_failures(project, servers):
    server, closed = servers.open(), servers.closed()
    project.write_targets(
        {**measured(server), "skip": "moved next week"}, {**measured(closed), "xfail": "firewall change pending"}
    )
    project.write("test_mine.py", "def test_mine(netmon_result): assert 'a bug of mine' == ''\n")
    result = project.run("--netmon")
    result.assert_outcomes(skipped=2, xfailed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert server.connects == 0


def test_a_user_may_choose_the_endpoints_of_a_test(project, servers):
    server = servers.open()
    project.write_targets(measured(server))
    project.write(
        "test_mine.py",
        "import pytest\n"
        "@pytest.mark.parametrize('netmon_endpoint', ['mine'])\n"
        "def test_mine(netmon_endpoint): assert netmon_endpoint == 'mine'\n",
    )
    project.run("--netmon", "-k", "mine").assert_outcomes(passed=1, deselected=1)
    assert server.connects == 0


def chooses(project, ids, indirect=", indirect=True", body="assert netmon_result.verdict.status == 'passed'"):
    project.write(
        "test_mine.py",
        "import pytest\n"
        f"@pytest.mark.parametrize('netmon_endpoint', {ids!r}{indirect})\n"
        f"def test_mine(netmon_endpoint, netmon_result): {body}\n",
    )


def test_a_user_may_choose_endpoints_by_their_ids(project, servers):
    server, other = servers.open(), servers.open()
    project.write_targets(measured(server), measured(other))
    chooses(project, [server.target], body="assert netmon_endpoint.port == netmon_result.endpoint.port")
    result = project.run("--netmon", "-k", "mine", "-v")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines([f"test_mine.py::test_mine[[]{server.target}] PASSED*"])
    assert (server.connects, other.connects) == (2, 0)


def test_an_endpoint_chosen_by_its_id_is_skipped_where_the_target_is(project, servers):
    server = servers.open()
    project.write_targets({**measured(server), "skip": "moved"}, servers.open().target)
    chooses(project, [server.target])
    project.run("--netmon", "-k", "mine").assert_outcomes(skipped=1, deselected=2)
    assert server.connects == 0


@pytest.mark.parametrize("indirect", ["", ", indirect=True"])
def test_what_is_no_id_of_an_endpoint_is_told_without_a_traceback(project, servers, indirect):
    server = servers.open()
    project.write_targets(server.target)
    chooses(project, ["nobody:1"], indirect)
    result = project.run("--netmon", "-k", "mine")
    result.assert_outcomes(errors=1, deselected=1)
    result.stdout.fnmatch_lines([f"netmon_endpoint: expected the id *, got 'nobody:1': *({server.target})"])
    result.stdout.no_fnmatch_line("*session.py*")


def test_a_redacted_host_is_not_in_the_traceback_of_a_users_test(project, servers):
    server = servers.open()
    project.write_targets(measured(server, name="secret", redact=True))
    project.write(
        "test_mine.py", "def test_mine(netmon_result, netmon_endpoint): assert netmon_result == netmon_endpoint\n"
    )
    result = project.run("--netmon", "-vv", "--showlocals", "--setup-show")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Endpoint(host='secret', *"])
    result.stdout.no_fnmatch_line(f"*{server.host}*")


def test_fixtures_say_what_to_do_when_the_gate_is_off(project):
    project.write("test_mine.py", "def test_mine(netmon_result): pass\ndef test_named(netmon_endpoint): pass\n")
    result = project.run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["netmon is off: run `pytest --netmon`*"])


def test_a_fixture_asked_for_by_name_at_run_time_says_what_to_do(project, servers):
    project.write_targets(servers.open().target)
    project.write("test_mine.py", "def test_mine(request): request.getfixturevalue('netmon_result')\n")
    result = project.run("--netmon")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*name it among the test's arguments*"])


def test_the_plan_hook_edits_endpoints_before_any_packet(project, servers):
    server, other = servers.open(), servers.open()
    project.write_targets(server.target)
    project.write(
        "conftest.py",
        "import dataclasses\n"
        "def pytest_netmon_plan(config, plan):\n"
        f"    plan.endpoints[:] = [dataclasses.replace(plan.endpoints[0], port={other.port}, name='other')]\n",
    )
    result = project.run("--netmon", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"netmon.yaml::test_tcp[[]other:{other.port}] PASSED*"])
    assert (server.connects, other.connects) == (0, 1)


def test_the_plan_hook_may_add_endpoints_of_its_own(project, servers):
    server, other = servers.open(), servers.open()
    project.write_targets(server.target)
    project.write(
        "conftest.py",
        "from pytest_netmon import Endpoint\n"
        "def pytest_netmon_plan(plan):\n"
        f"    plan.endpoints.append(Endpoint(host='127.0.0.1', port={other.port}, name='added'))\n",
    )
    project.run("--netmon").assert_outcomes(passed=2)
    assert other.connects == 1


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("plan.endpoints.clear()", "*expected at least one endpoint*"),
        ("plan.endpoints[0] = dataclasses.replace(plan.endpoints[0], port=70000)", "*expected a port 1..65535*"),
        ("plan.endpoints.append('db:5432')", "*expected an Endpoint, got str*"),
    ],
)
def test_what_the_plan_hook_breaks_is_a_usage_error(project, servers, edit, told):
    server = servers.open()
    project.write_targets(server.target)
    project.write("conftest.py", f"import dataclasses\ndef pytest_netmon_plan(plan):\n    {edit}\n")
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {told}"])
    assert server.connects == 0


def test_the_result_hook_is_called_once_for_each_endpoint(project, servers):
    project.write_targets(measured(servers.open(), name="up"), measured(servers.closed(), name="down"))
    project.write("test_mine.py", "def test_mine(netmon_result): pass\n")
    project.write(
        "conftest.py",
        "def pytest_netmon_result(config, result):\n"
        "    print('told:', result.endpoint.name, result.verdict.status, result.complete)\n",
    )
    result = project.run("--netmon", "-s")
    told = sorted(line.partition("told: ")[2] for line in result.outlines if "told: " in line)
    assert told == ["down failed True", "up passed True"]


def test_the_run_hook_sees_all_results_before_artifacts_are_written(project, servers):
    project.write_targets(measured(servers.open(), name="up"), measured(servers.closed(), name="down"))
    project.write(
        "conftest.py",
        "from pathlib import Path\n"
        "def pytest_netmon_run(config, run):\n"
        "    print('told:', [r.verdict.status for r in run.results], run.partial, Path('netmon-report').exists())\n",
    )
    result = project.run("--netmon", "-s")
    result.stdout.fnmatch_lines(["*told: [[]'passed', 'failed'] False False"])
    assert project.has_artifacts


def test_hooks_marked_optional_do_not_mind_that_the_plugin_is_switched_off(project):
    project.write("test_own.py", "def test_own(): pass\n")
    project.write(
        "conftest.py",
        "import pytest\n@pytest.hookimpl(optionalhook=True)\ndef pytest_netmon_result(config, result): pass\n",
    )
    project.run("-p", "no:netmon").assert_outcomes(passed=1)


def test_hooks_do_not_mind_that_the_gate_is_off(project):
    project.write("test_own.py", "def test_own(): pass\n")
    project.write("conftest.py", "def pytest_netmon_run(config, run): raise AssertionError\n")
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("hook", ["pytest_netmon_result", "pytest_netmon_run"])
def test_a_hook_that_raises_makes_the_run_red_and_loses_no_artifact(project, servers, hook):
    project.write_targets(servers.open().target)
    project.write("conftest.py", f"def {hook}(config): raise RuntimeError('out of order')\n")
    result = project.run("--netmon")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"the hook {hook} * failed:" if "result" in hook else f"the hook {hook} failed:"])
    result.stdout.fnmatch_lines(["RuntimeError: out of order"])
    assert project.artifact()["monitoring_session"]["partial"] is False


@pytest.mark.parametrize("hook", ["pytest_netmon_result", "pytest_netmon_run"])
def test_a_hook_that_exits_makes_no_red_run_green(project, servers, hook):
    project.write_targets(servers.closed().target)
    project.write("conftest.py", f"import sys\ndef {hook}(config): sys.exit(0)\n")
    result = project.run_apart("--netmon")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["SystemExit: 0"])
    assert project.has_artifacts


@pytest.mark.parametrize("error", ["RuntimeError('out of order')", "SystemExit('out of order')"])
def test_a_plan_hook_that_raises_is_a_usage_error_with_its_place(project, servers, error):
    server = servers.open()
    project.write_targets(server.target)
    place = project.write("conftest.py", f"def pytest_netmon_plan():\n    raise {error}\n")
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    kind = error.partition("(")[0]
    expected = f"ERROR: the hook pytest_netmon_plan failed in {place}:2: {kind}: out of order"
    assert expected in result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert server.connects == 0


@pytest.mark.parametrize("hook", ["pytest_netmon_result", "pytest_netmon_run"])
def test_a_hook_that_ends_the_session_loses_no_artifact(project, servers, hook):
    project.write_targets(servers.open().target)
    project.write("conftest.py", f"import pytest\ndef {hook}(config): pytest.exit('enough', returncode=7)\n")
    assert project.run_apart("--netmon").ret == 7
    assert project.artifact()["endpoints"]


def test_a_rerun_probes_the_endpoint_again_and_keeps_the_last_result(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    server, closed = servers.open(), servers.closed()
    project.write_targets(measured(server, name="up"), measured(closed, name="down"))
    project.write(
        "test_mine.py",
        "first = set()\n"
        "def test_mine(netmon_result):\n"
        "    known = netmon_result.index in first\n"
        "    first.add(netmon_result.index)\n"
        "    assert known\n",
    )
    result = project.run("--netmon", "-k", "mine", "--reruns=1", "--junitxml=junit.xml")
    result.assert_outcomes(passed=2, deselected=2)
    assert server.connects == 4
    artifact = project.artifact()
    times = [sample["timestamp"] for sample in artifact["raw_data"]["127.0.0.1"][str(server.port)]]
    assert len(times) == 2
    assert times == sorted(times)
    assert min(times) > artifact["monitoring_session"]["start_time"]
    case = ET.parse(project.path / "junit.xml").find(".//testcase")
    names = [item.get("name") for item in case.iter("property")]
    assert len(names) == len(set(names))


def test_a_rerun_that_passes_leaves_a_note_of_what_failed_first(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    closed = servers.closed()
    project.write_targets({"host": closed.target, "name": "late"})
    project.write("conftest.py", OPENS_LATE.format(port=closed.port))
    closed.close()
    result = project.run_apart("--netmon", "--reruns=1")
    assert result.ret == pytest.ExitCode.OK
    note = f"late:{closed.port}: first failed (refused), passed on a re-run"
    result.stdout.fnmatch_lines([f"warning: {note}"])
    assert note in project.artifact()["monitoring_session"]["warnings"]


#: Listens once a first result is known.
OPENS_LATE = """
import socket
listening = []
def pytest_netmon_result(result):
    if not listening:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", {port}))
        server.listen()
        listening.append(server)
"""
