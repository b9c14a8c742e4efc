"""The lines of `netmon check` about a result, and the last one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_netmon.plan import Endpoint
from pytest_netmon.reports.layout import placed_id
from pytest_netmon.reports.passing import passed_line
from pytest_netmon.run import Result
from pytest_netmon.safe import for_terminal

from .arguments import BROKEN, INCONCLUSIVE, MET

PASS, FAIL, ERROR, XFAIL, XPASS, SKIP = "PASS", "FAIL", "ERROR", "XFAIL", "XPASS", "SKIP"
#: Of an endpoint that tags leave out.
DESELECTED = "DESELECTED"
#: Of a result that the end of the run came before.
UNFINISHED = "UNFINISHED"
#: What makes a run red, and is shown by -q.
RED_WORDS = (FAIL, ERROR)
#: What the last line says of each word, in its order.
_COUNTED = {
    PASS: "passed",
    FAIL: "failed",
    ERROR: "inconclusive",
    XFAIL: "xfailed",
    XPASS: "xpassed",
    SKIP: "skipped",
    DESELECTED: "left out by tags",
    UNFINISHED: "not finished",
}
_STYLES = {PASS: "green", FAIL: "red", ERROR: "red"}
#: What a reader looks for in the text of a failure.
_LABELS = ("next:",)
_WORD_WIDTH = 7
#: `failure_text` indents by two more.
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Line:
    """word: its start, `PASS`, `FAIL` ... padded, or a label; may be empty. style: of the word."""

    text: str
    word: str = ""
    style: str = "cyan"


def word_of(result: Result) -> str:
    """Return the word for a result that is decided."""
    status, xfail = result.verdict.status, result.endpoint.xfail
    if status == "inconclusive":
        return ERROR
    if status == "passed":
        return PASS if xfail is None else XPASS
    return FAIL if xfail is None else XFAIL


def result_lines(result: Result) -> list[Line]:
    """Return the lines about a result: one, or with a failure its whole text."""
    word = word_of(result)
    if word in RED_WORDS:
        from pytest_netmon.reports.failure import failure_text

        first, *others = failure_text(result).split("\n")
        return [_headed(word, first), *map(_following, others)]
    told = _told(result)
    if result.endpoint.xfail is None:
        return [_headed(word, told)]
    expected = "expected" if word == XFAIL else "expected to fail"
    return [_headed(word, f"{told}; {expected}: {for_terminal(result.endpoint.xfail)}")]


def _told(result: Result) -> str:
    if result.verdict.status == "passed":
        return passed_line(result.decisive)
    from pytest_netmon.reports.failure import one_line

    return one_line(result).partition("  ")[2]


def skip_line(endpoint: Endpoint) -> Line:
    """Return the line about an endpoint that is not checked."""
    return _headed(SKIP, f"{placed_id(endpoint)}  {for_terminal(endpoint.skip or '')}".rstrip())


def last_line(words: Iterable[str], elapsed_s: float, before: str = "") -> Line:
    """Return `3 passed, 1 failed, 1 inconclusive in 2.1 s`, with what is to stand `before` it."""
    times = Counter(words)
    told = [f"{times[word]} {counted}" for word, counted in _COUNTED.items() if times[word]]
    decimals = 1 if elapsed_s >= 1 else 2
    is_green = not before and not any(times[word] for word in RED_WORDS)
    return Line("", f"{before}{', '.join(told)} in {elapsed_s:.{decimals}f} s", "green" if is_green else "red")


def exit_status_of(words: Iterable[str]) -> int:
    """Return the exit status of a command whose results have these words."""
    known = set(words)
    if FAIL in known:
        return BROKEN
    return INCONCLUSIVE if ERROR in known else MET


def _following(line: str) -> Line:
    label = next((label for label in _LABELS if line.lstrip().startswith(label)), "")
    start, _, text = (_INDENT + line).partition(label) if label else ("", "", _INDENT + line)
    return Line(text, start + label)


def _headed(word: str, text: str) -> Line:
    return Line(text, f"{word:{_WORD_WIDTH}}", _STYLES.get(word, "yellow"))
