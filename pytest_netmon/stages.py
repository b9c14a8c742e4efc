"""What a check does beyond the connect: through a proxy, a TLS handshake, a hold at the end. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from .hosts import is_address
from .limits import Metric
from .plan_values import host_texts, is_printable, is_whole
from .proxying import Kind, Proxy
from .units import show_duration

TLS_VERSIONS = ("1.2", "1.3")
#: A forwarder that works as docker's does (accept, find nobody behind, close) closed within 10 ms here, 2,000 times of
#: 2,000; with both cores busy none of 2,000 took longer than 50 ms, with six busy processes on two cores 1 in 100 did.
LOOPBACK_HOLD_S = 0.05
#: A longer one is a slip of the unit.
MOST_HOLD_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A TLS handshake after the connect. server_name: whom the certificate must name, and who is asked for (SNI); None:
    the host. verify: chain, name and time of the certificate. ca_file: trust these authorities in place of the
    system's. min_version: `1.2` or `1.3`; None: 1.2."""

    server_name: str | None = None
    verify: bool = True
    ca_file: str | None = None
    min_version: str | None = None

    @property
    def redacted(self) -> Tls:
        """The same without the name, which may be that of the host."""
        return replace(self, server_name=None)


def default_hold_s(host: str) -> float:
    """Return how long connections to a host are held open where nobody says so: on this machine ports are published by
    forwarders, which accept before the service does; elsewhere not at all."""
    return LOOPBACK_HOLD_S if _is_loopback(host) else 0.0


def stage_texts(hold_s: object, tls: object, proxy: object, *, redacted: bool) -> Iterator[str]:
    """Yield what is wrong with the stages of an endpoint, of whatever type they are."""
    is_number = isinstance(hold_s, (int, float)) and not isinstance(hold_s, bool)
    if not is_number or not 0 <= hold_s <= MOST_HOLD_S:  # type: ignore[operator]
        yield f"expected a hold from 0 s to {show_duration(MOST_HOLD_S)}, got {hold_s!r:.80}"
    if isinstance(tls, Tls):
        yield from _tls_texts(tls, redacted=redacted)
    elif tls is not None:
        yield f"expected a Tls or None for tls, got {tls!r:.80}"
    if isinstance(proxy, Proxy):
        yield from _proxy_texts(proxy)
    elif proxy is not None:
        yield f"expected a Proxy or None for proxy, got {proxy!r:.80}"


def stage_limit_text(metric: Metric, tls: Tls | None, proxy: Proxy | None) -> str | None:
    """Return why a limit on such an endpoint could never hold: it speaks of a stage that there is not."""
    if tls is None and (metric.phase == "tls" or metric.name == "cert.expires_in"):
        return "the check ends with the TCP connect: add tls: true"
    if proxy is None and metric.phase == "proxy":
        return "the check goes direct: add proxy, or for proxy: env see that the environment names one for this host"
    return None


def _tls_texts(tls: Tls, *, redacted: bool) -> Iterator[str]:
    if tls.server_name is not None:
        yield from (f"server_name: {text}" for text in host_texts(tls.server_name, redacted=redacted))
    if not isinstance(tls.verify, bool):
        yield f"expected True or False for verify, got {tls.verify!r:.80}"
    if tls.ca_file is not None and not is_printable(tls.ca_file):
        yield f"expected the path of a file for ca_file, got {tls.ca_file!r:.80}"
    elif tls.ca_file is not None and tls.verify is False:
        yield "ca_file means nothing where verify is off: leave one of them out"
    if tls.min_version is not None and tls.min_version not in TLS_VERSIONS:
        yield f"expected one of {', '.join(TLS_VERSIONS)} for min_version, got {tls.min_version!r:.80}"


def _proxy_texts(proxy: Proxy) -> Iterator[str]:
    if proxy.kind not in get_args(Kind):
        yield f"expected one of {', '.join(get_args(Kind))} for a proxy, got {proxy.kind!r:.80}"
    yield from (f"proxy: {text}" for text in host_texts(proxy.host, redacted=False))
    if not is_whole(proxy.port) or not 1 <= proxy.port <= 65535:
        yield f"expected a port 1..65535 for a proxy, got {proxy.port!r:.80}"
    if proxy.variable is not None and not is_printable(proxy.variable):
        yield f"expected the name of a variable or None for a proxy, got {proxy.variable!r:.80}"


def _is_loopback(host: str) -> bool:
    """Of a sound host: an address is in its shortest form."""
    if is_address(host):
        return host.startswith("127.") or host == "::1"
    return host.removesuffix(".") == "localhost"
