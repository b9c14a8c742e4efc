"""What the values of a plan may be, whoever made it: a hook may put anything into one. Pure.

Nothing here relies on a type. What is yielded are sentences that say what was expected, and what was found.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

from .hosts import parse_host
from .problems import Source
from .unexpected import Unexpected

#: What `pytest -m` takes for a name, and a name that pytest lets a mark have.
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}\Z")
#: Words of `pytest -m`, and marks that do something.
_WORDS = ("and", "or", "not", "True", "False", "None")
_MARKS = ("netmon", "skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast")


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= sys.float_info.max


def is_printable(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def is_tag(text: str) -> bool:
    """Say whether `text` can be a tag: letters, digits, `_`, `.` and `-`, 40 at the most, a letter first, and
    no word of `pytest -m` nor a mark of pytest's own."""
    return _TAG.match(text) is not None and text not in (*_WORDS, *_MARKS)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_reason(value: object) -> bool:
    return value is None or is_printable(value)


_Check = tuple[str, Callable[[object], bool], str]
#: Field of an endpoint, what it must be, and the same in words.
_OF_ENDPOINTS: tuple[_Check, ...] = (
    ("vantage", is_printable, "a text for vantage"),
    ("measured", _is_flag, "True or False for measured"),
    ("watched", _is_flag, "True or False for watched"),
    ("skip", _is_reason, "a reason or None for skip"),
    ("xfail", _is_reason, "a reason or None for xfail"),
    ("redact", _is_flag, "True or False for redact"),
    ("control", _is_flag, "True or False for control"),
    ("tags", lambda value: isinstance(value, (tuple, list)), "a tuple of tags"),
    ("limits", lambda value: isinstance(value, (tuple, list)), "a tuple of limits for limits"),
    ("warn", lambda value: isinstance(value, (tuple, list)), "a tuple of limits for warn"),
    ("source", lambda value: value is None or isinstance(value, Source), "a Source or None for source"),
)


def mistyped_texts(endpoint: object) -> Iterator[str]:
    """Yield a sentence for each field of an endpoint that holds something of another kind."""
    for field, is_right, expected in _OF_ENDPOINTS:
        value = getattr(endpoint, field)
        if not is_right(value):
            yield f"expected {expected}, got {value!r:.80}"


def host_texts(host: object, *, redacted: bool) -> Iterator[str]:
    """Yield what is wrong with a host; a redacted one is not shown."""
    found = "a redacted one" if redacted else f"{host!r:.80}"
    if not isinstance(host, str):
        yield Unexpected("a host name or an IP address").told(found)
        return
    try:
        parse_host(host)
    except Unexpected as unexpected:
        yield unexpected.told(found)


def key_of_host(host: str) -> str:
    """Return what is the same for one host: `Localhost.` and `localhost` are one."""
    return parse_host(host).removesuffix(".")
