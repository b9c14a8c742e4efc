"""The HTML report in a real Chromium: what runs, what is seen, what the keyboard and a screen reader get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, missing_programs
from html_pages import hostile_run, many_run, mixed_run

from pytest_netmon.reports.html_report import html_chunks

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=str(missing_programs()))

ENTER, TAB = "\ue007", "\ue004"
PAGES = {"mixed": mixed_run, "hostile": hostile_run, "many": lambda: many_run(60, 30)}
ROWS = "return Array.from(document.querySelectorAll('table.all tbody tr'))"
NAMES = f"{ROWS}.filter(row => row.offsetParent).map(row => row.cells[0].querySelector('.name').textContent)"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, run in PAGES.items():
        (folder / f"{name}.html").write_text("".join(html_chunks(run())), "utf-8", "backslashreplace")
    return {name: folder / f"{name}.html" for name in PAGES}


@pytest.fixture
def browser(window: Browser) -> Iterator[Browser]:
    """The window as it was at first."""
    yield window
    window.command("Emulation.setScriptExecutionDisabled", value=False)
    window.command("Emulation.clearDeviceMetricsOverride")
    window.command("Emulation.setEmulatedMedia", media="", features=[])


def column(browser, number):
    return browser.run(f"{ROWS}.map(row => row.cells[{number}].textContent)")


@pytest.mark.parametrize("name", [*PAGES])
@pytest.mark.fault("text", "`<script>` and its kin: HTML in Chromium", "no foreign script runs, nothing is loaded")
def test_nothing_is_loaded_and_nothing_of_a_run_is_executed(browser, pages, name):
    browser.open(pages[name])
    assert browser.log() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run("return document.title").startswith("netmon: ")
    assert browser.run("return document.scripts.length") == 1
    assert browser.run("return document.querySelectorAll('img, iframe, object, link, [onload], [onerror]').length") == 0


def test_the_policy_of_the_page_stops_a_script_that_got_in_after_all(browser, pages, tmp_path):
    text = pages["mixed"].read_text("utf-8")
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(text.replace("<header>", "<script>document.title='owned'</script><img src=x:y><header>"), "utf-8")
    browser.open(spoilt)
    assert browser.run("return document.title").startswith("netmon: ")
    assert len([line for line in browser.log() if "Content Security Policy" in line]) == 2


def test_a_column_sorts_up_then_down_and_what_was_not_measured_stays_last(browser, pages):
    browser.open(pages["mixed"])
    browser.click("table.all thead th:nth-child(6) button")
    assert column(browser, 5) == ["3.20", "3.40", "5.10", "1020.00", "-", "-", "-", "-", "-"]
    browser.click("table.all thead th:nth-child(6) button")
    assert column(browser, 5) == ["1020.00", "5.10", "3.40", "3.20", "-", "-", "-", "-", "-"]
    sorted_by = "return Array.from(document.querySelectorAll('[aria-sort]'), each => [each.cellIndex, each.ariaSort])"
    assert browser.run(sorted_by) == [[5, "descending"]]


def test_names_sort_as_people_count(browser, pages):
    browser.open(pages["many"])
    browser.click("table.all thead th:nth-child(1) button")
    assert browser.run(NAMES)[:12] == [f"host-{number}.internal:443" for number in range(12)]


def test_verdicts_sort_by_what_needs_a_look(browser, pages):
    browser.open(pages["mixed"])
    browser.click("table.all thead th:nth-child(1) button")
    browser.click("table.all thead th:nth-child(2) button")
    told = ["failed"] * 3 + ["inconclusive", "expected failure", "passed", "passed", "passed", "skipped"]
    assert column(browser, 1) == told


def test_a_column_sorts_by_keyboard_alone(browser, pages):
    browser.open(pages["mixed"])
    browser.run("document.querySelector('#standing').focus()")
    for _ in range(8):
        browser.press(TAB)
        if browser.run("return document.activeElement.textContent") == "median":
            break
    browser.press(ENTER)
    assert browser.run("return document.activeElement.closest('th').ariaSort") == "ascending"


def test_the_table_shows_what_is_looked_for_and_says_how_much(browser, pages):
    browser.open(pages["mixed"])
    browser.write("#search", "QUEUE")
    assert browser.run(NAMES) == ["queue.internal:5672"]
    assert browser.run("return document.getElementById('shown').textContent") == "1 of 9 shown"
    browser.run(
        "const s = document.getElementById('standing'); s.value = 'failed'; s.dispatchEvent(new Event('change'))"
    )
    assert browser.run(NAMES) == []
    browser.run("const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input'))")
    assert browser.run(NAMES) == ["db.internal:5432", "cache.internal:6379", "admin.internal:22"]


def test_a_link_of_the_table_opens_the_details_that_it_leads_to(browser, pages):
    browser.open(pages["many"])
    browser.click("a[href='#e7']")
    assert browser.run("return document.getElementById('e7').closest('details').open") is True
    top = browser.run("return document.getElementById('e7').getBoundingClientRect().top")
    assert 0 <= top < browser.run("return innerHeight")


def test_all_details_open_and_close_at_once(browser, pages):
    browser.open(pages["many"])
    number = "return document.querySelectorAll('details.card[open]').length"
    browser.click("[data-open=yes]")
    assert browser.run(number) == 57
    browser.click("[data-open=no]")
    assert browser.run(number) == 0


def test_without_scripts_all_is_there_and_no_control_that_does_nothing(browser, pages):
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(pages["mixed"], "#e5")
    assert browser.run(NAMES)[0] == "db.internal:5432"
    assert len(browser.run(NAMES)) == 9
    assert browser.run("return document.querySelectorAll('button').length") == 2
    assert browser.run("return Array.from(document.querySelectorAll('.controls')).every(each => !each.offsetParent)")
    assert browser.run("return document.getElementById('e5').checkVisibility()") is True


@pytest.mark.parametrize("name", [*PAGES])
def test_a_phone_needs_to_scroll_in_one_direction_only(browser, pages, name):
    browser.command("Emulation.setDeviceMetricsOverride", width=375, height=800, deviceScaleFactor=2, mobile=True)
    browser.open(pages[name])
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.run("return document.documentElement.scrollWidth") == 375


def test_charts_keep_their_marks_round_and_inside_at_any_width(browser, pages):
    for width in (375, 1200):
        browser.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
        )
        browser.open(pages["mixed"])
        inside = browser.run(
            "return Array.from(document.querySelectorAll('figure'), figure => {"
            " const room = figure.getBoundingClientRect();"
            " return Array.from(figure.querySelectorAll('path, text'), each => each.getBoundingClientRect())"
            "  .every(box => box.left >= room.left - 1 && box.right <= room.right + 8); }).every(Boolean)"
        )
        assert inside


def test_dark_mode_is_dark_and_paper_is_not(browser, pages):
    browser.open(pages["mixed"])
    page = "return getComputedStyle(document.body).backgroundColor"
    text = "return getComputedStyle(document.body).color"
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.command("Emulation.setEmulatedMedia", media="screen", features=dark)
    assert browser.run(page) == "rgb(14, 19, 24)"
    browser.command("Emulation.setEmulatedMedia", media="print", features=dark)
    assert browser.run(text) == "rgb(27, 34, 41)"
    assert browser.run("return document.querySelector('.controls').checkVisibility()") is False


def test_a_screen_reader_gets_names_descriptions_headings_and_the_order_of_columns(browser, pages):
    browser.open(pages["mixed"])
    browser.click("table.all thead th:nth-child(4) button")
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    told = [{key: node.get(key, {}).get("value") for key in ("role", "name", "description")} for node in nodes]

    def of(role):
        return [each for each in told if each["role"] == role]

    charts = of("image")
    assert charts[0]["name"].startswith("Connect times of db.internal:5432 over time 40 checks from")
    assert all(
        each["name"] for role in ("image", "table", "link", "button", "searchbox", "combobox") for each in of(role)
    )
    headings = {each["name"] for each in of("heading")}
    assert headings > {"3 of 8 endpoints failed, 1 is inconclusive", "What is wrong", "db.internal:5432"}
    assert len(of("article")) == 4
    assert {each["name"] for each in of("rowheader")} > {"db.internal:5432 10.0.3.7", "p95"}
