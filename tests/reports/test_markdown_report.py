"""The job summary, read back as GitHub reads it: CommonMark with tables and HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from html_pages import HOSTILE, hostile_run, many_run, mixed_run
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import failed, measured, opened, reached, run_of

from pytest_netmon.outcomes import OUTCOMES, cause_of
from pytest_netmon.reports.markdown_report import MOST_BYTES, markdown_summary
from pytest_netmon.safe import for_terminal

markdown_it = pytest.importorskip("markdown_it")

_OURS = {"h2", "p", "code", "blockquote", "br", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
_OURS |= {"ul", "li", "strong", "h3"}


class Rendered(HTMLParser):
    """tags: all of them. texts: by the tag that they stand in. attributes: their names and values."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.feed(markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append((self.tags[-1] if self.tags else "", data))

    def texts_of(self, tag: str) -> list[str]:
        return [text.strip() for name, text in self.texts if name == tag and text.strip()]

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.texts)


def test_the_verdict_comes_first_then_what_failed_with_cause_and_next_step_then_all():
    page = Rendered(markdown_summary(mixed_run()))
    assert page.texts_of("h2") == ["❌ netmon: 3 of 8 endpoints failed, 1 is inconclusive"]
    order = [
        "3 of 8 endpoints failed",
        "Endpoints: 3 failed, 1 inconclusive, 1 expected failure, 3 passed, 1 skipped.",
        "db.internal:5432 (10.0.3.7): 2 limits broken in 40 checks",
        f"3 x timeout ({cause_of('timeout', 2.0)})",
        "next: is the address right",
        "checks 1 and 2 needed a repeated SYN",
        "written in netmon.yaml:7:5",
        "cache.internal:6379 (10.0.3.7): refused, not reached in 1 try",
        "next: raise the limit (ulimit -n 65536)",
        "All 9 endpoints",
    ]
    places = [page.text.index(each) for each in order]
    assert places == sorted(places)


def test_the_table_has_a_row_for_each_endpoint():
    page = Rendered(markdown_summary(mixed_run()))
    rows = re.findall(r"^\| <code>.*$", markdown_summary(mixed_run()), re.MULTILINE)
    assert len(rows) == 9
    assert {"❌ failed: timeout", "❌ failed: must not be reachable", "🟡 expected failure", "✅ passed"} <= set(
        page.texts_of("td")
    )
    assert "⚪ skipped: not before July" in page.texts_of("td")
    assert page.texts_of("th")[3:] == ["endpoint", "verdict", "success", "median ms", "p95 ms", "max ms", "SYN repeats"]


def test_all_well_is_a_line_and_a_table():
    page = Rendered(markdown_summary(run_of([(reached(), [opened(0.42)])])))
    assert page.texts_of("h2") == ["✅ netmon: the endpoint passed"]
    assert page.tags.count("details") == 1
    assert page.texts_of("td")[-5:] == ["1/1", "0.42", "-", "0.42", "0"]


def test_nothing_checked_is_no_success():
    assert Rendered(markdown_summary(run_of([]))).texts_of("h2") == ["⚪ netmon: nothing was checked"]


def test_what_a_reader_must_know_of_the_run_is_told():
    run = replace(mixed_run(), partial=True, lost_samples=2)
    text = Rendered(markdown_summary(run)).text
    for told in (
        "the run was cut off",
        "3 checks left out",
        "2 samples could not be recorded",
        "a timeout of 1s or less",
    ):
        assert told in text


def test_hostile_texts_are_nothing_but_text():
    markdown = markdown_summary(hostile_run())
    page = Rendered(markdown)
    assert set(page.tags) <= _OURS
    assert {name for name, _ in page.attributes} <= {"open", "style"}
    assert {value for name, value in page.attributes if name == "style"} <= {"text-align:left", "text-align:right"}
    assert '<script>document.title="owned"</script>:1' in page.text
    assert "@" not in markdown
    assert "x" * 301 not in markdown


#: What Markdown, its extensions and GitHub itself make more of than text.
_MARKUP = st.sampled_from(
    ["|", "\\|", "`", "``", "*", "**", "_", "[a](b)", "<b>", "</details>", "&lt;", "![](x)", "~~", "#1", "@team", "é"]
)
_BLOCKS = st.sampled_from(
    ["https://a.b", "www.a.b", "a@b.cd", "$x$", ":+1:", "- ", "1) ", "--- ", "> ", "    ", "\n", "\n\n", "\r"]
)
_TEXT = st.lists(st.one_of(_MARKUP, _BLOCKS, st.text(min_size=1, max_size=3)), min_size=1, max_size=8).map("".join)


@settings(max_examples=60)
@given(st.lists(_TEXT, min_size=2, max_size=2, unique=True))
def test_any_text_is_nothing_but_text(texts):
    markdown = markdown_summary(hostile_run(tuple(texts)))
    page = Rendered(markdown)
    plain = Rendered(markdown_summary(hostile_run(("one", "two"))))
    assert page.tags == plain.tags
    assert {line.count("|") for line in markdown.split("\n") if line.startswith("| <code>")} == {6, 8}
    shown = re.sub(r"\s+", " ", page.text.replace("\u200b", ""))
    for text in texts:
        assert re.sub(r"\s+", " ", for_terminal(text).strip()) in shown
    assert "@" not in markdown
    assert not re.search(r"https?:|www\.", markdown)


def test_mentions_and_links_are_broken_also_where_a_reader_sees_only_text():
    run = run_of([(reached(), [opened(1.0)])], warnings=("ask @octocat, see https://evil.example or www.evil.example",))
    shown = Rendered(markdown_summary(run)).text
    assert "@\u200boctocat" in shown
    assert "https&#58;&#47;&#47;evil" in markdown_summary(run)


def test_5000_failing_endpoints_find_room():
    markdown = markdown_summary(many_run(5000, 1))
    assert len(markdown.encode()) <= MOST_BYTES
    assert "All 5000 endpoints" in markdown
    assert markdown.endswith("</details>\n")


def test_what_finds_no_room_is_counted_and_what_failed_comes_first():
    checks = [failed("refused", message="\u20ac" * 300)]
    red = [(reached(f"{number}" + "&" * 290), checks) for number in range(1500)]
    green = [(reached(f"g{number}"), [opened(1.0)]) for number in range(20)]
    markdown = markdown_summary(run_of(green + red, reached("later", skip="no")))
    page = Rendered(markdown)
    assert len(markdown.encode()) <= MOST_BYTES
    (rest,) = re.findall(r"and (\d+) more endpoints that found no room here: (.*)\.$", markdown, re.MULTILINE)
    rows = len(re.findall(r"^\| <code>", markdown, re.MULTILINE))
    assert int(rest[0]) == 1521 - rows
    assert rest[1] == f"{1500 - rows} failed, 20 passed, 1 skipped"
    assert page.tags.count("details") == markdown.count("</details>")


def test_a_smaller_room_is_kept_too():
    assert len(markdown_summary(many_run(500, 4), 32 * 1024).encode()) <= 32 * 1024
    assert len(markdown_summary(hostile_run(HOSTILE * 5), 0).encode()) <= 16 * 1024


def test_a_redacted_endpoint_shows_its_name_alone():
    words = failed("prohibited", message="secret.internal said no", errno="EPERM")
    run = run_of([(measured("secret.internal", 443, name="api", redact=True, count=1), [words])])
    markdown = Rendered(markdown_summary(run)).text
    assert "api:443: 1 limit broken" in markdown
    assert "secret" not in markdown
    assert "10.0.3.7" not in markdown


def test_every_cause_has_its_row_and_what_is_past_the_room_is_counted():
    outcomes = sorted(set(OUTCOMES) - {"open", "local_error"})
    run = run_of([(reached(f"h{at}"), [failed(outcome)]) for at, outcome in enumerate(outcomes)])
    page = Rendered(markdown_summary(run))
    assert [name for name in page.texts_of("td") if name in outcomes] == outcomes
    assert "more cause" not in page.text
    run = run_of([(reached(f"h{at}"), [failed(f"later_{at}")]) for at in range(33)])
    assert "and 3 more causes, of 3 endpoints" in Rendered(markdown_summary(run)).text
    run = run_of([(reached(), [opened(1.0)])], warnings=[f"warning {at}" for at in range(13)])
    assert "warning 9\nand 3 more warnings" in Rendered(markdown_summary(run)).text


def test_many_failures_are_counted_by_cause():
    run = run_of([(reached(f"h{number}"), [failed("refused")]) for number in range(9)])
    page = Rendered(markdown_summary(run))
    assert page.texts_of("td")[:3] == ["refused", "9", cause_of("refused", 3.0)]
    assert sum(tag == "details" for tag in page.tags) == 10
