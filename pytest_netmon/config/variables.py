"""`${NAME}` and `${NAME:-default}` in a text, replaced from the environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: As in the shell: the default also stands in for an empty variable. `$${` is a literal `${`.
_REFERENCE = re.compile(r"(?P<literal>\$\$\{)|\$\{(?P<inside>[^{}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]{0,254})(?::-(?P<default>.*))?\Z", re.DOTALL)
#: Longer than any value need be. It bounds what many references to one long variable come to.
LONGEST_VALUE = 4096


class VariableError(ValueError):
    """A reference that cannot be replaced; `args[0]` says why and what to do, and nothing of any value."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """text: with all references replaced. variables: the names that stood in it, in order."""

    text: str
    variables: tuple[str, ...] = ()


def expand(text: str, env: Mapping[str, str]) -> Expanded:
    """Return `text` with its references replaced.

    What a variable holds is taken as it is: neither searched for references nor read as YAML.
    Raises VariableError.
    """
    if "${" not in text:
        return Expanded(text)
    pieces: list[str] = []
    names: list[str] = []
    end = length = 0
    for match in _REFERENCE.finditer(text):
        pieces += (text[end : match.start()], "${" if match["literal"] else _value(match, env, names))
        length += len(pieces[-1])
        end = match.end()
        if length > LONGEST_VALUE:
            raise VariableError(f"the variables in this value come to more than {LONGEST_VALUE} characters")
    return Expanded("".join((*pieces, text[end:])), tuple(names))


def _value(match: re.Match[str], env: Mapping[str, str], names: list[str]) -> str:
    if not match["end"]:
        raise VariableError("expected '}' after '${': write ${NAME} or ${NAME:-default}, or $${ for the characters")
    inside = _INSIDE.match(match["inside"])
    if inside is None:
        raise VariableError("expected ${NAME} or ${NAME:-default}: write $${ for the characters")
    name, default = inside["name"], inside["default"]
    names.append(name)
    value = env.get(name, "")
    if value or default is not None:
        return value or default or ""
    state = "empty" if name in env else "not set"
    raise VariableError(f"the variable {name} is {state}: set it, or write ${{{name}:-default}}")
