"""Endpoints by the places that they were checked from, in every report."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from made_runs import failed, measured, opened, reached, run_of

import pytest_netmon
from pytest_netmon.reports.html_report import html_chunks
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.junit_report import junit_xml
from pytest_netmon.reports.markdown_report import markdown_summary
from pytest_netmon.reports.matrix import MOST_ROWS, matrix_lines, matrix_of
from pytest_netmon.reports.rounds import rounds_of
from pytest_netmon.reports.summary import summary_lines

TIMEOUT = failed("timeout", clock_ms=3000.0)
SCHEMA = json.loads((Path(pytest_netmon.__file__).parent / "schemas" / "results.schema.json").read_text("utf-8"))


def from_places(**checks_by_place):
    """One endpoint, `db.internal:5432`, from each place."""
    return [(reached(vantage=place), checks) for place, checks in checks_by_place.items()]


def three_places():
    return run_of(
        [
            (reached("api", 443, vantage="paris"), [opened(20.0)]),
            (reached("api", 443, vantage="tokyo"), [opened(230.0)]),
            (reached("api", 443, vantage="local"), [opened(2.0)]),
            *from_places(paris=[TIMEOUT] * 3, tokyo=[opened(240.0)], local=[opened(2.5)]),
            (reached("queue", 5672, vantage="paris"), [TIMEOUT] * 3),
            (reached("queue", 5672, vantage="tokyo"), [failed("refused")]),
            (reached("queue", 5672, vantage="local"), [TIMEOUT] * 3),
        ]
    )


def test_a_run_from_one_place_has_no_matrix():
    run = run_of([(reached(), [opened(1.0)]), (reached("api", 443), [TIMEOUT])])
    assert matrix_of(run) is None
    assert matrix_lines(run, 120) == []


def test_red_everywhere_and_red_from_one_place_are_seen_at_once():
    assert matrix_lines(three_places(), 200) == [
        "endpoint                               paris           tokyo           local",
        "queue:5672        red everywhere       FAILED timeout  FAILED refused  FAILED timeout",
        "db.internal:5432  red from paris only  FAILED timeout  240.00 ms       2.50 ms",
        "api:443                                20.00 ms        230.00 ms       2.00 ms",
    ]


def test_where_nothing_is_red_there_is_no_column_for_it():
    run = run_of(from_places(paris=[opened(1.0)], tokyo=[opened(2.0)]))
    assert matrix_lines(run, 200) == ["endpoint          paris    tokyo", "db.internal:5432  1.00 ms  2.00 ms"]


@pytest.mark.parametrize(
    ("places", "finding"),
    [
        ("RRU", "red from p0 and p1; unknown from p2"),
        ("RGU", "red from p0; unknown from p2"),
        ("GGU", "unknown from p2"),
        ("UUU", "unknown everywhere"),
        ("U", "unknown from p0, the only place"),
    ],
)
def test_a_place_that_proves_nothing_is_not_called_red(places, finding):
    checks = {"R": [TIMEOUT] * 3, "G": [opened(1.0)], "U": [failed("local_error", errno="EMFILE")]}
    others = [(reached("other", 1, vantage="paris"), [opened(1.0)])]
    run = run_of([*from_places(**{f"p{at}": checks[kind] for at, kind in enumerate(places)}), *others])
    assert matrix_of(run).rows[0].finding == finding


@pytest.mark.parametrize(
    ("red", "green", "finding"),
    [
        (2, 1, "red from p0 and p1"),
        (3, 1, "red from p0, p1 and p2"),
        (4, 1, "red from 4 of 5 places"),
        (5, 0, "red everywhere"),
    ],
)
def test_some_places_are_named_and_many_counted(red, green, finding):
    places = {f"p{at}": [TIMEOUT] if at < red else [opened(1.0)] for at in range(red + green)}
    (row,) = matrix_of(run_of(from_places(**places))).rows
    assert row.finding == finding


def test_what_is_checked_from_one_place_only_says_so():
    run = run_of(
        [*from_places(paris=[opened(1.0)], tokyo=[opened(1.0)]), (reached("x", 1, vantage="tokyo"), [TIMEOUT])]
    )
    row = matrix_of(run).rows[0]
    assert (row.id, row.finding) == ("x:1", "red from tokyo, the only place")
    assert [cell.text for cell in row.cells] == ["-", "timeout"]


def test_what_was_not_checked_is_not_red():
    skipped = reached("old", 1, vantage="paris", skip="moved")
    run = run_of(from_places(paris=[opened(1.0)], tokyo=[opened(1.0)]), skipped)
    row = next(row for row in matrix_of(run).rows if row.id == "old:1")
    assert (row.finding, [cell.text for cell in row.cells]) == ("", ["skipped", "-"])


def test_a_port_that_must_be_closed_says_closed():
    run = run_of([(reached(vantage=place, expect="closed"), [failed("refused")]) for place in ("paris", "tokyo")])
    assert [cell.text for cell in matrix_of(run).rows[0].cells] == ["closed", "closed"]


def test_many_endpoints_are_counted_and_no_line_is_too_wide():
    probed = [
        (reached(f"h{at}", 1, vantage=place), [TIMEOUT] if at % 2 else [opened(1.0)])
        for at in range(100)
        for place in ("paris", "tokyo")
    ]
    lines = matrix_lines(run_of(probed), 60)
    assert len(lines) == MOST_ROWS + 2
    assert lines[-1] == "and 60 more endpoints, 10 of them red"
    assert max(map(len, lines)) <= 60


def test_the_names_of_places_cannot_steer_a_terminal():
    run = run_of([(reached(vantage=place), [TIMEOUT]) for place in ("\x1b[2J", "b")])
    assert "\x1b" not in "\n".join(summary_lines(run, 200))


def test_the_terminal_shows_it_above_the_table_whose_rows_name_the_place():
    lines = summary_lines(three_places(), 200)
    assert lines[1].startswith("queue:5672        red everywhere")
    assert any(line.startswith("queue:5672 from paris") for line in lines)
    assert any(line.startswith("api:443  ") for line in lines)  # from here


def test_markdown_and_html_show_it():
    run = three_places()
    markdown, html = markdown_summary(run), "".join(html_chunks(run))
    assert "### By place (red everywhere&#58; 1, red from paris only&#58; 1)" in markdown
    assert "| <code>api&#58;443</code> | ✅ 20&#46;00 ms | ✅ 230&#46;00 ms | ✅ 2&#46;00 ms |  |" in markdown
    assert "<b>red everywhere</b>: 1, <b>red from paris only</b>: 1. " in html
    assert '<td class="failed"><b>failed</b>: timeout</td>' in html


def test_the_same_endpoint_from_two_places_keeps_its_samples_apart_in_json():
    run = run_of(from_places(paris=[opened(1.0)], tokyo=[TIMEOUT] * 3))
    document = json.loads("".join(json_chunks(run)))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    places = document["vantages"]
    samples = {name: place["raw_data"]["db.internal"]["5432"] for name, place in places.items()}
    assert {name: [each["outcome"] for each in of_one] for name, of_one in samples.items()} == {
        "paris": ["open"],
        "tokyo": ["timeout"] * 3,
    }
    assert places["tokyo"]["statistics"]["db.internal"]["total_checks"] == 1
    assert (document["statistics"], document["raw_data"]) == ({}, {})


def test_junit_has_the_place_in_the_classname():
    document = ElementTree.fromstring(junit_xml(three_places()).encode())
    assert {case.get("classname") for case in document.iter("testcase")} == {
        "netmon.paris",
        "netmon.tokyo",
        "netmon.local",
    }


def test_each_place_has_rounds_of_its_own():
    places = [
        (measured("db", 1, count=3, vantage="paris"), [opened(1.0)] * 3),
        (measured("db", 1, count=3, vantage="tokyo"), [TIMEOUT, opened(1.0), TIMEOUT]),
    ]
    rounds = rounds_of(run_of(places).results)
    assert (rounds.total, rounds.successful) == (6, 4)
