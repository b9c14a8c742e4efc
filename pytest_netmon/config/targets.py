"""Targets as one text: `db.internal:5432`, `[2001:db8::1]:443`, `redis://user:password@cache/0`. Pure.

Of a URL only scheme, host and port are taken; user, password, path and query are dropped here, and
nothing of them stands in any message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..hosts import parse_host
from ..unexpected import Unexpected
from .ports import parse_port
from .schemes import port_of_scheme

A_TARGET = "a target such as db.internal:5432, [2001:db8::1]:443 or a URL"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")
#: A backslash ends the host too, as it does in browsers (URL standard); properties follow a JDBC host after ';'.
_AUTHORITY_ENDS = re.compile(r"[/?#\\]")
_AUTHORITY_ENDS_JDBC = re.compile(r"[/?#\\;]")
#: What makes a connection string; `success >= 99%` and `errors == 0` are none.
_PROPERTY = re.compile(r";|\w\s*=(?!=)")
_RANGE = re.compile(r"[0-9]+-[0-9]+\Z")
_QUERY = re.compile(r"[?#;]")
#: What names one host only; `mongodb`, `postgresql`, `kafka` and others name several.
_ONE_HOST = ("http", "https", "ws", "wss")
_URL_AFTER_COMMA = re.compile(r",\s*(?=[A-Za-z][A-Za-z0-9+.:-]*://)")


@dataclass(frozen=True, slots=True)
class ParsedTarget:
    """host: as `hosts.parse_host` gives it. port: the one written, else the one of the scheme,
    else None. scheme: in lower case, None where the target is no URL."""

    host: str
    port: int | None
    scheme: str | None = None


def parse_target(text: str) -> ParsedTarget:
    """Return the one target that `text` says. Raises Unexpected, also where it says several."""
    targets = parse_targets(text)
    if len(targets) > 1:
        raise Unexpected("one target", "write each on its own")
    return targets[0]


def parse_targets(text: str) -> tuple[ParsedTarget, ...]:
    """Return the targets that `text` says, separated by commas: `a:9092,b:9092`, two URLs, or one
    URL that names several hosts (`mongodb://a,b:27018/db`). Raises Unexpected."""
    return tuple(target for item in _URL_AFTER_COMMA.split(text) for target in _targets_of_item(item.strip()))


def holds_secrets(text: str) -> bool:
    """Say whether a text may hold a user, a password or a token: anything like a URL."""
    return "://" in text or "@" in text


def is_secret(text: str) -> bool:
    """Say whether a text must not be shown as it is: like a URL, or like a connection string (`host=db password=x`,
    `db:1433;password=x`)."""
    return holds_secrets(text) or _PROPERTY.search(text) is not None


def looks_cut(text: str) -> bool:
    """Say whether a URL or a connection string may have been cut at a comma, so that its password or query goes on
    behind it."""
    if not is_secret(text):
        return False
    try:
        parse_targets(text)
    except Unexpected:
        return True
    return "@" in text or "?" in text


def masked(text: str) -> str:
    """Return what may be shown of a text that may hold secrets: `https://host`, else `a URL` or `a connection string`.

    The scheme is shown only where it is a known one, and the host where the text is one sound
    target with such a scheme: in `redis://user:secret` (host forgotten) nothing else can be told
    from a secret.
    """
    if not holds_secrets(text):
        return "a connection string"
    try:
        target = parse_target(text)
    except Unexpected:
        return "a URL"
    if target.scheme is None or port_of_scheme(target.scheme) is None:
        return "a URL"
    return f"{target.scheme}://[{target.host}]" if ":" in target.host else f"{target.scheme}://{target.host}"


def _targets_of_item(text: str) -> tuple[ParsedTarget, ...]:
    """Read one URL, or a comma-separated list that starts with anything else."""
    before, is_url, after = text.partition("://")
    if is_url and "," not in before:
        return _targets_of_url(before.lower(), after)
    return tuple(_plain_target(item.strip()) for item in text.split(","))


def _targets_of_url(scheme: str, rest: str) -> tuple[ParsedTarget, ...]:
    ends = _AUTHORITY_ENDS_JDBC if scheme.startswith("jdbc:") else _AUTHORITY_ENDS
    scheme = scheme.removeprefix("jdbc:")
    if not _SCHEME.match(scheme):
        raise Unexpected(A_TARGET, "what stands before '://' is no scheme")
    end = ends.search(rest)
    authority, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    _refuse_ambiguous(authority, path)
    hosts = authority.rpartition("@")[2].replace("%25", "%").split(",")
    if len(hosts) > 1 and scheme in _ONE_HOST:
        raise Unexpected(f"one host in a URL with {scheme}", "write each target on its own")
    return tuple(_target_of_url(scheme, host) for host in hosts)


def _refuse_ambiguous(authority: str, path: str) -> None:
    """Refuse what could be read in two ways, one of which would take a part of a password for the
    host, or leave a host out."""
    if "@" in path:
        raise Unexpected(
            "no '@' after the host of a URL", "drop the path; in a password write / ? # and \\ as %2F %3F %23 and %5C"
        )
    if "," in _QUERY.split(path, maxsplit=1)[0]:
        raise Unexpected("no ',' in the path of a URL", "drop the path, or write each target on its own")
    if "," in authority and authority.count("@") > 1:
        raise Unexpected("one '@' in a URL", "in a password write @ and , as %40 and %2C")


def _target_of_url(scheme: str, text: str) -> ParsedTarget:
    if scheme.endswith("+srv"):
        raise Unexpected("a host to connect to", "+srv looks its hosts up elsewhere: name them one by one")
    host, port_text = _split_port(text)
    if not host:
        raise Unexpected("a host in the URL", "there is none")
    port = _port_of_url(port_text) if port_text else port_of_scheme(scheme)
    if port is None:
        raise Unexpected("a port in a URL of an unknown scheme", "write it behind the host, as in scheme://host:1234")
    return ParsedTarget(parse_host(host), port, scheme)


def _port_of_url(text: str) -> int:
    try:
        return parse_port(text)
    except Unexpected:
        # Often the host was forgotten, and this is a password: nothing of it may be hinted at.
        raise Unexpected("a host and a port 1..65535 in the URL", "what follows the last ':' is no port") from None


def _plain_target(text: str) -> ParsedTarget:
    if not text:
        raise Unexpected(A_TARGET, "there is none")
    if "@" in text:
        raise Unexpected(A_TARGET, "what stands before '@' is no part of a host")
    if _PROPERTY.search(text):
        raise Unexpected(A_TARGET, "of a connection string write host and port alone")
    if text.isdecimal():
        raise Unexpected(A_TARGET, "a number alone names no host")
    if "/" in text:
        raise Unexpected(A_TARGET, "leave out what follows '/', or write the URL with its scheme")
    host, port_text = _split_port(text)
    if not host:
        raise Unexpected(A_TARGET, "there is no host before the port")
    if port_text and _RANGE.match(port_text):
        raise Unexpected("one port in a target", "write host: and ports: for a range")
    return ParsedTarget(parse_host(host), None if port_text is None else parse_port(port_text))


def _split_port(text: str) -> tuple[str, str | None]:
    """Split `host:port`, brackets removed; a text with several colons and no brackets is an IPv6
    address without a port."""
    if text.startswith("["):
        host, bracket, behind = text[1:].partition("]")
        if not bracket or (behind and not behind.startswith(":")):
            raise Unexpected(A_TARGET, "write an IPv6 address with its port as [2001:db8::1]:443")
        if ":" not in host:
            raise Unexpected(A_TARGET, "brackets are for IPv6 addresses")
        return host, behind[1:] if behind else None
    host, colon, port_text = text.partition(":")
    if ":" in port_text:
        return text, None
    return host, port_text if colon else None
