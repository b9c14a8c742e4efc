"""`wait`: tried until it is open, and only then measured."""

from __future__ import annotations

import pytest
from written_config import Written

from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.plan_record import plan_of, record_of
from pytest_netmon.waits import Wait


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("60s", Wait(60.0, 0.25, 1)),
        ("5", Wait(5.0)),
        ("{timeout: 1m, interval: 1s, stable: 3}", Wait(60.0, 1.0, 3)),
    ],
)
def test_a_wait_is_a_duration_or_a_mapping(written: Written, text: str, wait: Wait) -> None:
    assert written.endpoint(f"targets: [{{host: 'a:1', wait: {text}}}]").wait == wait


def test_an_option_goes_before_a_target_and_that_before_the_defaults(written: Written) -> None:
    text = "defaults: {wait: 1s}\ntargets: ['a:1', {host: 'b:1', wait: {timeout: 2s, stable: 2}}]"
    assert [endpoint.wait for endpoint in written.plan(text).endpoints] == [Wait(1.0), Wait(2.0, stable=2)]
    # What a target says of interval and stable is its own, how long is the option's.
    assert {endpoint.wait.timeout_s for endpoint in written.plan(text, wait="9s").endpoints if endpoint.wait} == {9.0}
    assert [endpoint.wait.stable for endpoint in written.plan(text, wait="9s").endpoints if endpoint.wait] == [1, 2]


def test_what_is_to_be_closed_or_to_fail_is_not_waited_for_by_others_words(written: Written) -> None:
    text = "defaults: {wait: 1s}\ntargets: [{host: 'a:1', expect: closed}, {host: 'b:1', xfail: x}, 'c:1']"
    for plan in (written.plan(text), written.plan(text, wait="5s")):
        assert [endpoint.wait is None for endpoint in plan.endpoints] == [True, True, False]


def test_a_control_is_waited_for_as_the_option_says(written: Written) -> None:
    plan = written.plan("controls: ['gw:1']\ntargets: ['a:1']", wait="5s")
    assert [endpoint.wait for endpoint in plan.endpoints] == [Wait(5.0), Wait(5.0)]


def test_a_longer_interval_of_tries_is_kept(written: Written) -> None:
    assert written.endpoint("targets: [{host: 'a:1', interval: 5s}]", wait="1m").wait == Wait(60.0, 5.0)


@pytest.mark.parametrize(
    ("wait", "line"),
    [
        ("0", "1:31: targets[0].wait: expected a duration from 1ms to 1d, such as 250ms or 2s, got 0"),
        (
            "{stable: 2}",
            "1:31: targets[0].wait: expected how long to wait, got none: add timeout, as in wait: {timeout: 60s}",
        ),
        ("{timeout: 1s, stable: 0}", "1:53: targets[0].wait.stable: expected a whole number 1..1000000, got 0"),
        ("{timeout: 1s, stabel: 2}", "1:45: targets[0].wait: unknown key 'stabel': did you mean 'stable'?"),
        ("[1s]", "1:31: targets[0].wait: "),
    ],
)
def test_a_wait_that_cannot_be_meant_is_refused(written: Written, wait: str, line: str) -> None:
    (told,) = written.problems(f"targets: [{{host: 'a:1', wait: {wait}}}]")
    assert told.startswith(f"netmon.yaml:{line}")


def test_a_target_may_say_itself_that_it_is_waited_for_until_it_is_closed(written: Written) -> None:
    text = "targets: [{host: 'a:1', expect: closed, wait: 5s}, {host: 'b:1', xfail: x, wait: 5s}]"
    assert [endpoint.wait for endpoint in written.plan(text).endpoints] == [Wait(5.0), Wait(5.0)]
    assert [endpoint.wait for endpoint in written.plan(text, wait="9s").endpoints] == [Wait(9.0), Wait(9.0)]


def test_a_wait_has_room_for_what_it_waits_for(written: Written) -> None:
    assert written.problems("targets: [{host: 'a:1', wait: {timeout: 3s, interval: 2s, stable: 3}}]") == [
        "netmon.yaml:1:11: a:1: expected a wait with room for 3 tries 2s apart, got 3s"
    ]


def test_what_a_hook_got_wrong_is_told() -> None:
    waits = [Wait(0.0), Wait(5.0, stable=0), 5.0]
    endpoints = [Endpoint(host="a", port=port, wait=wait) for port, wait in enumerate(waits, 1)]  # type: ignore[arg-type]
    texts = [problem.text for problem in validate_plan(Plan(endpoints=endpoints))]
    assert [text.partition(",")[0] for text in texts] == [
        "expected a Wait with times above 0 s",
        "expected a wait for 1 success in a row or more",
        "expected a Wait with times above 0 s",
    ]


def test_a_wait_is_kept_with_a_recorded_plan() -> None:
    endpoint = Endpoint(host="a", port=1, wait=Wait(5.0, 1.0, 3))
    assert plan_of(record_of(Plan(endpoints=[endpoint]))).endpoints == [endpoint]
