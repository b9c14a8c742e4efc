"""The options that name targets and settings, read into a section as a file is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..problems import Source
from .baselines import WrittenTolerance
from .entries import Section, read_entry
from .fields import read_rate, read_tag
from .places import Place, Problems
from .selection import Selection
from .settings import Settings, read_settings

Given = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What options say, as they were given; None or empty where they say nothing.

    targets: each one target or several separated by commas. ports: ports or ranges for targets that
    name none. They, limits, tags and vantages may hold commas too. vias: commands, each leading to a vantage from
    which all targets are checked. prefix: what stands before an option's name
    (`--netmon-`, or `--` of the netmon command), for messages. placed_targets: targets that are no
    options, each with its place: arguments, lines of a list. target_hint: how a target can be named,
    for messages; the option where empty. baseline: the file of an earlier run to compare with.
    """

    targets: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    count: Given = None
    interval: Given = None
    timeout: Given = None
    wait: Given = None
    family: Given = None
    addresses: Given = None
    limits: tuple[str, ...] = ()
    proxy: Given = None
    max_rate: Given = None
    max_rate_per_host: Given = None
    tags: tuple[str, ...] = ()
    baseline: str | None = None
    vantages: tuple[str, ...] = ()
    vias: tuple[str, ...] = ()
    prefix: str = "--netmon-"
    placed_targets: tuple[tuple[str, Source], ...] = ()
    target_hint: str = ""

    def option(self, name: str) -> str:
        """The option as a user writes it: `--netmon-max-rate`."""
        return f"{self.prefix}{name}"


def read_options(overrides: Overrides, problems: Problems) -> Section:
    """Return what the options say, their settings as the section's `defaults`. What is wrong is noted."""
    places = {
        "ports": _list("port", overrides.ports, overrides),
        "count": _single("count", overrides.count, overrides),
        "interval": _single("interval", overrides.interval, overrides),
        "timeout": _single("timeout", overrides.timeout, overrides),
        "wait": _single("wait", overrides.wait, overrides),
        "proxy": _single("proxy", overrides.proxy, overrides),
        "family": _single("family", overrides.family, overrides),
        "addresses": _single("addresses", overrides.addresses, overrides),
        "limits": _list("limit", overrides.limits, overrides),
    }
    settings = read_settings(places.get, "option", problems)
    if overrides.baseline is not None:
        settings = replace(settings, baseline=WrittenTolerance())
    are_sound = not problems
    source = Source(overrides.option("target"))
    targets = [*((text, source) for text in overrides.targets), *overrides.placed_targets]
    entries = [read_entry(Place(text, place), Settings(), problems) for text, place in targets]
    return Section(
        name="options",
        entries=tuple(entry for entry in entries if entry),
        defaults=settings,
        defaults_are_sound=are_sound,
        max_rate=problems.read(_single("max-rate", overrides.max_rate, overrides), read_rate),
        max_rate_per_host=problems.read(
            _single("max-rate-per-host", overrides.max_rate_per_host, overrides), read_rate
        ),
    )


def read_tags(overrides: Overrides, problems: Problems) -> Selection:
    """Return what the options say of tags: `db` and `!prod`. What is wrong is noted."""
    wanted: list[str] = []
    unwanted: list[str] = []
    source = Source(overrides.option("tag"))
    for word in (part.strip() for text in overrides.tags for part in text.split(",")):
        tag = problems.read(Place(word.removeprefix("!"), source), read_tag)
        if tag:
            (unwanted if word.startswith("!") else wanted).append(tag)
    return Selection(tuple(wanted), tuple(unwanted), source)


def _single(name: str, value: Given, overrides: Overrides) -> Place | None:
    return None if value is None else Place(value, Source(overrides.option(name)))


def _list(name: str, values: tuple[str, ...], overrides: Overrides) -> Place | None:
    source = Source(overrides.option(name))
    return Place([Place(value, source) for value in values], source) if values else None
