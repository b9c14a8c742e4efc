"""The expiry of a certificate, read out of any bytes that a peer may send."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from certificates import HAS_OPENSSL, Authority
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.prober.certificate import expires_at, names_of

#: What RFC 5280 has as the last second; before 1950 its times cannot tell the century.
moments = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001 - UTC below
    lambda moment: moment.replace(microsecond=0, tzinfo=timezone.utc)
)


def element(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(length)]) + length + body


def time_of(moment: datetime) -> bytes:
    """As RFC 5280 wants it: two digits of the year until 2049."""
    digits = f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode()
    return element(0x17, digits[2:]) if moment.year < 2050 else element(0x18, digits)


def certificate(not_before: bytes, not_after: bytes, *, version: bool = True, rest: bytes = b"") -> bytes:
    """What of a certificate matters here, around its validity."""
    empty = element(0x30)
    head = (element(0xA0, element(0x02, b"\2")) if version else b"", element(0x02, b"\1" * 20), empty, empty)
    return element(0x30, element(0x30, *head, element(0x30, not_before, not_after), rest), empty, element(0x03, rest))


@given(moments, st.booleans(), st.sampled_from([0, 100, 200, 70_000]))
def test_the_last_second_of_a_certificate_is_read_exactly(moment: datetime, version: bool, padding: int) -> None:
    der = certificate(
        time_of(datetime(1970, 1, 1, tzinfo=timezone.utc)),
        time_of(moment),
        version=version,
        rest=element(4, b"x" * padding),
    )
    assert expires_at(der) == round((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(seconds=1))


@pytest.mark.fault("fuzzing", "any bytes as a certificate", "its end and names, or none; never an exception")
@given(st.binary(max_size=4000))
def test_any_bytes_give_a_date_or_none(data: bytes) -> None:
    found = expires_at(data)
    assert found is None or isinstance(found, int)
    assert isinstance(names_of(data), list)


#: A key, then extensions, the last of which has the names.
EXTENSIONS = element(0x30) * 2 + element(
    0xA3,
    element(
        0x30,
        element(0x30, element(0x06, b"\x55\x1d\x0f"), element(0x04, b"x" * 200)),
        element(
            0x30,
            element(0x06, b"\x55\x1d\x11"),
            element(0x01, b"\xff"),
            element(
                0x04,
                element(
                    0x30,
                    element(0x82, b"db.internal"),
                    element(0x86, b"https://passed.over"),
                    element(0x82, b"a\r\nb"),
                    element(0x87, b"\x0a\0\0\7"),
                    element(0x87, b"\x0a\0\0\7\xff\0\0\0"),
                ),
            ),
        ),
    ),
)
WHOLE = certificate(element(0x17, b"200101000000Z"), element(0x17, b"300101000000Z"), rest=EXTENSIONS)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_certificate_with_a_changed_byte_gives_a_date_or_none(place: int, byte: int) -> None:
    changed = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    found = expires_at(changed)
    assert found is None or isinstance(found, int)
    assert all(name.isprintable() for name in names_of(changed))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_certificate_that_is_cut_gives_none(length: int) -> None:
    assert expires_at(WHOLE) == 1893456000
    assert names_of(WHOLE) == ["db.internal", "10.0.0.7"]
    assert expires_at(WHOLE[:length]) is None
    assert names_of(WHOLE[:length]) == []


@pytest.mark.parametrize(
    "time",
    [
        element(0x17, b"301301000000Z"),  # a thirteenth month
        element(0x17, b"300101240000Z"),
        element(0x17, b"300101000060Z"),
        element(0x17, b"3001010000Z"),  # without seconds
        element(0x17, b"300101000000+0100"),
        element(0x17, b"20300101000000Z"),  # four digits where two belong
        element(0x18, b"300101000000Z"),
        element(0x18, b"20300101000000.5Z"),
        element(0x18, "\u0662".encode() * 7 + b"Z"),
        element(0x18, b"00000101000000Z"),
        element(0x16, b"300101000000Z"),  # another type
        b"\x17\x80300101000000Z\0\0",  # an indefinite length
        b"\x17\x81\x0d300101000000Z",  # not the shortest length
        b"\x17\x85\0\0\0\0\x0d300101000000Z",
        b"",
    ],
)
def test_a_time_that_no_certificate_has_is_none(time: bytes) -> None:
    assert expires_at(certificate(element(0x17, b"200101000000Z"), time)) is None


@pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")
def test_a_real_certificate_is_read_as_openssl_reads_it(tmp_path: Path) -> None:
    issued = Authority(tmp_path / "authority").issue("DNS:localhost", days=40_000)  # past 2050
    der = ssl.PEM_cert_to_DER_cert(issued.chain.read_text("ascii"))
    at_s = expires_at(der)
    assert at_s is not None
    assert abs(datetime.fromtimestamp(at_s, timezone.utc) - datetime.now(timezone.utc) - timedelta(40_000)) < timedelta(
        1
    )
