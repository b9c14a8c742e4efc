"""A run as Markdown for the summary of a CI job, as GitHub, GitLab and Azure show it. Pure.

Every text of a run goes through `_text`: each character that Markdown, HTML or one of their extensions (links,
mentions, math) could read as more than itself is written as its number, which none of them does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..limits import shown_limit, shown_measured
from ..plan import Endpoint
from ..run import Result, Run
from ..safe import for_json, for_terminal
from .compared import baseline_line, broken_comparison, comparison_row
from .evidence import evidence_of
from .failure import told_of
from .layout import code_spans, counted, placed_id, shown_ms, shown_span
from .matrix import matrix_of
from .naming import shown_name
from .standings import (
    FAILED,
    INCONCLUSIVE,
    ORDER,
    PASSED,
    RED,
    XFAILED,
    causes_of,
    headline,
    in_order,
    main_cause,
    standing_of,
    status_of,
    tally_of,
    warnings_of,
    without_result,
)

#: GitHub drops a summary over 1,024 KiB whole (docs.github.com, "Workflow commands"); some room is left for others'.
MOST_BYTES = 1_000 * 1024
#: Failures that are told at length, and those of them that are unfolded at once.
_MOST_TOLD, _MOST_OPEN = 50, 5
#: A table with more rows is folded.
_MOST_UNFOLDED_ROWS = 40
_MOST_CAUSES, _MOST_WARNINGS = 30, 10
_MOST_MATRIX_ROWS = 100
_LEAST_FOR_P95 = 20
_LEAST_FOR_CAUSES = 8
#: For the lines that end a summary which had to be cut.
_RESERVED_BYTES = 1_000

_SYMBOLS = {FAILED: "❌", INCONCLUSIVE: "⚠️", XFAILED: "🟡", PASSED: "✅"}
_OTHER_SYMBOL = "⚪"
_HEAD = ("endpoint", "verdict", "success", "median ms", "p95 ms", "max ms", "SYN repeats")
_ALIGNED = "|:--|:--|--:|--:|--:|--:|--:|"
#: All of ASCII but letters, digits, spaces and what means nothing anywhere.
_SPEAKING = re.compile(r"[^A-Za-z0-9 ,;%?()\u0080-\U0010ffff-]")
#: A mention is looked for in the text that a reader sees; a space without width keeps it from being one.
_NO_MENTION = "&#64;&#8203;"


def markdown_summary(run: Run, most_bytes: int = MOST_BYTES) -> str:
    """Return the summary of a run, at most `most_bytes` long in UTF-8 (and then at least 16 KiB).

    The verdict, what failed with causes and next steps, a table of all endpoints with what needs a look first. What
    finds no room is counted. Redacted endpoints are shown without host and address.
    """
    ordered = in_order(run.results)
    text = _Limited(max(most_bytes, 16 * 1024) - _RESERVED_BYTES)
    text.add("".join(_opening(run)))
    _add_matrix(text, run)
    _add_failures(text, [result for result in ordered if standing_of(result) in RED])
    _add_table(text, ordered, without_result(run))
    return text.whole


class _Limited:
    """Text that grows until its room is used up."""

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._parts: list[str] = []

    def add(self, part: str, *, keep_free: int = 0) -> bool:
        """Add `part` if it fits and leaves that many bytes; say whether it did."""
        size = len(part.encode())
        if size + keep_free > self._room_bytes:
            return False
        self._room_bytes -= size
        self._parts.append(part)
        return True

    def end(self, part: str) -> None:
        """Add what must stand there, from the reserve."""
        self._parts.append(part)

    @property
    def room_bytes(self) -> int:
        return self._room_bytes

    @property
    def whole(self) -> str:
        return "".join(self._parts)


def _opening(run: Run) -> Iterator[str]:
    checks = sum(result.statistics.checks + result.statistics.local_errors for result in run.results)
    took = shown_span((run.ended_at - run.started_at).total_seconds())
    host = f" on {_code(run.machine['host'])}" if run.machine.get("host") else ""
    files = f", from {', '.join(map(_code, run.plan.files[:3]))}" if run.plan.files else ""
    counts = ", ".join(f"{number} {standing}" for standing, number in tally_of(run).items())
    yield f"## {_symbol(status_of(run))} netmon: {headline(run)}\n\n"
    yield f"{counted(checks, 'check')} in {took}{host}{files}{f'. Endpoints: {counts}' if counts else ''}."
    yield f" Compared with {_text(baseline_line(run.baseline))}.\n\n" if run.baseline else "\n\n"
    yield from (f"> {line}\n" for line in _warnings(run))
    yield "\n"
    causes = causes_of(run)
    rest = causes[_MOST_CAUSES:]
    if sum(cause.endpoints for cause in causes) >= _LEAST_FOR_CAUSES:
        yield "| main cause | endpoints | meaning |\n|:--|--:|:--|\n"
        for cause in causes[:_MOST_CAUSES]:
            yield f"| {_text(cause.name)} | {cause.endpoints} | {_text(cause.text)} |\n"
        touched = counted(sum(cause.endpoints for cause in rest), "endpoint")
        yield f"\nand {counted(len(rest), 'more cause')}, of {touched}\n\n" if rest else "\n"


def _warnings(run: Run) -> Iterator[str]:
    if run.gaps:
        missed = counted(sum(gap.missed for gap in run.gaps), "check")
        yield f"The checker itself stood still: {missed} left out.  "
    if run.lost_samples:
        yield f"{counted(run.lost_samples, 'sample')} could not be recorded.  "
    for warning in run.warnings[:_MOST_WARNINGS]:
        yield f"warning: {_text(for_terminal(warning))}  "
    if len(run.warnings) > _MOST_WARNINGS:
        yield f"and {counted(len(run.warnings) - _MOST_WARNINGS, 'more warning')}  "
    broken = warnings_of(run.results)
    yield from (f"⚠️ {_text(line)}  " for line in broken[:_MOST_WARNINGS])
    if len(broken) > _MOST_WARNINGS:
        yield f"and {counted(len(broken) - _MOST_WARNINGS, 'more warning')} of this kind  "


def _add_matrix(text: _Limited, run: Run) -> None:
    """Where it is red from; at most a quarter of the room is its own."""
    matrix = matrix_of(run)
    if matrix is None:
        return
    kept_free = text.room_bytes * 3 // 4
    found = ", ".join(f"{finding}: {number}" for finding, number in matrix.findings.items())
    places = " | ".join(map(_code, matrix.vantages))
    head = f"### By place{f' ({_text(found)})' if found else ''}\n\n"
    head += f"| endpoint | {places} | finding |\n|:--|{':--|' * len(matrix.vantages)}:--|\n"
    if not text.add(head, keep_free=kept_free):
        return
    shown = 0
    for row in matrix.rows[:_MOST_MATRIX_ROWS]:
        cells = " | ".join(f"{_symbol(cell.standing)} {_text(cell.text)}" for cell in row.cells)
        finding = f"**{_text(row.finding)}**" if row.finding else ""
        if not text.add(f"| {_code(row.id)} | {cells} | {finding} |\n", keep_free=kept_free):
            break
        shown += 1
    rest = len(matrix.rows) - shown
    text.add(f"\nand {counted(rest, 'more endpoint')}\n\n" if rest else "\n", keep_free=kept_free)


def _add_failures(text: _Limited, red: list[Result]) -> None:
    """At most half of the room is theirs: each has a row in the table too."""
    told = 0
    kept_free = text.room_bytes // 2
    for result in red[:_MOST_TOLD]:
        block = "\n".join(_block(result, is_open=told < _MOST_OPEN))
        if not text.add(block, keep_free=kept_free):
            break
        told += 1
    if told < len(red):
        text.add(f"and {counted(len(red) - told, 'more endpoint')} with the like: see the table.\n\n")


def _block(result: Result, *, is_open: bool) -> Iterator[str]:
    told = told_of(result, evidence_of(result))
    summary = f"{_symbol(standing_of(result))} {_code(shown_name(result))}: {_text(told.heading)}"
    yield f"<details{' open' if is_open else ''}><summary>{summary}</summary>\n"
    broken = result.verdict.broken
    compared = comparison_row(result) if broken_comparison(result) else None
    if broken or compared:
        yield "| limit | measured | allowed |\n|:--|--:|--:|"
        for each in broken:
            measured, allowed = shown_measured(each.limit, each.value), shown_limit(each.limit)
            yield f"| {_text(each.limit.metric.shown_name)} | **{_text(measured)}** | {_text(allowed)} |"
        if compared:
            yield f"| {_text(compared[0])} | **{_text(compared[1])}** | {_text(compared[2])} |"
        yield ""
    yield from _listed((*told.outcomes, *told.left_out))
    yield from (f"- **next**: {_spans(step)}" for step in (*told.steps, *told.remedies))
    yield from _listed((*told.remarks, *told.notes))
    if result.endpoint.source:
        yield f"- written in {_code(str(result.endpoint.source))}"
    yield "\n</details>\n"


def _listed(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        indent = "  " if line.startswith("  ") else ""
        yield f"{indent}- {_text(line.strip())}"


def _add_table(text: _Limited, ordered: list[Result], rest: list[tuple[Endpoint, str]]) -> None:
    rows = [*(_Row.of(result) for result in ordered), *(_Row.without_result(*each) for each in rest)]
    if not rows:
        return
    unfolded = " open" if len(rows) <= _MOST_UNFOLDED_ROWS else ""
    opening = f"\n<details{unfolded}><summary>All {counted(len(rows), 'endpoint')}</summary>\n\n"
    closing = "\n</details>\n"
    text.add(f"{opening}| {' | '.join(_HEAD)} |\n{_ALIGNED}\n", keep_free=len(closing))
    shown = 0
    while shown < len(rows) and text.add(rows[shown].line, keep_free=len(closing)):
        shown += 1
    left_over = rows[shown:]
    text.end(closing)
    if left_over:
        standings = [row.standing for row in left_over]
        counts = [f"{standings.count(each)} {each}" for each in ORDER if each in standings]
        text.end(f"\nand {counted(len(left_over), 'more endpoint')} that found no room here: {', '.join(counts)}.\n")


class _Row:
    """A line of the table, and how its endpoint stands."""

    def __init__(self, standing: str, cells: Iterable[str]) -> None:
        self.standing = standing
        self.line = f"| {' | '.join(cells)} |\n"

    @classmethod
    def of(cls, result: Result) -> _Row:
        statistics, connect, standing = result.statistics, result.statistics.connect, standing_of(result)
        is_closed = not result.endpoint.expects_open and standing == PASSED
        cause = f": {_text(main_cause(result))}" if standing in RED else ""
        shares = "-" if result.is_unmeasured else f"{statistics.successful}/{statistics.checks}"
        p95_ms = connect.percentile_ms(95) if connect.count >= _LEAST_FOR_P95 else None
        repeats = statistics.syn_repeats
        return cls(
            standing,
            (
                _code(shown_name(result)),
                f"{_symbol(standing)} {standing}{cause}",
                result.endpoint.expect if is_closed else shares,
                *map(shown_ms, (connect.median_ms, p95_ms, connect.max_ms)),
                "-" if repeats is None else str(repeats),
            ),
        )

    @classmethod
    def without_result(cls, endpoint: Endpoint, standing: str) -> _Row:
        reason = f": {_text(for_terminal(endpoint.skip))}" if endpoint.skip else ""
        return cls(standing, (_code(placed_id(endpoint)), f"{_symbol(standing)} {standing}{reason}", *["-"] * 5))


def _symbol(standing: str) -> str:
    return _SYMBOLS.get(standing, _OTHER_SYMBOL)


def _code(text: str) -> str:
    return f"<code>{_text(for_terminal(text))}</code>"


def _spans(text: str) -> str:
    """`text` with what stands between backticks as code."""
    return "".join(f"<code>{_text(piece)}</code>" if is_code else _text(piece) for piece, is_code in code_spans(text))


def _text(text: str) -> str:
    """One line of any text as nothing but text, wherever in a line but at its start."""
    return _SPEAKING.sub(lambda match: _NO_MENTION if match[0] == "@" else f"&#{ord(match[0])};", for_json(text))
