from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_netmon.config.schemes import SCHEME_PORTS
from pytest_netmon.config.shown import shown
from pytest_netmon.config.targets import ParsedTarget, parse_target, parse_targets
from pytest_netmon.safe import for_terminal
from pytest_netmon.unexpected import Unexpected


def pairs(text: str) -> list[tuple[str, int | None]]:
    return [(target.host, target.port) for target in parse_targets(text)]


def refusal(text: str) -> str:
    with pytest.raises(Unexpected) as raised:
        parse_targets(text)
    return raised.value.told(shown(text))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("db.internal:5432", ParsedTarget("db.internal", 5432)),
        ("DB", ParsedTarget("db", None)),
        (" db:1 ", ParsedTarget("db", 1)),
        ("[2001:db8::1]:443", ParsedTarget("2001:db8::1", 443)),
        ("[2001:db8::1]", ParsedTarget("2001:db8::1", None)),
        ("2001:db8::1", ParsedTarget("2001:db8::1", None)),
        ("https://api.example.com", ParsedTarget("api.example.com", 443, "https")),
        ("HTTPS://API.example.com:8443/path?q#f", ParsedTarget("api.example.com", 8443, "https")),
        ("https://api.example.com:", ParsedTarget("api.example.com", 443, "https")),
        ("rediss://user:p%40ss@cache:6380/0", ParsedTarget("cache", 6380, "rediss")),
        ("redis://:a@b@cache", ParsedTarget("cache", 6379, "redis")),
        ("http://[fe80::1%25eth0]:8080/", ParsedTarget("fe80::1%eth0", 8080, "http")),
        ("jdbc:postgresql://db/app?user=u&password=p", ParsedTarget("db", 5432, "postgresql")),
        ("jdbc:sqlserver://db:1434;password=p", ParsedTarget("db", 1434, "sqlserver")),
        ("postgresql+asyncpg://db/app", ParsedTarget("db", 5432, "postgresql+asyncpg")),
        ("git+ssh://git@host/repo", ParsedTarget("host", 22, "git+ssh")),
        ("tcp://host:1234", ParsedTarget("host", 1234, "tcp")),
    ],
)
def test_a_target_is_host_port_and_scheme(text: str, target: ParsedTarget) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "scheme",
    [
        *("http", "https", "ssh", "ftp", "smtp", "imap", "ldap", "ldaps", "postgres", "postgresql", "mysql", "redis"),
        *("rediss", "amqp", "amqps", "mongodb", "kafka", "nats", "mqtt", "mqtts"),
    ],
)
def test_a_known_scheme_gives_the_port(scheme: str) -> None:
    assert pairs(f"{scheme}://host.example/path") == [("host.example", SCHEME_PORTS[scheme])]


def test_one_text_may_name_several_targets() -> None:
    assert pairs("a:9092, b:9093") == [("a", 9092), ("b", 9093)]
    assert pairs("redis://:x@a,amqp://u:y@b") == [("a", 6379), ("b", 5672)]
    assert pairs("db:1,https://a") == [("db", 1), ("a", 443)]
    assert pairs("mongodb://u:p@a:27018,b/app?compressors=zstd,zlib") == [("a", 27018), ("b", 27017)]
    with pytest.raises(Unexpected, match="one target"):
        parse_target("a:1,b:2")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("db:70000", "expected a port 1..65535, got 'db:70000'"),
        ("db:0", "expected a port 1..65535, got 'db:0'"),
        ("db:http", "expected a port 1..65535, got 'db:http'"),
        ("db:", "expected a port 1..65535, got 'db:'"),
        ("db:080", "expected a port 1..65535, got 'db:080': leave out the leading zero"),
        ("db:8000-8010", "expected one port in a target, got 'db:8000-8010': write host: and ports: for a range"),
        (
            "https://db:0",
            "expected a host and a port 1..65535 in the URL, got a URL: what follows the last ':' is no port",
        ),
        (
            "foo://db",
            "expected a port in a URL of an unknown scheme, got a URL: write it behind the host, as "
            "in scheme://host:1234",
        ),
        (
            "mongodb+srv://c",
            "expected a host to connect to, got a URL: +srv looks its hosts up elsewhere: name them one by one",
        ),
        ("postgresql:///app?host=/tmp", "expected a host in the URL, got a URL: there is none"),
        ("https://a,b", "expected one host in a URL with https, got a URL: write each target on its own"),
        (
            "https://a/x,db:1",
            "expected no ',' in the path of a URL, got a URL: drop the path, or write each target on its own",
        ),
    ],
)
def test_a_faulty_target_is_refused_in_these_words(text: str, line: str) -> None:
    assert refusal(text) == line


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "there is none"),
        (":80", "there is no host before the port"),
        ("5432", "a number alone names no host"),
        ("db/path", "leave out what follows '/', or write the URL with its scheme"),
        ("10.0.0.0/8", "leave out what follows '/', or write the URL with its scheme"),
        ("user@db:22", "what stands before '@' is no part of a host"),
        ("[::1]80", "write an IPv6 address with its port as [2001:db8::1]:443"),
        ("[db]:80", "brackets are for IPv6 addresses"),
        ("a:1,,b:2", "there is none"),
        ("\\x://db", "what stands before '://' is no scheme"),
    ],
)
def test_what_is_no_target_is_refused_with_a_hint(text: str, hint: str) -> None:
    words = refusal(text)
    assert words.startswith("expected a target such as db.internal:5432, [2001:db8::1]:443 or a URL, got ")
    assert words.endswith(f": {hint}")


def test_a_url_that_could_be_read_in_two_ways_is_refused() -> None:
    for text in ("redis://user:12/secret@cache", "https://a/@scope", "redis://u:p@a,u:p@b", "amqp://u:p#q@host"):
        assert refusal(text)


def test_only_scheme_and_host_of_a_url_are_shown() -> None:
    assert shown("https://user:secret@api.example.com:8443/path?token=1") == "https://api.example.com"
    assert shown("redis://secret@[::1]/0") == "redis://[::1]"
    assert shown("secret://host:80") == "a URL"
    assert shown("redis://user:secret") == "a URL"
    assert shown("user:secret@host") == "a URL"


def test_what_is_shown_is_harmless_and_short() -> None:
    assert shown("a\x1b[31m\u202eb\ud800") == r"'a\x1b[31m\u202eb\ud800'"
    assert shown("it's") == '"it\'s"'
    assert len(shown("x" * 1000)) == 62
    assert [shown(value) for value in (None, True, 5, [], {})] == ["nothing", "true", "5", "a list", "a mapping"]


SECRET = "S3CRETS3CRET"
_AROUND = st.text(
    alphabet=string.ascii_letters + string.digits + ":/@,?#[]%;&=+-._~!$'()*\\ \"\x00\n\u00e9", max_size=8
)


@given(
    scheme=st.sampled_from(["redis", "https", "mongodb", "jdbc:postgresql", "unknown", "a+b", "", "x y"]),
    user=_AROUND,
    before=_AROUND,
    after=_AROUND,
    host=st.sampled_from(["cache", "cache:6379", "cache:x", "a,b:1", "[::1]:5", "", "bad host"]),
    path=_AROUND,
)
def test_no_password_is_ever_shown_or_kept(
    scheme: str, user: str, before: str, after: str, host: str, path: str
) -> None:
    text = f"{scheme}://{user}:{before}{SECRET}{after}@{host}/{path}"
    # A comma and a scheme start another URL, whoever reads it.
    assume(not re.search(r",\s*[A-Za-z][A-Za-z0-9+.:-]*://", text))
    try:
        kept = repr(parse_targets(text))
    except Unexpected as unexpected:
        kept = repr(unexpected) + unexpected.told(shown(text))
    assert SECRET.lower() not in (kept + shown(text)).lower()


@given(st.text())
def test_arbitrary_text_is_a_target_or_unexpected(text: str) -> None:
    try:
        targets = parse_targets(text)
    except Unexpected as unexpected:
        told = unexpected.told(shown(text))
        assert for_terminal(told) == told
        return
    assert targets
    for target in targets:
        assert target.port is None or 1 <= target.port <= 65535
