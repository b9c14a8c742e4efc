"""What is wrong with what a user wrote: where, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """The place where a user wrote something.

    `file` is a path as the user would name it, or an option (`--netmon-target`); `line` and
    `column` count from 1, 0 where there is none.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if not self.column:
            return f"{self.file}:{self.line}"
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a configuration: `netmon.yaml:7:18: targets[3].ports[1]: expected ...`.

    `path` is the place inside the document (may be empty), `text` says what was expected, what
    was found and, where we know it, what to do.
    """

    source: Source
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}: {self.path}: {self.text}" if self.path else f"{self.source}: {self.text}"


class ConfigurationError(Exception):
    """A configuration that cannot be run; `problems` holds all that is wrong with it, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
