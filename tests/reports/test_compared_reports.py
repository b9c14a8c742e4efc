"""What every report says of an endpoint that was compared with its baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_runs import failed, measured, opened, run_of

from pytest_netmon.comparing import compared
from pytest_netmon.reports.failure import failure_text, one_line
from pytest_netmon.reports.html_report import html_chunks
from pytest_netmon.reports.junit_report import flat_properties, junit_xml
from pytest_netmon.reports.markdown_report import markdown_summary
from pytest_netmon.reports.openmetrics_report import openmetrics_text
from pytest_netmon.reports.standings import causes_of
from pytest_netmon.reports.summary import summary_lines
from pytest_netmon.results import baseline_of
from pytest_netmon.tolerance import Tolerance

ANY = Tolerance(min_delta_ms=0.0)
TEXT = "median 24.01 ms, baseline 12.01 ms: +100 % (+12.00 ms), allowed +30 % and 0 ms; p = 7.3e-12 after Holm over 1"


def checks(ms, count=20):
    return [opened(ms + at / 1000) for at in range(count)]


def compared_run(now, then, tolerance=ANY, *limits, name="db", **settings):
    endpoint = measured("db.internal", 5432, *limits, count=len(now), baseline=tolerance, name=name, **settings)
    old = run_of([(replace(endpoint, baseline=None), then)] if then else [(measured("x", 1, count=1), [opened(1.0)])])
    return compared(run_of([(endpoint, now)]), baseline_of(old, "old.json"))


SLOWER = compared_run(checks(24.0), checks(12.0))
FASTER = compared_run(checks(12.0), checks(24.0))
UNKNOWN = compared_run(checks(12.0), None)
SKIPPED = compared_run(checks(12.0), None, Tolerance(missing="skip"))


def test_the_failure_says_what_was_what_is_and_what_to_do():
    assert failure_text(SLOWER.results[0]).splitlines() == [
        "db:5432 (db.internal, 10.0.3.7): slower than its baseline",
        f"  {TEXT}",
        "  next: see what changed since then: the route (`mtr -n db.internal`), the load there, "
        "the machine that checks; where it is to stay so, copy this run's netmon.json over the baseline",
    ]
    assert one_line(SLOWER.results[0]) == f"FAIL  db:5432 (db.internal, 10.0.3.7)  {TEXT}"


def test_a_broken_limit_and_a_regression_are_both_told():
    run = compared_run([*checks(24.0, 19), failed("timeout", clock_ms=2000.0)], checks(12.0), ANY, "median < 20ms")
    lines = failure_text(run.results[0]).splitlines()
    assert lines[0].endswith(": 2 limits broken in 20 checks, and slower than its baseline")
    assert lines[3].startswith("  median 24.01 ms, baseline 12.01 ms: +100 %")
    assert "median 24.01 ms, baseline" in one_line(run.results[0])


def test_the_host_of_a_redacted_endpoint_is_not_in_what_to_do():
    run = compared_run(checks(24.0), checks(12.0), redact=True)
    assert "db.internal" not in failure_text(run.results[0])
    assert "the route (`mtr`)" in failure_text(run.results[0])


def test_what_could_not_be_compared_fails_or_is_a_note():
    assert failure_text(UNKNOWN.results[0]).splitlines()[:2] == [
        "db:5432 (db.internal, 10.0.3.7): not compared with its baseline",
        "  no baseline for it in old.json",
    ]
    assert SKIPPED.results[0].verdict.status == "passed"
    assert one_line(SKIPPED.results[0]).endswith("; not compared with the baseline: no baseline for it in old.json")


@pytest.mark.parametrize(
    ("run", "cause"), [(SLOWER, "slower than its baseline"), (UNKNOWN, "not compared with its baseline")]
)
def test_it_is_a_main_cause_of_its_own(run, cause):
    assert [each.name for each in causes_of(run)] == [cause]


def test_the_terminal_and_markdown_show_it_and_what_was_compared_with():
    assert any(TEXT in line for line in summary_lines(SLOWER, 300))
    markdown = markdown_summary(SLOWER)
    assert "| median, baseline | **24&#46;01 ms** | 12&#46;01 ms &#43;30 % and 0 ms |" in markdown
    assert "Compared with old&#46;json, of 2026-07-01 12&#58;30 on runner-7." in markdown


def test_html_shows_it_among_the_limits():
    html = "".join(html_chunks(SLOWER))
    assert '<th scope="row">median, baseline</th><td class="n broken">24.01 ms</td>' in html
    assert "<dt>compared with</dt><dd>old.json, of 2026-07-01 12:30 on runner-7</dd>" in html


def test_what_got_faster_is_mentioned_in_html_only_of_what_people_read():
    assert FASTER.results[0].verdict.status == "passed"
    assert "faster: median 12.01 ms, baseline 24.01 ms" in "".join(html_chunks(FASTER))
    for told in (markdown_summary(FASTER), "\n".join(summary_lines(FASTER, 300)), one_line(FASTER.results[0])):
        assert "faster" not in told
        assert "24.01" not in told


def test_junit_has_it_as_properties():
    properties = dict(flat_properties(SLOWER.results[0]))
    assert {name: value for name, value in properties.items() if name.startswith("baseline")} == {
        "baseline_state": "slower",
        "baseline_metric": "connect.median",
        "baseline_ms": 12.009,
        "baseline_increase": 0.999209,
        "baseline_p": 7.25444e-12,
        "baseline_text": TEXT,
    }
    assert '<property name="baseline" value="old.json" />' in junit_xml(SLOWER)
    assert not any(
        name.startswith("baseline") for name, _ in flat_properties(run_of([(measured(), checks(1.0))]).results[0])
    )


def test_openmetrics_has_the_figure_of_the_baseline_and_whether_it_is_kept():
    text = openmetrics_text(SLOWER)
    labels = 'endpoint="db:5432",host="db.internal",port="5432",vantage="local"'
    assert f'netmon_baseline_seconds{{{labels},metric="connect.median"}} 0.0120095\n' in text
    assert f'netmon_baseline_ok{{{labels},state="slower"}} 0\n' in text
    assert "netmon_baseline" not in openmetrics_text(run_of([(measured(), checks(1.0))]))


@pytest.mark.parametrize(("then", "status"), [(checks(12.0), "failed"), (checks(24.0), "inconclusive")])
def test_checks_that_could_not_be_made_here_hide_no_regression(then, status):
    ours = failed("local_error", errno="EMFILE")
    verdict = compared_run([*checks(24.0, 19), ours], then).results[0].verdict
    assert verdict.status == status
    assert "1 of 20 checks could not be made by this machine (local_error)" in (*verdict.reasons, *verdict.notes)
