"""A plan is checked whoever made it: all that is wrong, each with its place."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import plan_warnings, validate_plan
from pytest_netmon.plan_record import plan_of, record_of
from pytest_netmon.problems import Source
from pytest_netmon.proxying import Proxy
from pytest_netmon.stages import Tls
from pytest_netmon.units import parse_duration_s

GOOD = Endpoint(host="db.internal", port=5432, measured=True, count=40, interval_s=0.25, source=Source("n.yaml", 7, 5))


def complaints(*endpoints: Endpoint, **plan: float) -> list[str]:
    return [str(problem) for problem in validate_plan(Plan(endpoints=[*endpoints], **plan))]  # type: ignore[arg-type]


def limited(*limits: str, **fields: object) -> Endpoint:
    return replace(GOOD, limits=tuple(parse_limit(text) for text in limits), **fields)


def test_a_good_plan_has_no_problems() -> None:
    reached = Endpoint(host="2001:db8::1", port=443, name="api")
    closed = Endpoint(host="10.0.0.1", port=22, expect="closed")
    limits = limited("success >= 99%", "p95 < 50ms", "p100 < 1s", "dns.max < 1s", name="limited")

    assert complaints(GOOD, reached, closed, limits) == []


def test_a_plan_without_endpoints_is_one_problem() -> None:
    assert complaints() == ["plan: expected at least one endpoint, found none"]
    assert [str(each) for each in validate_plan(Plan(endpoints=[], files=("n.yaml",)))] == [
        "n.yaml: expected at least one endpoint, found none"
    ]


@pytest.mark.parametrize("port", [0, -1, 65536, 70000, True, "80", 80.0, None])
def test_a_port_is_a_whole_number_from_1_to_65535(port: object) -> None:
    assert complaints(replace(GOOD, port=port)) == [  # type: ignore[arg-type]
        f"n.yaml:7:5: endpoints[0]: expected a port 1..65535, got {port!r}"
    ]


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("", "there is none"),
        ("a b", "it holds a space"),
        ("a\0b", "it holds a control character or an invisible one"),
        ("\u202eb", "it holds a control character or an invisible one"),
        ("1.2.3", "it looks like an IPv4 address but is not; write four numbers 0..255, as in 127.0.0.1"),
        ("a:1", "this is no IPv6 address; behind a name one ':' and a port may stand"),
    ],
)
def test_a_host_is_what_a_file_may_name_too(host: str, hint: str) -> None:
    (complaint,) = complaints(replace(GOOD, host=host))

    assert complaint == f"n.yaml:7:5: endpoints[0]: expected a host name or an IP address, got {host!r}: {hint}"
    assert complaint.isprintable()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "224.0.0.1", "fe80::1"])
def test_an_address_that_names_no_machine_is_refused(host: str) -> None:
    assert len(complaints(replace(GOOD, host=host))) == 1


@pytest.mark.parametrize("host", [None, 7])
def test_a_host_is_text(host: object) -> None:
    assert complaints(replace(GOOD, host=host)) == [  # type: ignore[arg-type]
        f"n.yaml:7:5: endpoints[0]: expected a host name or an IP address, got {host!r}"
    ]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("vantage", None, "a text for vantage"),
        ("tags", None, "a tuple of tags"),
        ("tags", "db", "a tuple of tags"),
        ("limits", None, "a tuple of limits for limits"),
        ("warn", 5, "a tuple of limits for warn"),
        ("skip", True, "a reason or None for skip"),
        ("xfail", True, "a reason or None for xfail"),
        ("measured", 1, "True or False for measured"),
        ("watched", None, "True or False for watched"),
        ("control", "x", "True or False for control"),
    ],
)
def test_a_field_of_another_kind_is_told_before_anything_trusts_it(field: str, value: object, expected: str) -> None:
    assert complaints(replace(GOOD, **{field: value})) == [
        f"n.yaml:7:5: endpoints[0]: expected {expected}, got {value!r}"
    ]


def test_a_source_of_another_kind_is_no_place() -> None:
    assert complaints(replace(GOOD, source="x")) == [  # type: ignore[arg-type]
        "plan: endpoints[0]: expected a Source or None for source, got 'x'"
    ]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("endpoints", None, "plan: endpoints: expected a list of Endpoint, got NoneType"),
        ("interval_s", None, "plan: interval_s: expected seconds above 0, got None"),
        ("timeout_s", "x", "plan: timeout_s: expected seconds above 0, got 'x'"),
        ("warnings", [5], "plan: warnings: expected a list of texts, got [5]"),
    ],
)
def test_a_plan_of_another_kind_is_told_too(field: str, value: object, expected: str) -> None:
    plan = Plan(endpoints=[GOOD])
    setattr(plan, field, value)
    assert [str(problem) for problem in validate_plan(plan)] == [expected]


@given(
    st.sampled_from([each.name for each in fields(Endpoint)]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=2),
)
@pytest.mark.fault("fuzzing", "any value in a plan that a hook edits", "a plan or a list of problems")
def test_no_value_of_any_field_raises(field: str, value: object) -> None:
    complaints(replace(GOOD, **{field: value}), GOOD)


def test_a_redacted_host_is_not_shown_in_a_complaint_about_it() -> None:
    (complaint,) = complaints(replace(GOOD, host="secret host", name="db", redact=True))

    assert "secret" not in complaint


def test_redact_needs_a_name_to_show() -> None:
    assert "redact needs a name to show in place of the host" in complaints(replace(GOOD, redact=True))[0]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("count", 0, "expected a count of 1 or more, got 0"),
        ("count", True, "expected a count of 1 or more, got True"),
        ("count", 2.0, "expected a count of 1 or more, got 2.0"),
        ("interval_s", 0, "expected an interval above 0 s, got 0"),
        ("interval_s", -1.0, "expected an interval above 0 s, got -1.0"),
        ("interval_s", float("nan"), "expected an interval above 0 s, got nan"),
        ("interval_s", float("inf"), "expected an interval above 0 s, got inf"),
        ("timeout_s", 0, "expected a timeout above 0 s and up to 1d, got 0"),
        ("timeout_s", 86401, "expected a timeout above 0 s and up to 1d, got 86401"),
        ("timeout_s", "3s", "expected a timeout above 0 s and up to 1d, got '3s'"),
        ("close", "bogus", "expected one of fin, reset for close, got 'bogus'"),
        ("expect", ["open"], "expected one of open, closed, refused, timeout for expect, got ['open']"),
        ("expect", "open ", "expected one of open, closed, refused, timeout for expect, got 'open '"),
    ],
)
def test_a_setting_that_cannot_be_run_is_told(field: str, value: object, expected: str) -> None:
    assert complaints(replace(GOOD, **{field: value})) == [f"n.yaml:7:5: db.internal:5432: {expected}"]


def test_one_check_needs_no_interval() -> None:
    assert complaints(replace(GOOD, count=1, interval_s=0)) == []


@pytest.mark.parametrize("rate", [0, -5, float("nan"), float("inf"), True])
def test_rates_are_above_zero(rate: float) -> None:
    assert complaints(GOOD, max_rate=rate) == [f"plan: max_rate: expected checks a second above 0, got {rate!r}"]


def test_all_problems_of_all_endpoints_are_told_at_once() -> None:
    bad = replace(GOOD, host="", port=0, count=0, timeout_s=0)

    assert len(complaints(bad, bad, max_rate=0, max_rate_per_host=0)) == 10


@pytest.mark.parametrize(
    ("limit", "count", "expected"),
    [
        ("p95 < 50ms", 19, "p95 < 50ms: p95 means nothing in 19 checks: use max, or count >= 20"),
        ("p99 < 50ms", 20, "p99 < 50ms: p99 means nothing in 20 checks: use max, or count >= 100"),
        ("rtt.p99.9 < 1s", 500, "rtt.p99.9 < 1s: rtt.p99.9 means nothing in 500 checks: use max, or count >= 1000"),
        ("jitter < 5ms", 1, "jitter < 5ms: jitter means nothing in 1 check: count >= 2"),
    ],
)
def test_a_percentile_finer_than_the_count_is_refused(limit: str, count: int, expected: str) -> None:
    assert complaints(limited(limit, count=count)) == [f"n.yaml:7:5: db.internal:5432: {expected}"]


def test_a_percentile_that_the_count_can_hold_is_allowed() -> None:
    assert complaints(limited("p95 < 50ms", "p50 < 5ms", "p100 < 5s", count=20)) == []


@pytest.mark.parametrize("limit", ["success >= 99%", "p95 < 50ms", "dns.avg < 1s"])
def test_a_closed_endpoint_has_no_success_and_no_times_to_limit(limit: str) -> None:
    (complaint,) = complaints(limited(limit, expect="closed"))

    assert complaint.endswith(
        f"{limit}: an endpoint that is expected to be closed has neither success nor times to limit"
    )


@pytest.mark.parametrize("limit", ["success <= 99%", "success < 99%"])
def test_an_upper_bound_on_success_is_refused(limit: str) -> None:
    assert complaints(limited(limit)) == [
        f"n.yaml:7:5: db.internal:5432: {limit}: an upper bound on success would fail what works: write success >= 99%"
    ]


@pytest.mark.parametrize("expect", ["closed", "timeout"])
def test_a_timeout_that_one_lost_syn_outlasts_proves_no_closed_port(expect: str) -> None:
    assert complaints(replace(GOOD, expect=expect, timeout_s=0.5)) == [
        f"n.yaml:7:5: db.internal:5432: expected a timeout of 1s or more where {expect} is expected, got 500ms: "
        "one lost SYN, repeated after 1s, would be taken for a closed port"
    ]
    assert complaints(replace(GOOD, expect=expect, timeout_s=1.0)) == []
    assert complaints(replace(GOOD, expect="refused", timeout_s=0.05)) == []


def test_a_closed_endpoint_may_limit_how_it_is_closed() -> None:
    assert complaints(limited("errors.timeout == 0", expect="closed")) == []


def test_a_reached_endpoint_cannot_have_limits() -> None:
    (complaint,) = complaints(limited("max < 5ms", measured=False))

    assert complaint.endswith("max < 5ms: limits need a measured endpoint: say how often to check it (count)")


@pytest.mark.parametrize("text", ["tls.p95 < 50ms", "cert.expires_in >= 14d"])
def test_a_limit_on_a_handshake_that_is_not_made_is_refused(text: str) -> None:
    (complaint,) = complaints(limited(text))

    assert complaint.endswith(f"{text}: the check ends with the TCP connect: add tls: true")
    assert not complaints(limited(text, tls=Tls()))


def test_a_limit_on_a_proxy_that_is_not_used_is_refused() -> None:
    (complaint,) = complaints(limited("proxy.max < 1s"))

    assert "the check goes direct: add proxy" in complaint
    assert not complaints(limited("proxy.max < 1s", proxy=Proxy("http", "proxy.internal", 3128)))


def test_the_total_of_a_plain_connect_may_be_limited() -> None:
    assert not complaints(limited("total.max < 1s"))


def test_what_must_be_closed_shows_no_certificate() -> None:
    (complaint,) = complaints(limited("cert.expires_in >= 1d", expect="closed", tls=Tls()))

    assert "has neither success nor times to limit" in complaint


def test_through_a_proxy_its_name_is_resolved_and_not_the_targets() -> None:
    named, literal = Proxy("http", "proxy.internal", 3128), Proxy("http", "10.0.0.1", 3128)

    assert not complaints(limited("dns.max < 50ms", host="10.0.0.9", proxy=named))
    assert "the host is an address" in complaints(limited("dns.max < 50ms", proxy=literal))[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hold_s": -1}, "expected a hold from 0 s to 1m, got -1"),
        ({"hold_s": 61.0}, "expected a hold from 0 s to 1m, got 61.0"),
        ({"hold_s": math.nan}, "expected a hold from 0 s to 1m, got nan"),
        ({"hold_s": True}, "expected a hold from 0 s to 1m, got True"),
        ({"tls": True}, "expected a Tls or None for tls, got True"),
        ({"tls": Tls(verify="no")}, "expected True or False for verify, got 'no'"),
        ({"tls": Tls(server_name="a b")}, "server_name: expected a host name or an IP address, got 'a b'"),
        ({"tls": Tls(ca_file="")}, "expected the path of a file for ca_file, got ''"),
        ({"tls": Tls(ca_file="a.pem", verify=False)}, "ca_file means nothing where verify is off"),
        ({"tls": Tls(min_version="1.1")}, "expected one of 1.2, 1.3 for min_version, got '1.1'"),
        ({"proxy": "http://p:1"}, "expected a Proxy or None for proxy, got 'http://p:1'"),
        ({"proxy": Proxy("ftp", "p", 1)}, "expected one of http, socks5 for a proxy, got 'ftp'"),
        ({"proxy": Proxy("http", "p/", 1)}, "proxy: expected a host name or an IP address, got 'p/'"),
        ({"proxy": Proxy("http", "p", 0)}, "expected a port 1..65535 for a proxy, got 0"),
        ({"proxy": Proxy("http", "p", 1, "")}, "expected the name of a variable or None for a proxy, got ''"),
    ],
)
def test_stages_that_a_hook_made_wrong_are_refused(fields: dict[str, Any], expected: str) -> None:
    (complaint,) = complaints(limited("max < 1s", **fields))

    assert expected in complaint


def test_a_redacted_endpoint_keeps_the_name_of_its_certificate_to_itself() -> None:
    tls = Tls(server_name="secret.example", ca_file="/etc/ca.pem")
    endpoint = Endpoint(host="secret.example", port=443, name="hidden", redact=True, tls=tls)

    assert "secret" not in repr(endpoint)
    assert "/etc/ca.pem" in repr(endpoint)
    assert "secret" not in json.dumps(record_of(Plan(endpoints=[endpoint])))


def test_stages_are_kept_with_the_plan() -> None:
    tls, proxy = Tls(server_name="a", verify=False, min_version="1.3"), Proxy("socks5", "p", 1080, "ALL_PROXY")
    plan = Plan(endpoints=[Endpoint(host="a", port=1, hold_s=0.5, tls=tls, proxy=proxy), Endpoint(host="b", port=1)])

    assert plan_of(json.loads(json.dumps(record_of(plan)))) == plan


def test_a_plan_that_was_kept_before_there_were_stages_is_read() -> None:
    plan = Plan(endpoints=[Endpoint(host="a", port=1)])
    kept = json.loads(json.dumps(record_of(plan)))
    for name in ("hold_s", "tls", "proxy"):
        del kept["endpoints"][0][name]

    assert plan_of(kept) == plan


@pytest.mark.parametrize("host", ["10.0.0.1", "2001:db8::1"])
def test_an_address_is_not_resolved_so_it_has_no_dns_times(host: str) -> None:
    (complaint,) = complaints(limited("dns.max < 50ms", host=host))

    assert "the host is an address" in complaint


def test_what_a_hook_puts_in_by_mistake_is_told_by_its_type() -> None:
    assert complaints("db:5432") == ["plan: endpoints[0]: expected an Endpoint, got str"]  # type: ignore[arg-type]
    (complaint,) = complaints(replace(GOOD, limits=("p95 < 5ms",)))  # type: ignore[arg-type]
    assert complaint == "n.yaml:7:5: db.internal:5432: expected a Limit (see parse_limit), got str"


def test_the_same_endpoint_twice_names_the_first_place() -> None:
    again = replace(GOOD, count=3, source=Source("n.yaml", 9, 5))

    assert complaints(GOOD, again) == [
        "n.yaml:9:5: db.internal:5432: the same endpoint twice (first at n.yaml:7:5): "
        "remove one, or give them different names"
    ]
    assert len(complaints(GOOD, GOOD)) == 1
    assert complaints(GOOD, replace(again, name="other")) == []


def ports(number: int, **fields: object) -> list[Endpoint]:
    return [replace(GOOD, port=port, **fields) for port in range(1, number + 1)]


def test_a_rate_over_the_hosts_cap_names_the_smallest_legal_interval() -> None:
    assert complaints(*ports(10, interval_s=0.01)) == [
        "n.yaml:7:5: 10 endpoints of db.internal make 1000 checks a second, over max_rate_per_host 200: "
        "the smallest legal interval for all of them is 50ms"
    ]


def test_a_dot_at_the_end_makes_no_other_host_of_it() -> None:
    dotted = [replace(each, host="DB.internal.", name=f"dotted-{each.port}") for each in ports(10, interval_s=0.08)]
    (complaint,) = complaints(*ports(10, interval_s=0.08), *dotted)

    assert "20 endpoints of db.internal make 250 checks a second" in complaint


def test_a_rate_over_the_plans_cap_names_the_smallest_legal_interval() -> None:
    endpoints = [replace(GOOD, host=f"h{number}", interval_s=0.1) for number in range(300)]

    assert complaints(*endpoints) == [
        "plan: 300 endpoints in all make 3000 checks a second, over max_rate 2000: "
        "the smallest legal interval for all of them is 150ms"
    ]


def test_one_endpoint_alone_can_be_too_fast() -> None:
    assert complaints(replace(GOOD, interval_s=0.001)) == [
        "n.yaml:7:5: 1 endpoint of db.internal makes 1000 checks a second, over max_rate_per_host 200: "
        "the smallest legal interval for it is 5ms"
    ]


def test_a_redacted_host_is_named_by_its_name_in_a_rate() -> None:
    (complaint,) = complaints(replace(GOOD, name="db", redact=True, interval_s=0.001))

    assert "of db makes" in complaint
    assert "db.internal" not in complaint


def test_a_sum_of_intervals_that_is_just_the_cap_is_allowed() -> None:
    assert complaints(*ports(11, interval_s=0.055)) == []  # as floats, 200.00000000000003 a second


def test_bursts_and_skipped_endpoints_are_no_sustained_rate() -> None:
    assert complaints(*ports(3000, count=1, interval_s=0.001)) == []
    assert complaints(*ports(3000, measured=False, count=3)) == []
    assert complaints(*ports(3000, interval_s=0.001, skip="not today")) == []


@given(st.integers(1, 60), st.floats(0.1, 5000))
def test_the_interval_that_is_named_is_legal_and_one_a_little_shorter_is_not(number: int, cap: float) -> None:
    fast = ports(number, interval_s=1e-7)
    (complaint,) = complaints(*fast, max_rate=1e12, max_rate_per_host=cap)
    named_s = parse_duration_s(complaint.rsplit(" ", 1)[1])
    step_s = 0.001 if named_s > 0.001 else 0.000001

    assert complaints(*ports(number, interval_s=named_s), max_rate=1e12, max_rate_per_host=cap) == []
    if named_s > step_s:
        shorter = ports(number, interval_s=(named_s - step_s) * 0.999)
        assert complaints(*shorter, max_rate=1e12, max_rate_per_host=cap)


def test_a_timeout_without_room_for_a_repeated_syn_is_a_warning() -> None:
    short, long = replace(GOOD, timeout_s=1.0), replace(GOOD, timeout_s=1.01)

    assert plan_warnings(Plan(endpoints=[long, replace(short, skip="later")])) == []
    assert plan_warnings(Plan(endpoints=[short, long])) == [
        "1 endpoint has a timeout of 1s or less: one lost SYN, repeated after 1s, is then a failure"
    ]
    assert plan_warnings(Plan(endpoints=[short, short]))[0].startswith("2 endpoints have a timeout of 1s or less")


def test_a_short_timeout_where_a_port_must_be_closed_is_a_warning_of_its_own() -> None:
    short, closed = replace(GOOD, timeout_s=1.0), replace(GOOD, timeout_s=1.0, expect="closed")

    assert plan_warnings(Plan(endpoints=[short, closed])) == [
        "1 endpoint has a timeout of 1s or less: one lost SYN, repeated after 1s, is then a failure",
        "1 endpoint expected to be closed has a timeout of 1s or less: one lost SYN, repeated after 1s, is then "
        "taken for a closed port: make it longer",
    ]


FAST: dict[str, Any] = {"measured": True, "interval_s": 0.002, "count": 30_000}


def warned_of_ports(*endpoints: Endpoint) -> list[str]:
    return [warning for warning in plan_warnings(Plan(endpoints=list(endpoints))) if "local port" in warning]


@pytest.mark.parametrize(
    ("changes", "remedies"),
    [
        ({}, "make the interval 4ms or longer, or close with RST (close: reset)"),
        ({"count": None, "watched": True}, "make the interval 4ms or longer, or close with RST (close: reset)"),
        (
            {"interval_s": 0.01, "hold_s": 240},
            "make the interval 20ms or longer, or hold connections shorter, or close with RST (close: reset)",
        ),
        (
            {"interval_s": 0.01, "hold_s": 300, "close": "reset"},
            "make the interval 20ms or longer, or hold connections shorter",
        ),
        ({"close": "reset"}, None),
        ({"count": 1_000}, None),
        ({"interval_s": 0.01}, None),
    ],
)
def test_a_plan_that_would_use_up_local_ports_is_warned_of(changes: dict[str, Any], remedies: str | None) -> None:
    told = warned_of_ports(Endpoint(host="db", port=1, **{**FAST, **changes}))
    if remedies is None:
        assert told == []
        return
    (warning,) = told
    assert warning.startswith("db:1: 30000 connections would keep a local port at once (also for 60 s after they are ")
    assert warning.endswith(f"closed), and a machine has some 28000 for one address and port: {remedies}")


def test_checks_of_one_address_and_port_use_up_local_ports_together() -> None:
    slow = {"measured": True, "interval_s": 0.006, "count": 30_000}
    several = [Endpoint(host="db", port=1, name=f"n{number}", **slow) for number in range(3)]
    (warning,) = warned_of_ports(*several)
    assert warning.startswith("n0:1 and 2 more with the same address and port: 30000 connections would ")
    assert warning.endswith("make their intervals 2 times as long, or close with RST (close: reset)")
    assert warned_of_ports(*(replace(each, port=number) for number, each in enumerate(several, 1))) == []
    assert warned_of_ports(*(replace(each, vantage=f"v{number}") for number, each in enumerate(several))) == []


def test_targets_behind_one_proxy_use_up_the_local_ports_to_that() -> None:
    slow = {"measured": True, "interval_s": 0.05, "count": 30_000}
    proxy = Proxy("http", "proxy", 3128)
    behind = [Endpoint(host=f"db{number}", port=number, proxy=proxy, **slow) for number in range(1, 26)]
    (warning,) = warned_of_ports(*behind)
    assert warning.startswith("db1:1 and 24 more with the same proxy: 30000 connections would ")
    assert warned_of_ports(*(replace(each, proxy=None) for each in behind)) == []


def test_many_that_would_use_up_local_ports_are_one_warning() -> None:
    (warning,) = warned_of_ports(*(Endpoint(host=f"db{number}", port=1, **FAST) for number in range(9)))
    assert warning.endswith("close with RST (close: reset) (and so of 8 other addresses and ports)")
