"""netmon-junit.xml: what GitLab, Jenkins and any XML reader find in it."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import START, failed, measured, opened, product_failure, reached, result_of, run_of

from pytest_netmon.problems import Source
from pytest_netmon.reports.failure import failure_text
from pytest_netmon.reports.junit_report import flat_properties, junit_xml
from pytest_netmon.samples import Attempt
from pytest_netmon.verdict import Verdict

REFUSED = failed("refused", clock_ms=1.0, errno="ECONNREFUSED", message="Connection refused")
OURS = failed("local_error", errno="EMFILE", message="Too many open files")
TIMEOUT = failed("timeout", clock_ms=2000.0)


def suite_of(run) -> ET.Element:
    return ET.fromstring(junit_xml(run).encode("utf-8")).find("testsuite")


def cases_of(run) -> dict[str, ET.Element]:
    return {case.get("name"): case for case in suite_of(run).iter("testcase")}


def properties_of(case: ET.Element) -> dict[str, str]:
    return {each.get("name"): each.get("value") for each in case.iter("property")}


def mixed_run(**fields):
    return run_of(
        [
            (measured("db", 5432, "success >= 99%", "p95 < 50ms"), [opened(11.9)] * 37 + [TIMEOUT] * 3),
            (reached("cache", 6379), [opened(0.42, dns_ms=1.5)]),
            (reached("api", 443, xfail="change pending"), [REFUSED]),
            (reached("busy", 443), [OURS]),
        ],
        reached("later", 80, skip="not there yet", source=Source("--netmon-target")),
        reached("deselected", 80),
        **fields,
    )


def test_there_is_a_testcase_for_each_endpoint_that_was_probed_or_skipped():
    assert list(cases_of(mixed_run())) == ["db:5432", "cache:6379", "api:443", "busy:443", "later:80"]


def test_the_suite_counts_what_its_cases_say():
    suite = suite_of(mixed_run())
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"}


def test_the_suite_says_where_and_when_it_ran():
    suite = suite_of(mixed_run(warnings=("one", "two"), lost_samples=2))
    assert (suite.get("name"), suite.get("hostname")) == ("netmon", "runner-7")
    assert suite.get("timestamp") == "2026-07-01T12:30:00+02:00"
    assert properties_of(suite.find("properties")) == {
        "tool": "pytest-netmon 0.1.0",
        "partial": "false",
        "machine_host": "runner-7",
        "machine_system": "Linux",
        "machine_release": "6.18",
        "machine_python": "3.11.9",
        "lost_samples": "2",
        "warning_1": "one",
        "warning_2": "two",
    }


def test_a_run_that_was_cut_off_is_marked():
    suite = suite_of(run_of([(measured(), [opened(1.0)])], complete=False))
    assert properties_of(suite.find("properties"))["partial"] == "true"


def test_a_case_says_where_it_was_written_and_from_where_it_was_checked():
    case = cases_of(mixed_run())["db:5432"]
    assert {key: case.get(key) for key in ("classname", "file", "line")} == {
        "classname": "netmon.local",
        "file": "netmon.yaml",
        "line": "7",
    }


def test_another_vantage_point_stands_in_the_classname():
    assert cases_of(run_of([(reached("db", 1, vantage="paris"), [REFUSED])]))["db:1"].get("classname") == "netmon.paris"


def test_an_option_has_no_line_and_a_hook_no_file():
    cases = cases_of(
        run_of([(reached("a", 1, source=None), [REFUSED])], reached("b", 1, skip="x", source=Source("--o")))
    )
    assert (cases["a:1"].get("file"), cases["a:1"].get("line")) == (None, None)
    assert (cases["b:1"].get("file"), cases["b:1"].get("line")) == ("--o", None)


def test_the_time_is_from_the_first_start_to_the_last_end_and_never_missing():
    cases = cases_of(mixed_run())
    assert cases["db:5432"].get("time") == "11.750000"
    assert cases["cache:6379"].get("time") == "0.001920"
    assert cases["busy:443"].get("time") == cases["later:80"].get("time") == "0.000000"


def test_a_failure_has_the_first_reason_as_message_and_the_whole_text():
    run = mixed_run()
    failure = cases_of(run)["db:5432"].find("failure")
    assert failure.get("message") == "success 92.50 % (37 of 40), allowed >= 99 %"
    assert failure.text == failure_text(run.results[0])


def test_a_failure_without_a_reason_is_a_failure_all_the_same():
    run = mixed_run()
    silent = replace(run.results[1], verdict=Verdict("failed", ()))
    cases = cases_of(replace(run, results=(silent,)))
    assert cases["cache:6379"].find("failure").get("message") == "failed"


def test_an_inconclusive_verdict_is_an_error_also_under_xfail():
    run = run_of([(reached("busy", 443, xfail="whatever"), [OURS])])
    error = cases_of(run)["busy:443"].find("error")
    assert error.get("message") == "1 of 1 check could not be made by this machine (local_error)"
    assert "raise the limit" in error.text


def test_an_expected_failure_is_skipped_with_its_reason_and_its_text():
    run = mixed_run()
    case = cases_of(run)["api:443"]
    assert case.find("failure") is None
    assert case.find("skipped").get("message").startswith("expected failure: change pending: not reached in 1 try")
    assert case.find("skipped").text == failure_text(run.results[2])


def test_an_expected_failure_that_passes_passes():
    case = cases_of(run_of([(reached("a", 1, xfail="pending"), [opened(1.0)])]))["a:1"]
    assert [child.tag for child in case] == ["properties"]


def test_a_skipped_endpoint_has_its_reason():
    case = cases_of(mixed_run())["later:80"]
    assert [child.tag for child in case] == ["skipped"]
    assert case.find("skipped").get("message") == "not there yet"


def test_properties_come_first_and_are_flat():
    cases = cases_of(mixed_run())
    assert [child.tag for child in cases["db:5432"]] == ["properties", "failure"]
    properties = properties_of(cases["cache:6379"])
    assert properties["connect_p95_ms"] == "0.42"
    assert properties["dns_median_ms"] == "1.5"
    assert properties["success_rate"] == "1.0"


def test_flat_properties_are_scalars_rounded_as_in_the_json():
    attempts = (Attempt("10.0.3.8", "timeout", 250.0),)
    result = result_of(measured(count=3), [opened(1.23456, attempts=attempts), opened(2.0), REFUSED])
    properties = dict(flat_properties(result))
    assert properties["success_rate"] == 0.666667
    assert properties["connect_min_ms"] == 1.235
    assert properties["errors_refused"] == 1
    assert properties["verdict"] == "failed"
    assert properties["address"] == "10.0.3.7"
    assert all(type(value) in (str, int, float) for value in properties.values())
    assert all(isinstance(name, str) for name in properties)


def test_what_was_not_measured_is_no_property():
    names = dict(flat_properties(result_of(reached(), [REFUSED]))).keys()
    assert not [name for name in names if name.endswith("_ms")]


def test_a_redacted_endpoint_shows_neither_host_nor_address():
    endpoint = reached("secret.example", 443, name="hidden", redact=True)
    text = junit_xml(run_of([(endpoint, [failed("dns_failed", message="secret.example"), REFUSED])]))
    assert "hidden:443" in text
    assert "secret.example" not in text
    assert "10.0.3.7" not in text


def test_the_same_run_gives_the_same_bytes():
    assert junit_xml(mixed_run()) == junit_xml(mixed_run())


def test_the_document_says_that_it_is_utf8():
    assert junit_xml(mixed_run()).startswith('<?xml version="1.0" encoding="utf-8"?>')


def test_a_run_without_results_is_a_document_too():
    assert list(suite_of(run_of([])).iter("testcase")) == []


@pytest.mark.parametrize("host", ["\ufffe", "\ud800", "\x1b[31m", "a\u202eb", "\x9b", "\r\n\t"])
def test_the_characters_that_broke_other_writers_are_shown(host):
    run = run_of([(reached(host, 1), [failed("refused", errno=host, message=host, address=host)])])
    (case,) = suite_of(run).iter("testcase")
    assert case.get("name").isprintable()
    assert case.get("name").startswith("\\") or "\\u202e" in case.get("name")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(categories=None) | st.sampled_from('\x00\x1b\x9b\ufffe\ud800<>&"]]>\n'), max_size=20))
def test_any_text_anywhere_makes_a_well_formed_document(text):
    check = failed(text, errno=text, message=text, address=text, attempts=(Attempt(text, text, 1.0),))
    settings = {"name": text, "vantage": text, "source": Source(text, 1, 1)}
    run = run_of(
        [(reached(text, 1, **settings), [check]), (reached(text, 2, xfail=text, **settings), [check])],
        reached(text, 3, skip=text, **settings),
        warnings=(text,),
        machine={text: text, "host": text},
    )
    assert len(list(suite_of(run).iter("testcase"))) == 3


def test_each_case_has_its_own_properties_whatever_is_skipped_and_whatever_texts_say():
    text = '<properties /> "&amp;" <properties/>'
    run = run_of(
        [
            (reached("first", 1, name=text), [opened(1.0)]),
            (reached("second", 2, xfail=text), [failed("refused", message=text)]),
            (reached("third", 3), [opened(3.0)]),
        ],
        reached("left-out", 4, skip=text),
        warnings=(text,),
    )
    cases = cases_of(run)
    medians = [properties_of(case).get("connect_median_ms") for case in cases.values()]
    assert [*cases] == [f"{text}:1", "second:2", "third:3", "left-out:4"]
    assert medians == ["1.0", None, "3.0", None]
    assert properties_of(suite_of(run).find("properties"))["warning_1"] == text


def test_the_start_is_written_with_its_offset():
    start = START.astimezone(datetime.timezone.utc)
    assert suite_of(mixed_run(started_at=start)).get("timestamp") == "2026-07-01T10:30:00+00:00"


def test_the_failure_of_the_product_page_stands_in_the_text_as_it_is():
    result = product_failure()
    run = replace(mixed_run(), results=(result,))
    assert cases_of(run)["db.internal:5432"].find("failure").text == failure_text(result)
