"""Several hosts in one text: `web-[01-20].internal`. Pure."""

from __future__ import annotations

import itertools
import re

from ..unexpected import Unexpected
from .targets import holds_secrets

#: A slip of a digit should not make more.
MOST_HOSTS = 1000
_RANGE = re.compile(r"\[([0-9]{1,9})-([0-9]{1,9})\]")


def expand_ranges(text: str) -> list[str]:
    """Return the texts that a text with ranges says, in their order; one without a range as it is.

    `web-[08-11]` keeps the zeros: web-08, web-09, web-10, web-11. Of several ranges the last one turns
    fastest. A URL has none: brackets may be a part of its password. Raises Unexpected.
    """
    if holds_secrets(text):
        return [text]
    fixed = _RANGE.split(text)[::3]
    ranges = [_numbers(first, last) for first, last in _RANGE.findall(text)]
    hosts = 1
    for numbers in ranges:
        hosts *= len(numbers)
    if hosts > MOST_HOSTS:
        raise Unexpected(f"at most {MOST_HOSTS} hosts in one text", f"these are {hosts}", quotes=True)
    return ["".join(itertools.chain(*zip(fixed, (*chosen, ""), strict=True))) for chosen in itertools.product(*ranges)]


def _numbers(first: str, last: str) -> list[str]:
    if int(first) > int(last):
        raise Unexpected("a range that goes up, such as web-[01-20]")
    if len(first) > len(last) or (first.startswith("0") and len(first) != len(last)):
        raise Unexpected("a range with as many digits at both ends, such as web-[01-20]")
    if int(last) - int(first) >= MOST_HOSTS:
        hosts = int(last) - int(first) + 1
        raise Unexpected(f"at most {MOST_HOSTS} hosts in one text", f"these are {hosts}", quotes=True)
    width = len(first) if first.startswith("0") else 1
    return [f"{number:0{width}}" for number in range(int(first), int(last) + 1)]
