"""The RUNs that a command is given: results files and sample files, read and put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_netmon.judging import recover
from pytest_netmon.merging import MergeError, labels_of, merged, relabelled
from pytest_netmon.results import MOST_BYTES, run_of_results
from pytest_netmon.run import Run
from pytest_netmon.safe import for_terminal
from pytest_netmon.sample_lines import SampleFileError
from pytest_netmon.strict_json import DocumentError
from pytest_netmon.vantage import is_vantage_name

from .arguments import UsageError
from .progress import Progress

#: How the header of a sample file begins; anything else that begins with a brace is meant to be results.
_START_OF_SAMPLES = re.compile(rb"\s*\{\s*\"netmon\"\s*:")
_START_OF_RESULTS = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
_LOOK_BYTES = 4096
_EXPECTED = "expected a netmon.json or a sample file"


@dataclass(frozen=True)
class RunFile:
    """label: of `LABEL=FILE`, None where there is none."""

    path: Path
    label: str | None = None

    @classmethod
    def of(cls, argument: str) -> RunFile:
        """Read an argument: FILE, or LABEL=FILE where no file has that whole name."""
        label, equals, path = argument.partition("=")
        if equals and path and is_vantage_name(label) and not Path(argument).exists():
            return cls(Path(path), label)
        return cls(Path(argument))

    @property
    def shown(self) -> str:
        return for_terminal(str(self.path), None)

    @property
    def is_samples(self) -> bool:
        """Whether it is a sample file, or nothing that could be told. Raises UsageError where it cannot be read."""
        return not _START_OF_RESULTS.match(self.start) or _START_OF_SAMPLES.match(self.start) is not None

    @property
    def start(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(_LOOK_BYTES)
        except OSError as error:
            raise UsageError(f"cannot read {self.shown}: {error.strerror or error}") from error


def read_runs(files: Sequence[RunFile], progress: Progress) -> Run:
    """Return what all files tell as one run, each machine a place of its own.

    Raises UsageError where one cannot be read or says something twice, and what `progress` raises.
    """
    _refuse_twice(files)
    runs = [read_run(file, progress) for file in files]
    if len(files) == 1:
        return runs[0] if files[0].label is None else relabelled(runs[0], files[0].label)
    unnamed = [at for at, file in enumerate(files) if file.label is None]
    paths = [(*files[at].path.absolute().parts[:-1], files[at].path.stem) for at in unnamed]
    labels = dict(zip(unnamed, labels_of([runs[at].machine.get("host", "") for at in unnamed], paths), strict=True))
    named = [(file.label or labels[at], run) for at, (file, run) in enumerate(zip(files, runs, strict=True))]
    try:
        return merged([(label, relabelled(run, label)) for label, run in named])
    except MergeError as error:
        raise UsageError(f"{for_terminal(str(error), None)}: give each file a label of its own (LABEL=FILE)") from None


def read_run(file: RunFile, progress: Progress) -> Run:
    """Return what one file tells. Raises UsageError, and what `progress` raises."""
    try:
        if file.is_samples:
            return recover(file.path, progress.reading, salvage=True)
        return _results(file, progress)
    except OSError as error:
        raise UsageError(f"cannot read {file.shown}: {error.strerror or error}") from error
    except SampleFileError as error:
        raise UsageError(f"{_EXPECTED}: {for_terminal(str(error), None)}") from error
    except DocumentError as error:
        raise UsageError(f"{file.shown}: {error}") from error
    finally:
        progress.end()


def _results(file: RunFile, progress: Progress) -> Run:
    with file.path.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"byte {error.start}: no UTF-8") from None
    del data
    run = run_of_results(text, progress.looking)
    progress.samples_read += sum(each.statistics.checks + each.statistics.local_errors for each in run.results)
    return run


def _refuse_twice(files: Sequence[RunFile]) -> None:
    for at, file in enumerate(files):
        for other in files[:at]:
            if file.start is not None and file.path.samefile(other.path):
                raise UsageError(f"{file.shown} is given twice: name each file once")
