"""Targets for a new netmon.yaml: out of a plain list, or out of a .env file, whose values stay where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_netmon.config.ports import parse_port
from pytest_netmon.config.schemes import port_of_scheme
from pytest_netmon.config.shown import shown_text
from pytest_netmon.config.targets import A_TARGET, ParsedTarget, holds_secrets, parse_target, parse_targets
from pytest_netmon.config.variables import VariableError, expand
from pytest_netmon.problems import ConfigurationError, Problem, Source
from pytest_netmon.unexpected import Unexpected

from .targets_list import target_of

#: A line of a .env file, as shells and docker compose read them.
_ASSIGNMENT = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)\Z")
_QUOTES = "\"'"
_HOST, _PORT = "HOST", "PORT"


@dataclass(frozen=True, slots=True)
class Found:
    """targets: as netmon.yaml holds them, each once. variables: names of a .env file that stand in them, in order.
    passed_over: how many lines of it name nothing to connect to."""

    targets: tuple[str, ...]
    variables: tuple[str, ...] = ()
    passed_over: int = 0


class _AnyValue(Mapping[str, str]):
    """An environment in which every variable is set: what a list refers to need not be known yet."""

    def __getitem__(self, name: str) -> str:
        return "x"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def find_targets(lines: list[tuple[str, Source]]) -> Found:
    """Return the targets in lines as `targets_list.read_lines` gives them: a .env file where the first one is
    `NAME=value`, else a list.

    Of URLs only scheme, host and port are kept; of a .env file only the names of variables.
    Raises ConfigurationError with every line that is no target, and where none is.
    """
    if _ASSIGNMENT.match(lines[0][0]):
        return _of_variables(lines)
    return Found(tuple(dict.fromkeys(_of_list(lines))))


def _of_list(lines: Iterable[tuple[str, Source]]) -> list[str]:
    targets: list[str] = []
    problems: list[Problem] = []
    for line, source in lines:
        found, trouble = _told_of_line(line)
        targets += found
        if trouble:
            problems.append(Problem(source, "", trouble))
    if problems:
        raise ConfigurationError(problems)
    return targets


def _told_of_line(line: str) -> tuple[list[str], str]:
    """Return the targets of a line and what is wrong with it, one of the two empty."""
    try:
        return _of_line(line), ""
    except Unexpected as unexpected:
        return [], unexpected.told("NAME=value" if _ASSIGNMENT.match(line) else shown_text(line))
    except VariableError as error:
        return [], str(error)


def _of_line(line: str) -> list[str]:
    if _ASSIGNMENT.match(line):
        raise Unexpected(A_TARGET, "a .env file has such lines from its first one on")
    text = target_of(line)
    if "${" in text and not holds_secrets(text):
        expand(text, _AnyValue())
        return [text]
    return [_written(target) for target in parse_targets(text)]


def _written(target: ParsedTarget) -> str:
    """Return a target without secrets. The scheme of a URL stays where it is a known one: it may mean TLS."""
    if target.port is None:
        raise Unexpected("a target with its port, such as db.internal:5432", "add the port")
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = port_of_scheme(target.scheme) if target.scheme else None
    if usual is None:
        return f"{host}:{target.port}"
    return f"{target.scheme}://{host}" if target.port == usual else f"{target.scheme}://{host}:{target.port}"


def _of_variables(lines: list[tuple[str, Source]]) -> Found:
    values = _values(line for line, _ in lines)
    targets: dict[str, tuple[str, ...]] = {}
    for name, value in values.items():
        port = name[: -len(_HOST)] + _PORT if name.upper().endswith(_HOST) else ""
        if _names_endpoints(value):
            targets[f"${{{name}}}"] = (name,)
        elif _is_bare_host(value) and _is_port(values.get(port, "")):
            targets[f"${{{name}}}:${{{port}}}"] = (name, port)
    if not targets:
        text = "expected variables that hold a URL, host:port, or a host and its port (DB_HOST, DB_PORT), got none"
        raise ConfigurationError([Problem(Source(lines[0][1].file), "", text)])
    variables = tuple(dict.fromkeys(name for names in targets.values() for name in names))
    return Found(tuple(targets), variables, len(lines) - len(variables))


def _values(lines: Iterable[str]) -> dict[str, str]:
    """Return the variables of a .env file; what a value takes from those before it is in its place."""
    values: dict[str, str] = {}
    for line in lines:
        assignment = _ASSIGNMENT.match(line)
        if assignment is None:
            continue
        value = assignment["value"].strip()
        if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]:
            value = value[1:-1]
        try:
            values[assignment["name"]] = expand(value, values).text
        except VariableError:
            values[assignment["name"]] = ""
    return values


def _names_endpoints(value: str) -> bool:
    try:
        return all(target.port is not None for target in parse_targets(value))
    except Unexpected:
        return False


def _is_bare_host(value: str) -> bool:
    try:
        return parse_target(value).port is None and ":" not in value
    except Unexpected:
        return False


def _is_port(value: str) -> bool:
    try:
        parse_port(value)
    except Unexpected:
        return False
    return True
