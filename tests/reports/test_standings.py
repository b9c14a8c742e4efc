"""How endpoints stand, and a run in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.limits import parse_limit
from pytest_netmon.outcomes import cause_of
from pytest_netmon.reports.standings import causes_of, headline, in_order, standing_of, status_of, tally_of, warnings_of
from pytest_netmon.reports.summary import summary_lines
from pytest_netmon.vantage import lost_words

GOOD = (reached("good"), [opened(1.0)])
BAD = (reached("bad"), [failed("refused")])
OURS = (reached("ours"), [failed("local_error", errno="EMFILE")])
KNOWN = (replace(reached("known"), xfail="soon"), [failed("refused")])
WATCHED = (replace(measured("watched"), watched=True, count=None), [failed("timeout")])


@pytest.mark.parametrize(
    ("endpoints", "status", "told"),
    [
        ([], "not run", "nothing was checked"),
        ([GOOD], "passed", "the endpoint passed"),
        ([GOOD, GOOD], "passed", "all 2 endpoints passed"),
        ([GOOD, KNOWN], "passed", "1 of 2 endpoints passed, 1 failed as expected"),
        ([GOOD, WATCHED], "passed", "1 of 2 endpoints passed, 1 only watched"),
        ([WATCHED], "watched", "1 endpoint watched, nothing was asked of it"),
        ([WATCHED, WATCHED], "watched", "2 endpoints watched, nothing was asked of them"),
        ([GOOD, BAD], "failed", "1 of 2 endpoints failed"),
        ([BAD, OURS], "failed", "1 of 2 endpoints failed, 1 is inconclusive"),
        ([BAD, OURS, OURS], "failed", "1 of 3 endpoints failed, 2 are inconclusive"),
        ([GOOD, OURS], "inconclusive", "1 of 2 endpoints is inconclusive"),
        ([OURS, OURS, KNOWN], "inconclusive", "2 of 3 endpoints are inconclusive"),
    ],
)
def test_a_run_is_told_in_one_sentence(endpoints, status, told):
    run = run_of(endpoints)
    assert (status_of(run), headline(run)) == (status, told)


def test_a_run_that_was_cut_off_says_so():
    assert headline(run_of([GOOD], partial=True)) == "the endpoint passed; the run was cut off"


def test_what_needs_a_look_comes_first_in_the_order_of_the_plan():
    run = run_of([GOOD, WATCHED, KNOWN, OURS, BAD, (reached("bad too"), [failed("reset")] * 3)])
    told = [result.endpoint.host for result in in_order(run.results)]
    assert told == ["bad", "bad too", "ours", "known", "watched", "good"]


def test_all_of_the_plan_is_counted():
    run = run_of([GOOD, BAD], replace(reached("a"), skip="later"), reached("b"), reached("c"))
    assert tally_of(run) == {"failed": 1, "passed": 1, "skipped": 1, "not run": 2}


def test_what_is_watched_with_limits_is_judged():
    endpoint = replace(measured("db", 1, "errors == 0"), watched=True, count=None)
    assert standing_of(run_of([(endpoint, [failed("timeout")])]).results[0]) == "failed"


def test_causes_are_counted_the_most_frequent_first():
    run = run_of(
        [
            *[(reached(f"t{at}"), [failed("timeout")] * 3) for at in range(3)],
            (measured("mixed", timeout_s=2.0), [failed("timeout"), failed("reset"), failed("timeout"), opened(1.0)]),
            (measured("slow", 1, "max < 1ms"), [opened(2.0)]),
            (reached("open", expect="closed"), [opened(1.0)]),
            OURS,
            KNOWN,
            GOOD,
        ]
    )
    assert [(cause.name, cause.endpoints, cause.text) for cause in causes_of(run)] == [
        ("timeout", 4, "no answer within its timeout: packets dropped on the way, a firewall?"),
        ("limit", 1, "a limit is broken though every check was open"),
        ("must not be reachable", 1, "it was open, or opened and then broken off"),
        ("local_error", 1, cause_of("local_error", 3.0)),
    ]


def test_a_run_that_was_cut_off_is_the_cause():
    (cause,) = causes_of(run_of([(reached(), [failed("timeout")])], complete=False))
    assert (cause.name, cause.text) == ("cut off", "the run ended before its checks did")


def test_a_run_that_misses_only_what_a_lost_vantage_would_have_measured_was_not_cut_off():
    lost = lost_words("node", "no Python began there")
    run = run_of([GOOD, (reached(vantage="node"), [])], partial=True)
    verdict = replace(run.results[1].verdict, status="inconclusive", reasons=(lost,))
    missing = replace(run.results[1], complete=False, verdict=verdict)
    run = replace(run, results=(run.results[0], missing))
    assert headline(run) == "1 of 2 endpoints is inconclusive"
    assert not any("cut off" in line for line in summary_lines(run, 100))
    run = replace(run, results=(replace(run.results[0], complete=False), missing))
    assert headline(run).endswith("; the run was cut off")
    assert any("cut off" in line for line in summary_lines(run, 100))


def test_a_control_that_failed_is_the_cause_of_the_others():
    control = (replace(reached("control"), control=True), [failed("timeout")] * 3)
    run = run_of([control, BAD])
    verdict = replace(run.results[1].verdict, status="inconclusive", failed_controls=("control:5432",))
    run = replace(run, results=(run.results[0], replace(run.results[1], verdict=verdict)))
    assert {cause.name: cause.endpoints for cause in causes_of(run)} == {"timeout": 1, "control failed": 1}


def test_an_outcome_of_a_newer_version_is_a_cause_too():
    (cause,) = causes_of(run_of([(reached(), [failed("tls_expired")])]))
    assert cause.name == "tls_expired"


def test_broken_limits_that_fail_nothing_are_told():
    endpoint = replace(measured("db", 1, count=20), warn=(parse_limit("p95 < 5ms"), parse_limit("max < 50ms")))
    run = run_of([(endpoint, [opened(10.0)] * 20), GOOD])
    assert warnings_of(run.results) == ["db:1: warning: p95 10.00 ms, allowed < 5 ms"]
