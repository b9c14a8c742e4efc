"""Annotations, read back as the runners of GitHub and Azure read them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from html_pages import hostile_run, many_run, mixed_run
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.limits import parse_limit
from pytest_netmon.problems import Source
from pytest_netmon.reports.annotations import MOST_ANNOTATIONS, annotation_lines, upload_summary_line
from pytest_netmon.reports.failure import failure_text

REFUSED = [failed("refused", errno="ECONNREFUSED")]


def read_github(line):
    """As the runner does: `::command key=value,key=value::data`, then %XX back to what it stands for."""
    command, properties, data = re.fullmatch(r"::(\w+) ([^\r\n]*?)::([^\r\n]*)", line).groups()
    pairs = [each.split("=", 1) for each in properties.split(",")]
    return command, {name: _unescaped(value, "%25") for name, value in pairs}, _unescaped(data, "%25")


def read_azure(line):
    properties, data = re.fullmatch(r"##vso\[task\.logissue ([^\]\r\n]*)\]([^\r\n]*)", line).groups()
    pairs = [each.split("=", 1) for each in properties.rstrip(";").split(";")]
    return {name: _unescaped(value, "%AZP25") for name, value in pairs}, _unescaped(data, "%AZP25")


def _unescaped(text, percent):
    for escape, character in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%3B": ";", "%5D": "]"}.items():
        text = text.replace(escape, character)
    return text.replace(percent, "%")


def test_a_failure_stands_at_its_line_of_the_file_in_the_words_of_all_reports():
    lines = annotation_lines(mixed_run())
    assert read_github(lines[0]) == (
        "error",
        {"file": "netmon.yaml", "line": "7", "col": "5", "title": "db.internal:5432 failed"},
        failure_text(mixed_run().results[0]),
    )
    assert [read_github(line)[1]["title"] for line in lines] == [
        "db.internal:5432 failed",
        "cache.internal:6379 failed",
        "admin.internal:22 failed",
        "vpn.internal:443 inconclusive",
    ]


def test_azure_gets_the_same():
    lines = annotation_lines(mixed_run(), "azure")
    assert len(lines) == 4
    assert read_azure(lines[0]) == (
        {"type": "error", "sourcepath": "netmon.yaml", "linenumber": "7", "columnnumber": "5"},
        failure_text(mixed_run().results[0]),
    )


def test_paths_are_as_the_repository_has_them():
    line = annotation_lines(run_of([(reached(), REFUSED)]), path_of=lambda file: f"deploy/{file}")[0]
    assert read_github(line)[1]["file"] == "deploy/netmon.yaml"


@pytest.mark.parametrize("source", [None, Source("--netmon-target"), Source("argument 1")])
def test_what_no_file_names_has_no_place(source):
    run = run_of([(reached(source=source), REFUSED)])
    assert read_github(annotation_lines(run)[0])[1] == {"title": "db.internal:5432 failed"}
    assert read_azure(annotation_lines(run, "azure")[0])[0] == {"type": "error"}


def test_a_line_without_a_column_is_enough():
    run = run_of([(reached(source=Source("netmon.yaml", 3)), REFUSED)])
    assert set(read_github(annotation_lines(run)[0])[1]) == {"file", "line", "title"}


def test_what_passed_or_failed_as_expected_needs_none():
    expected = replace(reached("old"), xfail="soon")
    watched = replace(measured("new"), watched=True, count=None)
    assert annotation_lines(run_of([(reached(), [opened(1.0)]), (expected, REFUSED), (watched, REFUSED)])) == []


@pytest.mark.parametrize(("number", "lines"), [(10, 10), (11, 10), (400, 10)])
def test_ten_are_the_most_and_the_last_one_counts_the_rest(number, lines):
    run = run_of([(reached(f"h{at}"), REFUSED) for at in range(number)])
    told = annotation_lines(run)
    assert len(told) == lines <= MOST_ANNOTATIONS
    if number > 10:
        assert read_github(told[-1]) == (
            "error",
            {"title": "netmon"},
            f"and {number - 9} more endpoints failed or inconclusive, of {number} in all",
        )


def test_a_limit_that_fails_nothing_is_a_warning():
    endpoint = replace(measured("db", 1, count=20), warn=(parse_limit("p95 < 5ms"),))
    run = run_of([(endpoint, [opened(10.0)] * 20)])
    text = "db:1: warning: p95 10.00 ms, allowed < 5 ms"
    place = {"file": "netmon.yaml", "line": "7", "col": "5"}
    assert read_github(annotation_lines(run)[0]) == ("warning", {**place, "title": "db:1 warning"}, text)
    assert read_azure(annotation_lines(run, "azure")[0])[0]["type"] == "warning"
    assert read_azure(annotation_lines(run, "azure")[0])[1] == text


def test_warnings_have_ten_lines_of_their_own():
    soft = (parse_limit("p95 < 5ms"),)
    slow = [(replace(measured(f"s{at}", count=20), warn=soft), [opened(10.0)] * 20) for at in range(12)]
    red = [(reached(f"h{at}"), REFUSED) for at in range(12)]
    commands = [read_github(line)[0] for line in annotation_lines(run_of(slow + red))]
    assert commands == ["error"] * 10 + ["warning"] * 10


def test_samples_are_read_for_those_that_are_shown_alone():
    run = many_run(400, 8)
    annotation_lines(run)
    assert run.store.reads == 9


@settings(max_examples=60)
@given(
    st.text(min_size=1, max_size=40),
    st.lists(st.sampled_from(["::", "##[", "##vso[", "]", ";", ",", ":", "%", "%0A", "\n", "\r", "="]), max_size=6),
)
def test_no_text_ends_a_command_or_starts_another_one(text, tokens):
    hostile = text + "".join(tokens)
    endpoint = reached(hostile, name=hostile, source=Source(hostile, 3))
    run = run_of([(endpoint, [failed("prohibited", errno="EPERM", message=hostile)])])
    (line,) = annotation_lines(run)
    command, properties, data = read_github(line)
    assert (command, set(properties)) == ("error", {"file", "line", "title"})
    assert data.endswith(failure_text(run.results[0])[-20:])
    assert "##[" not in line
    (line,) = annotation_lines(run, "azure")
    assert set(read_azure(line)[0]) == {"type", "sourcepath", "linenumber"}
    assert line.count("##vso[") == 1


def test_hostile_runs_keep_to_one_line_each():
    for line in annotation_lines(hostile_run()) + annotation_lines(hostile_run(), "azure"):
        assert line.isprintable()
        assert len(line) < 20_000


def test_a_redacted_endpoint_keeps_its_host_to_itself():
    endpoint = reached("secret.internal", name="api", redact=True)
    (line,) = annotation_lines(run_of([(endpoint, [failed("refused", message="secret.internal said no")])]))
    assert "secret" not in line
    assert "10.0.3.7" not in line


def test_the_file_of_a_summary_is_named_for_azure():
    assert upload_summary_line("/tmp/a%b\n.md") == "##vso[task.uploadsummary]/tmp/a%AZP25b%0A.md"
