"""netmon.json read back: the same run again, or words that say what is wrong with the file and where."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from html_pages import mixed_run
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.distributions import DistributionBuilder
from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.problems import Source
from pytest_netmon.proxying import Proxy
from pytest_netmon.reports.html_report import html_chunks
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.junit_report import junit_xml
from pytest_netmon.reports.markdown_report import markdown_summary
from pytest_netmon.reports.openmetrics_report import openmetrics_text
from pytest_netmon.reports.summary import summary_lines
from pytest_netmon.results import run_of_results
from pytest_netmon.run import Measuring, Run
from pytest_netmon.safe import for_terminal
from pytest_netmon.samples import Attempt, Gap, Lateness, Sample
from pytest_netmon.stages import Tls
from pytest_netmon.strict_json import DocumentError, parse
from pytest_netmon.tolerance import Tolerance, read_metric
from pytest_netmon.waits import Wait

REFUSED = failed("refused", clock_ms=1.0, errno="ECONNREFUSED", icmp=(3, 3), message="Connection refused")
SEVERAL = [
    opened(1.0, check=1, part="10.0.0.1"),
    {**REFUSED, "check": 1, "part": "10.0.0.2"},
    opened(1.5, check=2, part="10.0.0.1"),
    failed("timeout", clock_ms=2000.0, check=2, part="10.0.0.2"),
]
STAGES = {"proxy_ms": 4.5, "tls_ms": 11.25, "cert_expires_s": -86_400}
SETTINGS: dict[str, Any] = {
    "name": "db",
    "vantage": "paris",
    "warmup": 2,
    "interval_s": 0.5,
    "timeout_s": 2.5,
    "xfail": "pending",
    "redact": True,
    "close": "reset",
    "hold_s": 0.25,
    "tls": Tls(verify=False, min_version="1.3"),
    "proxy": Proxy("socks5", "proxy.internal", 1080, "ALL_PROXY"),
    "control": False,
    "tags": ("db", "prod"),
    "wait": Wait(60.0, 0.25, 2),
    "baseline": Tolerance(read_metric("p95"), 0.5, 5.0, "skip"),
    "family": "4",
    "addresses": "first",
    "warn": (parse_limit("p95 < 9ms", "defaults"),),
    "source": Source("netmon.yaml", 7, 5),
}


def text_of(run: Run) -> str:
    return "".join(json_chunks(run))


def lag_of(*values_us: int) -> Any:
    builder = DistributionBuilder()
    for value in values_us:
        builder.add(value)
    return builder.finish()


def full_run() -> Run:
    """One of each: failed, passed, closed, redacted, warmed up, skipped, two of one host and port."""
    attempts = (Attempt("10.0.0.9", "timeout", 250.0),)
    return run_of(
        [
            (
                measured("db", 5432, "success >= 99%", "p95 < 5ms", count=3),
                [opened(9.1, dns_ms=2.5), opened(12.25), REFUSED],
            ),
            (
                measured("db", 5432, count=2, **{**SETTINGS, "redact": False}),
                [opened(1.0, check=0), opened(2.0, check=1, attempts=attempts, **STAGES), opened(3.0, check=2)],
            ),
            (measured("10.0.0.1", 443, count=2, **{**SETTINGS, "name": "payments database"}), [opened(1.0)] * 2),
            (reached("admin", 22, expect="closed"), [REFUSED]),
            (reached("busy", 443), [failed("local_error", errno="EMFILE", message="Too many open files")]),
            (reached("gateway", 443, control=True), [opened(0.4, syn_repeats=None)]),
            (measured("several", 443, addresses="all", count=2), SEVERAL),
            (measured("hidden", 443, addresses="all", count=2, name="n", redact=True), SEVERAL),
            (reached("late", 443, wait=Wait(60.0)), [REFUSED, opened(0.4)]),
            (measured("never", 443, wait=Wait(60.0)), [{**REFUSED, "check": -1}]),
        ],
        reached("old", 80, skip="moved"),
        plan=Plan(endpoints=[], files=("netmon.yaml",)),
        gaps=(Gap(1_000, 2_500_000, "suspended", 3),),
        lost_samples=2,
        warnings=("something to know",),
        measuring=Measuring(lag=lag_of(*[0] * 12), own_clock_checks=1, late_starts=Lateness(7, 90, 400, 2100)),
    )


@pytest.mark.parametrize("run", [full_run(), mixed_run(), run_of([]), run_of([(reached(), [opened(0.4)])])])
def test_what_is_read_back_is_written_as_it_was(run: Run) -> None:
    document, again = (json.loads(text) for text in (text_of(run), text_of(run_of_results(text_of(run)))))
    assert again == document


@pytest.mark.parametrize("report", [markdown_summary, openmetrics_text, lambda run: "".join(html_chunks(run))])
def test_every_report_of_it_is_the_same(report: Any) -> None:
    run = full_run()
    assert report(run_of_results(text_of(run))) == report(run)


def test_junit_and_the_terminal_too() -> None:
    run = full_run()
    back = run_of_results(text_of(run))
    assert (junit_xml(back), summary_lines(back, 200)) == (junit_xml(run), summary_lines(run, 200))


def test_each_setting_of_an_endpoint_comes_back() -> None:
    """Whoever gives Endpoint a field gives it to the file and to its reader too."""
    endpoint = measured("10.0.0.1", 443, "p95 < 5ms", count=2, **SETTINGS)
    set_here = {*SETTINGS, "host", "port", "measured", "count", "limits"}
    untouched = {field.name for field in dataclasses.fields(Endpoint)} - set_here - {"watched", "expect", "skip"}
    assert not untouched, "add them to SETTINGS, with another value than the usual one"
    (back,) = run_of_results(text_of(run_of([(endpoint, [opened(1.0)] * 2)]))).plan.endpoints
    assert back == dataclasses.replace(endpoint, host="db")  # redacted: its name stands in for the host


def test_each_value_of_a_sample_comes_back() -> None:
    """Whoever gives Sample a field gives it to the file and to its reader too."""
    run = full_run()
    back = run_of_results(text_of(run))
    samples, again = (
        [sample for result in each.results if not result.endpoint.redact for sample in result.samples]
        for each in (run, back)
    )
    assert again == samples
    unset = Sample(endpoint=0, check=1, start_us=0, outcome="open")
    names = [field.name for field in dataclasses.fields(Sample) if field.name not in ("endpoint", "check")]
    usual = {name: getattr(unset, name) for name in names}
    assert [name for name in names if all(getattr(each, name) == usual[name] for each in samples)] == []


def test_a_monitor_that_runs_for_ever_and_a_wait_come_back() -> None:
    watched = measured("db", 1, count=None, watched=True)
    waited = reached("api", 443, wait=Wait(60.0))
    run = run_of([(watched, [opened(1.0)] * 3), (waited, [failed("refused")] * 5 + [opened(2.0)])])
    assert run_of_results(text_of(run)).plan.endpoints == run.plan.endpoints


def test_tries_come_back_beside_another_endpoint_of_the_same_host_and_port() -> None:
    tries = [{**REFUSED, "check": -1}, opened(1.0, check=-1), opened(1.0, check=1)]
    run = run_of([(measured("db", 1, count=1, wait=Wait(60.0), name="late"), tries), (reached("db", 1), [opened(1.0)])])
    assert [result.samples for result in run_of_results(text_of(run)).results] == [each.samples for each in run.results]


def test_the_reader_says_how_far_it_is() -> None:
    seen: list[int] = []
    run_of_results(text_of(run_of([(measured(count=2500), [opened(1.0)] * 2500)])), seen.append)
    assert seen == [1000, 2000]


def changed(path: tuple[Any, ...], value: Any) -> str:
    """full_run's file with another value in one place; `...` takes the place away."""
    document = json.loads(text_of(full_run()))
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(document)


_ENDPOINT = json.loads(text_of(full_run()))["endpoints"][0]
SESSION, DB = ("monitoring_session",), ("raw_data", "db", "5432")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ((*SESSION, "schema_version"), ..., "monitoring_session: no schema_version: expected a netmon.json of pytest"),
        ((*SESSION, "schema_version"), "0.9", "monitoring_session.schema_version: 0.9 is not of the versions 1.x"),
        ((*SESSION, "schema_version"), "2.0", "monitoring_session.schema_version: 2.0 is not of the versions 1.x"),
        ((*SESSION, "tool", "name"), "other", "monitoring_session.tool.name: expected pytest-netmon, got 'other'"),
        ((*SESSION, "start_time"), 5, "monitoring_session.start_time: expected a time such as 2026-07-01T12:30:00"),
        ((*SESSION, "start_time"), "2026-07-01T12:30:00", "monitoring_session.start_time: expected a time such as "),
        ((*SESSION, "partial"), "no", "monitoring_session.partial: expected true or false, got 'no'"),
        ((*SESSION, "interval"), 10**400, "monitoring_session.interval: expected a number, got a number past all"),
        (("raw_data",), ..., "the key raw_data is missing"),
        (DB, [], "endpoints[0].statistics.checks: 3 here, but 0 in raw_data: all samples are needed there"),
        ((*DB, 1), "x", "raw_data.db.5432[1]: expected a sample with its timestamp and its check, got 'x'"),
        ((*DB, 0, "connect_ms"), -1, "raw_data.db.5432[0]: expected a number of milliseconds or null for connect_ms"),
        ((*DB, 0, "connect_ms"), True, "raw_data.db.5432[0]: expected a number of milliseconds or null for connect_ms"),
        ((*DB, 0, "connect_ms"), None, "raw_data.db.5432[0]: a connect time belongs to an open sample, and to no"),
        ((*DB, 0, "check"), 1.5, "raw_data.db.5432[0]: expected a whole number from -1"),
        ((*DB, 2, "outcome"), "\x1b[2J", "raw_data.db.5432[2]: expected the name of an outcome"),
        ((*DB, 0, "timestamp"), "2020-01-01T00:00:00.000000+00:00", "expected a timestamp from monitoring_session.st"),
        ((*DB, 0, "endpoint"), "x", "raw_data.db.5432[0]: expected a sample that says by endpoint which"),
        (("raw_data", "other"), {"1": []}, "raw_data.other.1: samples of no endpoint in this file"),
        (("endpoints", 0, "id"), "x:1", "endpoints[0].id: expected 'db:5432', which its name, host and port say, got"),
        (("endpoints", 0, "port"), 0, "endpoints[0]: expected a port 1..65535, got 0"),
        (("endpoints", 0, "host"), "a b", "endpoints[0]: expected a host name or an IP address, got 'a b'"),
        (
            ("endpoints", 0, "verdict"),
            "fine",
            "endpoints[0].verdict: expected one of passed, failed, inconclusive, got",
        ),
        (("endpoints", 0, "limits", 0, "limit"), "p95", "endpoints[0]: no endpoint of ours: expected"),
        (("endpoints", 1), _ENDPOINT, "endpoints: db:5432 stands there twice"),
        (("endpoints", 0, "limits", 0, "origin"), [], "endpoints[0].limits[0].origin: expected a text, got an array"),
        (("endpoints", 0, "limits", 0, "ok"), None, "endpoints[0].limits[0].ok: expected true or false, got null"),
        (("endpoints", 0, "settings", "count"), "4", "endpoints[0].settings.count: expected a whole number from 1"),
        (("endpoints", 0, "settings", "tags"), 5, "endpoints[0]: no endpoint of ours"),
        (("endpoints", 0, "settings"), ..., "endpoints[0]: the key settings is missing"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(path: tuple[Any, ...], value: Any, told: str) -> None:
    with pytest.raises(DocumentError) as error:
        run_of_results(changed(path, value))
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).isprintable()


def test_what_a_later_version_adds_is_passed_over() -> None:
    document = json.loads(changed((*SESSION, "schema_version"), "1.7"))
    document["new"] = document["monitoring_session"]["new"] = document["endpoints"][0]["new"] = {"deep": []}
    document["endpoints"][0]["settings"]["new"] = 5
    document["raw_data"]["db"]["5432"][0]["new_ms"] = 5.0
    assert len(run_of_results(json.dumps(document)).results) == 10


@pytest.mark.fault("results", "no JSON, NaN, a key twice, depth 100,000", "an error in one line")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1: no JSON: "),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": -Infinity}', "-Infinity is no number of JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice in one object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 10_000 + "}", "no JSON: "),
        ("[]", "expected an object, got an array"),
        ("{}", "the key monitoring_session is missing"),
        (
            '{"monitoring_session": {}}',
            "no schema_version: expected a netmon.json of pytest-netmon, got something else",
        ),
    ],
)
def test_what_is_no_results_file_is_said(text: str, told: str) -> None:
    with pytest.raises(DocumentError, match=r"^[^\n]*$") as error:
        run_of_results(text)
    assert told in str(error.value)


def test_times_at_the_ends_of_the_calendar_are_times() -> None:
    for time in ("0001-01-01T00:00:00.000000+23:59", "9999-12-31T23:59:59.999999-23:59"):
        document = json.loads(text_of(run_of([])))
        document["monitoring_session"] |= {"start_time": time, "end_time": time}
        run = run_of_results(json.dumps(document))
        text_of(run), junit_xml(run), markdown_summary(run), openmetrics_text(run)
        assert "".join(html_chunks(run))


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False), st.text(max_size=5),
    st.sampled_from([[], {}, [[]], {"a": 1}, {"timestamp": 1, "check": 1}, "db:5432", "open"]),
)  # fmt: skip
_DOCUMENT = json.loads(text_of(full_run()))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from _paths(member, (*path, key))


_PATHS = [path for path in _paths(_DOCUMENT) if path]


@pytest.mark.fault("results", "any value anywhere in a netmon.json", "read and reported, or an error with its path")
@settings(max_examples=400)
@given(st.sampled_from(_PATHS), _VALUES)
def test_any_value_anywhere_is_read_or_refused_and_what_is_read_can_be_reported(path: Any, value: Any) -> None:
    document = copy.deepcopy(_DOCUMENT)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        run = run_of_results(json.dumps(document))
    except DocumentError as refused:
        error = str(refused)
    else:
        error = ""
        text_of(run), junit_xml(run), markdown_summary(run), openmetrics_text(run), summary_lines(run, 100)
        for _ in html_chunks(run):
            pass
    assert for_terminal(error, None) == error


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    error = ""
    try:
        parse(text)
    except DocumentError as refused:
        error = str(refused)
    assert for_terminal(error, None) == error
