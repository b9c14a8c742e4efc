"""Proxies as people write them, and what the environment says of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.proxying import (
    Proxy,
    credentials_of,
    environment_proxy,
    is_excepted,
    parse_proxy,
    variable_of,
)
from pytest_netmon.unexpected import Unexpected


@pytest.mark.parametrize(("text", "proxy"), [
    ("http://proxy.internal:3128", Proxy("http", "proxy.internal", 3128)),
    ("http://Proxy.Internal:3128/", Proxy("http", "proxy.internal", 3128)),
    ("HTTP://10.0.0.1:80", Proxy("http", "10.0.0.1", 80)),
    ("http://[2001:db8::1]:3128", Proxy("http", "2001:db8::1", 3128)),
    ("proxy.internal:3128", Proxy("http", "proxy.internal", 3128)),
    ("socks5://proxy.internal", Proxy("socks5", "proxy.internal", 1080)),
    ("socks5h://proxy.internal:9050", Proxy("socks5", "proxy.internal", 9050)),
])  # fmt: skip
def test_a_proxy_is_a_url_as_other_tools_take_it(text: str, proxy: Proxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(("text", "hint"), [
    ("http://proxy.internal", "add the port; for curl none means 1080, for others 80"),
    ("https://proxy.internal:3128", "a proxy that takes TLS itself cannot be used"),
    ("ftp://proxy.internal:21", ""),
    ("http://proxy.internal:0", "a port is a number 1..65535"),
    ("http://proxy.internal:70000", "a port is a number 1..65535"),
    ("http://proxy.internal:port", ""),
    ("http://:3128", ""),
    ("http://", ""),
    ("http://2001:db8::1:3128", ""),
    ("http://proxy.internal:3128/pac", "leave out what follows '/'"),
    ("http://me:a/b@proxy.internal:3128", "in a password write / and @ as %2F and %40"),
    ("http://me:pw@proxy.internal:3128", "leave user and password out: NETMON_PROXY_USER and NETMON_PROXY_PASSWORD "
     "hold them, or write proxy: env"),
    ("http://me@proxy.internal:3128", "leave user and password out: NETMON_PROXY_USER and NETMON_PROXY_PASSWORD "
     "hold them, or write proxy: env"),
])  # fmt: skip
def test_what_is_no_proxy_is_told_with_what_to_do(text: str, hint: str) -> None:
    with pytest.raises(Unexpected) as raised:
        parse_proxy(text)

    assert raised.value.hint == hint
    assert "pw" not in str(raised.value)


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_other_text_is_refused_in_the_same_way(text: str, env: str) -> None:
    try:
        parse_proxy(text)
        is_excepted("a.example", 443, {"NO_PROXY": env})
    except Unexpected:
        pass


@pytest.mark.parametrize(("listed", "host", "excepted"), [
    ("*", "db.internal", True),
    ("db.internal", "db.internal", True),
    ("DB.internal", "db.internal.", True),
    ("internal", "db.internal", True),
    (".internal", "db.internal", True),
    ("*.internal", "db.internal", True),
    (".internal", "internal", True),
    ("internal", "dbinternal", False),
    ("b.internal", "db.internal", False),
    ("a, db.internal ,b", "db.internal", True),
    ("a db.internal", "db.internal", True),
    ("db.internal:443", "db.internal", True),
    ("db.internal:80", "db.internal", False),
    ("10.0.0.7", "10.0.0.7", True),
    ("10.0.0.0/8", "10.0.0.7", True),
    ("10.0.0.7/8", "10.255.0.1", True),
    ("10.0.0.0/8", "11.0.0.7", False),
    ("10.0.0.0/8", "db.internal", False),
    ("0.0.7", "10.0.0.7", False),
    ("2001:db8::/32", "2001:db8::1", True),
    ("[2001:db8::1]:443", "2001:db8::1", True),
    ("[2001:db8::1]:80", "2001:db8::1", False),
    ("2001:db8::1", "2001:db8::1", True),
    ("10.0.0.0/99,.", "10.0.0.7", False),
    (" , ,", "db.internal", False),
    ("", "db.internal", False),
])  # fmt: skip
def test_no_proxy_is_read_as_curl_reads_it(listed: str, host: str, excepted: bool) -> None:
    assert is_excepted(host, 443, {"NO_PROXY": listed}) is excepted
    assert is_excepted(host, 443, {"no_proxy": listed, "NO_PROXY": "" if excepted else "*"}) is (excepted or not listed)


def test_the_environment_names_a_proxy_in_one_of_four_variables() -> None:
    env = {"HTTP_PROXY": "http://a:1", "ALL_PROXY": "socks5://b", "HTTPS_PROXY": "http://c:3", "https_proxy": "d:4"}

    assert environment_proxy("db", 1, env) == Proxy("http", "d", 4, "https_proxy")
    del env["https_proxy"]
    assert environment_proxy("db", 1, env) == Proxy("http", "c", 3, "HTTPS_PROXY")
    env["HTTPS_PROXY"] = " "
    assert environment_proxy("db", 1, env) == Proxy("socks5", "b", 1080, "ALL_PROXY")
    env["NO_PROXY"] = "db"
    assert environment_proxy("db", 1, env) is None
    assert environment_proxy("db", 1, {"HTTP_PROXY": "http://a:1"}) is None
    assert variable_of({}) is None


def test_user_and_password_are_those_of_the_variable_else_of_our_own() -> None:
    own = {"NETMON_PROXY_USER": "own", "NETMON_PROXY_PASSWORD": "pw"}
    env = {**own, "HTTPS_PROXY": "http://me:a%40b%3Ac@p:1"}
    proxy = environment_proxy("db", 1, env)
    assert proxy is not None

    assert credentials_of(proxy, env) == ("me", "a@b:c")
    assert credentials_of(proxy, {**env, "HTTPS_PROXY": "http://p:1"}) == ("own", "pw")
    assert credentials_of(Proxy("http", "q", 1), own) == ("own", "pw")
    assert credentials_of(Proxy("http", "q", 1), {"NETMON_PROXY_USER": "own"}) == ("own", "")
    assert credentials_of(Proxy("http", "q", 1), {}) is None


def test_what_is_for_another_proxy_is_not_sent() -> None:
    env = {"HTTPS_PROXY": "http://me:pw@elsewhere:1"}

    assert credentials_of(Proxy("http", "p", 1, "HTTPS_PROXY"), env) is None


@pytest.mark.parametrize(("kind", "env"), [
    ("http", {"NETMON_PROXY_PASSWORD": "geheim"}),
    ("http", {"NETMON_PROXY_USER": "geheim:x"}),
    ("http", {"NETMON_PROXY_USER": "geheim\r\nHost: x"}),
    ("socks5", {"NETMON_PROXY_USER": "geheim"}),
    ("socks5", {"NETMON_PROXY_USER": "u", "NETMON_PROXY_PASSWORD": "geheim" * 50}),
])  # fmt: skip
def test_credentials_that_cannot_be_sent_are_refused_unseen(kind: str, env: dict[str, str]) -> None:
    with pytest.raises(Unexpected) as raised:
        credentials_of(Proxy(kind, "p", 1), env)  # type: ignore[arg-type]

    assert "geheim" not in raised.value.told("one")


def test_a_proxy_is_shown_without_what_opens_it() -> None:
    assert Proxy("http", "2001:db8::1", 3128).shown == "http proxy [2001:db8::1]:3128"
    named = environment_proxy("db", 1, {"HTTPS_PROXY": "http://me:geheim@p:1"})
    assert named is not None
    assert named.shown == "http proxy p:1 (HTTPS_PROXY)"
    assert "geheim" not in repr(named)
