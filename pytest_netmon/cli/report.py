"""`netmon report`: results from the samples that a run left when it did not end in good order."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pytest_netmon.judging import recover
from pytest_netmon.reports.block import block_lines, hosts_of
from pytest_netmon.reports.layout import counted
from pytest_netmon.run import Run
from pytest_netmon.safe import for_terminal
from pytest_netmon.samples import SampleFileError

from .arguments import MET, USAGE, Parser, UsageError
from .outputs import Outputs
from .progress import Progress
from .saving import save
from .screen import Screen
from .signals import EndedError, Ending

_USAGE = "netmon report [OPTION]... SAMPLES"
_DESCRIPTION = """\
Make results from a sample file (FILE.samples.ndjson) that a killed `netmon
monitor` left: every sample that was recorded is in them. Statistics are shown,
and saved where that is asked for. The sample file stays. That of a monitor which
still runs gives what it has measured until now."""
_EPILOG = """\
example:
  netmon report results.json.samples.ndjson --json results.json

exit status: 0, whatever the results say; 2 usage, or a file that cannot be read
or written; 130 interrupted"""
#: How a results file of ours begins; a sample file is one line for each record.
_START_OF_RESULTS = b"{\n"


def main(argv: list[str]) -> int:
    """Run `netmon report` and return its exit status. Raises UsageError and ArtifactError."""
    options = _parse(argv)
    samples = Path(options.run)
    outputs = Outputs(options.json, options.junit, options.html, options.markdown, options.openmetrics)
    outputs.refuse_unwritable([samples])
    screen = Screen(sys.stderr if outputs.json_to_stdout else sys.stdout, sys.stderr, os.environ)
    ending = Ending()
    with ending.on_signals():
        try:
            return _report(samples, outputs, screen, ending)
        except EndedError:
            return ending.exit_status or USAGE


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("netmon report", _DESCRIPTION, _USAGE, _EPILOG)
    parser.add_argument("runs", nargs="*", metavar="SAMPLES", help="a sample file")
    parser.add_argument("--json", metavar="FILE", help="save the results as JSON; - is stdout")
    parser.add_argument("--junit", metavar="FILE", help="save the results as JUnit XML")
    parser.add_argument("--html", metavar="FILE", help="save a report with charts, one HTML file")
    parser.add_argument("--markdown", metavar="FILE", help="save a summary in Markdown")
    parser.add_argument("--openmetrics", metavar="FILE", help="save figures for the node exporter's textfile collector")
    options = parser.parse_intermixed_args(argv)
    if len(options.runs) != 1:
        found = "none" if not options.runs else f"{len(options.runs)} of them"
        raise UsageError(f"expected one sample file, got {found}: name one, such as results.json.samples.ndjson")
    (options.run,) = options.runs
    return options


def _report(samples: Path, outputs: Outputs, screen: Screen, ending: Ending) -> int:
    progress = Progress(screen, "report", ending.check)
    run = _recovered(samples, progress)
    for warning in run.warnings:
        screen.remark(f"netmon report: warning: {for_terminal(warning, None)}")
    for line in block_lines(run.started_at, hosts_of(run)):
        screen.line(line)
    state = "the run was cut off" if run.partial else "the run is complete"
    screen.line("")
    screen.line(f"{counted(progress.samples_read, 'sample')} recovered; {state}")
    troubles = save(run, outputs, screen, progress)
    for trouble in troubles:
        screen.remark(f"netmon report: {trouble}")
    return USAGE if troubles else MET


def _recovered(samples: Path, progress: Progress) -> Run:
    try:
        with samples.open("rb") as file:
            if file.read(len(_START_OF_RESULTS)) == _START_OF_RESULTS:
                raise UsageError(
                    f"{for_terminal(str(samples), None)}: expected a sample file, got results: they are complete; "
                    "to render, merge and compare results comes with a later version"
                )
        return recover(samples, progress.reading, salvage=True)
    except OSError as error:
        raise UsageError(f"cannot read {for_terminal(str(samples), None)}: {error.strerror or error}") from error
    except SampleFileError as error:
        raise UsageError(f"expected a sample file: {for_terminal(str(error), None)}") from error
    finally:
        progress.end()
