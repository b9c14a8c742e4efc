"""How failures are spread, as limits: from the configuration to the failure's text and the results."""

from __future__ import annotations

import sys

import jsonschema
import pytest


def row(text, name):
    """The words of a broken limit's row."""
    (found,) = [line.split() for line in text.splitlines() if line.split()[:1] == [name]]
    return found


def limits_of(project):
    (endpoint,) = project.artifact()["endpoints"]
    return {limit["limit"]: (limit["value"], limit["ok"]) for limit in endpoint["limits"]}


def run(project, server, limits, **settings):
    target = {"host": server.target, "count": 4, "interval": "50ms", "limits": ["success >= 0%", *limits], **settings}
    project.write_targets(target)
    return project.run("--netmon")


def test_too_many_failures_in_a_row_fail(project, servers, results_schema):
    result = run(project, servers.closed(), ["consecutive_failures <= 3", "errors.refused <= 3", "errors.timeout == 0"])
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert row(text, "consecutive_failures") == ["consecutive_failures", "4", "allowed", "<=", "3"]
    assert row(text, "errors.refused") == ["errors.refused", "4", "allowed", "<=", "3", "of", "4", "checks"]
    assert limits_of(project) == {
        "success >= 0%": (0, True),
        "consecutive_failures <= 3": (4, False),
        "errors.refused <= 3": (4, False),
        "errors.timeout == 0": (0, True),
    }
    jsonschema.validate(project.artifact(), results_schema)


def test_so_many_as_are_allowed_pass(project, servers):
    allowed = ["consecutive_failures <= 4", "errors.refused == 4", "errors <= 4", "outage <= 60s", "syn_repeats == 0"]
    allowed = allowed if sys.platform == "linux" else allowed[:-1]
    run(project, servers.closed(), allowed).assert_outcomes(passed=1)


def test_a_time_without_a_success_that_is_too_long_fails(project, servers):
    result = run(project, servers.closed(), ["outage <= 100ms"])
    result.assert_outcomes(failed=1)
    value, ok = limits_of(project)["outage <= 100ms"]
    assert (value >= 0.15, ok) == (True, False)
    assert row(result.stdout.str(), "outage")[2:] == ["s", "allowed", "<=", "100", "ms"]


def test_timeouts_are_counted_apart_from_other_failures(project, servers):
    result = run(project, servers.silent(), ["errors.timeout == 0", "errors.refused == 0"], timeout="50ms", count=2)
    result.assert_outcomes(failed=1)
    assert limits_of(project)["errors.timeout == 0"] == (2, False)
    assert limits_of(project)["errors.refused == 0"] == (0, True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of repeated SYNs")
def test_a_repeated_syn_is_packet_loss_that_a_limit_sees(project, servers):
    # The kernel sends an unanswered SYN again after 1 s.
    result = run(project, servers.silent(), ["syn_repeats == 0"], timeout="1500ms", count=1)
    result.assert_outcomes(failed=1)
    value, ok = limits_of(project)["syn_repeats == 0"]
    assert (value >= 1, ok) == (True, False)


def test_the_same_limits_hold_as_options(project, servers):
    project.write_targets(servers.closed().target)
    arguments = ["--netmon-limit=success >= 0%, consecutive_failures <= 2", "--netmon-count=3"]
    result = project.run("--netmon", *arguments, "--netmon-interval=5ms", "--netmon-limit=outage <= 5s")
    result.assert_outcomes(failed=1)
    assert row(result.stdout.str(), "consecutive_failures")[1] == "3"
