"""What a user wrote, as messages may show it: harmless, short and without secrets. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ..safe import for_terminal
from .targets import holds_secrets, masked

#: Enough to recognise a value by; a message should fit in two lines of a terminal.
LONGEST_VALUE = 60


def shown(value: object) -> str:
    """Return a value for a message: text in quotes, `a list`, `a mapping`, `nothing` for null.

    Of a text that looks like a URL only scheme and host are shown, in any field: a variable may
    hold anything.
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return shown_text(value)
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return for_terminal(str(value), LONGEST_VALUE)


def shown_text(text: str) -> str:
    """Return text in quotes, or what may be shown of a URL."""
    if holds_secrets(text):
        return masked(text)
    quote = '"' if "'" in text else "'"
    return f"{quote}{for_terminal(text, LONGEST_VALUE)}{quote}"


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return `did you mean 'ports'?` where one of `words` is close to `word`, else nothing."""
    matches = difflib.get_close_matches(word[:LONGEST_VALUE].lower(), list(words), n=1)
    return f"did you mean '{matches[0]}'?" if matches else ""
