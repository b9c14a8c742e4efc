"""What one place says of TLS, and what comes of several. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..hosts import parse_host
from ..stages import TLS_VERSIONS, Tls
from ..unexpected import Unexpected
from .fields import read_flag
from .places import Place, Problems, Value

#: URLs whose clients make a TLS handshake first, and always look at the certificate.
TLS_SCHEMES = ("https", "wss")
_A_SETTING = "true, false or a mapping with server_name, verify, ca_file or min_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """is_on: false where TLS is turned off. The others as in `Tls`; None where the place says nothing of them."""

    is_on: bool
    server_name: str | None = None
    verify: bool | None = None
    ca_file: str | None = None
    min_version: str | None = None


def read_tls(place: Place | None, problems: Problems, *, redacted: bool = False) -> TlsSettings | None:
    """Return what stands under `tls`; None where nothing does, or something wrong, which is then noted."""
    if place is None or place.broken:
        return None
    if not isinstance(place.value, dict):
        is_on = problems.read(place, _read_switch)
        return None if is_on is None else TlsSettings(is_on=is_on)
    return TlsSettings(
        is_on=True,
        server_name=problems.read(place.get("server_name"), _read_server_name, redacted=redacted),
        verify=problems.read(place.get("verify"), read_flag),
        ca_file=problems.read(place.get("ca_file"), _read_path),
        min_version=problems.read(place.get("min_version"), _read_version),
    )


def tls_in_force(scheme: str | None, own: TlsSettings | None, inherited: TlsSettings | None) -> Tls | None:
    """Return the TLS of a target whose URL has that scheme: on where it, its scheme or the defaults say so, in this
    order; what it says no more of is as the defaults say."""
    if not (own.is_on if own is not None else scheme in TLS_SCHEMES or (inherited is not None and inherited.is_on)):
        return None
    said = [each for each in (own, inherited) if each is not None]
    verify = next((each.verify for each in said if each.verify is not None), True)
    trusting = said if verify else said[:1]  # whom the defaults trust means nothing to a target that verifies nothing
    return Tls(
        server_name=next((each.server_name for each in said if each.server_name), None),
        verify=verify,
        ca_file=next((each.ca_file for each in trusting if each.ca_file), None),
        min_version=next((each.min_version for each in said if each.min_version), None),
    )


def _read_switch(value: Value) -> bool:
    try:
        return read_flag(value)
    except Unexpected as unexpected:
        raise Unexpected(_A_SETTING, unexpected.hint) from None


def _read_server_name(value: Value) -> str:
    if not isinstance(value, str):
        raise Unexpected("the name that the certificate must have")
    return parse_host(value).removesuffix(".")


def _read_path(value: Value) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Unexpected("the path of a file with certificates in PEM")
    return value


def _read_version(value: Value) -> str:
    """YAML takes an unquoted 1.2 for a number."""
    text = str(value).strip().removeprefix("TLSv").removeprefix("TLS").strip()
    if isinstance(value, bool) or text not in TLS_VERSIONS:
        raise Unexpected(" or ".join(TLS_VERSIONS))
    return text
