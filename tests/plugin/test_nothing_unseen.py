"""What was not checked is said, and what failed unseen is red."""

from __future__ import annotations

import pytest

NOTHING = "nothing was checked, so nothing is known to be reachable"


@pytest.fixture
def pair(project, servers):
    """An open and a closed port, `up` and `down`."""
    up, down = servers.open(), servers.closed()
    project.write_targets({"host": up.target, "name": "up"}, {"host": down.target, "name": "down"})
    return project


@pytest.fixture
def all_open(project, servers):
    project.write_targets(servers.open().target, servers.open().target)
    return project


def test_a_whole_run_says_nothing_of_how_much_was_checked(all_open):
    all_open.run("--netmon").stdout.no_fnmatch_line("*of 2 endpoints checked*")


def test_what_a_user_deselects_is_counted(pair):
    result = pair.run("--netmon", "-k", "up")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["1 of 2 endpoints checked (1 deselected)"])


@pytest.mark.parametrize("hidden_in", ["", "addopts = -m 'not netmon'"])
def test_a_green_run_without_any_check_says_so(pair, hidden_in):
    pair.write("pytest.ini", f"[pytest]\n{hidden_in}\n")
    pair.write("test_own.py", "def test_own(): pass\n")
    result = pair.run("--netmon", *(() if hidden_in else ("-m", "not netmon")))
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*= netmon =*", "0 of 2 endpoints checked (2 deselected)"])


def test_nothing_but_skipped_targets_is_red(project, servers):
    project.write_targets(*({"host": servers.open().target, "skip": "later"} for _ in range(2)))
    result = project.run("--netmon")
    result.assert_outcomes(skipped=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["0 of 2 endpoints checked (2 skipped)", NOTHING])


def test_a_skipped_target_that_was_asked_for_alone_stays_as_pytest_has_it(project, servers):
    project.write_targets(
        {"host": servers.open().target, "name": "moved", "skip": True}, {"host": servers.open().target, "name": "up"}
    )
    result = project.run("--netmon", "-k", "moved")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["0 of 2 endpoints checked (1 deselected, 1 skipped)"])
    result.stdout.no_fnmatch_line(NOTHING)


def test_tests_that_cannot_be_collected_keep_the_gate_from_running_and_it_says_so(pair):
    pair.write("test_own.py", "import nowhere\n")
    result = pair.run("--netmon")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["0 of 2 endpoints checked (tests could not be collected)"])


@pytest.mark.parametrize("arguments", [["--collect-only"], ["--setup-plan"]])
def test_what_only_lists_is_not_told_that_nothing_was_checked(pair, arguments):
    result = pair.run("--netmon", *arguments)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*endpoints checked*")


SKIPS_ALL = "import pytest\ndef pytest_runtest_setup(item): pytest.skip('not today')\n"


def test_a_failure_that_a_conftest_skips_is_red(pair):
    pair.write("conftest.py", SKIPS_ALL)
    result = pair.run("--netmon")
    result.assert_outcomes(skipped=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["down:* failed, and no test says so: *"])
    result.stdout.no_fnmatch_line("up:*no test says so*")


def test_a_failure_in_a_run_that_only_sets_up_is_red(pair):
    assert pair.run("--netmon", "--setup-only").ret == pytest.ExitCode.TESTS_FAILED


def test_an_expected_failure_that_a_conftest_skips_is_not(project, servers):
    project.write_targets({"host": servers.closed().target, "xfail": "firewall"}, servers.open().target)
    project.write("conftest.py", SKIPS_ALL)
    assert project.run("--netmon").ret == pytest.ExitCode.OK


def test_a_users_own_test_may_skip_for_what_failed(pair):
    pair.write(
        "test_own.py",
        "import pytest\ndef test_own(netmon_result):\n"
        "    if netmon_result.verdict.status != 'passed': pytest.skip('down')\n",
    )
    result = pair.run("--netmon", "-k", "test_own")
    result.assert_outcomes(passed=1, skipped=1, deselected=2)
    assert result.ret == pytest.ExitCode.OK


def test_artifacts_of_an_earlier_run_are_not_taken_for_todays(all_open):
    told = "netmon-report/ is from an earlier run"
    fresh = all_open.run("--netmon", "-k", "nothing")
    fresh.stdout.no_fnmatch_line(told)
    all_open.run("--netmon").stdout.no_fnmatch_line(told)
    all_open.run("--netmon", "-k", "nothing").stdout.fnmatch_lines([told])
    all_open.write("netmon.yaml", "targets: 7\n")
    broken = all_open.run("--netmon")
    assert broken.ret == pytest.ExitCode.USAGE_ERROR
    broken.stderr.fnmatch_lines([f"ERROR: {told}"])


@pytest.mark.parametrize("runner", ["GITHUB_ACTIONS", "TF_BUILD"])
def test_no_text_of_the_gate_is_a_command_to_a_runner(project, servers, monkeypatch, runner):
    monkeypatch.setenv(runner, "true")
    project.write_targets(servers.closed().target, {"host": servers.open().target, "skip": "##vso[task.x]skipped"})
    project.write("conftest.py", NAMES_A_COMMAND)
    result = project.run("--netmon", "-rs")
    lines = [line for line in result.outlines if line.lstrip().startswith("::") or "##vso[" in line]
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert lines == []


#: As a hook may, whatever the configuration file refuses.
NAMES_A_COMMAND = """
import dataclasses
def pytest_netmon_plan(plan):
    plan.endpoints[0] = dataclasses.replace(plan.endpoints[0], name="::error file=x::pwned")
"""


def test_a_failing_hooks_words_are_no_command_to_a_runner(project, servers, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.write_targets(servers.open().target)
    project.write("conftest.py", "def pytest_netmon_run(): raise RuntimeError('x\\n::error::pwned')\n")
    result = project.run("--netmon")
    assert not [line for line in result.outlines if line.startswith("::")]
    result.stdout.fnmatch_lines([": :error::pwned"])
