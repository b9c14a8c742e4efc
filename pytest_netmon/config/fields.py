"""Readers of single values: from what a user wrote, of any type, to a typed value. Pure.

Each takes a value of YAML or the text of an option and raises Unexpected. Numbers may stand in
quotes: inside `[ ]` and `{ }` YAML takes a variable only so.
"""

from __future__ import annotations

import math
import re
from typing import cast, get_args

from ..addresses import ADDRESSES, FAMILIES, Addresses, Family
from ..plan import Close, Expect
from ..plan_checks import MOST_TIMEOUT_S
from ..plan_values import is_tag
from ..safe import for_terminal
from ..stages import MOST_HOLD_S
from ..unexpected import Unexpected
from ..units import parse_duration_s, show_duration
from ..vantage import is_vantage_name
from .places import Value
from .scalars import resolve
from .shown import did_you_mean
from .targets import holds_secrets

#: More than eleven days at ten checks a second; a slip of a digit should not start that.
MOST_CHECKS = 1_000_000
#: The prober keeps schedules to a fraction of a millisecond.
LEAST_DURATION_S = 0.001
MOST_INTERVAL_S = 7 * 86_400.0
#: No machine starts more.
MOST_CHECKS_A_SECOND = 1_000_000
#: Ids, columns and file names are made of names.
LONGEST_NAME = 80
LONGEST_REASON = 300
NO_REASON = "no reason given"

_DIGITS = re.compile(r"\s*([1-9][0-9]{0,15})\s*\Z")
_DECIMAL = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*\Z")
_UNIT = re.compile(r"\s*([0-9.]+)\s*([A-Za-z\u00b5\u03bc]+)\s*\Z")
_MEANT_UNITS = {
    "ms": ("msec", "msecs", "millis", "millisecond", "milliseconds"),
    "s": ("S", "sec", "secs", "second", "seconds"),
    "m": ("min", "mins", "minute", "minutes"),
    "h": ("H", "hr", "hrs", "hour", "hours"),
    "d": ("D", "day", "days"),
}
#: What YAML 1.1 and the shell take for truth values.
_NOT_BOOLEAN = {
    **dict.fromkeys(("yes", "y", "on", "1"), "true"),
    **dict.fromkeys(("no", "n", "off", "0"), "false"),
}
_USER_IN_URL = re.compile(r"://[^\s/]*@")


def read_count(value: Value) -> int:
    """Return how many checks to make."""
    number = _unquoted(value, _DIGITS)
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MOST_CHECKS:
        raise Unexpected(f"a whole number 1..{MOST_CHECKS}")
    return number


def read_warmup(value: Value) -> int:
    """Return how many checks to make before those that count."""
    number = 0 if value in ("0", 0) and not isinstance(value, bool) else _unquoted(value, _DIGITS)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MOST_CHECKS:
        raise Unexpected(f"a whole number 0..{MOST_CHECKS}")
    return number


def read_rate(value: Value) -> float:
    """Return how many checks a second are allowed."""
    number = _unquoted(value, _DECIMAL)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number <= MOST_CHECKS_A_SECOND:
        raise Unexpected(f"checks a second, a number above 0 and up to {MOST_CHECKS_A_SECOND}")
    return float(number)


def read_interval(value: Value) -> float:
    """Return an interval in seconds."""
    return _duration_s(value, MOST_INTERVAL_S)


def read_timeout(value: Value) -> float:
    """Return a timeout in seconds."""
    return _duration_s(value, MOST_TIMEOUT_S)


def read_hold(value: Value) -> float:
    """Return how long to hold a connection open, in seconds; 0 for not at all."""
    if value in (0, "0", "0s", "0ms") and not isinstance(value, bool):
        return 0.0
    try:
        return _duration_s(value, MOST_HOLD_S)
    except Unexpected as unexpected:
        raise Unexpected(f"0, or {unexpected.expected}", unexpected.hint, quotes=unexpected.quotes) from None


def read_name(value: Value) -> str:
    """Return what to call a target."""
    if not isinstance(value, str):
        raise Unexpected("a name", "put it in quotes" if isinstance(value, (bool, int, float)) else "")
    if holds_secrets(value):
        raise Unexpected("a name without '://' and '@'", "a URL belongs under host")
    if "::" in value or "##" in value:
        # pytest prints ids as they are: its own ids are cut at '::', CI runners obey '::...' and '##vso[...]'.
        raise Unexpected("a name without '::' and '##'", "choose another one")
    if not value.isprintable() or value != value.strip() or not 1 <= len(value) <= LONGEST_NAME:
        raise Unexpected(f"a name of 1..{LONGEST_NAME} printable characters, without spaces at its ends")
    return value


def read_reason(value: Value) -> str | None:
    """Return the reason of `skip` or `xfail`, None for false."""
    value = _truth(value)
    if isinstance(value, bool):
        return NO_REASON if value else None
    if not isinstance(value, str) or not value.strip():
        raise Unexpected("true, false or a reason")
    if value.strip().lower() in _NOT_BOOLEAN:
        raise Unexpected("true, false or a reason", f"write {_NOT_BOOLEAN[value.strip().lower()]}")
    if _USER_IN_URL.search(value):
        raise Unexpected("a reason", "leave user and password out of the URL in it")
    return for_terminal(" ".join(value.split()), LONGEST_REASON)


def read_flag(value: Value) -> bool:
    """Return true or false."""
    truth = _truth(value)
    if isinstance(truth, bool):
        return truth
    meant = _NOT_BOOLEAN.get(truth.strip().lower()) if isinstance(truth, str) else None
    raise Unexpected("true or false", f"write {meant}" if meant else "")


def read_expect(value: Value) -> Expect:
    """Return the state that is expected of a port."""
    for state in get_args(Expect):
        if value == state:
            return cast(Expect, state)
    raise Unexpected(
        "open, closed, refused or timeout", did_you_mean(value, get_args(Expect)) if isinstance(value, str) else ""
    )


def read_close(value: Value) -> Close:
    """Return how a connection is closed."""
    if value == "fin":
        return "fin"
    if value == "reset":
        return "reset"
    raise Unexpected("fin or reset", did_you_mean(value, ("fin", "reset")) if isinstance(value, str) else "")


def read_family(value: Value) -> Family:
    """Return the family of addresses; YAML takes 4 and 6 for numbers."""
    text = str(value) if value in (4, 6) and not isinstance(value, bool) else value
    if text not in FAMILIES:
        raise Unexpected("any, 4, 6 or both", did_you_mean(value, FAMILIES) if isinstance(value, str) else "")
    return cast(Family, text)


def read_addresses(value: Value) -> Addresses:
    """Return which addresses of a name are checked."""
    if value not in ADDRESSES:
        raise Unexpected("any, first or all", did_you_mean(value, ADDRESSES) if isinstance(value, str) else "")
    return cast(Addresses, value)


def read_wait_time(value: Value) -> float:
    """Return how long to wait in seconds."""
    return _duration_s(value, MOST_TIMEOUT_S)


def read_tag(value: Value) -> str:
    """Return a tag."""
    if not isinstance(value, str) or not is_tag(value.strip()):
        hint = "pytest has its own use for this word" if isinstance(value, str) and value.isalpha() else ""
        raise Unexpected("a tag of letters, digits, '_', '.' and '-', a letter first", hint)
    return value.strip()


def read_vantage_name(value: Value) -> str:
    """Return the name of a vantage."""
    if not isinstance(value, str) or not is_vantage_name(value.strip()):
        raise Unexpected("the name of a vantage: letters, digits, '_', '.' and '-', a letter first")
    return value.strip()


def _duration_s(value: Value, most_s: float) -> float:
    expected = f"a duration from {show_duration(LEAST_DURATION_S)} to {show_duration(most_s)}, such as 250ms or 2s"
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Unexpected(expected)
    try:
        seconds = parse_duration_s(value)
    except ValueError:
        raise Unexpected(expected, _meant_duration(value), quotes=True) from None
    if not math.isfinite(seconds) or not LEAST_DURATION_S <= seconds <= most_s:
        raise Unexpected(expected)
    return seconds


def _meant_duration(value: str | int | float) -> str:
    match = _UNIT.match(value) if isinstance(value, str) else None
    if match is None:
        return ""
    meant = [unit for unit, words in _MEANT_UNITS.items() if match[2] in words or match[2].lower() in words]
    return f"did you mean {match[1]}{meant[0]}?" if meant else "the units are ms, s, m, h and d"


def _unquoted(value: Value, number: re.Pattern[str]) -> Value:
    """Return the number that a text holds and nothing else; any other value as it is."""
    match = number.match(value) if isinstance(value, str) else None
    return value if match is None else float(match[1]) if "." in match[1] else int(match[1])


def _truth(value: Value) -> Value:
    """Return the truth value that a text says, as YAML would read it without quotes."""
    if not isinstance(value, str):
        return value
    try:
        truth = resolve(value.strip())
    except Unexpected:
        return value
    return truth if isinstance(truth, bool) else value
