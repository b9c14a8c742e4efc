"""What an endpoint's checks do beyond the connect, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..limits import shown_validity
from ..plan import Endpoint
from ..safe import for_terminal
from ..stages import Tls, default_hold_s
from ..statistics import Statistics
from ..units import spell_duration
from .layout import shown_ms


def stage_words(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Yield the name of each stage that is not as usual, and a few words about it, harmless for a terminal: through
    what it goes, TLS, how long it is held. Of a redacted endpoint no name of its certificate."""
    if endpoint.proxy is not None:
        yield "proxy", f"through {for_terminal(endpoint.proxy.shown)}"
    if endpoint.shown_tls is not None:
        yield "TLS", _tls_words(endpoint.shown_tls)
    if endpoint.hold_s != default_hold_s(endpoint.host):
        yield "hold", f"held open {spell_duration(endpoint.hold_s)}" if endpoint.hold_s else "not held open"


def told_stages(statistics: Statistics) -> str:
    """Return `, TLS 1.52 ms, certificate expires in 30 d` for what was measured beyond the connect; nothing without."""
    told = [f"proxy {shown_ms(statistics.proxy.median_ms)} ms"] if statistics.proxy.count else []
    told += [f"TLS {shown_ms(statistics.tls.median_ms)} ms"] if statistics.tls.count else []
    if statistics.cert_expires_in_s is not None:
        told.append(f"certificate {shown_validity(statistics.cert_expires_in_s)}")
    return "".join(f", {each}" for each in told)


def _tls_words(tls: Tls) -> str:
    words = ["TLS"]
    if tls.server_name is not None:
        words.append(f"for {for_terminal(tls.server_name)}")
    if tls.min_version is not None:
        words.append(f"{tls.min_version} or later")
    if tls.ca_file is not None:
        words.append(f"trusting {for_terminal(tls.ca_file)}")
    return " ".join(words) if tls.verify else f"{' '.join(words)}, certificate not verified"
