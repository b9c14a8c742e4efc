"""The HTML report as text: what stands in it, in which order, and what never does."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import replace

from html_pages import HOSTILE, hostile_run, many_run, mixed_run, page_of, steady
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.limits import parse_limit
from pytest_netmon.outcomes import cause_of, next_step_of
from pytest_netmon.reports.html_report import MOST_DETAILED, html_chunks
from pytest_netmon.samples import Attempt


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_verdict_comes_first_then_what_failed_then_the_rest():
    page = page_of(mixed_run())
    assert page.texts_of("h1") == ["3 of 8 endpoints failed, 1 is inconclusive"]
    assert page.texts_of("title")[0] == "netmon: 3 of 8 endpoints failed, 1 is inconclusive"
    assert page.texts_of("h2") == ["What is wrong", "All endpoints", "Details", "About this run"]
    red = ["db.internal:5432", "cache.internal:6379", "admin.internal:22", "vpn.internal:443"]
    rest = ["old.internal:21", "queue.internal:5672", "late.internal:8080", "gate.internal:22"]
    assert page.texts_of("h3") == [*red, *rest, "How to read it"]


def test_a_failure_is_told_in_the_words_of_all_reports():
    text = page_of(mixed_run()).text
    for told in (
        "2 limits broken in 40 checks",
        f"3 x timeout ({cause_of('timeout', 2.0)})",
        next_step_of("timeout"),
        "checks 1 and 2 needed a repeated SYN: packet loss, not a slow server",
        f"refused ({cause_of('refused', 3.0)})",
        "open, but it must not be reachable",
        "1 x EMFILE, no free file descriptor for this process",
    ):
        assert told in text
    assert "ss -ltn" in page_of(mixed_run()).texts_of("code")


def test_what_passed_late_or_failed_as_expected_says_so():
    text = page_of(mixed_run()).text
    assert "5.10 ms; reached at try 2 of 3, after timeout" in text
    assert "Expected to fail: firewall change pending" in text
    assert "not before July" in text


def test_the_table_has_a_row_for_each_endpoint_of_the_plan_and_leads_to_its_details():
    page = page_of(mixed_run())
    rows = [row["data-standing"] for row in page.of("tr") if "data-standing" in row]
    assert rows == ["failed"] * 3 + ["inconclusive", "expected failure", *["passed"] * 3, "skipped"]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.of("a")]
    assert all(link[1:] in ids for link in links)
    assert len([link for link in links if link.startswith("#e") and link[2:].isdigit()]) == 8


def test_limits_are_shown_with_what_was_measured():
    page = page_of(mixed_run())
    cells = page.texts_of("td")
    at = cells.index("92.50 %")
    assert cells[at : at + 4] == ["92.50 %", ">= 99 %", "broken", "target"]
    assert "p95 < 50 ms" in page.texts_of("text")


def test_a_run_that_was_cut_off_says_so_as_do_gaps_lost_samples_and_warnings():
    run = replace(mixed_run(), lost_samples=7, partial=True)
    page = page_of(run)
    assert page.texts_of("h1") == ["3 of 8 endpoints failed, 1 is inconclusive; the run was cut off"]
    assert "The checker itself stood still for 0.80 s in all: 3 checks left out." in page.text
    assert "7 samples could not be recorded." in page.text
    assert "2 endpoints have a timeout of 1s or less" in page.text


def test_each_chart_has_a_title_and_says_in_words_what_it_shows():
    page = page_of(mixed_run())
    charts = [each for each in page.of("svg") if each.get("role") == "img"]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert len(charts) == 4
    assert all(set(chart["aria-labelledby"].split()) <= ids for chart in charts)
    assert page.texts_of("desc")[0] == (
        "40 checks from 12:30:00 to 12:30:09; 37 open in 9.00 to 1020.00 ms, median 9.20 ms; 3 failed; "
        "SYN repeated in checks 1 and 2; the checker stood still in between; "
        "limits: success >= 99% broken, p95 < 50ms broken"
    )


def test_few_checks_are_told_without_a_chart():
    page = page_of(run_of([(reached(), [failed("timeout", clock_ms=1.0), opened(0.4)])]))
    assert not page.of("figure")
    assert "0.40 ms; reached at try 2 of 3, after timeout" in page.text


def test_headings_and_tables_are_real_ones():
    page = page_of(mixed_run())
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(page.of("table")) == len(page.of("caption"))
    assert all(header.get("scope") in ("row", "col") for header in page.of("th"))


def test_many_failures_are_counted_by_cause_few_are_not():
    refused = [(reached(f"r{number}"), [failed("refused")]) for number in range(6)]
    slow = [(measured(f"s{number}", 1, "max < 1ms"), steady(2.0)) for number in range(2)]
    cells = page_of(run_of(refused + slow)).texts_of("td")
    assert cells[:4] == ["6", cause_of("refused", 3.0), "2", "a limit is broken though every check was open"]
    assert "Main causes" not in page_of(mixed_run()).texts_of("caption")


def test_repeated_syns_and_those_that_nobody_answered_stand_with_their_checks():
    checks = [opened(1020.0, syn_repeats=1), failed("timeout", syn_repeats=2), *steady(1.0, 38)]
    cells = page_of(run_of([(measured("db", 1), checks)])).texts_of("td")
    assert "open, after 1 repeated SYN" in cells
    assert "timeout, 3 SYNs sent" in cells


def test_a_broken_limit_that_fails_nothing_is_a_warning_at_every_place():
    endpoint = replace(measured("db", 1, count=20), warn=(parse_limit("p95 < 5ms"),))
    page = page_of(run_of([(endpoint, steady(10.0, 20))]))
    assert page.texts_of("h1") == ["The endpoint passed"]
    assert page.texts_of("li") == ["db:1: warning: p95 10.40 ms, allowed < 5 ms"]
    badges = [each["class"] for each in page.of("span") if each["class"].startswith("badge")]
    assert badges == ["badge passed", "badge warning"] * 2
    assert "limit warning" in [each["class"] for each in page.of("line")]


def test_nothing_checked_is_no_success():
    page = page_of(run_of([], reached()))
    assert page.texts_of("h1") == ["Nothing was checked"]
    assert [row["data-standing"] for row in page.of("tr") if "data-standing" in row] == ["not run"]


def test_the_page_loads_nothing_and_runs_nothing_but_its_own_script():
    page = page_of(mixed_run())
    (policy,) = [meta["content"] for meta in page.of("meta") if meta.get("http-equiv")]
    (script,), (style,) = page.texts_of("script"), page.texts_of("style")
    text = "".join(html_chunks(mixed_run()))
    script = text[text.index("<script>") + 8 : text.index("</script>")]
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src {hash_of(style)}",
        f"script-src {hash_of(script)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    for _, attributes in page.tags:
        assert not {"src", "style", "srcset", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in style


def test_hostile_texts_change_no_tag_and_no_attribute_but_those_that_hold_them():
    harmless = tuple(f"name{number}" for number in range(len(HOSTILE)))

    def shape(run):
        return [(tag, *sorted(attributes)) for tag, attributes in page_of(run).tags if tag != "code"]

    assert shape(hostile_run()) == shape(hostile_run(harmless))


def test_hostile_texts_are_shown_as_what_they_are():
    text = page_of(hostile_run()).text
    assert '<script>document.title="owned"</script>:1' in text
    assert "'\"`{{7*7}}{% raw %}:3" in text
    assert "a\\u202egnp.exe" in text
    assert "\\x1b]0;owned\\x07" in text
    assert "\u202e" not in text
    assert "x" * 301 not in text


@settings(max_examples=25)
@given(st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=3))
def test_any_text_makes_a_page_that_is_well_formed(texts):
    page = page_of(hostile_run(tuple(texts)))
    assert len(page.texts_of("h1")) == 1
    "".join(html_chunks(hostile_run(tuple(texts)))).encode("utf-8")


def test_a_redacted_endpoint_shows_neither_host_nor_address_nor_words_of_the_system():
    attempt = Attempt("10.0.3.7", "timeout", 250.0)
    words = {"message": "secret.internal said no", "errno": "EPERM", "attempts": (attempt,)}
    checks = [
        failed("prohibited", **words),
        failed("local_error", **words),
        opened(1.0, address="10.0.3.8"),
        *steady(3),
    ]
    endpoint = measured("secret.internal", 443, "success >= 99%", name="api", redact=True, count=10)
    text = "".join(html_chunks(run_of([(endpoint, checks)])))
    assert "api:443" in text
    for hidden in ("secret", "10.0.3."):
        assert hidden not in text


def test_each_endpoint_is_read_once():
    run = mixed_run()
    "".join(html_chunks(run))
    assert run.store.reads == len(run.results)


def test_500_endpoints_of_100_checks_stay_below_5_mb():
    assert len("".join(html_chunks(many_run(500, 100))).encode()) < 5_000_000


def test_past_600_endpoints_the_rest_has_a_row_but_no_charts_and_the_page_says_so():
    run = many_run(MOST_DETAILED + 40, 1)
    page = page_of(run)
    assert len([row for row in page.of("tr") if "data-standing" in row]) == MOST_DETAILED + 40
    assert len(page.of("article")) + len([each for each in page.of("details") if each]) == MOST_DETAILED
    assert "40 more endpoints have no charts here: netmon.json has all of their samples." in page.text
    assert run.store.reads == MOST_DETAILED


def test_text_is_readable_in_light_and_in_dark():
    (style,) = page_of(run_of([])).texts_of("style")
    palettes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(palettes) == 2
    for colors in palettes:
        for text in ("text", "soft", "link", "red", "green"):
            assert contrast(colors[text], colors["card"]) >= 4.5
            assert contrast(colors[text], colors["page"]) >= 4.5 or text in ("red", "green")
        for tone in ("red", "amber", "green", "grey"):
            assert contrast(colors[tone], colors[f"{tone}-card"]) >= 4.5
            assert contrast(colors["soft"], colors[f"{tone}-card"]) >= 4.5
        for mark in ("mark", "loss", "red", "soft", "focus"):
            assert contrast(colors[mark], colors["card"]) >= 3


def contrast(one, other):
    """WCAG 2.2, relative luminance and contrast ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    shares = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
