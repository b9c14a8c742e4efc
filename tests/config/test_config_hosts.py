from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.hosts import parse_host
from pytest_netmon.unexpected import Unexpected


def refusal(text: str) -> str:
    with pytest.raises(Unexpected) as raised:
        parse_host(text)
    return raised.value.told("it")


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("DB.Internal", "db.internal"),
        ("db.internal.", "db.internal."),
        ("_service_1.consul", "_service_1.consul"),
        ("1e5.example", "1e5.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("10.0.3.7", "10.0.3.7"),
        ("169.254.169.254", "169.254.169.254"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_a_host_is_taken_in_its_shortest_form(written: str, host: str) -> None:
    assert parse_host(written) == host


@pytest.mark.parametrize(
    "text", ["1.2.3", "127.1", "0x7f.1", "2130706433", "256.1.1.1", "01.2.3.4", "1.2.3.4.", "0x7f"]
)
def test_what_only_inet_aton_takes_for_an_address_is_refused(text: str) -> None:
    assert "looks like an IPv4 address but is not; write four numbers" in refusal(text)


@pytest.mark.parametrize("text", ["①27.0.0.1", "１２７.0.0.1", "a。b", "straße.example", "ⅷ.example", "☃.example"])  # noqa: RUF001
def test_characters_that_would_become_others_are_refused(text: str) -> None:
    assert "xn-- form" in refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is none"),
        ("db\x00.internal", "control character"),
        ("db\u200b.internal", "control character or an invisible one"),
        ("db internal", "it holds a space"),
        ("db/path", "leave out the path"),
        ("db..internal", "a part between its dots is empty"),
        (".", "a part between its dots is empty"),
        ("a" * 64 + ".example", "a part between its dots has 64 characters, 63 are allowed"),
        ("a." * 127 + "b", "at most 253 characters"),
        ("-p.example", "no part starts or ends with '-'"),
        ("*.example.com", "use letters, digits"),
        ("db%41", "use letters, digits"),
    ],
)
def test_what_is_no_host_name_is_refused_with_the_reason(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fe80::1", "write it as in fe80::1%eth0"),
        ("::1%lo", "only a link-local address"),
        ("fe80::1%et h0", "the name of an interface"),
        ("::", "any address"),
        ("0.0.0.0", "any address"),
        ("ff02::1", "multicast"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("::ffff:10.0.0.1", "write the IPv4 address alone"),
        ("1:2:3", "this is no IPv6 address"),
    ],
)
def test_addresses_that_tcp_cannot_reach_are_refused(text: str, words: str) -> None:
    assert words in refusal(text)


@given(st.text())
def test_whatever_is_accepted_is_stable_and_plain(text: str) -> None:
    try:
        host = parse_host(text)
    except Unexpected:
        return
    assert parse_host(host) == host
    assert host.isascii()
    assert host.isprintable()
    assert " " not in host


@given(st.ip_addresses())
def test_addresses_come_to_what_ipaddress_says(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    try:
        assert parse_host(address.exploded) == str(address)
    except Unexpected:
        assert (
            address.is_multicast
            or address.is_unspecified
            or address.is_link_local
            or getattr(address, "ipv4_mapped", None)
            or str(address) == "255.255.255.255"
        )
