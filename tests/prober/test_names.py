"""Addresses that a name must not lead to."""

from __future__ import annotations

import socket

import pytest

from pytest_netmon.prober.names import Address, is_metadata, literal


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.23",
        "168.63.129.16",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
)
def test_a_metadata_address_is_known_in_every_guise(host: str) -> None:
    assert is_metadata(Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host, 0))


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "127.0.0.1", "169.253.1.1", "::1", "fe80::1%1", "64:ff9b::a00:1", "2002:a00:1::1"]
)
def test_other_addresses_are_not(host: str) -> None:
    assert not is_metadata(Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host, 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::7"])
def test_a_literal_is_never_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def without_lookup(*arguments: object, **named: object) -> object:
        assert named.get("flags") == socket.AI_NUMERICHOST
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", without_lookup)
    found = literal(host)
    assert found is not None
    assert found.host == host


@pytest.mark.parametrize("host", ["db.internal", "localhost", "1.2.3.4.5", "a:b"])
def test_a_name_is_no_literal(host: str) -> None:
    assert literal(host) is None
