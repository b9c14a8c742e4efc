"""Failures as commands of a CI runner, which shows them at the line of the configuration. Pure.

Data of a command is escaped as its runner reads it back: GitHub (docs.github.com, "Workflow commands", and the runner's
ActionCommand.cs), Azure (learn.microsoft.com, "Logging commands", and the agent's Command.cs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from ..run import Result, Run
from ..safe import for_workflow
from .failure import failure_text
from .layout import counted
from .standings import RED, in_order, standing_of

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
    """Return a line for each endpoint that failed or is inconclusive, at most ten; where there are more, the tenth
    counts the rest. Each must be written at the start of a line of its own.

    path_of: from the file that a user named to its path in the repository, as the runner wants it.
    Raises what `run.store` raises where samples cannot be read.
    """
    red = [result for result in in_order(run.results) if standing_of(result) in RED]
    shown = red if len(red) <= MOST_ANNOTATIONS else red[: MOST_ANNOTATIONS - 1]
    lines = [_line_of(result, runner, path_of) for result in shown]
    if len(shown) < len(red):
        told = f"and {counted(len(red) - len(shown), 'more endpoint')} failed or inconclusive, of {len(red)} in all"
        lines.append(_command(runner, [], "netmon", told))
    return lines


def upload_summary_line(path: str) -> str:
    """Return the command with which Azure takes the Markdown file at `path` (absolute) for a job's summary."""
    return f"##vso[task.uploadsummary]{_escaped(path, _AZURE_DATA)}"


def _line_of(result: Result, runner: Runner, path_of: Callable[[str], str]) -> str:
    source = result.endpoint.source
    place: list[tuple[str, str]] = []
    if source and source.line:
        names = ("file", "line", "col") if runner == "github" else ("sourcepath", "linenumber", "columnnumber")
        values = (path_of(source.file), str(source.line), str(source.column) if source.column else "")
        place = [(name, value) for name, value in zip(names, values, strict=True) if value]
    return _command(runner, place, f"{result.endpoint.id} {standing_of(result)}", failure_text(result))


def _command(runner: Runner, place: Iterable[tuple[str, str]], title: str, text: str) -> str:
    told = for_workflow(text)[:_MOST_CHARACTERS]
    if runner == "github":
        given = [*place, ("title", title)]
        properties = ",".join(f"{name}={_escaped(for_workflow(value), _GITHUB_PROPERTY)}" for name, value in given)
        return f"::error {properties}::{_escaped(told, _GITHUB_DATA)}"
    given = [("type", "error"), *place]
    properties = "".join(f"{name}={_escaped(for_workflow(value), _AZURE_PROPERTY)};" for name, value in given)
    return f"##vso[task.logissue {properties}]{_escaped(told, _AZURE_DATA)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    """`%` comes first in each table, so that no escape is escaped again."""
    for character, escape in escapes.items():
        text = text.replace(character, escape)
    return text
