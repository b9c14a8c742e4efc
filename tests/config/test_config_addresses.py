"""`family` and `addresses`: which of a name's addresses are checked, and whether one by one."""

from __future__ import annotations

from typing import Any

import pytest
from written_config import Written

from pytest_netmon.addresses import shown_parts
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.plan_record import plan_of, record_of


def choice(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.family, endpoint.addresses


@pytest.mark.parametrize("written_as", ["4", "'4'", '"4"'])
def test_a_family_may_be_a_number(written: Written, written_as: str) -> None:
    assert choice(written.endpoint(f"targets: [{{host: 'a:1', family: {written_as}}}]")) == ("4", "any")


def test_an_option_goes_before_a_target_and_that_before_the_defaults(written: Written) -> None:
    text = "defaults: {family: 6, addresses: all}\ntargets: ['a:1', {host: 'b:1', family: both, addresses: first}]"
    assert [choice(endpoint) for endpoint in written.plan(text).endpoints] == [("6", "all"), ("both", "first")]
    changed = written.plan(text, family="4", addresses="any").endpoints
    assert {choice(endpoint) for endpoint in changed} == {("4", "any")}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("family: 5", "1:33: targets[0].family: expected any, 4, 6 or both, got 5"),
        ("family: bth", "1:33: targets[0].family: expected any, 4, 6 or both, got 'bth': did you mean 'both'?"),
        ("family: true", "1:33: targets[0].family: expected any, 4, 6 or both, got true"),
        ("addresses: every", "1:36: targets[0].addresses: expected any, first or all, got 'every'"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: Written, settings: str, line: str) -> None:
    assert written.problems(f"targets: [{{host: 'a:1', {settings}}}]") == [f"netmon.yaml:{line}"]


@pytest.mark.parametrize(
    ("host", "family", "told"),
    [
        ("10.0.0.1:1", "6", "10.0.0.1:1: the host is an IPv4 address, and family 6 leaves it out"),
        ("[fd00::1]:1", "4", "[fd00::1]:1: the host is an IPv6 address, and family 4 leaves it out"),
        ("10.0.0.1:1", "both", "10.0.0.1:1: the host is an IPv4 address: it is of one family, not of both"),
    ],
)
def test_an_address_of_the_other_family_is_an_error(written: Written, host: str, family: str, told: str) -> None:
    assert written.problems(f"targets: [{{host: '{host}', family: {family}}}]") == [f"netmon.yaml:1:11: {told}"]
    if family != "both":
        assert written.problems(f"targets: ['{host}']", family=family) == [f"netmon.yaml:1:11: {told}"]


def test_that_both_families_are_checked_is_said_of_names(written: Written) -> None:
    text = "defaults: {family: both}\ntargets: ['a:1', '10.0.0.1:1']"
    name, address = written.plan(text).endpoints
    assert (name.family, name.has_parts, address.family, address.has_parts) == ("both", True, "any", False)


def test_an_address_has_no_parts(written: Written) -> None:
    assert not written.endpoint("targets: [{host: '10.0.0.1:1', addresses: all}]").has_parts


def test_behind_a_proxy_that_chooses_the_address(written: Written) -> None:
    target = "{host: 'a:1', proxy: 'http://proxy:3128'"
    text = f"defaults: {{family: 4, addresses: all}}\ntargets: [{target}}}]"
    assert choice(written.endpoint(text)) == ("any", "any")
    (told,) = written.problems(f"targets: [{target}, family: 4}}]")
    assert told.endswith("the proxy looks the name up and chooses an address: leave family and addresses out")


def test_controls_keep_their_own_settings(written: Written) -> None:
    text = "controls: ['gw:1']\ntargets: ['a:1']"
    assert [choice(each) for each in written.plan(text, family="6", addresses="all").endpoints] == [
        ("any", "any"),
        ("6", "all"),
    ]


def test_the_same_endpoint_with_another_choice_is_an_error(written: Written) -> None:
    (told,) = written.problems("targets: ['a:1', {host: 'a:1', addresses: all}]")
    assert "with another choice of addresses" in told


def test_what_a_hook_got_wrong_is_told() -> None:
    wrong: Any = [Endpoint(host="a", port=1, family="5"), Endpoint(host="a", port=2, addresses=7)]  # type: ignore[arg-type]
    assert [problem.text for problem in validate_plan(Plan(endpoints=wrong))] == [
        "expected one of any, 4, 6, both for family, got '5'",
        "expected one of any, first, all for addresses, got 7",
    ]


def test_a_choice_is_kept_with_a_recorded_plan() -> None:
    endpoint = Endpoint(host="a", port=1, family="both", addresses="all")
    assert plan_of(record_of(Plan(endpoints=[endpoint]))).endpoints == [endpoint]


FOUND = ["fd00::1", "10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("family", "addresses", "shown"),
    [
        ("any", "any", FOUND),
        ("any", "first", ["fd00::1"]),
        ("4", "first", ["10.0.0.1"]),
        ("4", "all", ["10.0.0.1", "10.0.0.2"]),
        ("both", "any", ["IPv4: 10.0.0.1, 10.0.0.2", "IPv6: fd00::1"]),
        ("both", "first", ["IPv4: 10.0.0.1", "IPv6: fd00::1"]),
        ("both", "all", FOUND),
    ],
)
def test_a_dry_run_shows_what_would_be_tried(family: str, addresses: str, shown: list[str]) -> None:
    assert shown_parts(FOUND, family, addresses) == shown


def test_a_dry_run_shows_what_the_resolver_said_instead() -> None:
    told = ["no answer within 3 s (dns_timeout)"]
    assert shown_parts(told, "4", "first") == told
    assert shown_parts(["10.0.0.1"], "both", "any") == ["IPv4: 10.0.0.1", "IPv6: no address"]
