"""A new netmon.yaml: its targets, and every key that there is in a comment, in the words of the schema. Pure but
for reading the schema."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_netmon.config.schema import SCHEMA_FILE

#: What a file without targets of one's own starts from.
PLACEHOLDERS = ("db.internal:5432", "https://api.example.com")

_WIDTH = 100
_HEAD = """\
# Can this machine reach what it needs, fast enough? Asked by either of
#   netmon check netmon.yaml
#   pytest --netmon
# Every text may hold ${NAME} or ${NAME:-default}, replaced from the environment.
# A key that starts a line after '#' is one to use: take the '#' away.
"""
_PLACEHOLDERS_HEAD = "# Two to replace by your own. Of a URL only host and port are taken.\n"
_VARIABLES_HEAD = """\
# From a .env file, whose values stay there. netmon looks for them in its environment:
#   set -a; . ./.env; set +a
"""
_SETTINGS_HEAD = "A target may be a mapping with settings. All that there are, each with an example:"
#: Text that is no number, no other type and no syntax, whichever YAML reads it.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ._%<>=/:-]*[A-Za-z0-9%/]\Z")
_NOT_TEXT = ("true", "false", "null", "yes", "no", "on", "off")


def config_text(targets: Sequence[str] = (), *, of_variables: bool = False) -> str:
    """Return a netmon.yaml with these targets, as the configuration takes them; without any, with placeholders.

    `of_variables` says that they are variables of a .env file.
    """
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    head = _VARIABLES_HEAD if of_variables else "" if targets else _PLACEHOLDERS_HEAD
    items = "".join(f"  - {_flow(target)}\n" for target in targets or PLACEHOLDERS)
    settings = "\n".join(_settings_lines(schema))
    others = "\n".join(_other_lines(schema))
    return f"{_HEAD}\n{head}targets:\n{items}\n{settings}\n{others}\n"


def _settings_lines(schema: dict[str, Any]) -> Iterator[str]:
    yield f"  # {_SETTINGS_HEAD}"
    mark = "- "
    for name, key in _keys(schema, schema["$defs"]["target"]):
        yield from _prose(key, "  ")
        yield f"  #{mark}{name}: {_flow(key['examples'][0])}"
        mark = "  "


def _other_lines(schema: dict[str, Any]) -> Iterator[str]:
    """The keys beside `targets`, those of a mapping each on its own."""
    for name, key in _keys(schema, schema):
        if name == "targets":
            continue
        yield ""
        yield from _prose(key)
        if "properties" not in key:
            yield f"#{name}: {_flow(key['examples'][0])}"
            continue
        yield f"#{name}:"
        for inner_name, inner in _keys(schema, key):
            yield from _prose(inner)
            yield f"#  {inner_name}: {_flow(inner['examples'][0])}"


def _keys(schema: dict[str, Any], mapping: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key of a mapping, with what it shares with others."""
    for name, own in mapping["properties"].items():
        shared = schema["$defs"][own["$ref"].rpartition("/")[2]] if "$ref" in own else {}
        yield name, {**shared, **own}


def _prose(key: dict[str, Any], indent: str = "") -> Iterator[str]:
    """The description of a key as comments, with what is built in."""
    default = key.get("default")
    built_in = "" if default in (None, False, [], {}) else f" Built in: {default}."
    lines = textwrap.wrap(key["description"] + built_in, _WIDTH, break_on_hyphens=False)
    return (f"{indent}# {line}" for line in lines)


def _flow(value: object) -> str:
    """Return a value as YAML in one line, text quoted where it could be read as anything else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    is_plain = isinstance(value, str) and _PLAIN.match(value) and ": " not in value
    return str(value) if is_plain and str(value).lower() not in _NOT_TEXT else json.dumps(value)
