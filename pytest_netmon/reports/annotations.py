"""Failures as commands of a CI runner, which shows them at the line of the configuration. Pure.

Data of a command is escaped as its runner reads it back: GitHub (docs.github.com, "Workflow commands", and the runner's
ActionCommand.cs), Azure (learn.microsoft.com, "Logging commands", and the agent's Command.cs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..run import Result, Run
from ..safe import for_workflow
from .failure import failure_text
from .layout import counted, placed_id
from .standings import RED, in_order, standing_of, warnings_of

Runner = Literal["github", "azure"]

#: GitHub shows ten errors of a step and drops the rest.
MOST_ANNOTATIONS = 10
_MOST_CHARACTERS = 4_000

_GITHUB_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_GITHUB_PROPERTY = _GITHUB_DATA | {":": "%3A", ",": "%2C"}
#: A plain %25 is not decoded by all agents.
_AZURE_DATA = {"%": "%AZP25", "\r": "%0D", "\n": "%0A"}
_AZURE_PROPERTY = _AZURE_DATA | {";": "%3B", "]": "%5D"}


def annotation_lines(run: Run, runner: Runner = "github", path_of: Callable[[str], str] = str) -> list[str]:
    """Return an error for each endpoint that failed or is inconclusive, then a warning for each other one that broke a
    limit which fails nothing; at most ten of each, the tenth counting the rest where there are more. Each line must
    be written at the start of a line of its own.

    path_of: from the file that a user named to its path in the repository, as the runner wants it.
    Raises what `run.store` raises where samples cannot be read.
    """
    red = [result for result in in_order(run.results) if standing_of(result) in RED]
    warned = [result for result in run.results if result not in red and warnings_of([result])]
    errors = _limited(red, "failed or inconclusive", lambda result: _error(result, path_of))
    warnings = _limited(warned, "with warnings", lambda result: _warning(result, path_of))
    return [_line(runner, each) for each in (*errors, *warnings)]


def upload_summary_line(path: str) -> str:
    """Return the command with which Azure takes the Markdown file at `path` (absolute) for a job's summary."""
    return f"##vso[task.uploadsummary]{_escaped(path, _AZURE_DATA)}"


@dataclass(frozen=True, slots=True)
class _Annotation:
    level: Literal["error", "warning"]
    place: tuple[str, int, int] | None
    title: str
    text: str


def _limited(
    results: Sequence[Result], what: str, annotation_of: Callable[[Result], _Annotation]
) -> Iterator[_Annotation]:
    shown = results if len(results) <= MOST_ANNOTATIONS else results[: MOST_ANNOTATIONS - 1]
    for result in shown:
        annotation = annotation_of(result)
        yield annotation
    if len(shown) < len(results):
        told = f"and {counted(len(results) - len(shown), 'more endpoint')} {what}, of {len(results)} in all"
        yield _Annotation(annotation.level, None, "netmon", told)


def _error(result: Result, path_of: Callable[[str], str]) -> _Annotation:
    title = f"{placed_id(result.endpoint)} {standing_of(result)}"
    return _Annotation("error", _place(result, path_of), title, failure_text(result))


def _warning(result: Result, path_of: Callable[[str], str]) -> _Annotation:
    title = f"{placed_id(result.endpoint)} warning"
    return _Annotation("warning", _place(result, path_of), title, "\n".join(warnings_of([result])))


def _place(result: Result, path_of: Callable[[str], str]) -> tuple[str, int, int] | None:
    source = result.endpoint.source
    return (path_of(source.file), source.line, source.column) if source and source.line else None


def _line(runner: Runner, annotation: _Annotation) -> str:
    told = for_workflow(annotation.text)[:_MOST_CHARACTERS]
    if runner == "github":
        given = [*_named(annotation, ("file", "line", "col")), ("title", annotation.title)]
        properties = ",".join(f"{name}={_escaped(for_workflow(value), _GITHUB_PROPERTY)}" for name, value in given)
        return f"::{annotation.level} {properties}::{_escaped(told, _GITHUB_DATA)}"
    given = [("type", annotation.level), *_named(annotation, ("sourcepath", "linenumber", "columnnumber"))]
    properties = "".join(f"{name}={_escaped(for_workflow(value), _AZURE_PROPERTY)};" for name, value in given)
    return f"##vso[task.logissue {properties}]{_escaped(told, _AZURE_DATA)}"


def _named(annotation: _Annotation, names: Sequence[str]) -> list[tuple[str, str]]:
    """The place in a runner's words; without a column where there is none."""
    return [(name, str(value)) for name, value in zip(names, annotation.place or (), strict=False) if value]


def _escaped(text: str, escapes: dict[str, str]) -> str:
    """`%` comes first in each table, so that no escape is escaped again."""
    for character, escape in escapes.items():
        text = text.replace(character, escape)
    return text
