"""What a user wrote, as messages may show it: harmless, short and without secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..safe import for_terminal
from .targets import is_secret, masked

#: Enough to recognise a value by; a message should fit in two lines of a terminal.
LONGEST_VALUE = 60


#: A word, as keys are: digits and other characters make passwords and tokens.
_SHOWN_KEY = re.compile(r"[A-Za-z][A-Za-z_-]{0,29}\Z")
_KINDS: dict[type, str] = {str: "a text", bool: "a truth value", int: "a number", float: "a number"}


def shown(value: object) -> str:
    """Return a value for a message: text in quotes, `a list`, `a mapping`, `nothing` for null.

    Of a text that looks like a URL only scheme and host are shown, in any field, and nothing of a connection string.
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
    if is_secret(text):
        return masked(text)
    return quoted(text)


def quoted(text: str) -> str:
    """Return text in quotes that holds no secret."""
    quote = '"' if "'" in text else "'"
    return f"{quote}{for_terminal(text, LONGEST_VALUE)}{quote}"


def kind_of(value: object) -> str:
    """Return what kind of value it is, and nothing of it: of a file that is no configuration, what it holds is
    nobody's business."""
    return _KINDS.get(type(value)) or shown(value)


def is_shown_key(key: str) -> bool:
    """Say whether a key may be shown; in a file that is no configuration, any key may be a secret."""
    return _SHOWN_KEY.match(key) is not None or key == "<<"


def shown_key(key: str) -> str:
    """Return a key in quotes, or what is said in place of one that may be a secret."""
    return quoted(key) if is_shown_key(key) else "(not shown: it may be a secret)"


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return `did you mean 'ports'?` where one of `words` is close to `word`, else nothing."""
    from difflib import get_close_matches

    matches = get_close_matches(word[:LONGEST_VALUE].lower(), list(words), n=1)
    return f"did you mean '{matches[0]}'?" if matches else ""
