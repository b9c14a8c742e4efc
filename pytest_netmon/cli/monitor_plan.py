"""What `netmon monitor` watches: from its command line, and files, to a plan."""

from __future__ import annotations

import dataclasses
import math
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pytest_netmon.config.doubles import without_doubles
from pytest_netmon.config.endpoints import first_given, make_endpoints
from pytest_netmon.config.entries import Entry, Section
from pytest_netmon.config.options import Overrides, read_options
from pytest_netmon.config.places import Problems
from pytest_netmon.config.settings import Settings
from pytest_netmon.config.vantages import Places, narrowed, needed, read_places
from pytest_netmon.plan import DEFAULT_MAX_RATE, DEFAULT_MAX_RATE_PER_HOST, Endpoint, Plan
from pytest_netmon.plan_checks import plan_warnings, validate_plan
from pytest_netmon.problems import ConfigurationError, Problem, Source
from pytest_netmon.reports.layout import placed_id
from pytest_netmon.reports.stages import stage_words
from pytest_netmon.safe import for_terminal
from pytest_netmon.units import spell_duration

from .monitor_options import BUILT_IN_PORTS, INTERVAL_S, TIMEOUT_S, refusal

#: Where targets of the command line stand, for messages.
_ARGUMENT, _OPTION = Source("TARGET"), Source("-t")
_BUILT_IN_RANGES = tuple(range(port, port + 1) for port in BUILT_IN_PORTS)


def monitor_plan(options: Namespace, env: Mapping[str, str]) -> Plan:
    """Return the plan that the options come to, `env` for the variables in files.

    Every endpoint is watched: checked `-c` times or without end, whatever count and warmup a file says, for
    those are the gate's. Files give hosts, ports, names, intervals, timeouts and limits; options go before them.

    Raises ConfigurationError with all that is wrong.
    """
    problems = Problems()
    overrides = _overrides(options)
    given = read_options(overrides, problems)
    names, sections = _read_files(options.config, env, problems)
    entries = [entry for section in (*sections, given) for entry in section.entries]
    places = read_places([section.vantages for section in sections], overrides, problems)
    problems += places.unknown([*(section.defaults for section in sections), *(entry.own for entry in entries)])
    endpoints = [
        each for entry in entries for each in _endpoints_of(entry, given.defaults, options.count, places, problems, env)
    ]
    if not problems and not endpoints:
        problems.append(_no_targets(names))
    endpoints = narrowed(endpoints, places, overrides, problems)
    plan = _plan_of(endpoints, names, sections, given.defaults, problems)
    plan.vantages = needed(plan.endpoints, places, problems)
    if not problems:
        problems += {(problem.source, problem.text): problem for problem in reversed(validate_plan(plan))}.values()
    if problems:
        raise ConfigurationError(problems)
    if not plan.checked:
        raise refusal(names[0], "expected a target that is not skipped, found none: remove `skip` from one")
    plan.warnings += plan_warnings(plan)
    return plan


def plan_lines(plan: Plan) -> list[str]:
    """Return what would be checked, a line for each endpoint, then rate and duration."""
    lines = [_endpoint_line(endpoint) for endpoint in plan.checked]
    number = len(plan.checked)
    checks = "1 check" if plan.planned_rate == 1 else f"{plan.planned_rate:.6g} checks"
    rate = f"{checks} a second" if plan.planned_rate else "one round"
    ends = math.isfinite(plan.planned_duration_s)
    duration = f"for {spell_duration(round(plan.planned_duration_s, 3))}" if ends else "until Ctrl-C"
    return [
        *lines,
        f"{number} {'endpoint' if number == 1 else 'endpoints'}: {rate} in all, {duration}; nothing was sent",
    ]


class _MonitorOverrides(Overrides):
    """Options under the names that the monitor's have."""

    def option(self, name: str) -> str:
        return {"port": "-p", "interval": "-i"}.get(name, f"--{name}")


def _overrides(options: Namespace) -> Overrides:
    return _MonitorOverrides(
        placed_targets=(
            *((text, _ARGUMENT) for text in options.what),
            *((text, _OPTION) for text in options.targets),
        ),
        ports=tuple(options.ports),
        interval=options.interval,
        timeout=options.timeout,
        proxy=options.proxy,
        limits=tuple(options.limit),
        vantages=tuple(options.vantage),
        vias=tuple(options.via),
        target_hint="an argument",
    )


def _read_files(
    files: Sequence[Path], env: Mapping[str, str], problems: Problems
) -> tuple[tuple[str, ...], list[Section]]:
    if not files:
        return (), []
    from pytest_netmon.config.files import read_files, shown_path  # yaml and jsonschema: 0.2 s

    sections = read_files(files, env, Path(), problems)
    return tuple(shown_path(path, Path()) for path in files), sections


def _endpoints_of(
    entry: Entry, options: Settings, count: int | None, places: Places, problems: Problems, env: Mapping[str, str]
) -> list[Endpoint]:
    """Return the endpoints of a target, each of its ports once, as the monitor checks them."""
    ports = first_given(_BUILT_IN_RANGES, (entry.inherited.ports,))
    inherited = dataclasses.replace(entry.inherited, ports=ports)
    made, _ = make_endpoints([dataclasses.replace(entry, inherited=inherited)], options, "-p", problems, env, places)
    settings = (options, entry.own, entry.inherited)
    return [
        dataclasses.replace(
            endpoint,
            measured=True,
            watched=True,
            count=count,
            warmup=0,
            wait=None,
            baseline=None,
            interval_s=first_given(INTERVAL_S, [place.interval_s for place in settings]),
            timeout_s=first_given(TIMEOUT_S, [place.timeout_s for place in settings]),
        )
        for endpoint in {endpoint.test_id: endpoint for endpoint in made}.values()
    ]


def _plan_of(
    endpoints: Sequence[Endpoint],
    names: tuple[str, ...],
    sections: Sequence[Section],
    options: Settings,
    problems: Problems,
) -> Plan:
    problems += _given_twice(endpoints)
    distinct = without_doubles(endpoints)
    problems += distinct.problems
    first = next((section.defaults for section in sections if section.name == names[0]), Settings())
    return Plan(
        endpoints=distinct.endpoints,
        max_rate=min(_given(section.max_rate for section in sections), default=DEFAULT_MAX_RATE),
        max_rate_per_host=min(
            _given(section.max_rate_per_host for section in sections), default=DEFAULT_MAX_RATE_PER_HOST
        ),
        interval_s=first_given(INTERVAL_S, (options.interval_s, first.interval_s)),
        timeout_s=first_given(TIMEOUT_S, (options.timeout_s, first.timeout_s)),
        files=names,
        warnings=list(distinct.warnings),
    )


def _given(rates: Iterable[float | None]) -> list[float]:
    return [rate for rate in rates if rate is not None]


def _given_twice(endpoints: Iterable[Endpoint]) -> Iterable[Problem]:
    """A target of the command line that stands there, or in a file, already: once a host."""
    seen: set[str] = set()
    hosts: set[str] = set()
    for endpoint in endpoints:
        if endpoint.test_id in seen and endpoint.source in (_ARGUMENT, _OPTION) and endpoint.host not in hosts:
            hosts.add(endpoint.host)
            text = f"{for_terminal(endpoint.id)} is given twice: name each target once"
            yield Problem(endpoint.source or _ARGUMENT, "", text)
        seen.add(endpoint.test_id)


def _no_targets(names: Sequence[str]) -> Problem:
    if names:
        return Problem(Source(names[0]), "", "expected targets here or on the command line, got none: name one")
    return Problem(
        _ARGUMENT, "", "expected a target, got none: write `netmon monitor google.com`, or use --config FILE"
    )


def _endpoint_line(endpoint: Endpoint) -> str:
    checks = "checks without end" if endpoint.count is None else f"{endpoint.count} checks"
    checks = "1 check" if endpoint.count == 1 else checks
    schedule = f"{checks} every {spell_duration(endpoint.interval_s)}, timeout {spell_duration(endpoint.timeout_s)}"
    schedule = "; ".join([schedule, *(words for _, words in stage_words(endpoint))])
    limits = "; ".join(limit.text for limit in endpoint.limits)
    return f"{placed_id(endpoint)}: {schedule}{f', {limits}' if limits else ''}"
