"""What the terminal shows of a run: the line before it, the line while it runs, the table after it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..plan import Plan
from ..run import Result, Run
from ..safe import for_terminal
from ..statistics import Statistics
from ..verdict import WARNING
from .layout import counted, fitted, in_columns, listed, placed_id, shown_ms, width_of, wrapped
from .matrix import matrix_lines
from .standings import main_cause, was_cut_off
from .waiting import waits_told

#: Rows of the table; what failed comes first.
MOST_ROWS = 40
MOST_WARNINGS = 20
#: Vantages to name before "and 12 more".
_MOST_NAMES = 8
#: The longest id that may push the figures to the right: a name of two labels and more.
_WIDEST_ID = 48
#: Below that the 95th percentile is the maximum (nearest rank).
_LEAST_FOR_P95 = 20
#: What the table says of a result, what failed first. An expected failure has pytest's word.
_WORDS = ("FAILED", "INCONCLUSIVE", "xfailed", "passed")
_HEAD = ("endpoint", "verdict", "success", "median ms", "p95 ms", "max ms")
_REPEATS = "SYN repeats"
_ON_THE_RIGHT = (2, 3, 4, 5, 6)
#: A note that would be cut to less than this is left out: the failure's text has it all.
_LEAST_NOTE = 24


def header_lines(plan: Plan, selected_count: int, workers: int = 0) -> list[str]:
    """Return what is about to happen, before it does, then the plan's warnings.

    `netmon: 12 endpoints (8 reached, 4 measured), planned 9.8 s at up to 48.0 checks/s from netmon.yaml`, and where
    other processes run the tests: `; one campaign for 4 workers`.
    """
    checked = plan.checked
    measured = sum(endpoint.measured for endpoint in checked)
    told = counted(len(plan.endpoints), "endpoint")
    if selected_count < len(plan.endpoints):
        told = f"{selected_count} of {told}"
    kinds = [f"{len(checked) - measured} reached"] if measured < len(checked) else []
    kinds += [f"{measured} measured"] if measured else []
    if len(checked) < len(plan.endpoints):
        kinds.append(f"{len(plan.endpoints) - len(checked)} skipped")
    if plan.deselected:
        kinds.append(f"{plan.deselected} more left out by their tags")
    if plan.elsewhere:
        kinds.append(f"{plan.elsewhere} more from vantages that were not chosen")
    line = f"netmon: {told} ({', '.join(kinds)})"
    if measured and math.isfinite(plan.planned_duration_s):
        line += f", planned {plan.planned_duration_s:.1f} s"
    if plan.planned_rate:
        line += f" at up to {plan.planned_rate:.1f} checks/s"
    line += waits_told(checked)
    if plan.files:
        line += f" from {', '.join(for_terminal(file) for file in plan.files)}"
    if plan.vantages:
        line += (
            f", checked from {listed([*dict.fromkeys(endpoint.vantage for endpoint in plan.endpoints)], _MOST_NAMES)}"
        )
    if workers:
        line += f"; one campaign for {counted(workers, 'worker')}"
    return [line, *(f"netmon: warning: {for_terminal(warning)}" for warning in plan.warnings)]


def progress_line(done: int, total: int, checks: int, elapsed_s: float, planned_s: float) -> str:
    """Return how far a run is: `netmon: 5 of 12 endpoints, 93 checks, 4.1 s of 9.8 s`."""
    planned = f" of {planned_s:.1f} s" if planned_s > elapsed_s else ""
    return f"netmon: {done} of {counted(total, 'endpoint')}, {counted(checks, 'check')}, {elapsed_s:.1f} s{planned}"


def summary_lines(run: Run, width: int, *, with_warnings: bool = True) -> list[str]:
    """Return a table of the results for a terminal of `width` columns, what failed first; times in
    milliseconds. Past 40 rows the rest is counted: `and 180 more passed`. Under it what a reader must
    know, whole, in as many lines as it takes: that the run was cut off, gaps, lost samples and (`with_warnings`) the
    run's warnings. Nothing without results."""
    ordered = sorted(run.results, key=lambda result: _WORDS.index(_word(result)))
    if not ordered:
        return []
    shown, rest = ordered[:MOST_ROWS], ordered[MOST_ROWS:]
    repeated = any(result.statistics.syn_repeats for result in shown)
    rows = [(*_HEAD, _REPEATS), *map(_row, shown)]
    lines = in_columns(rows, right=_ON_THE_RIGHT)
    if not repeated or width_of(lines[0]) > width or _has_better_to_say(shown, width - width_of(lines[0]) - 2):
        lines = in_columns([row[: len(_HEAD)] for row in rows], right=_ON_THE_RIGHT)
    lines = [lines[0], *(_noted(line, result, width) for line, result in zip(lines[1:], shown, strict=True))]
    lines += [f"and {_counts(rest)}"] if rest else []
    told = [*_warnings(ordered), *_remarks(run), *(_warnings_of(run) if with_warnings else ())]
    matrix = matrix_lines(run, width)
    table = [fitted(line, width) for line in lines]
    return [*([*matrix, ""] if matrix else []), *table, *(line for each in told for line in wrapped(each, width))]


def _has_better_to_say(shown: Sequence[Result], room: int) -> bool:
    """Whether the causes of failures find no room beside the repeated SYNs, and only failures have these: their texts
    tell of them too."""
    red = [result for result in shown if _word(result) in _WORDS[:2]]
    others = [result for result in shown if _word(result) not in _WORDS[:2]]
    return bool(red) and room < _LEAST_NOTE and not any(result.statistics.syn_repeats for result in others)


def _row(result: Result) -> Sequence[str]:
    statistics, connect = result.statistics, result.statistics.connect
    return (
        fitted(placed_id(result.endpoint), _WIDEST_ID),
        _word(result),
        result.endpoint.expect if _is_closed(result) else _shown_success(result),
        shown_ms(connect.median_ms),
        shown_ms(connect.percentile_ms(95) if connect.count >= _LEAST_FOR_P95 else None),
        shown_ms(connect.max_ms),
        _shown_repeats(statistics),
    )


def _shown_success(result: Result) -> str:
    statistics = result.statistics
    return "-" if result.is_unmeasured else f"{statistics.successful}/{statistics.checks}"


def _is_closed(result: Result) -> bool:
    return not result.endpoint.expects_open and result.verdict.status == "passed"


def _noted(line: str, result: Result, width: int) -> str:
    """The row and its note, where there is room for it; else the main cause of what failed, where there is for that."""
    note = _note(result)
    room = width - width_of(line) - 2
    if width_of(note) > room and room < _LEAST_NOTE:
        note = main_cause(result) if _word(result) in _WORDS[:2] else ""
        note = note if width_of(note) <= room else ""
    return f"{line}  {note}" if note else line


def _word(result: Result) -> str:
    if result.verdict.status == "failed":
        return "FAILED" if result.endpoint.xfail is None else "xfailed"
    return "INCONCLUSIVE" if result.verdict.status == "inconclusive" else "passed"


def _shown_repeats(statistics: Statistics) -> str:
    return "-" if statistics.syn_repeats is None else str(statistics.syn_repeats)


def _note(result: Result) -> str:
    """The first of what there is to say; all of it stands in the failure's text."""
    verdict, errors = result.verdict, result.statistics.errors
    if _is_closed(result):
        return "; ".join([", ".join(map(for_terminal, errors)), *map(for_terminal, verdict.notes)])
    is_plain = (
        result.waited is None and not verdict.parts and not result.endpoint.measured and result.endpoint.expects_open
    )
    if verdict.status == "failed" and is_plain:
        told = [
            ", ".join(for_terminal(name) if n == 1 else f"{n} x {for_terminal(name)}" for name, n in errors.items())
        ]
    else:
        notes = [note for note in verdict.notes if not note.startswith(WARNING)]  # they stand below the table
        told = [for_terminal(text) for text in (*verdict.reasons, *notes)]
    expected = [for_terminal(result.endpoint.xfail)] if result.endpoint.xfail and verdict.status == "failed" else []
    return "; ".join([*expected, *told])


def _counts(results: Sequence[Result]) -> str:
    words = [_word(result) for result in results]
    return ", ".join(f"{words.count(word)} more {word}" for word in _WORDS if word in words)


def _warnings(results: Sequence[Result]) -> list[str]:
    """The broken `warn` limits, a line each."""
    told = [
        f"{placed_id(result.endpoint)}: {for_terminal(note)}"
        for result in results
        for note in result.verdict.notes
        if note.startswith(WARNING)
    ]
    more = len(told) - MOST_WARNINGS
    return [*told[:MOST_WARNINGS], f"and {counted(more, 'more warning')}"] if more > 0 else told


def _remarks(run: Run) -> list[str]:
    remarks = ["the run was cut off: figures are of what was measured until then"] if was_cut_off(run) else []
    if run.gaps:
        stood_still_s = sum(gap.length_us for gap in run.gaps) / 1e6
        missed = sum(gap.missed for gap in run.gaps)
        remarks.append(
            f"the checker itself stood still for {stood_still_s:.1f} s in all: {counted(missed, 'check')} left out"
        )
    if run.lost_samples:
        remarks.append(f"{counted(run.lost_samples, 'sample')} could not be recorded")
    return remarks


def _warnings_of(run: Run) -> list[str]:
    """Those of the plan were shown before the run."""
    return [f"warning: {for_terminal(warning)}" for warning in run.warnings if warning not in run.plan.warnings]
