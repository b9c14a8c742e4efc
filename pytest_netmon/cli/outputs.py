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
    """Paths as they were given, None where not asked for; `-` for the JSON is standard output."""

    json: str | None = None
    junit: str | None = None
    html: str | None = None
    markdown: str | None = None
    openmetrics: str | None = None

    @property
    def json_to_stdout(self) -> bool:
        return self.json == STANDARD_OUTPUT

    def names(self) -> tuple[str | None, ...]:
        """All of them, in the order in which they are written."""
        return (self.json, self.junit, self.html, self.markdown, self.openmetrics)

    def refuse_unwritable(self, read: Iterable[Path]) -> None:
        """Look before any packet whether the files can be written.

        Raises UsageError where one would overwrite another, or a file that is `read`, and ArtifactError.
        """
        for option in ("junit", "html", "markdown", "openmetrics"):
            if getattr(self, option) == STANDARD_OUTPUT:
                raise UsageError(f"--{option}: expected a file, got -: name one, or /dev/stdout")
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
        texts = (_json, _junit, _html, _markdown, _openmetrics)
        for name, text in zip(self.names(), texts, strict=True):
            if name is not None and name != STANDARD_OUTPUT:
                yield Path(name), text(run)


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


def _markdown(run: Run | None) -> Iterator[str]:
    if run is not None:
        from pytest_netmon.reports.markdown_report import markdown_summary

        yield markdown_summary(run)


def _openmetrics(run: Run | None) -> Iterator[str]:
    if run is not None:
        from pytest_netmon.reports.openmetrics_report import openmetrics_text

        yield openmetrics_text(run)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return one.absolute() == other.absolute()
