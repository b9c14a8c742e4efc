"""Validation by `config.schema.json`, its errors in our own words.

The schema says which keys there are and what types they take. What it cannot say, and a better word
for what it says of single values, comes from the readers (`fields`, `ports`, `targets`, limits): where
both find fault with the same place, the readers speak.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ..problems import Problem
from ..unexpected import Unexpected
from .places import HIDDEN, Place
from .shown import did_you_mean, shown, shown_key
from .targets import parse_targets

SCHEMA_FILE = Path(__file__).parent.parent / "schemas" / "config.schema.json"

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


def schema_problems(root: Place, spoken: frozenset[str]) -> list[Problem]:
    """Return what the schema says against a document whose root is a mapping.

    `spoken` are the paths of values of which the readers have spoken already.
    """
    problems: list[Problem] = []
    root = _without_texts(root)
    for error in _validator().iter_errors(_plain(root)):
        place = _place_at(root, error.absolute_path)
        if place is not None:
            problems += _problems_of(error, place, spoken)
    return problems


def _without_texts(root: Place) -> Place:
    """The document without the targets that are a text: of those the readers say all, and thousands take a while."""
    assert isinstance(root.value, dict)
    children = dict(root.value)
    for key in ("targets", "controls"):
        targets = children.get(key)
        if targets is not None and isinstance(targets.value, list):
            others = [item for item in targets.value if not isinstance(item.value, str)]
            children[key] = replace(targets, value=others)
    return replace(root, value=children)


@functools.cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def _plain(place: Place) -> Any:
    if isinstance(place.value, list):
        return [_plain(item) for item in place.value]
    if isinstance(place.value, dict):
        return {key: _plain(item) for key, item in place.value.items()}
    return place.value


def _place_at(root: Place, path: Iterable[str | int]) -> Place | None:
    """Return the place at a path; None where it or what holds it has been reported already."""
    place = root
    for step in path:
        if place.broken:
            return None
        children: Any = place.value
        place = children[step]
    return None if place.broken else place


def _problems_of(error: ValidationError, place: Place, spoken: frozenset[str]) -> Iterator[Problem]:
    schema: Any = error.schema
    if error.validator == "additionalProperties":
        yield from _unknown_keys(place, schema["properties"])
    elif error.validator == "anyOf":
        if not _has_mistaken_keys(place, schema["properties"]):
            yield place.problem("expected host, a host name, an address or a URL, got a target without: add host")
    elif place.path not in spoken:
        yield place.problem(Unexpected(_expected(error)).told(place.found))


def _unknown_keys(place: Place, known: Mapping[str, object]) -> Iterator[Problem]:
    assert isinstance(place.value, dict)
    whole = _mistaken_target(place.value)
    if whole is not None and "host" in known:
        yield place.problem(whole)
        return
    for key, value in place.value.items():
        if key not in known:
            hint = did_you_mean(key, known) or f"expected one of {', '.join(known)}"
            source = value.key or value.source
            found = HIDDEN if value.hidden else shown_key(key)
            yield Problem(source, place.path, f"unknown key {found}: {hint}")


def _has_mistaken_keys(place: Place, known: Mapping[str, object]) -> bool:
    """Whether the unknown keys, reported by themselves, explain why `host` is missing."""
    keys = place.value if isinstance(place.value, dict) else {}
    return _mistaken_target(keys) is not None or any("'host" in did_you_mean(key, known) for key in keys)


def _mistaken_target(mapping: dict[str, Place]) -> str | None:
    """Return what to say of a target that YAML took for a mapping: `{db:5432}` is {"db:5432": null},
    and `db: 5432` is {"db": 5432}. None where it is something else."""
    if len(mapping) != 1:
        return None
    ((key, place),) = mapping.items()
    try:
        targets = parse_targets(key)
    except Unexpected:
        return None
    if place.value is None and targets[0].port is not None:
        return f"expected a target, got a mapping with the key {shown(key)}: leave out the braces or the ':' behind it"
    if isinstance(place.value, int) and targets[0].port is None and key not in _keys_of_targets():
        return f"expected a target, got a mapping from {shown(key)} to {place.found}: leave out the space after the ':'"
    return None


@functools.cache
def _keys_of_targets() -> tuple[str, ...]:
    schema: Any = _validator().schema
    return tuple(schema["$defs"]["target"]["properties"])


def _expected(error: ValidationError) -> str:
    """What a schema error expected, for what no reader has a word of its own."""
    schema: Any = error.schema
    if error.validator == "type":
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        return " or ".join(_TYPES[name] for name in types)
    if error.validator == "enum":
        return f"one of {', '.join(dict.fromkeys(map(str, schema['enum'])))}"  # 1.2 is a text and a number
    return f"{schema.get('title', 'value').lower()} as config.schema.json describes it"
