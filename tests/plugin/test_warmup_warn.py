"""Checks that are not counted, and limits that fail nothing."""

from __future__ import annotations

import json

import jsonschema


def test_warmup_checks_are_made_and_not_counted(project, servers):
    server = servers.open()
    project.write_targets({"host": server.target, "count": 3, "warmup": 2, "interval": "5ms"})
    project.run("--netmon").assert_outcomes(passed=1)
    assert server.connects == 5
    document = project.artifact()
    (endpoint,) = document["endpoints"]
    (samples,) = document["raw_data"]["127.0.0.1"].values()
    assert [sample["check"] for sample in samples] == [0, 0, 1, 2, 3]
    assert (endpoint["statistics"]["checks"], endpoint["settings"]["warmup"]) == (3, 2)
    assert document["statistics"]["127.0.0.1"]["total_checks"] == 3


def test_a_failure_that_goes_on_after_the_warmup_is_told_of_the_counted_checks(project, servers):
    server = servers.closed()
    project.write_targets({"host": server.target, "count": 2, "warmup": 1, "interval": "5ms"})
    result = project.run("--netmon")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{server.target}: 1 limit broken in 2 checks", "  2 x refused *"])


def test_a_broken_warn_limit_passes_and_is_shown(project, servers):
    server = servers.open()
    project.write_targets({"host": server.target, "count": 2, "interval": "5ms", "warn": ["errors > 0", "errors == 0"]})
    result = project.run("--netmon")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"{server.target} *passed *2/2 *", f"{server.target}: warning: errors 0, allowed > 0"])
    (endpoint,) = project.artifact()["endpoints"]
    assert endpoint["notes"] == ["warning: errors 0, allowed > 0"]
    assert [(each["limit"], each["ok"]) for each in endpoint["warn"]] == [
        ("errors > 0", False),
        ("errors == 0", True),
    ]
    assert "warning" not in json.dumps(endpoint["reasons"])
    assert 'name="warnings" value="errors 0, allowed &gt; 0"' in project.artifact("netmon-junit.xml")


def test_the_results_are_as_the_schema_says(project, servers, results_schema):
    project.write_targets(
        {"host": servers.open().target, "count": 2, "warmup": 1, "interval": "5ms", "warn": ["max < 1h"]},
        {"host": "127.0.0.1:1", "skip": True, "warn": ["max < 1h"]},
    )
    project.run("--netmon")
    jsonschema.validate(project.artifact(), results_schema)
