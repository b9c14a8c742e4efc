"""A value and the place where a user wrote it, in a file or an option. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, Union

from ..problems import Problem, Source
from ..unexpected import Unexpected
from .shown import is_shown_key, shown

Value = Union[str, int, float, bool, None, "list[Place]", "dict[str, Place]"]
T = TypeVar("T")

#: What is shown in place of what must be hidden.
HIDDEN = "a text behind a URL (put a URL with a comma in quotes)"

PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """One value of a configuration.

    value: a scalar, a list of places or a mapping from keys to places. source: of its first
    character. path: inside the document (`targets[3].ports[1]`), empty for an option. raw: a
    number or a truth value as it was written. key: where its key stands, None for a list's items.
    variables: those that were replaced in it. text_column: where a text starts that stands in one
    line as it is, so that an offset in it is a column; else None. broken: it has been reported
    already, and nothing more is to be said of it. hidden: it, or the key of it, may be the rest of a
    URL that YAML ended at a comma, and must not be shown.
    """

    value: Value
    source: Source
    path: str = ""
    raw: str = ""
    key: Source | None = None
    variables: tuple[str, ...] = ()
    text_column: int | None = None
    broken: bool = False
    hidden: bool = False

    @property
    def found(self) -> str:
        """The value as messages may show it; of one that came from a variable only the variable, which may hold
        anything."""
        if self.hidden:
            return HIDDEN
        if self.variables:
            return from_variable(self.variables)
        is_number = isinstance(self.value, (bool, int, float))
        return self.raw if is_number and self.raw else shown(self.value)

    @property
    def is_secret(self) -> bool:
        """Whether nothing of the value may be shown."""
        return self.hidden or bool(self.variables)

    def problem(self, text: str, offset: int = 0) -> Problem:
        """Return a problem at this place, or `offset` characters into its text."""
        if offset and self.text_column is not None:
            return Problem(Source(self.source.file, self.source.line, self.text_column + offset), self.path, text)
        return Problem(self.source, self.path, text)

    def items(self) -> list[Place]:
        """The places in a list; of anything else the place itself, as a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    def get(self, key: str) -> Place | None:
        """The place under `key`, None where there is none."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def is_whole(self) -> bool:
        """Whether nothing in it is broken."""
        if isinstance(self.value, (list, dict)):
            children = self.value if isinstance(self.value, list) else self.value.values()
            return not self.broken and all(child.is_whole() for child in children)
        return not self.broken


def from_variable(names: Sequence[str]) -> str:
    """Return what is shown of a value with variables in it."""
    return f"a value from ${{{names[0]}}}"


def path_to(path: str, key: str | int) -> str:
    """Return the path of what stands under a key, or a list's index, of what stands at `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    key = key if is_shown_key(key) else "..."
    return f"{path}.{key}" if path else key


class Problems(list[Problem]):
    """The problems found so far."""

    def read(self, place: Place | None, reader: Callable[[Value], T], *, redacted: bool = False) -> T | None:
        """Return what `reader` makes of the value; None where there is no place, or where the
        reader found something wrong, which is then noted, of a redacted value without showing it."""
        if place is None or place.broken:
            return None
        try:
            return reader(place.value)
        except Unexpected as unexpected:
            found = "a redacted one" if redacted else place.found
            self.append(place.problem(unexpected.told(found, is_secret=redacted or place.is_secret)))
            return None
