"""JSON in pieces, so that memory does not grow with what is written. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..safe import for_json

#: Items joined into one chunk: of samples some 64 KiB.
_ITEMS_A_CHUNK = 256
_ENCODER = json.JSONEncoder(allow_nan=False)


def members(named: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """Yield an object of the second level, its members' values in pieces."""
    opened = False
    for lead, (key, pieces) in zip(leads("{"), named, strict=False):
        yield f"{lead}\n    {on_a_line(key)}: "
        yield from pieces
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


def leads(bracket: str) -> Iterator[str]:
    """Yield what goes before each item: the bracket, then commas."""
    yield bracket
    while True:
        yield ","


def on_a_line(value: object) -> str:
    """Return a value as JSON."""
    text = _ENCODER.encode(value)
    # To look through all texts costs more than to encode them: only where half of a surrogate pair may be.
    return _ENCODER.encode(_harmless(value)) if "\\ud" in text else text


def nested(value: object, indent: int) -> str:
    """Return a value as JSON: what holds no more objects on one line, the rest over several. The encoder of C, which
    is five times as fast as that of Python, knows no lines."""
    margin = "\n" + " " * (indent + 2)
    if isinstance(value, dict) and _holds_more(value.values()):
        told = (f"{margin}{on_a_line(key)}: {nested(each, indent + 2)}" for key, each in value.items())
        return f"{{{','.join(told)}\n{' ' * indent}}}"
    if isinstance(value, list) and _holds_more(value):
        items = (f"{margin}{nested(each, indent + 2)}" for each in value)
        return f"[{','.join(items)}\n{' ' * indent}]"
    return on_a_line(value)


def _holds_more(values: Iterable[object]) -> bool:
    return any(isinstance(each, (dict, list)) and each for each in values)


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return for_json(value)
    if isinstance(value, dict):
        return {_harmless(key): _harmless(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    return value
