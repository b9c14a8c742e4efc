"""Targets as written: in a file with their settings, or as the text of an option. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..outcomes import OPEN
from ..plan import Close, Expect
from ..unexpected import Unexpected
from ..vantage import Vantage
from .fields import read_close, read_expect, read_flag, read_name, read_reason, read_tag
from .host_ranges import expand_ranges
from .places import Place, Problems, Value
from .settings import Settings, read_settings
from .targets import A_TARGET, ParsedTarget, parse_targets

_NO_SETTINGS = Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a list of targets.

    targets: what it names, one or several. own: its settings. inherited: those of its file's
    defaults. skip, xfail: the reason, None where not asked for.
    """

    place: Place
    targets: tuple[ParsedTarget, ...]
    own: Settings
    inherited: Settings
    name: str | None = None
    expect: Expect = "open"
    skip: str | None = None
    xfail: str | None = None
    redact: bool = False
    control: bool = False
    close: Close = "fin"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one file says, or the options: targets, settings of all, the most checks a second.

    controls: what must be reached for the others to mean anything.
    vantages: those that it names, by name.
    included_by: the file that the user named whose includes lead here; None where this one was named.
    defaults_are_sound: False where something in them is wrong; a sound target could then look
    wrong with what is left of them.
    """

    name: str
    included_by: str | None = None
    entries: tuple[Entry, ...] = ()
    controls: tuple[Entry, ...] = ()
    defaults: Settings = field(default_factory=Settings)
    defaults_are_sound: bool = True
    max_rate: float | None = None
    max_rate_per_host: float | None = None
    vantages: Mapping[str, Vantage] = field(default_factory=dict)


def read_entry(place: Place, defaults: Settings, problems: Problems) -> Entry | None:
    """Return an entry; None where something in it is wrong, which is then noted."""
    before = len(problems)
    entry = _settled(place, defaults, problems) if isinstance(place.value, dict) else _text(place, defaults, problems)
    return entry if len(problems) == before and place.is_whole() else None


def read_control(place: Place, defaults: Settings, problems: Problems) -> Entry | None:
    """Return an entry of `controls`: like a target, but nothing of the defaults holds except the timeout, and it must
    be open. None where something in it is wrong, which is then noted."""
    entry = read_entry(place, Settings(timeout_s=defaults.timeout_s), problems)
    for key in ("expect", "xfail"):
        setting = place.get(key)
        if entry and setting and (entry.expect != OPEN if key == "expect" else entry.xfail):
            told = Unexpected("a control that must be open", f"leave {key} out").told(setting.found)
            problems.append(setting.problem(told))
            return None
    return entry and replace(entry, control=True)


def _text(place: Place, defaults: Settings, problems: Problems) -> Entry | None:
    targets = problems.read(place, _read_targets)
    return None if targets is None else Entry(place=place, targets=targets, own=_NO_SETTINGS, inherited=defaults)


def _settled(place: Place, defaults: Settings, problems: Problems) -> Entry | None:
    redact = problems.read(place.get("redact"), read_flag)
    is_hidden = redact if redact is not None else place.get("redact") is not None
    name = problems.read(place.get("name"), read_name)
    entry = Entry(
        place=place,
        targets=_read_hosts(place, is_hidden, problems),
        own=read_settings(place.get, "target", problems, redacted=is_hidden),
        inherited=defaults,
        name=name,
        expect=problems.read(place.get("expect"), read_expect) or "open",
        skip=problems.read(place.get("skip"), read_reason),
        xfail=problems.read(place.get("xfail"), read_reason),
        redact=is_hidden,
        close=problems.read(place.get("close"), read_close) or "fin",
        tags=_read_tags(place.get("tags"), problems),
    )
    ports = place.get("ports")
    if ports and any(target.port is not None for target in entry.targets):
        problems.append(ports.problem("expected the port in host or under ports, got both: keep one of them"))
    if redact and not place.get("name"):
        problems.append(place.problem("expected a name, which redact shows in place of the host, got none: add name"))
    return entry if entry.targets else None


def _read_hosts(target: Place, redact: bool, problems: Problems) -> tuple[ParsedTarget, ...]:
    """Return what `host` or `hosts` names."""
    host, hosts = target.get("host"), target.get("hosts")
    if hosts is None:
        return problems.read(host, _read_targets, redacted=redact) or ()
    if host is not None:
        problems.append(target.problem("expected host or hosts, got both: keep one of them"))
    if hosts.value == [] and not hosts.broken:
        problems.append(hosts.problem(Unexpected("at least one host").told("an empty list")))
    found = [problems.read(item, _read_several, redacted=redact) or () for item in hosts.items()]
    return tuple(target for targets in found for target in targets)


def _read_several(value: Value) -> tuple[ParsedTarget, ...]:
    if not isinstance(value, str):
        raise Unexpected("a host, or several as in web-[01-20]")
    return tuple(found for text in expand_ranges(value) for found in parse_targets(text))


def _read_tags(place: Place | None, problems: Problems) -> tuple[str, ...]:
    if place is None:
        return ()
    if place.value == [] and not place.broken:
        problems.append(place.problem(Unexpected("at least one tag", "leave tags out").told("an empty list")))
    tags = [problems.read(item, read_tag) for item in place.items()]
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _read_targets(value: Value) -> tuple[ParsedTarget, ...]:
    if not isinstance(value, str):
        raise Unexpected(A_TARGET, _HINTS.get(type(value), ""))
    return parse_targets(value)


_HINTS: dict[type, str] = {list: "an IPv6 address in brackets needs quotes around it"}
