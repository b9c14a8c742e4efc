"""What `netmon monitor` leaves: the JSON and the JUnit of endpoints that were watched, and rounds counted live."""

from __future__ import annotations

import importlib.resources
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from made_runs import failed, measured, opened, run_of

from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.junit_report import junit_xml
from pytest_netmon.reports.rounds import MOST_BEGUN, Rounds, RoundsBuilder, rounds_of

SCHEMA = json.loads((importlib.resources.files("pytest_netmon") / "schemas" / "results.schema.json").read_text("utf-8"))
TIMEOUT = failed("timeout", clock_ms=2000.0)
OURS = failed("local_error", errno="EMFILE")


def watched(host="db", port=1, *limits, **fields):
    return replace(measured(host, port, *limits), watched=True, count=None, **fields)


def report_of(run):
    report = json.loads("".join(json_chunks(run)))
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    return report


def test_without_limits_the_json_has_all_figures_and_no_verdict():
    (endpoint,) = report_of(run_of([(watched(), [opened(1.0), TIMEOUT])]))["endpoints"]

    assert (endpoint["settings"]["watched"], endpoint["settings"]["count"]) == (True, None)
    assert (endpoint["verdict"], endpoint["reasons"], endpoint["limits"]) == (None, [], [])
    assert endpoint["statistics"]["success_rate"] == 0.5


def test_with_limits_the_json_has_a_verdict():
    (endpoint,) = report_of(run_of([(watched("db", 1, "success >= 99%"), [opened(1.0), TIMEOUT])]))["endpoints"]

    assert (endpoint["verdict"], [limit["ok"] for limit in endpoint["limits"]]) == ("failed", [False])


def test_the_schema_knows_no_other_measured_endpoint_without_a_verdict():
    report = report_of(run_of([(watched(), [opened(1.0)])]))
    report["endpoints"][0]["settings"]["watched"] = False

    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(report)


def test_junit_skips_what_was_watched_without_limits_and_keeps_its_figures():
    run = run_of([(watched(), [TIMEOUT]), (watched("db", 2, "errors == 0"), [TIMEOUT])])
    first, second = ET.fromstring(junit_xml(run)).iter("testcase")

    assert first.find("skipped").get("message") == "watched without limits: there is nothing to judge"
    assert {each.get("name"): each.get("value") for each in first.iter("property")}["success_rate"] == "0.0"
    assert second.find("failure") is not None


def test_rounds_without_a_last_one_go_as_far_as_all_ports_were_checked():
    first, second = (watched("db", 1), [opened(1.0)] * 3), (watched("db", 2), [opened(1.0)] * 2)

    assert rounds_of(run_of([first, second]).results) == Rounds(2, 2)
    assert rounds_of(run_of([first, (*first[:1], [opened(1.0)] * 3)]).results) == Rounds(3, 3)


@given(
    st.lists(st.lists(st.sampled_from(["open", "timeout", "local_error"]), max_size=5), min_size=1, max_size=3),
    st.randoms(),
)
def test_rounds_counted_live_in_any_order_are_those_of_the_report(ports, random):
    results = run_of(
        [
            (watched("db", port), [failed(name) if name != "open" else opened(1.0) for name in outcomes])
            for port, outcomes in enumerate(ports, 1)
        ]
    ).results
    arrived = [(check, name) for outcomes in ports for check, name in enumerate(outcomes, 1)]
    random.shuffle(arrived)
    builder = RoundsBuilder(len(ports))
    for check, name in arrived:
        builder.add(check, name)

    assert builder.rounds == rounds_of(results)


def test_rounds_that_are_never_completed_are_not_remembered_for_ever():
    builder = RoundsBuilder(2)
    for check in range(1, 2 * MOST_BEGUN):
        builder.add(check, "open")
    for check in (1, 2 * MOST_BEGUN - 1):
        builder.add(check, "open")

    assert builder.rounds == Rounds(1, 1)
