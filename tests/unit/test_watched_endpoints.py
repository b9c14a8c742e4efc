"""Endpoints of `netmon monitor`: watched until told to stop, judged only where something is asked of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from samples_for_tests import outcomes

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.plan_record import plan_of, record_of
from pytest_netmon.verdict import judge, limits_in_force

WATCHED = Endpoint(host="db.internal", port=5432, measured=True, watched=True, count=None, interval_s=1.0)


def limited(endpoint: Endpoint, *limits: str) -> Endpoint:
    return replace(endpoint, limits=tuple(parse_limit(text) for text in limits))


def complaints(*endpoints: Endpoint) -> list[str]:
    return [problem.text for problem in validate_plan(Plan(endpoints=[*endpoints]))]


def test_a_watched_endpoint_may_be_checked_until_told_to_stop() -> None:
    assert complaints(WATCHED, replace(WATCHED, port=80, count=100)) == []
    assert Plan(endpoints=[WATCHED]).planned_duration_s == math.inf
    assert Plan(endpoints=[WATCHED]).planned_rate == 1.0


@pytest.mark.parametrize("endpoint", [replace(WATCHED, watched=False), replace(WATCHED, count=0)])
def test_nobody_else_may_and_a_count_is_still_a_count(endpoint: Endpoint) -> None:
    assert complaints(endpoint) == [f"expected a count of 1 or more, got {endpoint.count}"]


def test_without_a_last_check_any_percentile_will_mean_something() -> None:
    assert complaints(limited(WATCHED, "p99.9 < 50ms")) == []
    assert complaints(limited(replace(WATCHED, count=99), "p99 < 50ms")) == [
        "p99 < 50ms: p99 means nothing in 99 checks: use max, or count >= 100"
    ]


def test_checks_without_end_count_into_the_sustained_rate() -> None:
    (complaint,) = complaints(replace(WATCHED, interval_s=0.001))

    assert "makes 1000 checks a second, over max_rate_per_host 200" in complaint
    assert complaints(replace(WATCHED, interval_s=0.0)) == ["expected an interval above 0 s, got 0.0"]


def test_without_limits_nothing_is_asked_so_nothing_fails() -> None:
    assert limits_in_force(WATCHED) == ()
    assert not WATCHED.is_judged
    assert judge(WATCHED, outcomes("timeout", "timeout"), complete=True).status == "passed"


def test_with_a_limit_it_is_judged_like_any_other() -> None:
    judged = limited(WATCHED, "p95 < 50ms")

    assert judged.is_judged
    assert [limit.text for limit in limits_in_force(judged)] == ["success >= 100%", "p95 < 50ms"]
    assert judge(judged, outcomes("open", "timeout"), complete=True).status == "failed"


def test_what_must_be_closed_is_judged_without_limits() -> None:
    closed = replace(WATCHED, expect="closed")

    assert closed.is_judged
    assert judge(closed, outcomes("refused", "open"), complete=True).status == "failed"


def test_one_that_was_ended_by_force_says_how_far_it_came() -> None:
    assert judge(WATCHED, outcomes("open", "open"), complete=False).reasons == ("interrupted by force after 2 checks",)
    assert judge(WATCHED, outcomes("open"), complete=False).reasons == ("interrupted by force after 1 check",)


def test_a_plan_without_end_is_kept_in_the_sample_file_as_it_is() -> None:
    assert plan_of(record_of(Plan(endpoints=[WATCHED]))).endpoints == [WATCHED]
