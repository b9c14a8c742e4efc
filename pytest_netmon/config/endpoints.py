"""From entries to endpoints: ports, precedence of settings, reached or measured. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from ..addresses import Family
from ..hosts import is_address, parse_host
from ..limits import Limit, merge_limits
from ..outcomes import OPEN
from ..plan import DEFAULT_INTERVAL_S, DEFAULT_TIMEOUT_S, MEASURED_COUNT, REACHED_RETRY_S, REACHED_TRIES, Endpoint
from ..problems import Problem
from ..proxying import Proxy
from ..stages import default_hold_s
from ..tolerance import Tolerance
from ..unexpected import Unexpected
from ..waits import WAIT_INTERVAL_S, Wait
from .baselines import tolerance_in_force
from .entries import Entry
from .places import Problems, T
from .ports import parse_port
from .proxies import Proxies
from .settings import Settings
from .targets import ParsedTarget
from .tls import tls_in_force
from .vantages import Places

#: A plan with more is a slip (a range of all ports); the engine's memory and the report grow with them.
MOST_ENDPOINTS = 20_000


def make_endpoints(
    entries: list[Entry],
    options: Settings,
    port_option: str,
    problems: Problems,
    env: Mapping[str, str],
    places: Places | None = None,
) -> tuple[list[Endpoint], list[str]]:
    """Return the endpoints of all entries, in their order, and warnings. What is wrong is noted.

    options: settings that go before all others. port_option: what to name where a port is missing. env: where
    `proxy: env` looks. places: the vantages; without them all is checked from here.
    """
    places = places or Places({})
    proxies = Proxies(env)
    endpoints: list[Endpoint] = []
    idle: list[Entry] = []
    cold: list[Entry] = []
    of_controls = Settings(timeout_s=options.timeout_s, wait=options.wait)
    for entry in entries:
        for target in entry.targets:
            options_of = of_controls if entry.control else options
            ports = _ports(entry, target, options_of)
            if ports is None:
                problems.append(_names_no_port(entry, target, port_option))
                if entry.place.get("hosts"):
                    break  # the others name none either
                continue
            vantages = places.of(entry.own, entry.inherited, is_control=entry.control)
            if len(endpoints) + sum(map(len, ports)) * len(vantages) > MOST_ENDPOINTS:
                problems.append(entry.place.problem(f"expected at most {MOST_ENDPOINTS:,} endpoints in all, got more"))
                return endpoints, []
            template = _template(entry, target, options_of)
            choice = first_given(None, [each.proxy for each in (options_of, entry.own, entry.inherited)])
            endpoints += [
                _placed(template, entry, port, vantage, proxies.of(choice, target.host, port))
                for vantage in vantages
                for some in ports
                for port in some
            ]
            if not template.measured and (entry.own.interval_s or REACHED_RETRY_S) < REACHED_RETRY_S:
                idle.append(entry)
            if not template.measured and entry.own.warmup and entry not in cold:
                cold.append(entry)
    problems += [_warms_nothing(entry) for entry in cold]
    problems += [problem for problem in proxies.problems if problem not in problems]
    return endpoints, _idle_interval_warning(idle)


def _warms_nothing(entry: Entry) -> Problem:
    place = entry.place.get("warmup")
    assert place is not None
    hint = "say how often to check it (count)"
    return place.problem(Unexpected("warmup with a measured target", hint).told("one that is only reached"))


def _ports(entry: Entry, target: ParsedTarget, options: Settings) -> tuple[range, ...] | None:
    """The ports of a target: its own; where it names none those of the options, then of the defaults."""
    if target.port is not None:
        return (range(target.port, target.port + 1),)
    given = (entry.own.ports, options.ports, entry.inherited.ports)
    return next((ports for ports in given if ports is not None), None)


def _names_no_port(entry: Entry, target: ParsedTarget, port_option: str) -> Problem:
    host = entry.place.get("host") or entry.place.get("hosts")
    place = host or entry.place
    found = "a redacted one" if entry.redact else place.found
    what_to_do = "add ports" if host else "add the port" if place.is_secret else f"write {_with_port(target.host)}"
    return place.problem(Unexpected("a target with a port", f"{what_to_do}, or give {port_option}").told(found))


def _with_port(host: str) -> str:
    if ":" not in host:
        return f"{host}:PORT"
    address, _, last = host.rpartition(":")
    try:
        return f'"[{parse_host(address)}]:{parse_port(last)}" if {last} is the port, else "[{host}]:PORT"'
    except Unexpected:
        return f'"[{host}]:PORT"'


def _template(entry: Entry, target: ParsedTarget, options: Settings) -> Endpoint:
    """Return the endpoint of a target, for all of its ports."""
    limits, warn = _limits_in_force(entry, options), _soft_limits(entry)
    places = (options, entry.own, entry.inherited)
    counts, intervals_s = [place.count for place in places], [place.interval_s for place in places]
    tolerance = _tolerance(entry, options)
    measured = bool(limits or warn or tolerance) or any(count is not None for count in counts)
    if measured:
        count, interval_s = first_given(MEASURED_COUNT, counts), first_given(DEFAULT_INTERVAL_S, intervals_s)
    else:
        count, interval_s = REACHED_TRIES, max(REACHED_RETRY_S, first_given(0.0, intervals_s))
    return Endpoint(
        host=target.host,
        port=0,
        name=entry.name,
        measured=measured,
        count=count,
        warmup=first_given(0, [place.warmup for place in places]) if measured else 0,
        interval_s=interval_s,
        wait=_wait(entry, options, 0.0 if measured else interval_s),
        timeout_s=first_given(DEFAULT_TIMEOUT_S, [place.timeout_s for place in places]),
        limits=limits,
        warn=warn,
        baseline=tolerance,
        expect=entry.expect,
        skip=entry.skip,
        xfail=entry.xfail,
        redact=entry.redact,
        control=entry.control,
        hold_s=first_given(default_hold_s(target.host), [place.hold_s for place in (entry.own, entry.inherited)]),
        tls=tls_in_force(target.scheme, entry.own.tls, entry.inherited.tls),
        close=entry.close,
        family=_family(entry, target.host, [place.family for place in places]),
        addresses=first_given("any", [place.addresses for place in places]),
        tags=entry.tags,
        source=entry.place.source,
    )


def _placed(template: Endpoint, entry: Entry, port: int, vantage: str, proxy: Proxy | None) -> Endpoint:
    """The endpoint of one port from one place. Behind a proxy that chooses the address; only a target's own word on
    addresses is then an error."""
    endpoint = dataclasses.replace(template, port=port, vantage=vantage, proxy=proxy)
    if proxy is None:
        return endpoint
    return dataclasses.replace(endpoint, family=entry.own.family or "any", addresses=entry.own.addresses or "any")


def _family(entry: Entry, host: str, families: list[Family | None]) -> Family:
    """An address is of one family: that both are to be checked is said of names, unless its own target says so."""
    family: Family = first_given("any", families)
    return "any" if family == "both" and entry.own.family != "both" and is_address(host) else family


def _limits_in_force(entry: Entry, options: Settings) -> tuple[Limit, ...]:
    if entry.expect != OPEN:
        return entry.own.limits
    return merge_limits(merge_limits(entry.inherited.limits, entry.own.limits), options.limits)


def _wait(entry: Entry, options: Settings, interval_s: float) -> Wait | None:
    """How a target is waited for: where that can help, so not where it must be closed or is expected to fail, unless it
    says so itself. interval_s: of tries to reach it; one longer than the built-in one is the user's own word."""
    helps = entry.own.wait is not None or (entry.expect == OPEN and entry.xfail is None)
    wait = entry.own.wait or (entry.inherited.wait if helps else None)
    if helps and options.wait is not None:
        wait = dataclasses.replace(wait or options.wait, timeout_s=options.wait.timeout_s)
    if wait is None or interval_s <= REACHED_RETRY_S or wait.interval_s != WAIT_INTERVAL_S:
        return wait
    return dataclasses.replace(wait, interval_s=interval_s)


def _soft_limits(entry: Entry) -> tuple[Limit, ...]:
    return entry.own.warn if entry.expect != OPEN else merge_limits(entry.inherited.warn, entry.own.warn)


def _tolerance(entry: Entry, options: Settings) -> Tolerance | None:
    """A control and a port that must be closed are not compared; `options` ask for comparing whatever can be."""
    if entry.control or entry.expect != OPEN:
        return None
    return tolerance_in_force(entry.own.baseline, entry.inherited.baseline, is_asked_for=options.baseline is not None)


def first_given(otherwise: T, values: Iterable[T | None]) -> T:
    """Return the first of `values` that is not None, else `otherwise`."""
    return next((value for value in values if value is not None), otherwise)


def _idle_interval_warning(entries: list[Entry]) -> list[str]:
    if not entries:
        return []
    others = f" ({len(entries) - 1} more like this)" if len(entries) > 1 else ""
    text = "interval has no effect below 1s without count or limits: tries start at least 1 s apart"
    return [f"{entries[0].place.source}: {text}{others}"]
