"""Tags are marks, and select what gets a packet."""

from __future__ import annotations

import pytest


@pytest.fixture
def tagged(project, servers):
    database, cache = servers.open(), servers.open()
    project.write_targets(
        {"host": database.target, "name": "database", "tags": ["db", "prod"]},
        {"host": cache.target, "name": "cache", "tags": ["prod-2.x"]},
    )
    project.connects = lambda: (database.connects, cache.connects)
    return project


def test_a_tag_is_a_mark_that_strict_markers_know(tagged):
    result = tagged.run("--netmon", "-m", "db")
    result.assert_outcomes(passed=1, deselected=1)
    assert tagged.connects() == (1, 0)
    assert "netmon: 2 endpoints" in result.stdout.str()


def test_a_mark_may_hold_dots_and_hyphens(tagged):
    tagged.run("--netmon", "-m", "prod-2.x or not prod").assert_outcomes(passed=1, deselected=1)
    assert tagged.connects() == (0, 1)


def test_the_option_selects_and_says_how_many_are_left_out(tagged):
    result = tagged.run("--netmon", "--netmon-tag=db")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["netmon: 1 endpoint (1 reached, 1 more left out by their tags)*"])
    assert tagged.connects() == (1, 0)


def test_a_tag_that_is_excluded_gets_no_packet(tagged):
    tagged.run("--netmon-tag=!db").assert_outcomes(passed=1)
    assert tagged.connects() == (0, 1)


def test_a_misspelt_tag_ends_with_a_usage_error(tagged):
    result = tagged.run("--netmon", "--netmon-tag=dv")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --netmon-tag: expected a tag of some target (db, prod, prod-2.x), got 'dv'*"])
    assert tagged.connects() == (0, 0)


def test_tags_stand_in_the_results(tagged):
    tagged.run("--netmon")
    assert [each["settings"]["tags"] for each in tagged.artifact()["endpoints"]] == [["db", "prod"], ["prod-2.x"]]


def test_a_tests_own_marks_stay_what_they_are(tagged):
    tagged.write("pytest.ini", "[pytest]\naddopts = --strict-markers\nmarkers =\n    db(name): of ours\n")
    tagged.write("test_own.py", "import pytest\n@pytest.mark.db('x')\ndef test_own(): pass\n")
    tagged.run("--netmon", "-m", "db").assert_outcomes(passed=2, deselected=1)


def retagged(project, servers, tag):
    project.write_targets({"host": servers.closed().target, "tags": [tag]})


@pytest.mark.parametrize(("tag", "plugin"), [("flaky", "pytest_rerunfailures"), ("timeout", "pytest_timeout")])
def test_a_tag_that_a_plugin_acts_on_is_refused(project, servers, tag, plugin):
    pytest.importorskip(plugin)
    retagged(project, servers, tag)
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: netmon.yaml:2:*: tags: '{tag}' of 127.0.0.1:* rename the tag*"])


def test_a_tag_that_a_plugin_acts_on_is_refused_though_the_ini_names_it_too(project, servers):
    pytest.importorskip("pytest_timeout")
    project.write("pytest.ini", "[pytest]\nmarkers =\n    timeout: mine\n")
    retagged(project, servers, "timeout")
    assert project.run("--netmon").ret == pytest.ExitCode.USAGE_ERROR


def test_a_mark_of_pytest_that_the_plan_hook_makes_a_tag_is_refused(project, servers):
    project.write_targets(servers.closed().target)
    edit = "plan.endpoints[:] = [dataclasses.replace(plan.endpoints[0], tags=('skip',))]"
    project.write("conftest.py", f"import dataclasses\ndef pytest_netmon_plan(plan):\n    {edit}\n")
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: netmon.yaml:2:*: *'skip'*"])
