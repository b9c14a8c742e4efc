"""The metrics of a run, read back by the parsers of Prometheus: of OpenMetrics, and of the older format too, which the
node exporter's textfile collector reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from html_pages import hostile_run, mixed_run
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.plan import Plan
from pytest_netmon.reports.openmetrics_report import openmetrics_text
from pytest_netmon.samples import VantageState
from pytest_netmon.vantage import Vantage

openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")
older = pytest.importorskip("prometheus_client.parser")


def families_of(run):
    return {family.name: family for family in openmetrics.text_string_to_metric_families(openmetrics_text(run))}


def values_of(run):
    """(name, labels but host, port and vantage) -> value."""
    told = {}
    for family in families_of(run).values():
        for sample in family.samples:
            labels = {name: text for name, text in sample.labels.items() if name not in ("host", "port", "vantage")}
            key = (sample.name, *labels.values())
            assert key not in told
            told[key] = sample.value
    return told


def test_an_endpoint_is_told_in_seconds_and_ratios():
    checks = [opened(10.0, dns_ms=1.5), opened(1020.0, syn_repeats=1), opened(12.0), failed("timeout", clock_ms=2000.0)]
    values = values_of(run_of([(measured("db", 1, "success >= 99%", "max < 2s", count=4), checks)]))
    told = {key[:1] + key[2:]: value for key, value in values.items() if len(key) > 1 and key[1] == "db:1"}
    assert told == {
        ("netmon_checks",): 4,
        ("netmon_successful_checks",): 3,
        ("netmon_success_ratio",): 0.75,
        ("netmon_failed_checks", "timeout"): 1,
        ("netmon_local_errors",): 0,
        ("netmon_syn_repeats",): 1,
        ("netmon_consecutive_failures",): 1,
        ("netmon_outage_seconds",): 2.0,
        ("netmon_connect_seconds", "0"): 0.01,
        ("netmon_connect_seconds", "0.5"): 0.012,
        ("netmon_connect_seconds", "0.9"): 1.02,
        ("netmon_connect_seconds", "0.95"): 1.02,
        ("netmon_connect_seconds", "0.99"): 1.02,
        ("netmon_connect_seconds", "1"): 1.02,
        ("netmon_connect_seconds_sum",): 1.042,
        ("netmon_connect_seconds_count",): 3,
        ("netmon_connect_stdev_seconds",): pytest.approx(0.582, abs=0.001),
        ("netmon_connect_jitter_seconds",): 1.009,
        **{("netmon_dns_seconds", quantile): 0.0015 for quantile in ("0", "0.5", "0.9", "0.95", "0.99", "1")},
        ("netmon_dns_seconds_sum",): 0.0015,
        ("netmon_dns_seconds_count",): 1,
        **{("netmon_rtt_seconds", quantile): 0.009 for quantile in ("0", "0.5", "0.9", "0.95", "0.99", "1")},
        ("netmon_rtt_seconds_sum",): 0.027,
        ("netmon_rtt_seconds_count",): 3,
        ("netmon_rtt_stdev_seconds",): 0,
        ("netmon_rtt_jitter_seconds",): 0,
        ("netmon_verdict", "passed"): 0,
        ("netmon_verdict", "failed"): 1,
        ("netmon_verdict", "inconclusive"): 0,
        ("netmon_limit_ok", "success >= 99%"): 0,
        ("netmon_limit_ok", "max < 2s"): 1,
    }


def test_the_run_is_told():
    run = mixed_run()
    values = values_of(run)
    assert values["netmon_run", "0.1.0"] == 1
    assert values["netmon_run_start_timestamp_seconds",] == pytest.approx(run.started_at.timestamp(), abs=1e-6)
    assert values["netmon_run_end_timestamp_seconds",] > values["netmon_run_start_timestamp_seconds",]
    assert values["netmon_run_partial",] == 0
    assert values_of(replace(run, partial=True))["netmon_run_partial",] == 1
    standings = {key[1]: value for key, value in values.items() if key[0] == "netmon_endpoints"}
    assert standings == {"failed": 3, "inconclusive": 1, "expected failure": 1, "passed": 3, "skipped": 1}


def test_what_was_not_measured_is_left_out():
    run = run_of([(reached("a"), [failed("timeout", syn_repeats=None)]), (reached("b"), [failed("local_error")])])
    names = {key[0] for key in values_of(run)}
    assert not any(name.startswith(("netmon_connect", "netmon_rtt", "netmon_dns", "netmon_syn")) for name in names)
    assert ("netmon_success_ratio", "b:5432") not in values_of(run)
    assert ("netmon_outage_seconds", "b:5432") not in values_of(run)
    assert values_of(run)["netmon_success_ratio", "a:5432"] == 0


def test_the_older_format_reads_the_same_and_finds_no_time_which_the_collector_refuses():
    text = openmetrics_text(mixed_run())
    assert text.endswith("\n# EOF\n")
    one = [s for f in openmetrics.text_string_to_metric_families(text) for s in f.samples]
    other = [s for f in older.text_string_to_metric_families(text) for s in f.samples]
    assert [(s.name, s.labels, s.value) for s in one] == [(s.name, s.labels, s.value) for s in other]
    assert all(sample.timestamp is None for sample in other)
    kinds = {line.split()[3] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert kinds == {"gauge", "summary"}


def test_units_stand_in_names():
    for name, family in families_of(mixed_run()).items():
        assert name.startswith("netmon_")
        assert family.documentation
        assert not family.unit or name.endswith(f"_{family.unit}")
        assert family.unit == "seconds" or "seconds" not in name


def test_what_is_only_watched_has_figures_and_no_verdict():
    watched = replace(measured("db", 1, count=2), watched=True, count=None)
    names = {key[0] for key in values_of(run_of([(watched, [opened(1.0)])]))}
    assert "netmon_connect_seconds" in names
    assert not names & {"netmon_verdict", "netmon_limit_ok"}


def test_the_same_limit_twice_is_one_line():
    values = values_of(run_of([(measured("db", 1, "max < 2ms", "max < 2ms"), [opened(1.0)])]))
    assert values["netmon_limit_ok", "db:1", "max < 2ms"] == 1


def test_a_redacted_host_is_not_told():
    checks = [opened(1.0, address="10.0.3.7")]
    text = openmetrics_text(run_of([(measured("secret.internal", 1, name="api", redact=True), checks)]))
    assert 'endpoint="api:1",host="api"' in text
    assert "secret" not in text
    assert "10.0.3" not in text


def test_hostile_texts_are_labels_and_nothing_else():
    run = hostile_run()
    told = [sample.labels["endpoint"] for sample in families_of(run)["netmon_checks"].samples]
    assert '<script>document.title="owned"</script>:1' in told
    assert "a\\u202egnp.exe:5" in told
    assert len(told) == len(set(told)) == len(run.results)


@settings(max_examples=50)
@given(st.lists(st.text(min_size=1, max_size=20).filter(str.isprintable), min_size=2, max_size=3, unique=True))
def test_any_printable_name_comes_back(names):
    run = run_of([(reached(f"h{at}", 1, name=name), [opened(1.0)]) for at, name in enumerate(names)])
    told = [sample.labels["endpoint"] for sample in families_of(run)["netmon_checks"].samples]
    assert told == [f"{name}:1" for name in names]
    list(older.text_string_to_metric_families(openmetrics_text(run)))


def test_nothing_checked_is_a_file_all_the_same():
    assert values_of(run_of([], reached()))["netmon_endpoints", "not run"] == 1


def test_a_vantage_is_up_unless_it_was_lost_or_never_answered():
    ways = {name: Vantage(name=name, kind="via", way="sh") for name in ("app", "bad", "mute")}
    run = run_of(
        [(reached("db", 1, vantage=name), [opened(1.0)] if name == "app" else []) for name in ways],
        plan=Plan(endpoints=[], vantages=ways),
        vantages={
            "app": VantageState("app", "ended", "complete", {}, 310),
            "bad": VantageState("bad", "lost", "no Python began there"),
        },
    )
    families = families_of(run)
    up = {sample.labels["vantage"]: sample.value for sample in families["netmon_vantage_up"].samples}
    assert up == {"app": 1, "bad": 0, "mute": 0}
    (trip,) = families["netmon_vantage_round_trip_seconds"].samples
    assert (trip.labels, trip.value) == ({"vantage": "app"}, 0.00031)


def test_the_machines_of_merged_runs_are_no_vantages():
    run = run_of([(reached("db", 1, vantage="paris"), [opened(1.0)])])
    assert "netmon_vantage_up" not in families_of(run)
