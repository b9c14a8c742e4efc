"""The files that a command was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import UsageError

if TYPE_CHECKING:
    from pytest_netmon.run import Run

STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class Outputs:
    """json, junit, html: paths as they were given, None where not asked for; `-` for the JSON is standard output."""

    json: str | None = None
    junit: str | None = None
    html: str | None = None

    @property
    def json_to_stdout(self) -> bool:
        return self.json == STANDARD_OUTPUT

    def refuse_unwritable(self, read: Iterable[Path]) -> None:
        """Look before any packet whether the files can be written.

        Raises UsageError where one would overwrite another, or a file that is `read`, and ArtifactError.
        """
        for option, name in (("--junit", self.junit), ("--html", self.html)):
            if name == STANDARD_OUTPUT:
                raise UsageError(f"{option}: expected a file, got -: name one, or /dev/stdout")
        paths = [path for path, _ in self._files()]
        if not paths:
            return
        from pytest_netmon.files import refuse_unwritable

        for number, path in enumerate(paths):
            if any(_is_same(path, other) for other in [*paths[:number], *read]):
                raise UsageError(f"{path} would be written over: name another file for the results")
            refuse_unwritable(path)

    def write(self, run: Run, watched: Callable[[Path, Iterable[str]], Iterable[str]] | None = None) -> list[str]:
        """Write the files; return a line for each that could not be written. `watched` may stand between a
        file and its chunks, to see how far they are."""
        files = ((path, watched(path, chunks) if watched else chunks) for path, chunks in self._files(run))
        troubles = (_trouble_of_writing(path, chunks) for path, chunks in files)
        return [trouble for trouble in troubles if trouble]

    def _files(self, run: Run | None = None) -> Iterator[tuple[Path, Iterable[str]]]:
        if self.json is not None and not self.json_to_stdout:
            yield Path(self.json), _json(run)
        if self.junit is not None:
            yield Path(self.junit), _junit(run)
        if self.html is not None:
            yield Path(self.html), _html(run)


def _trouble_of_writing(path: Path, chunks: Iterable[str]) -> str | None:
    from pytest_netmon.files import ArtifactError, write_whole

    try:
        write_whole(path, chunks)
    except ArtifactError as error:
        return str(error)
    return None


def _json(run: Run | None) -> Iterator[str]:
    if run is not None:
        from pytest_netmon.reports.json_report import json_chunks

        yield from json_chunks(run)


def _junit(run: Run | None) -> Iterator[str]:
    if run is not None:
        from pytest_netmon.reports.junit_report import junit_xml

        yield junit_xml(run)


def _html(run: Run | None) -> Iterator[str]:
    if run is not None:
        from pytest_netmon.reports.html_report import html_chunks

        yield from html_chunks(run)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return one.absolute() == other.absolute()
