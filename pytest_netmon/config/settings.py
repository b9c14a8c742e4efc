"""What one place says of ports, counts, times and limits: a target, the defaults of a file, options. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..addresses import Addresses, Family
from ..limits import Limit, LimitError, Origin, parse_limit
from ..unexpected import Unexpected
from ..waits import WAIT_INTERVAL_S, Wait
from .baselines import WrittenTolerance, read_tolerance
from .fields import (
    read_addresses,
    read_count,
    read_family,
    read_hold,
    read_interval,
    read_timeout,
    read_vantage_name,
    read_wait_time,
    read_warmup,
)
from .places import Place, Problems
from .ports import parse_ports
from .proxies import ProxyChoice, read_proxy
from .shown import quoted
from .targets import holds_secrets
from .tls import TlsSettings, read_tls

A_LIMIT = "a limit such as 'p95 < 50ms'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """None (for limits and warn: none) where the place says nothing. Durations are in seconds.

    Empty `ports` and `vantages` are wrong ones: something was said, and noted as a problem. The latter are names, each
    with its place: whether there is such a vantage is known only when all files are read.
    """

    ports: tuple[range, ...] | None = None
    count: int | None = None
    warmup: int | None = None
    interval_s: float | None = None
    timeout_s: float | None = None
    wait: Wait | None = None
    hold_s: float | None = None
    tls: TlsSettings | None = None
    proxy: ProxyChoice | None = None
    family: Family | None = None
    addresses: Addresses | None = None
    limits: tuple[Limit, ...] = ()
    warn: tuple[Limit, ...] = ()
    baseline: WrittenTolerance | None = None
    vantages: tuple[Place, ...] | None = None


def read_settings(
    get: Callable[[str], Place | None], origin: Origin, problems: Problems, *, redacted: bool = False
) -> Settings:
    """Read the settings that `get` gives by their keys; for a redacted target no message shows a name."""
    return Settings(
        ports=_read_ports(get("ports"), problems),
        count=problems.read(get("count"), read_count),
        warmup=problems.read(get("warmup"), read_warmup),
        interval_s=problems.read(get("interval"), read_interval),
        wait=_read_wait(get("wait"), problems),
        timeout_s=problems.read(get("timeout"), read_timeout),
        hold_s=problems.read(get("hold"), read_hold),
        tls=read_tls(get("tls"), problems, redacted=redacted),
        proxy=problems.read(get("proxy"), read_proxy),
        family=problems.read(get("family"), read_family),
        addresses=problems.read(get("addresses"), read_addresses),
        limits=_read_limits(get("limits"), "limits", origin, problems),
        warn=_read_limits(get("warn"), "warn", origin, problems),
        baseline=read_tolerance(get("baseline"), problems),
        vantages=_read_vantages(get("from"), problems),
    )


def _read_wait(place: Place | None, problems: Problems) -> Wait | None:
    """A duration, or a mapping that has one."""
    if place is None:
        return None
    if not isinstance(place.value, dict):
        timeout_s = problems.read(place, read_wait_time)
        return None if timeout_s is None else Wait(timeout_s)
    timeout_s = problems.read(place.get("timeout"), read_wait_time)
    if place.get("timeout") is None:
        problems.append(place.problem("expected how long to wait, got none: add timeout, as in wait: {timeout: 60s}"))
    interval_s = problems.read(place.get("interval"), read_interval)
    stable = problems.read(place.get("stable"), read_count)
    return None if timeout_s is None else Wait(timeout_s, interval_s or WAIT_INTERVAL_S, stable or 1)


def _read_ports(place: Place | None, problems: Problems) -> tuple[range, ...] | None:
    if place is None:
        return None
    if place.value == [] and not place.broken:
        problems.append(place.problem(Unexpected("at least one port").told("an empty list")))
    return tuple(ports for item in place.items() for ports in problems.read(item, parse_ports) or ())


def _read_vantages(place: Place | None, problems: Problems) -> tuple[Place, ...] | None:
    if place is None:
        return None
    if place.value == [] and not place.broken:
        problems.append(place.problem(Unexpected("at least one vantage", "leave from out").told("an empty list")))
    return tuple(item for item in place.items() if problems.read(item, read_vantage_name))


def _read_limits(place: Place | None, key: str, origin: Origin, problems: Problems) -> tuple[Limit, ...]:
    if place is None:
        return ()
    if place.value == [] and not place.broken:
        problems.append(place.problem(Unexpected("at least one limit", f"leave {key} out").told("an empty list")))
    return tuple(limit for item in place.items() for limit in _limits_of(item, origin, problems))


def _limits_of(place: Place, origin: Origin, problems: Problems) -> Iterator[Limit]:
    """The limits in one text, separated by commas."""
    if place.broken:
        return
    if not isinstance(place.value, str) or place.hidden or holds_secrets(place.value):
        hint = "write it as one text" if isinstance(place.value, dict) else ""
        problems.append(place.problem(Unexpected(A_LIMIT, hint).told(place.found)))
        return
    start = 0
    for text in place.value.split(","):
        try:
            yield parse_limit(text, origin)
        except LimitError as error:
            if place.is_secret:
                problems.append(place.problem(Unexpected(A_LIMIT).told(place.found)))
                return
            whole, words = quoted(text.strip()), str(error)
            words = words if whole in words or not text.strip() else f"{words} in {whole}"
            problems.append(place.problem(words, start + error.offset))
        start += len(text) + 1
