"""A proxy as people write it, and what the environment says of proxies. Pure.

User and password come from the environment only. They stand in no value of this module: `credentials_of` is asked for
them when the prober gets its job.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from .hosts import parse_host
from .unexpected import Unexpected

Kind = Literal["http", "socks5"]

#: Where `proxy: env` looks, as curl does for a tunnel: the spelling in small letters goes first.
VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
USER_VARIABLE, PASSWORD_VARIABLE = "NETMON_PROXY_USER", "NETMON_PROXY_PASSWORD"
A_PROXY = "a proxy such as http://proxy.internal:3128 or socks5://proxy.internal:1080"
#: `socks5h` says that the proxy looks names up, as it does here in any case.
_KINDS: dict[str, Kind] = {"http": "http", "socks5": "socks5", "socks5h": "socks5"}
_SOCKS_PORT = 1080
#: RFC 1929, section 2: a byte each for their lengths.
_LONGEST_CREDENTIAL_BYTES = 255

_PLACE = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?\Z")
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:]*)):(?P<port>[0-9]{1,5})\Z")
_SEPARATOR = re.compile(r"[,\s]+")

Credentials = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where connections go through. host: as `hosts.parse_host` gives it. variable: the one of the environment that
    named it, None where a file or an option did."""

    kind: Kind
    host: str
    port: int
    variable: str | None = None

    @property
    def place(self) -> str:
        """`http proxy proxy.internal:3128`."""
        return f"{self.kind} proxy {f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """Its place, and the variable of the environment that named it."""
        return f"{self.place} ({self.variable})" if self.variable else self.place


def parse_proxy(text: str) -> Proxy:
    """Return the proxy that `text` says. Raises Unexpected, also where a user or a password stands in it."""
    proxy, credentials = _parse(text)
    if credentials is not None:
        hint = f"leave user and password out: {USER_VARIABLE} and {PASSWORD_VARIABLE} hold them, or write proxy: env"
        raise Unexpected(A_PROXY, hint)
    return proxy


def environment_proxy(host: str, port: int, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that the environment names for a target; None where it names none, or excepts the target.

    Raises Unexpected; `variable_of` tells which variable it was about.
    """
    variable = variable_of(env)
    if variable is None or is_excepted(host, port, env):
        return None
    proxy, _ = _parse(env[variable])
    return Proxy(proxy.kind, proxy.host, proxy.port, variable)


def variable_of(env: Mapping[str, str]) -> str | None:
    """Return the variable that names the proxy of tunnels, None where none does."""
    return next((name for name in VARIABLES if env.get(name, "").strip()), None)


def credentials_of(proxy: Proxy, env: Mapping[str, str]) -> Credentials | None:
    """Return user and password for a proxy: those in the variable that named it, else NETMON_PROXY_USER and
    NETMON_PROXY_PASSWORD; None where there are none.

    Raises Unexpected where they cannot be sent; nothing of them stands in it.
    """
    found = None
    if proxy.variable is not None:
        named, found = _parse(env.get(proxy.variable, ""))
        if (named.host, named.port) != (proxy.host, proxy.port):
            found = None  # the variable has changed: what is for another proxy is not sent to this one
    user, password = env.get(USER_VARIABLE, ""), env.get(PASSWORD_VARIABLE, "")
    if found is None and (user or password):
        found = (user, password)
    if found is not None:
        _check(found, proxy.kind)
    return found


def is_excepted(host: str, port: int, env: Mapping[str, str]) -> bool:
    """Say whether NO_PROXY names the target, as curl reads it: `*`, a host or a domain above it (with or without a dot
    in front), an address, a network such as 10.0.0.0/8; also with a port behind it."""
    listed = env.get("no_proxy") or env.get("NO_PROXY") or ""
    plain = host.lower().removesuffix(".")
    return any(_excepts(entry, plain, port) for entry in _SEPARATOR.split(listed.lower()) if entry)


def _excepts(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    match = _WITH_PORT.match(entry)
    if match is not None:
        if int(match["port"]) != port:
            return False
        entry = match["v6"] or match["name"] or ""
    address = _address(host)
    if address is not None:
        return _holds_address(entry.strip("[]"), address)
    name = entry.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _holds_address(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _parse(text: str) -> tuple[Proxy, Credentials | None]:
    scheme, is_url, rest = text.strip().partition("://")
    if not is_url:
        scheme, rest = "http", text.strip()  # as curl reads proxy.internal:3128
    kind = _KINDS.get(scheme.lower())
    if kind is None:
        is_tls = scheme.lower() == "https"
        raise Unexpected(A_PROXY, "a proxy that takes TLS itself cannot be used" if is_tls else "")
    authority, _, path = rest.partition("/")
    if path:
        at = "in a password write / and @ as %2F and %40" if "@" in path else "leave out what follows '/'"
        raise Unexpected(A_PROXY, at)
    userinfo, has_user, place = authority.rpartition("@")
    match = _PLACE.match(place)
    if match is None or not (match["v6"] or match["name"]):
        raise Unexpected(A_PROXY)
    host = parse_host(match["v6"] or match["name"])
    return Proxy(kind, host, _port(match["port"], kind)), _userinfo(userinfo) if has_user else None


def _port(text: str | None, kind: Kind) -> int:
    if text is None:
        if kind == "socks5":
            return _SOCKS_PORT
        raise Unexpected(A_PROXY, "add the port; for curl none means 1080, for others 80")
    if not 1 <= int(text) <= 65535:
        raise Unexpected(A_PROXY, "a port is a number 1..65535")
    return int(text)


def _userinfo(text: str) -> Credentials:
    user, _, password = text.partition(":")
    return unquote(user), unquote(password)


def _check(credentials: Credentials, kind: Kind) -> None:
    user, password = credentials
    if not user:
        raise Unexpected(f"a user with the password for a proxy, in {USER_VARIABLE} or in its URL")
    if kind == "http" and ":" in user:
        raise Unexpected("a user for a proxy without ':'")
    for text in credentials:
        if not text.isprintable() or len(text.encode("utf-8", "surrogatepass")) > _LONGEST_CREDENTIAL_BYTES:
            most = f"at most {_LONGEST_CREDENTIAL_BYTES} bytes"
            raise Unexpected(f"user and password for a proxy of printable characters, {most} each")
    if kind == "socks5" and not password:
        raise Unexpected(f"a password for a SOCKS5 proxy, in {PASSWORD_VARIABLE} or in its URL")
