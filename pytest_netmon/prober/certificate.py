"""When a certificate expires and whom it is for, out of its DER encoding (RFC 5280, X.690). Pure; trusts nothing.

`ssl` tells that of certificates that it verified, and of no others.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timezone
from typing import List, NamedTuple, Optional

_INTEGER, _SEQUENCE, _UTC_TIME, _GENERALIZED_TIME = 0x02, 0x30, 0x17, 0x18
# Of a certificate, and of a GeneralName.
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
#: 2.5.29.17.
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
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
    body = _body(der)
    # Behind serial number, signature algorithm and issuer.
    if [element.tag for element in body[:4]] != [_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE]:
        return None
    times = _inside(der, body[3])
    if len(times) != 2 or any(time.tag not in _YEAR_DIGITS for time in times):
        return None
    return _seconds(der, times[1])


def names_of(der: bytes) -> List[str]:
    """Return the names and addresses that a certificate is for (its subjectAltName); none where it has or is none."""
    for element in _body(der):
        if element.tag != _EXTENSIONS:
            continue
        for extension in (found for list_ in _inside(der, element) for found in _inside(der, list_)):
            parts = _inside(der, extension)
            if len(parts) >= 2 and der[parts[0].begin : parts[0].end] == _SUBJECT_ALT_NAME:
                names = [name for list_ in _inside(der, parts[-1]) for name in _inside(der, list_)]
                return [shown for shown in (_shown(der, name) for name in names) if shown]
    return []


def _body(der: bytes) -> List[_Element]:
    """Return what stands in the part of a certificate that is signed, without its version; nothing where it is none."""
    certificate = _element(der, 0, len(der))
    if certificate is None or certificate.tag != _SEQUENCE:
        return []
    signed = _element(der, certificate.begin, certificate.end)
    if signed is None or signed.tag != _SEQUENCE:
        return []
    body = _inside(der, signed)
    return body[1:] if body and body[0].tag == _VERSION else body


def _inside(der: bytes, outer: _Element) -> List[_Element]:
    """Return the elements that another one holds; none where it holds anything else."""
    found: List[_Element] = []
    at = outer.begin
    while at < outer.end:
        element = _element(der, at, outer.end)
        if element is None:
            return []
        found.append(element)
        at = element.end
    return found


def _element(der: bytes, at: int, end: int) -> Optional[_Element]:
    """Return the element at `at`; None where there is none that fits before `end`."""
    if at + 2 > end:
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
    return _Element(der[at], begin, begin + length)


def _shown(der: bytes, name: _Element) -> Optional[str]:
    value = der[name.begin : name.end]
    if name.tag == _DNS_NAME and value.isascii():
        text = value.decode("ascii")
        return text if text.isprintable() else None
    if name.tag == _IP_ADDRESS and len(value) in (4, 16):
        return str(ipaddress.ip_address(value))
    return None


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
