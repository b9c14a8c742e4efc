"""`netmon report`: any report of runs that are over, also of the samples of one that was killed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

from pytest_netmon.comparing import compared
from pytest_netmon.reports.block import block_lines, hosts_of
from pytest_netmon.reports.layout import counted
from pytest_netmon.reports.standings import headline, in_order
from pytest_netmon.reports.summary import summary_lines
from pytest_netmon.results import baseline_of
from pytest_netmon.run import Result, Run
from pytest_netmon.safe import for_terminal

from .arguments import USAGE, Parser, UsageError
from .outputs import Outputs
from .progress import Progress
from .result_lines import RED_WORDS, exit_status_of, result_lines, word_of
from .runs import RunFile, read_run, read_runs
from .saving import save
from .screen import Screen, columns_of
from .signals import EndedError, Ending

_USAGE = "netmon report [OPTION]... RUN..."
_DESCRIPTION = """\
Make reports of runs that are over. A RUN is a netmon.json, or the sample file
(FILE.samples.ndjson) that a killed run left: every sample that was recorded is
in it. Verdicts are those of the run: nothing is judged twice.

Several RUNs, as the jobs of a CI matrix leave them, become one run in which
each machine is a place that endpoints are checked from. A place is called by
its machine's name; where several machines have the same, by what tells their
files' paths apart (a/netmon.json and b/netmon.json: a and b). LABEL=FILE names
it otherwise."""
_EPILOG = """\
examples:
  netmon report netmon-report/netmon.json --html report.html
  netmon report paris=a.json tokyo=b.json --markdown summary.md
  netmon report netmon.json --baseline last-week.json
  netmon report results.json.samples.ndjson --json results.json

exit status: 0 limits met, 1 broken, 2 usage, or a file that cannot be read or
  written, 3 inconclusive, 130 interrupted"""
#: Failures to show at length; all of them stand in the table.
_MOST_TOLD = 20
#: The table in a file or a pipe is not cut.
_WIDE = 1_000


def main(argv: list[str]) -> int:
    """Run `netmon report` and return its exit status. Raises UsageError and ArtifactError."""
    options = _parse(argv)
    files = [RunFile.of(argument) for argument in options.runs]
    outputs = Outputs(options.json, options.junit, options.html, options.markdown, options.openmetrics)
    baseline = RunFile.of(options.baseline) if options.baseline is not None else None
    outputs.refuse_unwritable([file.path for file in [*files, *([baseline] if baseline else [])]])
    out = sys.stderr if outputs.json_to_stdout else sys.stdout
    screen = Screen(out, sys.stderr, os.environ)
    ending = Ending()
    with ending.on_signals():
        try:
            return _report(files, baseline, outputs, screen, columns_of(out) if out.isatty() else _WIDE, ending)
        except EndedError:
            return ending.exit_status or USAGE


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("netmon report", _DESCRIPTION, _USAGE, _EPILOG)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="FILE or LABEL=FILE: a netmon.json or a sample file")
    parser.add_argument("--json", metavar="FILE", help="save the results as JSON; - is stdout")
    parser.add_argument("--junit", metavar="FILE", help="save the results as JUnit XML")
    parser.add_argument("--html", metavar="FILE", help="save a report with charts, one HTML file")
    parser.add_argument("--markdown", metavar="FILE", help="save a summary in Markdown")
    parser.add_argument("--openmetrics", metavar="FILE", help="save figures for the node exporter's textfile collector")
    parser.add_argument("--baseline", metavar="RUN", help="compare with an earlier run: what got slower is broken")
    options = parser.parse_intermixed_args(argv)
    if not options.runs:
        raise UsageError(
            "expected a netmon.json or a sample file, got none: name one, such as netmon-report/netmon.json"
        )
    return options


def _report(
    files: Sequence[RunFile], baseline: RunFile | None, outputs: Outputs, screen: Screen, width: int, ending: Ending
) -> int:
    progress = Progress(screen, "report", ending.check)
    run = read_runs(files, progress)
    samples = progress.samples_read
    if baseline:
        run = compared(run, baseline_of(read_run(baseline, progress), str(baseline.path)))
    for warning in run.warnings:
        screen.remark(f"netmon report: warning: {for_terminal(warning, None)}")
    is_recovery = len(files) == 1 and files[0].is_samples
    if is_recovery:
        _show_recovered(run, screen, samples)
    _show_failures(run, screen)
    if not is_recovery:
        for line in _overview(run, width):
            screen.line(line)
    troubles = save(run, outputs, screen, progress)
    for trouble in troubles:
        screen.remark(f"netmon report: {trouble}")
    return exit_status_of(map(word_of, _judged(run))) or (USAGE if troubles else 0)


def _show_recovered(run: Run, screen: Screen, samples: int) -> None:
    for line in block_lines(run.started_at, hosts_of(run)):
        screen.line(line)
    state = "the run was cut off" if run.partial else "the run is complete"
    screen.line("")
    screen.line(f"{counted(samples, 'sample')} recovered; {state}")


def _show_failures(run: Run, screen: Screen) -> None:
    """Each at length, as `netmon check` shows it; what a proxy here has to do with it is nothing to say of a run that
    was elsewhere."""
    red = [result for result in in_order(_judged(run)) if word_of(result) in RED_WORDS]
    for result in red[:_MOST_TOLD]:
        for line in result_lines(result):
            screen.line(line.text, line.word, line.style)
    if len(red) > _MOST_TOLD:
        screen.line(f"and {counted(len(red) - _MOST_TOLD, 'more endpoint')} with the like")
    if red:
        screen.line("")


def _overview(run: Run, width: int) -> Iterator[str]:
    """The table, then the run in one sentence; warnings were shown before."""
    yield from summary_lines(run, width, with_warnings=False)
    yield ""
    yield headline(run)


def _judged(run: Run) -> list[Result]:
    return [result for result in run.results if result.endpoint.is_judged]
