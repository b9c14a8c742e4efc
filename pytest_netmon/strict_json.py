"""A JSON document that anybody may have made, read strictly: values with their paths. Pure.

Python's own reader lets through what no reader should: NaN, the last of two equal keys, numbers past all bounds.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from .safe import for_terminal

#: Of a key in a path, and of a value in a message.
_MOST_SHOWN = 60
#: Largest whole number that a float holds exactly.
MOST_NUMBER = 2**53
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}

#: Makes a value of an object: given the object, returns it or what takes its place.
ObjectHook = Callable[[dict[str, Any]], Any]


class DocumentError(ValueError):
    """What is wrong with a document: `monitoring_session.start_time: expected a time, got 5`; harmless for a
    terminal, one line, without the name of its file."""


def parse(text: str, hook: ObjectHook = lambda value: value) -> Node:
    """Return the root of a document. `hook` may put something else in the place of any object, innermost first.

    Raises DocumentError where it is no JSON, holds NaN, the same key twice in an object, or nests too deeply.
    """

    def made(pairs: list[tuple[str, Any]]) -> Any:
        value = dict(pairs)
        if len(value) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DocumentError(f"the key {_shown(twice)} stands twice in one object")
        return hook(value)

    try:
        return Node(json.loads(text, object_pairs_hook=made, parse_constant=_refuse_constant), "")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DocumentError(f"{place}: no JSON: {for_terminal(error.msg)}") from None
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    except DocumentError:
        raise
    except ValueError as error:  # int() on too many digits
        raise DocumentError(f"no JSON: {for_terminal(str(error))}") from None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its path. Each reader returns the value as what it should be, or raises DocumentError."""

    value: Any
    path: str

    def get(self, key: str) -> Node:
        """The member `key` of an object; null where it is not there."""
        return Node(self.members_dict().get(key), f"{self.path}.{key}" if self.path else key)

    def needed(self, key: str) -> Node:
        """The member `key` of an object, which must be there."""
        if key not in self.members_dict():
            self.refuse(f"the key {key} is missing")
        return self.get(key)

    def members(self) -> Iterator[tuple[str, Node]]:
        """The members of an object, by their keys."""
        for key, value in self.members_dict().items():
            path = for_terminal(key, _MOST_SHOWN)
            yield key, Node(value, f"{self.path}.{path}" if self.path else path)

    def items(self) -> Iterator[Node]:
        """The items of an array."""
        if type(self.value) is not list:
            self.wrong("an array")
        for at, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{at}]")

    def members_dict(self) -> dict[str, Any]:
        if type(self.value) is not dict:
            self.wrong("an object")
        members: dict[str, Any] = self.value
        return members

    def text(self) -> str:
        if type(self.value) is not str:
            self.wrong("a text")
        text: str = self.value
        return text

    def text_or_none(self) -> str | None:
        return None if self.value is None else self.text()

    def texts(self) -> tuple[str, ...]:
        """An array of texts."""
        return tuple(item.text() for item in self.items())

    def flag(self) -> bool:
        if type(self.value) is not bool:
            self.wrong("true or false")
        flag: bool = self.value
        return flag

    def whole(self, least: int = 0, most: int = MOST_NUMBER) -> int:
        if type(self.value) is not int or not least <= self.value <= most:
            self.wrong(f"a whole number from {least} to {most}")
        number: int = self.value
        return number

    def number(self) -> float:
        """A finite number."""
        if type(self.value) not in (int, float) or not abs(self.value) <= MOST_NUMBER:
            self.wrong("a number")
        return float(self.value)

    def number_or_none(self) -> float | None:
        return None if self.value is None else self.number()

    def time(self) -> datetime.datetime:
        """A time of ISO 8601 with its offset."""
        found = time_of(self.value)
        return self.wrong("a time such as 2026-07-01T12:30:00.000000+02:00") if found is None else found

    def wrong(self, expected: str) -> NoReturn:
        """Raise DocumentError: `expected` is not what stands here."""
        self.refuse(f"expected {expected}, got {_found(self.value)}")

    def refuse(self, text: str) -> NoReturn:
        """Raise DocumentError with this path before the text."""
        raise DocumentError(f"{self.path}: {text}" if self.path else text)


def time_of(value: object) -> datetime.datetime | None:
    """Return the time that a text says; None for anything else, and for a time without an offset."""
    if type(value) is not str:
        return None
    try:
        time = datetime.datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def unix_us(time: datetime.datetime) -> int:
    """Return a time in whole microseconds of Unix time."""
    if time.tzinfo is None:
        raise ValueError("expected a time with its offset")
    return (time - _EPOCH) // datetime.timedelta(microseconds=1)


def whole_us(value: object) -> int | None:
    """Return milliseconds as whole microseconds; None where `value` is no number from 0 to 2**53."""
    if type(value) not in (int, float):
        return None
    assert isinstance(value, (int, float))
    return round(value * 1000) if 0 <= value <= MOST_NUMBER and math.isfinite(value) else None


def _found(value: object) -> str:
    if type(value) is str:
        return _shown(value)
    if type(value) in (int, float):
        return for_terminal(repr(value), _MOST_SHOWN) if abs(value) <= 10**18 else "a number past all bounds"  # type: ignore[arg-type]
    return _KINDS.get(type(value), "something else")


def _shown(text: str) -> str:
    return f"'{for_terminal(text, _MOST_SHOWN)}'"


def _refuse_constant(text: str) -> NoReturn:
    raise DocumentError(f"{text} is no number of JSON")
