"""`controls`, and what `expect` may say."""

from __future__ import annotations

import json

import pytest
from written_config import Written, limits_of

from pytest_netmon.jobs import retried_outcomes
from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.plan_record import plan_of, record_of


def test_controls_stand_first_and_take_the_timeout_of_the_defaults_only(written: Written) -> None:
    plan = written.plan(
        "defaults: {timeout: 2s, count: 5, ports: [9], limits: [max < 5ms]}\n"
        "targets: ['db:1']\n"
        "controls: ['gateway:443', {host: dns, ports: [53], count: 2, timeout: 1500ms}]",
        limits=("errors == 0",),
        count=7,
    )
    assert [(each.id, each.control, each.count, each.timeout_s, limits_of(each)) for each in plan.endpoints] == [
        ("gateway:443", True, 3, 2.0, []),
        ("dns:53", True, 2, 1.5, []),
        ("db:1", False, 7, 2.0, ["max < 5ms", "errors == 0"]),
    ]


def test_a_target_that_is_a_control_too_is_checked_once_as_a_control(written: Written) -> None:
    plan = written.plan("controls: ['db:1']\ntargets: ['db:1', 'web:1']")
    assert [(endpoint.id, endpoint.control) for endpoint in plan.endpoints] == [("db:1", True), ("web:1", False)]
    assert plan.warnings == [
        "netmon.yaml:2:11: db:1 stands already in netmon.yaml:1:12, with the same settings: checked once"
    ]


def test_tags_leave_controls_in(written: Written) -> None:
    plan = written.plan("controls: ['gw:1']\ntargets: [{host: 'db:1', tags: db}, 'web:1']", tags=("db",))
    assert [endpoint.id for endpoint in plan.endpoints] == ["gw:1", "db:1"]
    assert plan.deselected == 1
    assert written.lines("netmon.yaml", tags=("!db", "db")) == [
        "--netmon-tag: expected tags that leave a target to check, got none left"
    ]


@pytest.mark.parametrize(("key", "value"), [("expect", "closed"), ("expect", "timeout"), ("xfail", True)])
def test_a_control_must_be_open(written: Written, key: str, value: object) -> None:
    (told,) = written.problems(json.dumps({"controls": [{"host": "a:1", key: value}], "targets": ["x:1"]}))
    assert f"controls[0].{key}: expected a control that must be open, got " in told
    assert told.endswith(f": leave {key} out")


def test_controls_alone_check_nothing(written: Written) -> None:
    assert "expected targets here" in written.problems("controls: ['gw:1']")[0]


def test_what_is_wrong_with_a_control_is_told_with_its_place(written: Written) -> None:
    assert written.problems("controls: [gw]\ntargets: ['db:1']") == [
        "netmon.yaml:1:12: controls[0]: expected a target with a port, got 'gw': write gw:PORT, or give --netmon-port"
    ]


def test_a_control_that_a_hook_expects_closed_is_refused() -> None:
    (problem,) = validate_plan(Plan(endpoints=[Endpoint(host="a", port=1, control=True, expect="closed")]))
    assert problem.text == "a control must be expected to be open, got closed"


def test_a_control_is_kept_with_a_recorded_plan() -> None:
    endpoint = Endpoint(host="a", port=1, control=True)
    assert plan_of(record_of(Plan(endpoints=[endpoint]))).endpoints == [endpoint]


@pytest.mark.parametrize("state", ["open", "closed", "refused", "timeout"])
def test_each_state_can_be_expected(written: Written, state: str) -> None:
    endpoint = written.endpoint(f"defaults: {{limits: [max < 5ms]}}\ntargets: [{{host: 'a:1', expect: {state}}}]")
    assert endpoint.expect == state
    assert endpoint.limits == ((parse_limit("max < 5ms", "defaults"),) if state == "open" else ())


@pytest.mark.parametrize(
    ("state", "retried"),
    [
        (
            "open",
            ["timeout", "reset", "closed_at_once", "tls_timeout", "proxy_timeout", "dns_failed", "dns_timeout"],
        ),
        ("closed", ["proxy_timeout", "dns_failed", "dns_timeout"]),
        ("timeout", ["proxy_timeout", "dns_failed", "dns_timeout"]),
        ("refused", ["timeout", "proxy_timeout", "dns_failed", "dns_timeout"]),
    ],
)
def test_what_is_expected_and_what_was_open_are_not_tried_again(state: str, retried: list[str]) -> None:
    assert retried_outcomes(Endpoint(host="a", port=1, expect=state)) == retried  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "warned"), [("closed", True), ("timeout", True), ("refused", False)])
def test_a_file_in_which_nothing_must_be_open_warns_where_silence_would_pass(
    written: Written, state: str, warned: bool
) -> None:
    alone = written.plan(f"targets: [{{host: 'a:1', expect: {state}}}]").warnings
    assert alone == (
        [
            "nothing here is expected to be open: without a network a:1 would pass too; "
            "name something that can be reached under controls"
        ]
        if warned
        else []
    )
    assert written.plan(f"controls: ['gw:1']\ntargets: [{{host: 'a:1', expect: {state}}}]").warnings == []
