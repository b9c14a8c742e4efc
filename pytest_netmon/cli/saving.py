"""Results written to the files that were asked for, with words about it."""

from __future__ import annotations

import os
import sys

from pytest_netmon.run import Run
from pytest_netmon.safe import for_terminal

from .outputs import STANDARD_OUTPUT, Outputs
from .progress import Progress
from .screen import Screen


def save(run: Run, outputs: Outputs, screen: Screen, progress: Progress) -> list[str]:
    """Write what was asked for, and say so; return what could not be written, a line each."""
    samples = number_of_samples(run)
    troubles = outputs.write(run, lambda path, chunks: progress.writing(path, chunks, samples))
    if not troubles:
        for name in outputs.names():
            if name not in (None, STANDARD_OUTPUT):
                screen.line(f"Results saved to {for_terminal(str(name), None)}")
    screens = [screen, *([_written_to_stdout(run)] if outputs.json_to_stdout else [])]
    return troubles + [each.trouble for each in screens if each.trouble]


def number_of_samples(run: Run) -> int:
    """Return how many samples a run has, those included that this machine could not make."""
    return sum(result.statistics.checks + result.statistics.local_errors for result in run.results)


def _written_to_stdout(run: Run) -> Screen:
    from pytest_netmon.reports.json_report import json_chunks

    stdout = Screen(sys.stdout, sys.stderr, os.environ)
    for chunk in json_chunks(run):
        stdout.raw(chunk)
    return stdout
