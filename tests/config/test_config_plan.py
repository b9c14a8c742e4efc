"""From a sound configuration to a plan: forms of targets, precedence, reached or measured."""

from __future__ import annotations

import pytest
from written_config import Written, limits_of

from pytest_netmon.plan import Plan
from pytest_netmon.problems import Source

PRODUCT = """\
max_rate: 2000            # planned checks a second, whole plan (built-in values)
max_rate_per_host: 200
defaults:
  timeout: 2s             # built-in 3s; a number is seconds; ms, s, m, h, d
targets:
  - db.internal:5432                     # reached: first success passes, up to 3 tries
  - "[2001:db8::1]:443"
  - "${REDIS_URL}"                       # host and port are taken from a URL, the rest is dropped at once
  - https://api.example.com              # 443
  - host: ${API_HOST:-api.example.com}
    name: api
    ports: [443, 8000-8010]
    count: 40                            # measured
    interval: 250ms
    limits: [success >= 99%, p95 < 50ms]
  - host: admin.example.com
    ports: [22]
    expect: closed                       # must NOT be reachable
    xfail: firewall change pending
"""


def ids(plan: Plan) -> list[str]:
    return [endpoint.id for endpoint in plan.endpoints]


def test_the_example_of_the_manual_comes_to_its_plan(written: Written) -> None:
    plan = written.plan(PRODUCT, env={"REDIS_URL": "rediss://user:secret@cache:6380/0"})
    assert ids(plan) == [
        *("db.internal:5432", "[2001:db8::1]:443", "cache:6380", "api.example.com:443", "api:443"),
        *(f"api:{port}" for port in range(8000, 8011)),
        "admin.example.com:22",
    ]
    reached, measured, closed = plan.endpoints[0], plan.endpoints[4], plan.endpoints[-1]
    assert (reached.measured, reached.count, reached.interval_s, reached.timeout_s) == (False, 3, 1.0, 2.0)
    assert (measured.measured, measured.count, measured.interval_s, measured.timeout_s) == (True, 40, 0.25, 2.0)
    assert limits_of(measured) == ["success >= 99%", "p95 < 50ms"]
    assert (closed.expect, closed.xfail, closed.skip, closed.measured) == (
        "closed",
        "firewall change pending",
        None,
        False,
    )
    assert (plan.max_rate, plan.max_rate_per_host, plan.interval_s, plan.timeout_s) == (2000, 200, 0.25, 2.0)
    assert plan.files == ("netmon.yaml",)
    assert plan.warnings == []
    assert "secret" not in repr(plan)


def test_an_endpoint_knows_where_it_was_written(written: Written) -> None:
    written.write("deploy/gate.yaml", "targets:\n  - db:1\n  - host: api\n    ports:\n      - 443\n")
    plan = written.load("deploy/gate.yaml", targets=("cache:6379",))
    assert [endpoint.source for endpoint in plan.endpoints] == [
        Source("deploy/gate.yaml", 2, 5),
        Source("deploy/gate.yaml", 3, 5),
        Source("--netmon-target"),
    ]


@pytest.mark.parametrize("ports", ["443", "[443]", '"443"', "['443']", "${PORT}", '["${PORT}"]', "0x1bb", "443-443"])
def test_a_port_has_many_forms(written: Written, ports: str) -> None:
    assert written.endpoint(f"targets:\n  - host: a\n    ports: {ports}\n", env={"PORT": "443"}).port == 443


def test_ports_are_lists_and_ranges(written: Written) -> None:
    assert ids(written.plan("targets: [{host: a, ports: [80, 8000-8002]}]")) == ["a:80", "a:8000", "a:8001", "a:8002"]
    assert ids(written.plan('targets: [{host: a, ports: "80,81"}]')) == ["a:80", "a:81"]


def test_ports_of_a_target_go_before_the_options_and_those_before_the_defaults(written: Written) -> None:
    text = "defaults: {ports: [1]}\ntargets: ['a:2', {host: b, ports: [3]}, c, https://d]\n"
    assert ids(written.plan(text)) == ["a:2", "b:3", "c:1", "d:443"]
    assert ids(written.plan(text, ports=("4", "5-6"))) == ["a:2", "b:3", "c:4", "c:5", "c:6", "d:443"]


def test_one_text_may_name_several_hosts(written: Written) -> None:
    plan = written.plan(
        "targets: ['${BROKERS}', '${MONGO}']", env={"BROKERS": "k1:9092,k2:9092", "MONGO": "mongodb://u:p@m1,m2/x"}
    )
    assert ids(plan) == ["k1:9092", "k2:9092", "m1:27017", "m2:27017"]


@pytest.mark.parametrize(
    ("settings", "options", "measured", "count", "interval_s"),
    [
        ("", {}, False, 3, 1.0),
        ("count: 5", {}, True, 5, 0.25),
        ("limits: [max < 1s]", {}, True, 20, 0.25),
        ("limits: max < 1s", {"count": "7"}, True, 7, 0.25),
        ("interval: 5s", {}, False, 3, 5.0),
        ("count: 5\n    interval: 5s", {"interval": "2s"}, True, 5, 2.0),
        ("count: 5", {"count": 6}, True, 6, 0.25),
        ("", {"count": "1"}, True, 1, 0.25),
        ("", {"limits": ("p95 < 50ms, success >= 99%",)}, True, 20, 0.25),
        ("", {"interval": "3s"}, False, 3, 3.0),
    ],
)
def test_count_or_limits_make_a_target_measured(
    written: Written, settings: str, options: dict[str, object], measured: bool, count: int, interval_s: float
) -> None:
    endpoint = written.endpoint(f"targets:\n  - host: db:1\n    {settings}\n", **options)
    assert (endpoint.measured, endpoint.count, endpoint.interval_s) == (measured, count, interval_s)


def test_options_go_before_targets_and_those_before_defaults(written: Written) -> None:
    text = (
        "defaults: {count: 30, interval: 1s, timeout: 4s}\n"
        "targets: [{host: 'a:1', count: 40, timeout: 5s}, {host: 'b:1', interval: 2s}]\n"
    )
    seen = [(e.count, e.interval_s, e.timeout_s) for e in written.plan(text).endpoints]
    assert seen == [(40, 1.0, 5.0), (30, 2.0, 4.0)]
    seen = [(e.count, e.interval_s, e.timeout_s) for e in written.plan(text, count="50", timeout="6s").endpoints]
    assert seen == [(50, 1.0, 6.0), (50, 2.0, 6.0)]


def test_limits_replace_those_of_the_same_metric_and_direction(written: Written) -> None:
    text = (
        "defaults: {limits: [success >= 90%, p95 < 80ms]}\n"
        "targets: [{host: 'a:1', limits: [p95 < 50ms, max < 1s]}, 'b:1']\n"
    )
    plan = written.plan(text, limits=("success >= 95%",))
    assert [sorted((limit.text, limit.origin) for limit in endpoint.limits) for endpoint in plan.endpoints] == [
        [("max < 1s", "target"), ("p95 < 50ms", "target"), ("success >= 95%", "option")],
        [("p95 < 80ms", "defaults"), ("success >= 95%", "option")],
    ]


def test_limits_of_defaults_and_options_do_not_reach_what_is_expected_closed(written: Written) -> None:
    text = "defaults: {limits: [success >= 90%]}\ntargets: [{host: 'a:1', expect: closed}]\n"
    endpoint = written.endpoint(text, limits=("p95 < 50ms",))
    assert (endpoint.limits, endpoint.measured) == ((), False)
    endpoint = written.endpoint(text, limits=("p95 < 50ms",), count="5")
    assert (endpoint.limits, endpoint.measured, endpoint.count) == ((), True, 5)


@pytest.mark.parametrize("limit", ["success >= 99%", "p95 < 50ms", "dns.avg < 5ms"])
def test_a_closed_target_has_no_success_or_time_to_limit(written: Written, limit: str) -> None:
    (line,) = written.problems(f"targets: [{{host: 'a.example:1', expect: closed, limits: [{limit}]}}]")
    assert line.startswith(f"netmon.yaml:1:11: a.example:1: {limit}: ")
    assert "closed" in line


def test_a_problem_of_many_ports_is_said_once(written: Written) -> None:
    assert len(written.problems("targets: [{host: a, ports: 1-100, limits: [p99 < 5ms]}]")) == 1


def test_skip_xfail_name_and_redact_reach_the_endpoint(written: Written) -> None:
    text = "targets: [{host: 'db.internal:1', name: 'the db', redact: true, skip: moved, xfail: true}]"
    endpoint = written.endpoint(text)
    assert (endpoint.id, endpoint.shown_host) == ("the db:1", "the db")
    assert (endpoint.redact, endpoint.skip, endpoint.xfail) == (True, "moved", "no reason given")
    endpoint = written.endpoint("targets: [{host: 'db:1', redact: false, skip: false, xfail: false}]")
    assert (endpoint.redact, endpoint.skip, endpoint.xfail) == (False, None, None)


def test_a_redacted_host_is_in_no_message(written: Written) -> None:
    lines = written.problems(
        "targets:\n  - {host: hidden one, name: a, redact: true}\n  - {host: hidden, name: b, redact: true}\n"
    )
    assert [line.split(": ", 1)[0] for line in lines] == ["netmon.yaml:2:12", "netmon.yaml:3:12"]
    assert "hidden" not in "".join(lines)


def test_a_url_under_host_takes_settings_too(written: Written) -> None:
    endpoint = written.endpoint("targets:\n  - host: ${URL}\n    count: 4\n", env={"URL": "amqps://u:p@mq/vhost"})
    assert (endpoint.host, endpoint.port, endpoint.count) == ("mq", 5671, 4)


def test_rates_come_from_options_or_the_lowest_of_all_files(written: Written) -> None:
    written.write("one.yaml", "max_rate: 500\nmax_rate_per_host: 5\ntargets: [a:1]\n")
    written.write("two.yaml", "max_rate: 300\ntargets: [b:1]\n")
    plan = written.load("one.yaml", "two.yaml")
    assert (plan.max_rate, plan.max_rate_per_host) == (300.0, 5.0)
    plan = written.load("one.yaml", "two.yaml", max_rate="900", max_rate_per_host=7.5)
    assert (plan.max_rate, plan.max_rate_per_host) == (900.0, 7.5)


def test_the_rate_guard_names_the_smallest_legal_interval(written: Written) -> None:
    text = "max_rate_per_host: 10\ntargets: [{host: a, ports: 1-10, count: 5, interval: 500ms}]\n"
    (line,) = written.problems(text)
    assert line.startswith("netmon.yaml:2:11: ")
    assert "the smallest legal interval for all of them is 1s" in line


def test_the_same_target_twice_is_checked_once_with_a_warning(written: Written) -> None:
    plan = written.plan("targets:\n  - db:1\n  - DB:1\n  - {host: api, ports: [1-3, 2-3]}\n")
    assert ids(plan) == ["db:1", "api:1", "api:2", "api:3"]
    assert plan.warnings == [
        "netmon.yaml:3:5: db:1 stands already in netmon.yaml:2:5, with the same settings: checked once",
        "netmon.yaml:4:5: api:2 and 1 more stand already here, with the same settings: checked once",
    ]


def test_limits_from_defaults_and_the_target_are_the_same_settings(written: Written) -> None:
    text = "defaults: {limits: [max < 1s]}\ntargets: [a:1, {host: 'a:1', limits: [max < 1s]}]\n"
    assert len(written.plan(text).endpoints) == 1


def test_the_same_endpoint_with_other_settings_needs_a_name(written: Written) -> None:
    text = (
        "targets:\n  - db:1\n"
        "  - {host: db, ports: 1-2, timeout: 1s, expect: closed}\n"
        "  - {host: db, ports: [1], name: slow}\n"
    )
    assert written.problems(text) == [
        "netmon.yaml:3:5: db:1 stands already in netmon.yaml:2:5 with another timeout and another expect: "
        "give them different names, or remove one"
    ]


def test_a_name_is_for_one_host(written: Written) -> None:
    text = "targets:\n  - {host: 'a:1', name: api}\n  - {host: 'b:1', name: api}\n"
    assert written.problems(text) == [
        "netmon.yaml:3:5: api:1 stands already in netmon.yaml:2:5 for another host: give each host a name of its own"
    ]
    assert written.problems("targets: [{host: 'a:1,b:1', name: api}]") == [
        "netmon.yaml:1:11: api:1 stands already here for another host: give each host a name of its own"
    ]


def test_an_interval_without_effect_is_warned_of(written: Written) -> None:
    plan = written.plan("targets: [{host: 'a:1', interval: 10ms}, {host: 'b:1', interval: 10ms}]")
    assert plan.warnings == [
        "netmon.yaml:1:11: interval has no effect below 1s without count or limits: "
        "tries start at least 1 s apart (1 more like this)"
    ]


def test_the_warnings_of_the_plan_are_in_it(written: Written) -> None:
    assert "one lost SYN" in written.plan("targets: [a:1]", timeout="500ms").warnings[0]


def test_variables_cannot_inject_yaml(written: Written) -> None:
    env = {"NAME": "x, ports: [1]}, {host: evil", "HOST": "db\n  - evil:1"}
    plan = written.plan("targets:\n  - {host: 'db:1', name: '${NAME}'}\n", env=env)
    assert ids(plan) == ["x, ports: [1]}, {host: evil:1"]
    (line,) = written.problems("targets:\n  - ${HOST}:1\n", env=env)
    assert line.startswith(
        "netmon.yaml:2:5: targets[0]: expected a host name or an IP address, got a value from ${HOST}"
    )


def test_the_column_of_a_limit_counts_on_behind_a_comma(written: Written) -> None:
    (line,) = written.problems("targets: [{host: 'a:1', limits: 'max < 1s, p95 < 50'}]")
    assert line == "netmon.yaml:1:52: targets[0].limits: expected a unit: write 50ms or 50s in 'p95 < 50'"


def test_a_count_that_is_missing_is_no_reason_to_find_fault_with_a_percentile(written: Written) -> None:
    (line,) = written.problems("targets: [{host: 'a:1', count: '${N}', limits: [p99 < 5ms]}]")
    assert "the variable N is not set" in line
