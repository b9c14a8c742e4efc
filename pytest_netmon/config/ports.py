"""Ports and ranges of ports as people write them. Pure."""

from __future__ import annotations

import re

from ..unexpected import Unexpected
from .schemes import port_of_scheme

HIGHEST_PORT = 65535
A_PORT = f"a port 1..{HIGHEST_PORT}"
A_PORT_OR_RANGE = f"{A_PORT} or a range such as 8000-8010"

_NUMBER = re.compile(r"[0-9]+\Z")
_RANGE = re.compile(r"([0-9]+)\s*-\s*([0-9]+)\Z")
#: What people write for a range elsewhere: 8000:8010 (iptables), 8000..8010, an en dash.
_MEANT_RANGE = re.compile(r"([0-9]+)\s*(?::|\.\.|\u2013)\s*([0-9]+)\Z")


def parse_ports(value: object) -> tuple[range, ...]:
    """Return the ports that a number or a text says: `443`, `8000-8010`, `80, 443`.

    Raises Unexpected.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return (_checked(value, value),)
    if isinstance(value, str):
        return tuple(_ports_of_item(item.strip()) for item in value.split(","))
    raise Unexpected(A_PORT)


def parse_port(text: str) -> int:
    """Return the one port that a text says. Raises Unexpected, without a hint: the text may be a
    part of a URL whose host was forgotten, hence a password."""
    if not _NUMBER.match(text):
        raise Unexpected(A_PORT)
    if text.startswith("0") and text.strip("0"):
        raise Unexpected(A_PORT, "leave out the leading zero")
    return _checked(_number(text), _number(text)).start


def _ports_of_item(text: str) -> range:
    match = _RANGE.match(text)
    if match:
        return _checked(_number(match[1]), _number(match[2]))
    if not _NUMBER.match(text):
        raise Unexpected(A_PORT_OR_RANGE, _hint(text), quotes=True)
    port = parse_port(text)
    return range(port, port + 1)


def _checked(first: int, last: int) -> range:
    if not (1 <= first <= HIGHEST_PORT and 1 <= last <= HIGHEST_PORT):
        raise Unexpected(A_PORT if first == last else A_PORT_OR_RANGE)
    if first > last:
        raise Unexpected("a range that goes up, such as 8000-8010")
    return range(first, last + 1)


def _number(digits: str) -> int:
    """Return the number, or one that is too high: int() refuses thousands of digits by itself."""
    return int(digits) if len(digits) <= 10 else HIGHEST_PORT + 1


def _hint(text: str) -> str:
    if not text:
        return "there is nothing"
    meant = _MEANT_RANGE.match(text)
    if meant and _number(meant[1]) <= _number(meant[2]) <= HIGHEST_PORT:
        return f"write {meant[1]}-{meant[2]} for a range"
    known = port_of_scheme(text.lower())
    return f"did you mean {known}?" if known else ""
