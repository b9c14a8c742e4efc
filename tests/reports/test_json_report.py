"""netmon.json: the seed's shape, the additions, the schema, and what happens to a million samples."""

from __future__ import annotations

import datetime
import importlib.resources
import itertools
import json
import statistics as standard
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import START, failed, measured, opened, reached, result_of, run_of

from pytest_netmon.distributions import DistributionBuilder
from pytest_netmon.plan import Plan
from pytest_netmon.problems import Source
from pytest_netmon.reports.json_figures import rounded
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.rounds import Rounds, _from_samples, rounds_of
from pytest_netmon.run import Measuring
from pytest_netmon.samples import Attempt, Gap, Lateness, VantageState

SCHEMA = json.loads((importlib.resources.files("pytest_netmon") / "schemas" / "results.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

REFUSED = failed("refused", clock_ms=1.0, errno="ECONNREFUSED", message="Connection refused")
PROHIBITED = failed("prohibited", clock_ms=1.0, errno="EHOSTUNREACH", icmp=(3, 13), message="No route to host")
OURS = failed("local_error", errno="EMFILE", message="Too many open files")
TIMEOUT = failed("timeout", clock_ms=2000.0, syn_repeats=2)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def report_of(run) -> dict:
    """The file's content, which has to be strict JSON and keep the schema."""
    text = "".join(json_chunks(run))
    assert text.isascii()
    assert text.endswith("}\n")
    report = json.loads(text, parse_constant=refuse)
    VALIDATOR.validate(report)
    return report


def full_run(**fields):
    attempts = (Attempt("2001:db8::1", "network_unreachable", 0.2),)
    return run_of(
        [
            (measured("api", 443, "success >= 99%", "p95 < 50ms"), [opened(10.1234567)] * 38 + [TIMEOUT, REFUSED]),
            (measured("api", 8000, "success >= 90%"), [opened(2.0, dns_ms=1.25)] * 39 + [PROHIBITED]),
            (reached("cache", 6379), [TIMEOUT, opened(0.42, attempts=attempts)]),
            (reached("admin", 22, expect="closed", xfail="not yet"), [opened(1.0)]),
            (reached("2001:db8::1", 443), [OURS]),
            (reached("secret.example", 443, name="hidden", redact=True), [opened(1.0, attempts=attempts)]),
        ],
        reached("later", 80, skip="not there yet", source=None),
        measured("deselected", 80, "p95 < 5ms", source=Source("--netmon-target")),
        **fields,
    )


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_closes_every_object_of_ours():
    def open_objects(node, path=""):
        if isinstance(node, dict):
            if "properties" in node and "required" in node and node.get("additionalProperties") is not False:
                yield path
            for key, value in node.items():
                yield from open_objects(value, f"{path}/{key}")

    assert [path for path in open_objects(SCHEMA) if not path.endswith("/else")] == []


def test_the_schema_describes_every_key_that_a_report_has():
    assert {*report_of(full_run()), "waiting_data", "vantages"} == set(SCHEMA["properties"])


def test_each_vantage_has_figures_of_its_own_and_says_how_it_stood():
    run = run_of(
        [
            (reached("db", 1), [opened(1.0)]),
            (reached("db", 1, vantage="app"), [opened(7.0)]),
            (reached("db", 1, vantage="bad"), []),
        ],
        vantages={
            "app": VantageState("app", "ended", "complete", {"host": "pod-1", "python": "3.8.18"}, 310),
            "bad": VantageState("bad", "lost", "no Python began there"),
        },
    )
    report = report_of(run)
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert list(report["vantages"]) == ["app", "bad"]
    app, bad = report["vantages"].values()
    assert (app["state"], app["text"], app["machine"]["host"], app["round_trip_ms"]) == (
        "ended",
        "complete",
        "pod-1",
        0.31,
    )
    assert app["raw_data"]["db"]["1"][0]["connect_ms"] == 7.0
    assert report["raw_data"]["db"]["1"][0]["connect_ms"] == 1.0
    assert report["statistics"]["db"]["ping_statistics"]["avg_ms"] == 1.0
    assert app["statistics"]["db"]["ping_statistics"]["avg_ms"] == 7.0
    assert (bad["state"], bad["text"], bad["machine"]) == ("lost", "no Python began there", None)
    assert [each["vantage"] for each in report["endpoints"]] == ["local", "app", "bad"]


def test_without_checks_from_here_the_top_level_figures_are_empty():
    report = report_of(run_of([(reached("db", 1, vantage="app"), [opened(7.0)])]))
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert (report["statistics"], report["raw_data"]) == ({}, {})
    assert list(report["vantages"]["app"]["statistics"]) == ["db"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("monitoring_session", "extra"), 1),
        (("monitoring_session", "start_time"), "2026-07-01T12:30:00"),
        (("statistics", "api", "success_rate"), 1.5),
        (("statistics", "api", "port_statistics", "443", "median_ms"), "10"),
        (("raw_data", "api", "443", 0, "connect_ms"), None),
        (("raw_data", "api", "443", 0, "note"), "x"),
        (("raw_data", "api", "443", 39, "connect_ms"), 1.0),
        (("endpoints", 0, "verdict"), "fine"),
        (("endpoints", 0, "statistics"), None),
        (("endpoints", 0, "limits", 0, "unit"), "us"),
    ],
)
def test_the_schema_refuses_what_no_report_says(path, value):
    report = report_of(full_run())
    place = report
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(report)


def test_a_report_has_the_seeds_shape_and_key_names():
    report = report_of(full_run())
    assert list(report["monitoring_session"])[:6] == [
        "start_time",
        "end_time",
        "targets",
        "ports",
        "interval",
        "timeout",
    ]
    host = report["statistics"]["api"]
    assert list(host) == [
        "total_checks",
        "successful_checks",
        "success_rate",
        "ping_statistics",
        "port_statistics",
        "error_count",
    ]
    assert list(host["ping_statistics"]) == ["min_ms", "max_ms", "avg_ms", "median_ms"]
    assert list(host["port_statistics"]["443"])[:2] == ["success_rate", "avg_response_time_ms"]
    assert list(report["raw_data"]) == list(report["statistics"]) == report["monitoring_session"]["targets"]


def test_the_session_says_when_what_where_and_with_which_defaults():
    run = full_run(
        plan=Plan(endpoints=[], interval_s=0.5, timeout_s=2.0),
        gaps=(Gap(5_000_000, 2_500_000, "stalled", 8),),
        lost_samples=3,
        warnings=("db:1 stands twice",),
    )
    assert report_of(run)["monitoring_session"] == {
        "start_time": "2026-07-01T12:30:00.123456+02:00",
        "end_time": "2026-07-01T12:30:10.123956+02:00",
        "targets": ["api", "cache", "admin", "2001:db8::1", "hidden"],
        "ports": [22, 443, 6379, 8000],
        "interval": 0.5,
        "timeout": 2.0,
        "schema_version": "1.0",
        "tool": {"name": "pytest-netmon", "version": "0.1.0"},
        "machine": {"host": "runner-7", "system": "Linux", "release": "6.18", "python": "3.11.9"},
        "partial": False,
        "gaps": [
            {
                "timestamp": "2026-07-01T12:30:05.123456+02:00",
                "length_s": 2.5,
                "cause": "stalled",
                "missed_checks": 8,
            }
        ],
        "lost_samples": 3,
        "warnings": ["db:1 stands twice"],
        "measuring": None,
        "baseline": None,
    }


def test_the_session_says_how_true_its_times_are():
    lag = DistributionBuilder()
    for value_us in (100, 300, 2000):
        lag.add(value_us)
    measuring = Measuring(lag=lag.finish(), own_clock_checks=2, late_starts=Lateness(50, 90, 400, 2100))
    assert report_of(full_run(measuring=measuring))["monitoring_session"]["measuring"] == {
        "kernel_timed_checks": 3,
        "own_clock_checks": 2,
        "lag": {"median_ms": 0.3, "p99_ms": 2.0, "max_ms": 2.0},
        "late_starts": {"starts": 50, "median_ms": 0.09, "p99_ms": 0.4, "max_ms": 2.1},
    }


def test_a_host_pools_its_ports_and_counts_rounds():
    host = report_of(full_run())["statistics"]["api"]
    assert (host["total_checks"], host["successful_checks"], host["error_count"]) == (40, 38, 2)
    assert host["success_rate"] == 0.95
    times = [10.123] * 38 + [2.0] * 39
    assert host["ping_statistics"] == {
        "min_ms": 2.0,
        "max_ms": 10.123,
        "avg_ms": round(standard.fmean(times), 3),
        "median_ms": 2.0,
    }


def test_a_port_has_more_figures_than_the_seed_had():
    port = report_of(full_run())["statistics"]["api"]["port_statistics"]["443"]
    assert port["success_rate"] == 0.95
    assert port["avg_response_time_ms"] == port["p95_ms"] == port["max_ms"] == 10.123
    assert port["errors"] == {"refused": 1, "timeout": 1}
    assert port["syn_repeats"] == 2
    assert port["jitter_ms"] == 0
    assert port["rtt"]["median_ms"] == 9.0
    assert port["dns"]["count"] == 0


def test_rates_keep_six_decimals_and_milliseconds_three():
    host = report_of(run_of([(measured("db", 1, count=3), [opened(1.23456), opened(2.0), REFUSED])]))["statistics"][
        "db"
    ]
    assert host["success_rate"] == 0.666667
    assert host["ping_statistics"]["min_ms"] == 1.235


def test_what_was_not_measured_is_null():
    report = report_of(run_of([(reached("db", 1), [OURS])]))
    host = report["statistics"]["db"]
    assert host["total_checks"] == host["error_count"] == 0
    assert host["success_rate"] is None
    assert set(host["ping_statistics"].values()) == {None}
    assert host["port_statistics"]["1"]["avg_response_time_ms"] is None


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_null(value):
    assert rounded(value, 3) is None


def test_an_endpoint_has_its_settings_statistics_verdict_and_limits():
    endpoint = report_of(full_run())["endpoints"][0]
    statistics = endpoint.pop("statistics")
    assert endpoint == {
        "id": "api:443",
        "host": "api",
        "port": 443,
        "name": None,
        "vantage": "local",
        "source": {"file": "netmon.yaml", "line": 7, "column": 5},
        "settings": {
            "measured": True,
            "watched": False,
            "count": 40,
            "interval_s": 0.25,
            "timeout_s": 2.0,
            "wait": None,
            "expect": "open",
            "xfail": None,
            "redact": False,
            "close": "fin",
            "hold_s": 0.0,
            "tls": None,
            "proxy": None,
            "family": "any",
            "addresses": "any",
            "tags": [],
            "warmup": 0,
            "baseline": None,
            "control": False,
        },
        "warn": [],
        "skip": None,
        "complete": True,
        "address": "10.0.3.7",
        "waited": None,
        "addresses": [],
        "verdict": "failed",
        "reasons": ["success 95.00 % (38 of 40), allowed >= 99 %"],
        "notes": [],
        "failed_controls": [],
        "baseline": None,
        "limits": [
            {
                "limit": "success >= 99%",
                "metric": "success",
                "op": ">=",
                "allowed": 0.99,
                "unit": "ratio",
                "value": 0.95,
                "ok": False,
                "origin": "target",
            },
            {
                "limit": "p95 < 50ms",
                "metric": "connect.p95",
                "op": "<",
                "allowed": 50.0,
                "unit": "ms",
                "value": 10.123,
                "ok": True,
                "origin": "target",
            },
        ],
    }
    assert statistics["consecutive_failures"] == 2
    assert statistics["connect"]["count"] == 38
    assert statistics["last_outcome"] == "refused"


def test_skipped_and_deselected_endpoints_stand_in_the_list_without_a_verdict_and_nowhere_else():
    report = report_of(full_run())
    skipped, deselected = report["endpoints"][-2:]
    assert (skipped["skip"], skipped["verdict"], skipped["statistics"]) == ("not there yet", None, None)
    assert (deselected["skip"], deselected["verdict"], deselected["complete"]) == (None, None, False)
    assert [(limit["limit"], limit["ok"]) for limit in deselected["limits"]] == [
        ("success >= 100%", None),
        ("p95 < 5ms", None),
    ]
    assert deselected["source"] == {"file": "--netmon-target", "line": None, "column": None}
    assert not {"later", "deselected"} & set(report["statistics"])
    assert not {"later", "deselected"} & set(report["raw_data"])


def test_a_sample_has_all_that_was_measured():
    samples = report_of(full_run())["raw_data"]["api"]["8000"]
    assert samples[0] == {
        "timestamp": "2026-07-01T12:30:00.124456+02:00",
        "check": 1,
        "outcome": "open",
        "connect_ms": 2.0,
        "clock_ms": 2.0,
        "dns_ms": 1.25,
        "rtt_ms": 2.0,
        "syn_repeats": 0,
        "address": "10.0.3.7",
    }
    assert samples[39] == {
        "timestamp": "2026-07-01T12:30:09.874456+02:00",
        "check": 40,
        "outcome": "prohibited",
        "connect_ms": None,
        "clock_ms": 1.0,
        "dns_ms": None,
        "rtt_ms": None,
        "syn_repeats": None,
        "address": "10.0.3.7",
        "errno": "EHOSTUNREACH",
        "icmp": {"type": 3, "code": 13},
        "message": "No route to host",
    }


def test_a_sample_has_the_attempts_that_failed_before():
    sample = report_of(full_run())["raw_data"]["cache"]["6379"][1]
    assert sample["attempts"] == [{"address": "2001:db8::1", "outcome": "network_unreachable", "clock_ms": 0.2}]


def test_there_is_one_sample_a_line():
    text = "".join(json_chunks(full_run()))
    lines = [line.strip().rstrip(",") for line in text.splitlines() if '"timestamp"' in line and '"check"' in line]
    assert len(lines) == 85
    assert all(json.loads(line)["outcome"] for line in lines)


def test_an_ipv6_host_is_a_key_without_brackets():
    assert "2001:db8::1" in report_of(full_run())["statistics"]


def test_a_redacted_endpoint_leaves_neither_host_nor_address_nor_the_systems_words():
    endpoint = measured("secret.example", 443, name="hidden", redact=True, count=3)
    attempts = (Attempt("10.9.8.7", "timeout", 250.0),)
    told = failed("dns_failed", errno="EAI_AGAIN", message="secret.example: try again")
    text = "".join(json_chunks(run_of([(endpoint, [opened(1.0, attempts=attempts), told, REFUSED])])))
    for secret in ("secret.example", "10.9.8.7", "10.0.3.7", "try again"):
        assert secret not in text
    assert '"hidden"' in text


def test_endpoints_of_one_host_and_port_are_pooled_and_their_samples_follow_each_other():
    run = run_of(
        [
            (measured("db", 1, count=2, name="fast"), [opened(1.0), opened(3.0)]),
            (measured("db", 1, count=2, name="slow"), [opened(5.0), REFUSED]),
        ]
    )
    report = report_of(run)
    port = report["statistics"]["db"]["port_statistics"]["1"]
    assert (port["checks"], port["success_rate"], port["avg_response_time_ms"]) == (4, 0.75, 3.0)
    assert port["jitter_ms"] is None
    assert [(sample["endpoint"], sample["check"]) for sample in report["raw_data"]["db"]["1"]] == [
        ("fast:1", 1),
        ("fast:1", 2),
        ("slow:1", 1),
        ("slow:1", 2),
    ]


def test_hosts_that_are_apart_in_the_plan_share_a_key():
    run = run_of([(reached("a", 1), [opened(1.0)]), (reached("b", 1), [opened(1.0)]), (reached("a", 2), [opened(1.0)])])
    assert {host: list(ports) for host, ports in report_of(run)["raw_data"].items()} == {"a": ["1", "2"], "b": ["1"]}


def test_a_run_without_results_is_a_report_too():
    report = report_of(run_of([], reached("db", 1)))
    assert report["statistics"] == report["raw_data"] == {}
    assert report["endpoints"][0]["verdict"] is None


def test_a_run_that_was_cut_off_is_marked():
    report = report_of(run_of([(measured(), [opened(1.0)] * 3)], complete=False))
    assert report["monitoring_session"]["partial"] is True
    assert report["endpoints"][0]["complete"] is False


def test_the_same_run_gives_the_same_bytes():
    assert "".join(json_chunks(full_run())) == "".join(json_chunks(full_run()))


def test_any_offset_of_the_clock_is_written():
    for offset in (datetime.timedelta(0), datetime.timedelta(hours=-9, minutes=-30)):
        start = START.replace(microsecond=0, tzinfo=datetime.timezone(offset))
        report_of(full_run(started_at=start, ended_at=start))


class TestRounds:
    def rounds(self, *probed, complete=True) -> Rounds:
        return rounds_of(run_of(probed, complete=complete).results)

    def test_a_round_fails_when_one_of_its_ports_does(self):
        first = (measured("a", 1, count=3), [opened(1.0), REFUSED, opened(1.0)])
        second = (measured("a", 2, count=3), [opened(1.0), opened(1.0), REFUSED])
        assert self.rounds(first, second) == Rounds(3, 1)

    def test_a_round_with_a_local_error_is_left_out(self):
        first = (measured("a", 1, count=3), [opened(1.0), OURS, REFUSED])
        second = (measured("a", 2, count=3), [opened(1.0)] * 3)
        assert self.rounds(first) == self.rounds(first, second) == Rounds(2, 1)

    def test_a_round_that_was_cut_off_is_left_out(self):
        first = (measured("a", 1, count=40), [opened(1.0)] * 10)
        second = (measured("a", 2, count=40), [opened(1.0)] * 9)
        assert self.rounds(first, second, complete=False) == Rounds(9, 9)

    def test_an_endpoint_with_fewer_checks_takes_part_in_the_first_rounds(self):
        first = (measured("a", 1, count=4), [opened(1.0)] * 4)
        second = (measured("a", 2, count=2), [opened(1.0), REFUSED])
        assert self.rounds(first, second) == Rounds(4, 3)

    def test_a_reached_endpoint_counts_once_with_its_last_try(self):
        assert self.rounds((reached("a", 1), [TIMEOUT, opened(1.0)])) == Rounds(1, 1)
        assert self.rounds((reached("a", 1), [TIMEOUT] * 3)) == Rounds(1, 0)
        assert self.rounds((reached("a", 1), [TIMEOUT, OURS])) == Rounds(0, 0)

    def test_a_reached_endpoint_that_was_cut_off_between_tries_is_left_out(self):
        assert self.rounds((reached("a", 1), [TIMEOUT]), complete=False) == Rounds(0, 0)

    def test_reached_ports_of_one_host_make_one_round(self):
        first = (reached("a", 1), [TIMEOUT, opened(1.0)])
        second = (reached("a", 2), [opened(1.0)])
        assert self.rounds(first, second) == Rounds(1, 1)

    def test_a_failed_reached_port_fails_the_first_round_only(self):
        first = (reached("a", 1), [REFUSED])
        second = (measured("a", 2, count=3), [opened(1.0)] * 3)
        assert self.rounds(first, second) == Rounds(3, 2)

    def test_a_port_that_is_rightly_closed_counts_as_an_error_as_in_the_seed(self):
        assert self.rounds((reached("a", 22, expect="closed"), [REFUSED])) == Rounds(1, 0)

    def test_a_host_without_failures_needs_no_look_at_its_samples(self):
        run = run_of([(measured("a", 1, count=3), [opened(1.0)] * 3), (reached("a", 2), [opened(1.0)])])
        assert rounds_of(run.results) == Rounds(3, 3)
        assert run.store.reads == 0


checks = st.sampled_from([opened(1.0), opened(2.5), REFUSED, TIMEOUT, OURS, failed("dns_failed")])


@st.composite
def runs(draw):
    probed = []
    complete = draw(st.booleans())
    for port in range(1, draw(st.integers(1, 4)) + 1):
        if draw(st.booleans()):
            count = draw(st.integers(1, 6))
            made = st.lists(checks, min_size=0 if not complete else count, max_size=count)
            probed.append((measured(draw(st.sampled_from("ab")), port, count=count), draw(made)))
        else:
            probed.append((reached(draw(st.sampled_from("ab")), port), draw(st.lists(checks, min_size=1, max_size=3))))
    return run_of(probed, complete=complete)


@settings(max_examples=60, deadline=None)
@given(runs())
def test_every_report_keeps_the_schema_and_its_sums(run):
    report = report_of(run)
    for host, statistics in report["statistics"].items():
        assert statistics["total_checks"] == statistics["successful_checks"] + statistics["error_count"]
        for port, figures in statistics["port_statistics"].items():
            samples = [each for each in report["raw_data"][host][port] if each["outcome"] != "local_error"]
            times = [each["connect_ms"] for each in samples if each["outcome"] == "open"]
            assert figures["checks"] == len(samples)
            assert figures["successful_checks"] == len(times)
            assert figures["median_ms"] == (round(standard.median(times), 3) if times else None)
            assert sum(figures["errors"].values()) == len(samples) - len(times)


@settings(max_examples=200, deadline=None)
@given(runs())
def test_rounds_are_the_same_by_statistics_and_by_samples(run):
    for host in "ab":
        results = [result for result in run.results if result.endpoint.host == host]
        if results:
            assert rounds_of(results) == _from_samples(results) == counted_anew(results)


def counted_anew(results) -> Rounds:
    """An independent calculation: a table of rounds by endpoints."""
    table: dict[int, list[str | None]] = {}
    for result in results:
        found = {sample.check: sample.outcome for sample in result.samples}
        if not result.endpoint.measured:
            outcomes = list(found.values())
            last = "open" if "open" in outcomes else "local_error" if "local_error" in outcomes else outcomes[-1]
            found = {1: last if result.complete or last == "open" else None}
        for number in range(1, (result.endpoint.count if result.endpoint.measured else 1) + 1):
            table.setdefault(number, []).append(found.get(number))
    judged = [row for row in table.values() if None not in row and "local_error" not in row]
    return Rounds(len(judged), sum(set(row) == {"open"} for row in judged))


def test_a_lone_surrogate_is_shown_since_strict_readers_refuse_it():
    check = failed("refused", message="caf\udce9", address="10.0.3.7")
    sample = report_of(run_of([(reached("db", 1), [check])]))["raw_data"]["db"]["1"][0]
    assert sample["message"] == "caf\\udce9"


@given(st.text(st.characters(categories=None), max_size=30))
def test_any_text_makes_strict_json_that_every_reader_takes(text):
    endpoint = reached(text, 1, name=text, skip=None, xfail=text, source=Source(text, 1, 1))
    check = failed("refused", errno=text, message=text, address=text)
    run = run_of([(endpoint, [check])], reached(text, 2, skip=text), warnings=(text,), machine={"host": text})
    report_of(run)
    json.loads("".join(json_chunks(run))).get("monitoring_session")["warnings"][0].encode("utf-8")


class CountingStore:
    """Yields very many samples and knows how many have been asked for."""

    def __init__(self, samples: int) -> None:
        self.sample = result_of(measured(count=1), [opened(1.0)]).samples[0]
        self.samples, self.given = samples, 0

    def of(self, endpoint):
        for number in range(1, self.samples + 1):
            self.given += 1
            yield replace(self.sample, check=number)


def test_samples_are_written_as_they_are_read_a_few_hundred_at_a_time():
    store = CountingStore(20_000)
    run = run_of([(measured(count=1), [opened(1.0)])])
    run = replace(run, results=(replace(run.results[0], store=store),))
    held = [0]
    longest = 0
    for chunk in json_chunks(run):
        held.append(store.given)
        longest = max(longest, len(chunk))
    assert store.given == 20_000
    assert max(after - before for before, after in itertools.pairwise(held)) <= 256
    assert longest < 128 * 1024
