"""When a certificate expires, read out of its DER encoding (RFC 5280, X.690). Pure; trusts nothing.

`ssl` tells the dates of certificates that it verified, and of no others.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import NamedTuple, Optional

_INTEGER, _SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x02, 0x30, 0xA0, 0x17, 0x18
#: RFC 5280, 4.1.2.5: to the second, in UTC.
_TIME = re.compile(rb"(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z\Z")
_YEAR_DIGITS = {_UTC_TIME: 2, _GENERALIZED_TIME: 4}


class _Element(NamedTuple):
    """A tag, and where its contents begin and end."""

    tag: int
    begin: int
    end: int


def expires_at(der: bytes) -> Optional[int]:
    """Return the Unix time of a certificate's notAfter in seconds; None where these bytes are no certificate."""
    certificate = _element(der, 0, len(der), _SEQUENCE)
    body = certificate and _element(der, certificate.begin, certificate.end, _SEQUENCE)
    if body is None:
        return None
    at = body.begin
    version = _element(der, at, body.end, _VERSION)
    if version is not None:
        at = version.end
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, signature algorithm, issuer
        passed = _element(der, at, body.end, tag)
        if passed is None:
            return None
        at = passed.end
    validity = _element(der, at, body.end, _SEQUENCE)
    not_before = validity and _time(der, validity.begin, validity.end)
    not_after = validity and not_before and _time(der, not_before.end, validity.end)
    return _seconds(der, not_after) if not_after else None


def _time(der: bytes, at: int, end: int) -> Optional[_Element]:
    return _element(der, at, end, _UTC_TIME) or _element(der, at, end, _GENERALIZED_TIME)


def _element(der: bytes, at: int, end: int, tag: int) -> Optional[_Element]:
    """Return the element with that tag at `at`; None where there is another, or none that fits before `end`."""
    if at + 2 > end or der[at] != tag:
        return None
    length = der[at + 1]
    begin = at + 2
    if length >= 0x80:  # the length of the length; none at all (indefinite) is not for DER
        begin += length - 0x80
        if not 0x81 <= length <= 0x84 or begin > end:
            return None
        length = int.from_bytes(der[at + 2 : begin], "big")
        if length < 0x80 or der[at + 2] == 0:  # DER has the shortest form only
            return None
    if begin + length > end:
        return None
    return _Element(tag, begin, begin + length)


def _seconds(der: bytes, element: _Element) -> Optional[int]:
    matched = _TIME.match(der[element.begin : element.end])
    if matched is None or len(matched[1]) != _YEAR_DIGITS[element.tag]:
        return None
    year, month, day, hour, minute, second = (int(digits) for digits in matched.groups())
    if element.tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp())
    except (OverflowError, ValueError):
        return None
