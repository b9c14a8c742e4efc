"""`warmup`: checks before those that count. `warn`: limits that fail nothing."""

from __future__ import annotations

import pytest
from written_config import Written

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.plan_record import plan_of, record_of


def test_a_measured_target_is_warmed_up(written: Written) -> None:
    endpoint = written.endpoint("targets: [{host: 'db:1', count: 10, warmup: 2, interval: 1s}]")
    assert (endpoint.warmup, endpoint.count, endpoint.planned_duration_s) == (2, 10, 11.0)


def test_the_warmup_of_defaults_reaches_those_that_are_measured(written: Written) -> None:
    plan = written.plan(
        "defaults: {warmup: 3}\ntargets: ['a:1', {host: 'b:1', count: 2}, {host: 'c:1', count: 2, warmup: 0}]"
    )
    assert [endpoint.warmup for endpoint in plan.endpoints] == [0, 3, 0]


def test_a_warmup_of_what_is_only_reached_is_refused(written: Written) -> None:
    assert written.problems("targets: [{host: db, ports: [1, 2], warmup: 2}]") == [
        "netmon.yaml:1:45: targets[0].warmup: expected warmup with a measured target, got one that is only reached: "
        "say how often to check it (count)"
    ]


def test_warn_limits_add_up_as_limits_do(written: Written) -> None:
    plan = written.plan(
        "defaults: {warn: [p95 < 50ms, max < 1s]}\n"
        "targets: ['a:1', {host: 'b:1', warn: [p95 < 20ms], limits: [success >= 50%]}]"
    )
    assert [[limit.text for limit in endpoint.warn] for endpoint in plan.endpoints] == [
        ["p95 < 50ms", "max < 1s"],
        ["max < 1s", "p95 < 20ms"],
    ]
    assert [(endpoint.measured, endpoint.count) for endpoint in plan.endpoints] == [(True, 20), (True, 20)]
    assert plan.endpoints[1].warn[0].origin == "defaults"


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (
            "{host: 'db:1', warn: [p95 < 50]}",
            "1:41: targets[0].warn[0]: expected a unit: write 50ms or 50s in 'p95 < 50'",
        ),
        (
            "{host: 'db:1', warn: []}",
            "1:32: targets[0].warn: expected at least one limit, got an empty list: leave warn out",
        ),
        (
            "{host: 'db:1', count: 5, warn: [p95 < 5ms]}",
            "1:11: db:1: p95 < 5ms: p95 means nothing in 5 checks: use max, or count >= 20",
        ),
        (
            "{host: 'db:1', expect: closed, warn: [max < 5ms]}",
            "1:11: db:1: max < 5ms: an endpoint that is expected to be closed has neither success nor times to limit",
        ),
        (
            "{host: 'db:1', warmup: 1, limits: [dns.max < 5ms]}",
            "1:11: db:1: dns.max < 5ms: the name is resolved before the warmup checks, so that no dns time is counted: "
            "leave warmup out",
        ),
        (
            "{host: 'db:1', count: 2, warmup: x}",
            "1:44: targets[0].warmup: expected a whole number 0..1000000, got 'x'",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(written: Written, target: str, line: str) -> None:
    assert written.problems(f"targets: [{target}]")[0].removeprefix("netmon.yaml:").startswith(line)


def test_warn_limits_of_defaults_do_not_apply_where_closed_is_expected(written: Written) -> None:
    endpoint = written.endpoint("defaults: {warn: [max < 5ms]}\ntargets: [{host: 'db:1', expect: closed}]")
    assert (endpoint.warn, endpoint.measured) == ((), False)


def test_what_a_hook_got_wrong_is_told() -> None:
    wrong = [
        Endpoint(host="a", port=1, warmup=2),
        Endpoint(host="b", port=1, measured=True, warmup=-1),
        Endpoint(host="c", port=1, measured=True, warn=["x"]),  # type: ignore[arg-type]
    ]
    assert [problem.text for problem in validate_plan(Plan(endpoints=wrong))] == [
        "warmup needs a measured endpoint: say how often to check it (count)",
        "expected a warmup of 0 or more checks, got -1",
        "expected a Limit (see parse_limit), got str",
    ]


def test_both_are_kept_with_a_recorded_plan() -> None:
    endpoint = Endpoint(
        host="a", port=1, measured=True, count=20, warmup=2, warn=(parse_limit("p95 < 5ms", "defaults"),), tags=("db",)
    )
    assert plan_of(record_of(Plan(endpoints=[endpoint]))).endpoints == [endpoint]
