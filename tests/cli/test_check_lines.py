"""What `netmon check` writes about a result: words, texts, the last line, the note about a proxy."""

from __future__ import annotations

import pytest
from made_runs import failed, measured, opened, reached, result_of

from pytest_netmon.cli.result_lines import SKIP, UNFINISHED, Line, last_line, result_lines, skip_line, word_of
from pytest_netmon.proxying import Proxy
from pytest_netmon.reports.failure import failure_text
from pytest_netmon.reports.proxies import direct_note
from pytest_netmon.run import Result

PROXY = {"HTTPS_PROXY": "http://user:geheim@proxy.internal:3128"}


def timed_out(host: str = "db.internal", **settings: object) -> Result:
    return result_of(reached(host, **settings), [failed("timeout", clock_ms=3000.0)] * 3)


def texts(lines: list[Line]) -> list[str]:
    return [line.word + line.text for line in lines]


def test_a_pass_is_one_line_with_address_and_time() -> None:
    lines = result_lines(result_of(reached(), [opened(0.41)]))
    assert texts(lines) == ["PASS   db.internal:5432 (10.0.3.7)  0.41 ms"]
    assert lines[0].style == "green"


def test_a_failure_shows_its_whole_text_indented() -> None:
    result = timed_out()
    first, *others = texts(result_lines(result))
    told = failure_text(result).split("\n")
    assert first == f"FAIL   {told[0]}"
    assert others == [f"  {line}" for line in told[1:]]
    assert any(line.startswith("    next: ") for line in others)


def test_what_this_machine_could_not_check_is_an_error() -> None:
    result = result_of(reached(), [failed("local_error", errno="EMFILE")])
    assert word_of(result) == "ERROR"
    assert texts(result_lines(result))[0].startswith("ERROR  db.internal:5432")


def test_an_expected_failure_is_one_line_with_the_reason() -> None:
    result = result_of(reached(xfail="firewall change pending"), [failed("refused")])
    (line,) = texts(result_lines(result))
    assert line.startswith("XFAIL  db.internal:5432 (10.0.3.7)  refused")
    assert line.endswith("; expected: firewall change pending")


def test_an_unexpected_pass_is_shown_as_such() -> None:
    result = result_of(reached(xfail="firewall change pending"), [opened(0.41)])
    assert texts(result_lines(result)) == [
        "XPASS  db.internal:5432 (10.0.3.7)  0.41 ms; expected to fail: firewall change pending"
    ]


def test_an_expected_failure_does_not_hide_the_checker_s_own_fault() -> None:
    result = result_of(reached(xfail="pending"), [failed("local_error", errno="EMFILE")])
    assert word_of(result) == "ERROR"


def test_what_is_skipped_says_why() -> None:
    line = skip_line(reached(skip="not on this site"))
    assert line.word + line.text == "SKIP   db.internal:5432  not on this site"


def test_foreign_text_cannot_steer_the_terminal() -> None:
    result = result_of(reached(xfail="a\x1b[2Jb\nc"), [failed("refused")])
    assert "a\\x1b[2Jb\\nc" in texts(result_lines(result))[0]


@pytest.mark.parametrize(
    ("words", "elapsed_s", "told", "style"),
    [
        (["PASS"], 0.034, "1 passed in 0.03 s", "green"),
        (["PASS", "ERROR", "FAIL", "PASS"], 2.14, "2 passed, 1 failed, 1 inconclusive in 2.1 s", "red"),
        (["XPASS", SKIP, "XFAIL"], 61.0, "1 xfailed, 1 xpassed, 1 skipped in 61.0 s", "green"),
        ([UNFINISHED, "PASS"], 1.0, "1 passed, 1 not finished in 1.0 s", "green"),
    ],
)
def test_the_last_line_counts(words: list[str], elapsed_s: float, told: str, style: str) -> None:
    line = last_line(words, elapsed_s)
    assert (line.text, line.style) == ("", style)
    assert line.word == told


def test_a_timeout_with_a_proxy_set_says_that_the_check_went_direct() -> None:
    note = direct_note(timed_out(), PROXY)
    assert note == (
        "HTTPS_PROXY is set, but the check went direct: where only the proxy leads out, this is what it looks like "
        "(`proxy: env` goes through it)"
    )


def test_a_check_that_went_through_a_proxy_or_from_elsewhere_gets_no_note() -> None:
    assert direct_note(timed_out(vantage="app"), PROXY) is None
    assert direct_note(timed_out(proxy=Proxy("http", "proxy.internal", 3128)), PROXY) is None


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_every_proxy_variable_counts(variable: str) -> None:
    note = direct_note(timed_out(), {variable: "socks5://u:geheim@p"})
    assert note is not None
    assert note.startswith(f"{variable} is set")
    assert "geheim" not in note


@pytest.mark.parametrize("no_proxy", ["*", "db.internal", ".internal", "internal", "x.org, db.internal", "*.internal"])
def test_a_host_that_the_proxy_is_not_for_gets_no_note(no_proxy: str) -> None:
    assert direct_note(timed_out(), {**PROXY, "NO_PROXY": no_proxy}) is None


@pytest.mark.parametrize("no_proxy", ["", "ternal", "other.internal", "db"])
def test_other_exceptions_change_nothing(no_proxy: str) -> None:
    assert direct_note(timed_out(), {**PROXY, "no_proxy": no_proxy}) is not None


def test_no_note_without_a_proxy() -> None:
    assert direct_note(timed_out(), {}) is None
    assert direct_note(timed_out(), {"HTTPS_PROXY": " "}) is None


def test_no_note_where_something_answered() -> None:
    assert direct_note(result_of(reached(), [failed("refused")]), PROXY) is None
    assert direct_note(result_of(reached(), [opened(0.4)]), PROXY) is None


def test_no_note_where_a_timeout_is_what_was_expected() -> None:
    result = result_of(reached(expect="closed"), [failed("timeout", clock_ms=3000.0), opened(1.0)])
    assert direct_note(result, PROXY) is None


def test_the_note_stands_for_measured_endpoints_too() -> None:
    result = result_of(measured("db.internal", 5432, count=2), [failed("timeout", clock_ms=2000.0), opened(1.0)])
    assert direct_note(result, PROXY) is not None
