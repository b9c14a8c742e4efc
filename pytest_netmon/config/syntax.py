"""YAML's syntax errors in words that say what to do: the traps people fall into here. Pure."""

from __future__ import annotations

import re

from ..safe import for_terminal

#: `- success: >= 99%`, and `p95: < 50ms` inside braces.
_LIMIT_WITH_COLON = re.compile(r":\s*[<>|]\s*=?\s*[0-9]")
_BARE_IPV6 = re.compile(r"(?<![\"'\w])\[[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Za-z:.%]*\]")
_VARIABLE_IN_BRACKETS = re.compile(r"[\[{,].*(?<![\"'])\$\{")

#: What PyYAML says (with libyaml or without), what it means, and what to do.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "a ':' stands where no key can be",
        "put text that holds ': ' in quotes, and check the indentation of this line and the one above",
    ),
    ("scanning a block scalar", "'>' and '|' start a block of text", "put text that starts with them in quotes"),
    ("',' or ']'", "a list in [ ] lacks a comma or its end", "put text that holds [ ] { } or a comma in quotes"),
    ("',' or '}'", "a mapping in { } lacks a comma or its end", "put text that holds [ ] { } or a comma in quotes"),
    ("end of stream", "a quote or a bracket is not closed", "close it"),
    ("escape", "an unknown escape stands in double quotes", "write \\ as \\\\, or use single quotes"),
    ("scanning an alias", "'*' starts an alias", "put text that starts with it in quotes"),
    ("scanning an anchor", "'&' starts an anchor", "put text that starts with it in quotes"),
    ("directive", "'%' at the start of a line starts a directive", "put text that starts with it in quotes"),
    (
        "<document start>",
        "what stands above this line is complete by itself",
        "start with 'targets:' and '- ' before each target below it; [sections] and lines with '%' are not read",
    ),
    ("expected ':'", "a key lacks its ':'", "write key: value"),
    ("node content", "a value is missing", "put text that holds [ ] { } : or # in quotes"),
    ("parsing a block", "this line does not fit those above", "check its indentation and the quotes"),
)


def explain(problem: str, context: str, line: str, column: int) -> str:
    """Return the sentence for a syntax error.

    problem, context: PyYAML's words. line: the one that the error points at; column: in it, from 0.
    """
    found, advice = _meaning(problem, context, line[column : column + 1])
    return f"this is not YAML: {found}: {_advice_of_line(line) or advice}"


def _meaning(problem: str, context: str, character: str) -> tuple[str, str]:
    if "cannot start any token" in problem:
        if character == "\t":
            return "a tab stands in the indentation", "indent with spaces"
        return f"text cannot start with '{for_terminal(character)}'", "put it in quotes"
    for words, found, advice in _MEANINGS:
        if words in problem or words in context:
            return found, advice
    return for_terminal(problem), "check the indentation, quotes and brackets here"


def _advice_of_line(line: str) -> str:
    if _LIMIT_WITH_COLON.search(line):
        return "write a limit as one text without ':', as in - success >= 99%"
    if _BARE_IPV6.search(line):
        return 'put an IPv6 address in quotes, as in "[::1]:443"'
    if _VARIABLE_IN_BRACKETS.search(line):
        return 'inside [ ] and { } put a variable in quotes, as in ["${PORT}"]'
    return ""
