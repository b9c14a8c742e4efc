"""Controls: what must be reached for the others to mean anything; and ports that must refuse or be silent."""

from __future__ import annotations

import json

import jsonschema
import pytest


def write(project, controls, targets):
    project.write("netmon.yaml", json.dumps({"controls": controls, "targets": targets}))


def test_a_failure_beside_a_failed_control_is_an_error_and_not_blamed_on_the_target(project, servers, results_schema):
    gateway, down, up = servers.closed(), servers.closed(), servers.open()
    write(project, [{"host": gateway.target, "name": "gateway"}], [down.target, up.target])
    result = project.run("--netmon")
    result.assert_outcomes(errors=2, passed=1)
    control = f"gateway:{gateway.port}"
    told = f"{down.target}: inconclusive, the control {control} failed too, so that this says nothing of the target*"
    result.stdout.fnmatch_lines([told, f"  next: see to gateway:{gateway.port} first, *"])
    document = project.artifact()
    jsonschema.validate(document, results_schema)
    assert [each["verdict"] for each in document["endpoints"]] == ["inconclusive", "inconclusive", "passed"]
    assert [each["settings"]["control"] for each in document["endpoints"]] == [True, False, False]


def test_xfail_does_not_hide_a_failed_control(project, servers):
    write(project, [servers.closed().target], [{"host": servers.closed().target, "xfail": True}])
    project.run("--netmon").assert_outcomes(errors=2)


def test_beside_a_control_that_works_a_failure_is_a_failure(project, servers):
    write(project, [servers.open().target], [servers.closed().target])
    project.run("--netmon").assert_outcomes(passed=1, failed=1)


def test_a_control_whose_test_is_deselected_still_counts(project, servers):
    gateway, down = servers.closed(), servers.closed()
    write(project, [{"host": gateway.target, "name": "gateway"}], [{"host": down.target, "name": "target"}])
    project.run("--netmon", "-k", "target").assert_outcomes(errors=1, deselected=1)
    assert [each["verdict"] for each in project.artifact()["endpoints"]] == ["inconclusive"] * 2


def test_a_users_own_tests_are_about_targets_and_not_about_controls(project, servers):
    write(project, [servers.open().target], [servers.open().target])
    project.write("test_own.py", "def test_own(netmon_result): pass\n")
    project.run("--netmon").assert_outcomes(passed=3)


def test_a_rerun_asks_the_controls_again(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    gateway, down = servers.open(), servers.closed()
    write(project, [{"host": gateway.target, "name": "gateway"}], [{"host": down.target, "name": "target"}])
    project.run("--netmon", "--reruns=1", "-k", "target").assert_outcomes(failed=1, deselected=1)
    assert gateway.connects == 2


def test_a_port_that_must_refuse_refuses(project, servers):
    closed, opened = servers.closed(), servers.open()
    write(project, [], [{"host": closed.target, "expect": "refused"}, {"host": opened.target, "expect": "refused"}])
    result = project.run("--netmon")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"{opened.target}: open, but it must refuse", f"{closed.target} *passed *refused *"])


@pytest.mark.parametrize("expect", ["closed", "timeout"])
def test_silence_is_proven_by_something_that_was_reached(project, servers, expect):
    silent = {"host": servers.silent().target, "expect": expect, "timeout": "1s"}
    write(project, [], [silent, servers.open().target])
    project.run("--netmon").assert_outcomes(passed=2)
    assert project.artifact()["endpoints"][0]["notes"] == []


def test_silence_alone_passes_with_a_warning_and_says_that_it_proves_nothing(project, servers):
    silent = servers.silent()
    write(project, [], [{"host": silent.target, "expect": "closed", "timeout": "1s"}])
    result = project.run("--netmon")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["netmon: warning: nothing here is expected to be open: *"])
    assert project.artifact()["endpoints"][0]["notes"] == ["not proven: nothing else was reached either"]


def test_a_silent_port_that_must_refuse_fails_and_says_so(project, servers):
    silent = servers.silent()
    write(project, [], [{"host": silent.target, "expect": "refused", "timeout": "50ms", "count": 2, "interval": "5ms"}])
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{silent.target}: 2 x timeout in 2 checks, but it must refuse", "  2 x timeout *"])
