"""JSON in pieces, so that memory does not grow with what is written. Pure."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..safe import for_json

#: Items joined into one chunk: of samples some 64 KiB.
_ITEMS_A_CHUNK = 256
_ENCODER = json.JSONEncoder(allow_nan=False)


class Encoded(str):
    """A value that is JSON already, on one line."""

    __slots__ = ()


def members(named: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """Yield an object of the second level, its members' values in pieces."""
    opened = False
    for lead, (key, pieces) in zip(leads("{"), named, strict=False):
        yield from headed(f"{lead}\n    {on_a_line(key)}: ", pieces)
        opened = True
    yield "\n  }" if opened else "{}"


def array(items: Iterable[str], indent: int = 2) -> Iterator[str]:
    """Yield an array, each item at the start of a line, a few hundred of them in a chunk."""
    margin = "\n" + " " * indent
    chunk: list[str] = []
    opened = False
    for lead, item in zip(leads("["), items, strict=False):
        chunk.append(f"{lead}{margin}  {item}")
        opened = True
        if len(chunk) == _ITEMS_A_CHUNK:
            yield "".join(chunk)
            chunk.clear()
    yield "".join(chunk) + (f"{margin}]" if opened else "[]")


def headed(head: str, pieces: Iterable[str]) -> Iterator[str]:
    """Yield `pieces`, of which there is one at least, the first behind `head`."""
    for piece in pieces:
        yield head + piece
        head = ""


def leads(bracket: str) -> Iterator[str]:
    """Yield what goes before each item: the bracket, then commas."""
    yield bracket
    while True:
        yield ","


def on_a_line(value: object) -> str:
    """Return a value as JSON."""
    return _WRITERS.get(type(value), _encoded)(value)


def _encoded(value: object) -> str:
    text = _ENCODER.encode(value)
    # To look through all texts costs more than to encode them: only where half of a surrogate pair may be.
    return _ENCODER.encode(_harmless(value)) if "\\ud" in text else text


def nested(value: object, indent: int) -> str:
    """Return a value as JSON: what holds no more objects on one line, the rest over several. The encoder of C, which
    is five times as fast as that of Python, knows no lines."""
    if not value and isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict) and _holds_more(value.values()):
        return _shape(tuple(value), indent) % tuple(_texts_of(value.values(), indent + 2))
    if isinstance(value, list) and _holds_more(value):
        margin = "\n" + " " * (indent + 2)
        items = (margin + text for text in _texts_of(value, indent + 2))
        return f"[{','.join(items)}\n{' ' * indent}]"
    return on_a_line(value)


def _texts_of(values: Iterable[object], indent: int) -> list[str]:
    return [write(each) if (write := _WRITERS.get(type(each))) else nested(each, indent) for each in values]


@functools.lru_cache(maxsize=128)
def _shape(keys: tuple[str, ...], indent: int) -> str:
    """An object over several lines with a `%s` for each value. There are few such, each many times."""
    margin = "\n" + " " * (indent + 2)
    begun = (f"{margin}{on_a_line(key)}: ".replace("%", "%%") for key in keys)
    return f"{{{','.join(f'{each}%s' for each in begun)}\n{' ' * indent}}}"


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else _encoded(value)


#: Values that need not go through the encoder, which takes as long to begin as to write a dozen of them.
_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: repr,
    float: _number,
    str: _encoded,
    Encoded: lambda text: text,
}


def _holds_more(values: Iterable[object]) -> bool:
    for each in values:  # noqa: SIM110 - a generator for each takes twice the time
        if each and isinstance(each, (dict, list, Encoded)):
            return True
    return False


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return for_json(value)
    if isinstance(value, dict):
        return {_harmless(key): _harmless(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    return value
