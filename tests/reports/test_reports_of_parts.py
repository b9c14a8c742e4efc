"""Addresses or families that were judged one by one: the same words and figures in each report."""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from html_pages import page_of
from made_runs import failed, measured, opened, reached, result_of, run_of

from pytest_netmon.outcomes import cause_of, next_step_of
from pytest_netmon.reports.failure import failure_text, one_line
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.junit_report import flat_properties
from pytest_netmon.reports.markdown_report import markdown_summary
from pytest_netmon.reports.openmetrics_report import openmetrics_text
from pytest_netmon.reports.rounds import Rounds, RoundsBuilder, rounds_of
from pytest_netmon.reports.summary import summary_lines
from pytest_netmon.run import Run
from pytest_netmon.waited import Waited
from pytest_netmon.waits import Wait

SCHEMA = json.loads((importlib.resources.files("pytest_netmon") / "schemas" / "results.schema.json").read_text("utf-8"))
A, B, C = "10.0.3.7", "10.0.3.8", "10.0.3.9"
TIMEOUT = failed("timeout", clock_ms=2000.0)
REFUSED = failed("refused", clock_ms=0.3, errno="ECONNREFUSED")


def checks(count: int, **outcomes: dict[str, Any]) -> list[dict[str, Any]]:
    """So many checks, each of the addresses a, b and c as given."""
    parts = {"a": A, "b": B, "c": C, "v4": "IPv4", "v6": "IPv6"}
    return [
        {**outcome, "check": number, "part": parts[name], "address": parts[name] if len(name) == 1 else A}
        for number in range(1, count + 1)
        for name, outcome in outcomes.items()
    ]


def dead_one() -> Run:
    endpoint = measured("db.internal", 5432, count=20, addresses="all")
    return run_of([(endpoint, checks(20, a=opened(1.25), b=opened(2.5), c=TIMEOUT))])


def test_the_text_names_the_dead_one_with_its_cause_and_the_others() -> None:
    (result,) = dead_one().results
    assert failure_text(result).split("\n") == [
        "db.internal:5432: 1 of 3 addresses failed",
        f"  {C}: 1 limit broken in 20 checks",
        "    success 0.00 %   allowed >= 100 %     0 of 20",
        f"    20 x timeout ({cause_of('timeout', 2.0)})",
        f"  passed: {A} and {B}",
        f"  next: {next_step_of('timeout')}",
    ]
    assert one_line(result).startswith(f"FAIL  db.internal:5432  1 of 3 addresses failed: {C}: success 0.00 % (allowed")


def test_each_of_several_failures_has_its_own_cause() -> None:
    endpoint = reached("db.internal", 5432, family="both")
    result = result_of(
        endpoint, checks(1, v4=REFUSED, v6=failed("dns_no_address", message="the name has no IPv6 address"))
    )
    lines = failure_text(result).split("\n")
    assert lines[0] == "db.internal:5432: 2 of 2 families failed"
    assert "  IPv4: refused, not reached in 1 try" in lines
    assert "  IPv6: dns_no_address, not reached in 1 try" in lines
    assert '      "the name has no IPv6 address"' in lines


def test_a_wait_in_vain_names_those_that_were_not_ready() -> None:
    endpoint = reached("db.internal", 5432, addresses="all", wait=Wait(60.0))
    result = result_of(endpoint, checks(2, a=opened(1.0), c=TIMEOUT, b=opened(1.0)), address=None)
    waited = replace(result.waited or Waited({}), met=False, failing=(C,))
    verdict = replace(result.verdict, status="failed", parts={})
    text = failure_text(replace(result, waited=waited, verdict=verdict))
    assert f"  not open in the last try: {C}\n" in text
    assert text.count(C) == 1
    assert "often enough in a row" not in text


def test_what_passed_as_closed_says_how_each_address_was() -> None:
    endpoint = reached("db.internal", 5432, addresses="all", expect="closed")
    assert one_line(result_of(endpoint, checks(1, a=REFUSED, b=TIMEOUT, c=REFUSED))).endswith(
        "  closed (refused, timeout); each of 3 addresses"
    )


def test_many_dead_ones_are_counted() -> None:
    endpoint = measured("db.internal", 5432, count=1, addresses="all")
    parts = [{**REFUSED, "check": 1, "part": f"10.0.0.{last}", "address": f"10.0.0.{last}"} for last in range(1, 21)]
    text = failure_text(result_of(endpoint, parts))
    assert text.startswith("db.internal:5432: 20 of 20 addresses failed\n")
    assert text.count("1 limit broken in 1 check") == 5
    assert "  and 15 addresses more: 10.0.0.6, 10.0.0.7, " in text


def test_what_passed_says_how_many_there_were() -> None:
    endpoint = measured("db.internal", 5432, count=2, addresses="all")
    line = one_line(result_of(endpoint, checks(2, a=opened(1.0), b=opened(2.0))))
    assert line == "PASS  db.internal:5432  4 of 4, median 1.50 ms, max 2.00 ms; each of 2 addresses"


def test_a_redacted_endpoint_shows_no_address() -> None:
    endpoint = measured("db.internal", 5432, count=1, addresses="all", redact=True, name="payments")
    hidden = [
        {**REFUSED, "check": 1, "part": "address 1", "address": None, "message": "10.0.0.9 says no"},
        {**opened(1.0), "check": 1, "part": "address 2", "address": None},
    ]
    run = run_of([(endpoint, hidden)])
    texts = [failure_text(run.results[0]), "".join(json_chunks(run)), markdown_summary(run), openmetrics_text(run)]
    assert all("address 1" in text or "address&#32;1" in text for text in texts)
    assert not any("10.0.0.9" in text for text in texts)


def test_the_json_has_each_of_them() -> None:
    document = json.loads("".join(json_chunks(dead_one())))
    jsonschema.validate(document, SCHEMA)
    (endpoint,) = document["endpoints"]
    assert endpoint["address"] is None
    assert [(each["part"], each["verdict"], each["statistics"]["checks"]) for each in endpoint["addresses"]] == [
        (A, "passed", 20),
        (B, "passed", 20),
        (C, "failed", 20),
    ]
    assert endpoint["addresses"][2]["reasons"] == ["success 0.00 % (0 of 20), allowed >= 100 %"]
    assert (endpoint["statistics"]["checks"], endpoint["statistics"]["connect"]["jitter_ms"]) == (60, None)
    samples = document["raw_data"]["db.internal"]["5432"]
    assert [(each["check"], each["part"]) for each in samples[:4]] == [(1, A), (1, B), (1, C), (2, A)]
    host = document["statistics"]["db.internal"]
    assert (host["total_checks"], host["successful_checks"], host["error_count"]) == (20, 0, 20)


def test_junit_has_the_figures_of_each() -> None:
    properties = dict(flat_properties(dead_one().results[0]))
    assert (properties[f"{C}_verdict"], properties[f"{C}_success_rate"]) == ("failed", 0.0)
    assert (properties[f"{B}_verdict"], properties[f"{B}_connect_median_ms"]) == ("passed", 2.5)
    assert f"{C}_connect_median_ms" not in properties


def test_openmetrics_has_a_family_of_its_own_for_each() -> None:
    text = openmetrics_text(dead_one())
    labels = 'endpoint="db.internal:5432",host="db.internal",port="5432",vantage="local"'
    assert f"netmon_checks{{{labels}}} 60\n" in text
    assert f'netmon_part_checks{{{labels},part="{C}"}} 20\n' in text
    assert f'netmon_part_success_ratio{{{labels},part="{C}"}} 0.0\n' in text
    assert f'netmon_part_verdict{{{labels},part="{B}",verdict="passed"}} 1\n' in text
    assert f'netmon_part_connect_seconds{{{labels},part="{B}",quantile="0.5"}} 0.0025\n' in text


def test_the_page_has_a_table_of_each() -> None:
    page = page_of(dead_one())
    assert "One by one" in page.texts_of("caption")
    assert "By address" not in page.texts_of("caption")
    assert "1 of 3 addresses failed" in page.text


def test_the_summaries_say_it_too() -> None:
    assert any(f"{C}: success 0.00 %" in line for line in summary_lines(dead_one(), 200))
    told = markdown_summary(dead_one())
    assert "1 of 3 addresses failed" in told
    assert "passed&#58; 10&#46;0&#46;3&#46;7 and 10&#46;0&#46;3&#46;8" in told


@pytest.mark.parametrize("second", [[], [opened(1.0)] * 20])
def test_a_round_is_successful_when_each_address_was(second: list[dict[str, Any]]) -> None:
    parts = checks(20, a=opened(1.0), b=opened(1.0))
    parts[7] = {**parts[7], **TIMEOUT, "connect_ms": None, "rtt_ms": None}
    probed = [(measured("db", 1, count=20, addresses="all"), parts)]
    probed += [(measured("db", 2, count=20), second)] if second else []
    results = run_of(probed).results
    assert rounds_of(results) == Rounds(20, 19)
    live = RoundsBuilder(len(probed))
    seen: set[int] = set()
    for each in results[0].samples:
        (live.worsen if each.check in seen else live.add)(each.check, each.outcome)
        seen.add(each.check)
    for sample in results[1].samples if second else ():
        live.add(sample.check, sample.outcome)
    assert live.rounds == Rounds(20, 19)
