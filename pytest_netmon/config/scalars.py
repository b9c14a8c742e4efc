"""The value of a plain YAML scalar, by the core schema of YAML 1.2 (section 10.3.2). Pure.

Narrower in one point: a number with a leading zero stays text, so that `017` is neither 15 (YAML
1.1) nor 17, and whoever expected a number can say so. `22:30`, `on`, `no` and `1_000` are text.
"""

from __future__ import annotations

import math
import re

from ..unexpected import Unexpected

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
#: No number of a configuration comes near; int() itself refuses more than 4,300 digits.
_MOST_DIGITS = 40


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a scalar without quotes.

    Raises Unexpected for a number that is not finite or longer than 40 characters.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.match(text):
        raise Unexpected("a finite number")
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.match(text):
            _refuse_long(text)
            return int(text[2:] if base != 10 else text, base)
    if _FLOAT.match(text):
        _refuse_long(text)
        if not math.isfinite(float(text)):
            raise Unexpected("a finite number", "this one is too large")
        return float(text)
    return text


def _refuse_long(text: str) -> None:
    if len(text) > _MOST_DIGITS:
        raise Unexpected(f"a number of at most {_MOST_DIGITS} characters")
