"""Vantages as written, and which of them each target is checked from. Pure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plan import Endpoint
from ..problems import Problem, Source
from ..unexpected import Unexpected
from ..vantage import LOCAL_VANTAGE, PYTHON, Kind, Vantage, VantageError, is_vantage_name, way_of
from .fields import read_vantage_name
from .options import Overrides
from .places import Place, Problems, Value
from .settings import Settings
from .shown import did_you_mean

#: Each runs a process here and one there; fifty were measured.
MOST_VANTAGES = 100
_KINDS: tuple[Kind, ...] = ("via", "ssh", "execnet")
_A_NAME = "a name of letters, digits, '_', '.' and '-', a letter first"
#: What the places of `--via` are called.
_VIA = "via"


def read_vantages(place: Place | None, problems: Problems) -> dict[str, Vantage]:
    """Return what stands under `vantages`, by name. What is wrong is noted."""
    if place is None or not isinstance(place.value, dict):
        return {}  # the schema speaks of anything else
    found = {name: _vantage(name, each, problems) for name, each in place.value.items()}
    if len(found) > MOST_VANTAGES:
        problems.append(place.problem(f"expected at most {MOST_VANTAGES} vantages, got {len(found)}"))
    return {name: vantage for name, vantage in found.items() if vantage is not None}


def _vantage(name: str, place: Place, problems: Problems) -> Vantage | None:
    if not is_vantage_name(name) or name == LOCAL_VANTAGE:
        hint = "local is this machine" if name == LOCAL_VANTAGE else "choose another one"
        source = place.key or place.source
        problems.append(Problem(source, "vantages", Unexpected(_A_NAME, hint).told("another name")))
        return None
    if not isinstance(place.value, dict):
        problems.append(place.problem(Unexpected("a mapping with via, ssh or execnet").told(place.found)))
        return None
    given = [kind for kind in _KINDS if place.get(kind) is not None]
    if len(given) != 1:
        told = f"got {' and '.join(given)}: keep one of them" if given else "got none of them"
        problems.append(place.problem(f"expected one of via, ssh and execnet, {told}"))
        return None
    way, python = place.get(given[0]), place.get("python")
    assert way is not None
    text = problems.read(way, _checked(name, given[0]))
    started = problems.read(python, _checked_python) if python else PYTHON
    if text is None or started is None:
        return None
    return Vantage(name=name, kind=given[0], way=text, python=started, source=place.key or place.source)


def _checked(name: str, kind: Kind) -> Callable[[Value], str]:
    def read(value: Value) -> str:
        if not isinstance(value, str):
            raise Unexpected("a text")
        _refuse(Vantage(name=name, kind=kind, way=value))
        return value

    return read


def _checked_python(value: Value) -> str:
    if not isinstance(value, str):
        raise Unexpected("a command that starts Python")
    _refuse(Vantage(name="x", kind="execnet", way="popen", python=value))
    return value


def _refuse(vantage: Vantage) -> None:
    try:
        way_of(vantage)
    except VantageError as error:
        raise Unexpected(str(error)) from None


@dataclass(frozen=True, slots=True)
class Places:
    """All vantages of a plan, and who is checked from where.

    known: by name, without `local`. chosen: names to which the options narrow the run, None for all. always: where
    every target is checked from, whatever it says (`--via`); empty where each says it itself.
    """

    known: Mapping[str, Vantage]
    chosen: tuple[str, ...] | None = None
    always: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (LOCAL_VANTAGE, *self.known)

    def of(self, own: Settings, inherited: Settings, *, is_control: bool) -> tuple[str, ...]:
        """Return the names of the vantages that a target with these settings is checked from."""
        if self.always:
            return self.always
        given = own.vantages if own.vantages is not None or is_control else inherited.vantages
        if given is None:
            return self.names
        return tuple(dict.fromkeys(name for each in given if (name := str(each.value).strip()) in self.names))

    def unknown(self, settings: Iterable[Settings]) -> list[Problem]:
        """Return a problem for each name that no vantage has."""
        expected = f"one of {', '.join(self.names)}" if self.known else "local, or a name under vantages"
        return [
            each.problem(Unexpected(expected, did_you_mean(str(each.value), self.names)).told(each.found))
            for settings_of_one in settings
            for each in settings_of_one.vantages or ()
            if str(each.value).strip() not in self.names
        ]


def read_places(vantages: Sequence[Mapping[str, Vantage]], overrides: Overrides, problems: Problems) -> Places:
    """Put the vantages of all files and of the options together. What is wrong is noted."""
    known: dict[str, Vantage] = {}
    for each in vantages:
        for name, vantage in each.items():
            first = known.setdefault(name, vantage)
            if first != vantage:
                text = f"the vantage {name} leads elsewhere in {first.source}: give it another name"
                problems.append(Problem(vantage.source or Source(name), "vantages", text))
    always = tuple(_add_via(known, text, overrides, problems) for text in overrides.vias)
    chosen = _chosen((LOCAL_VANTAGE, *known), overrides, problems)
    return Places(known, chosen, tuple(dict.fromkeys((*(chosen or ()), *always))) if always else ())


def _add_via(known: dict[str, Vantage], text: str, overrides: Overrides, problems: Problems) -> str:
    source = Source(overrides.option("via"))
    number = 1
    while (name := _VIA if number == 1 else f"{_VIA}{number}") in known:
        number += 1
    problems.read(Place(text, source), _checked(name, "via"))
    known[name] = Vantage(name=name, kind="via", way=text, source=source)
    return name


def _chosen(names: Sequence[str], overrides: Overrides, problems: Problems) -> tuple[str, ...] | None:
    source = Source(overrides.option("vantage"))
    chosen = []
    for word in (part.strip() for text in overrides.vantages for part in text.split(",")):
        name = problems.read(Place(word, source), read_vantage_name)
        if name and name not in names:
            expected = f"one of {', '.join(names)}"
            problems.append(Problem(source, "", Unexpected(expected, did_you_mean(name, names)).told(f"'{name}'")))
        elif name:
            chosen.append(name)
    return tuple(dict.fromkeys(chosen)) if overrides.vantages else None


def narrowed(endpoints: Sequence[Endpoint], places: Places, overrides: Overrides, problems: Problems) -> list[Endpoint]:
    """Return the endpoints at the vantages that the options choose. A choice that leaves none is a problem. A control
    counts only where something else is checked from, too."""
    kept = None if places.chosen is None else (*places.chosen, *places.always)
    chosen = [endpoint for endpoint in endpoints if kept is None or endpoint.vantage in kept]
    used = {endpoint.vantage for endpoint in chosen if not endpoint.control}
    if endpoints and places.chosen and not used:
        source = Source(overrides.option("vantage"))
        problems.append(Problem(source, "", "expected vantages that some target is checked from, got none of them"))
    return [endpoint for endpoint in chosen if not endpoint.control or endpoint.vantage in used or not used]


def needed(endpoints: Iterable[Endpoint], places: Places, problems: Problems) -> dict[str, Vantage]:
    """Return the vantages that the endpoints need, by name. Without execnet, which leads to them, it is a problem."""
    used = {endpoint.vantage for endpoint in endpoints}
    found = {name: vantage for name, vantage in places.known.items() if name in used}
    if found and sys.platform == "win32":
        first = next(iter(found.values()))
        text = f"the vantage {first.name} cannot be reached from Windows: run this on Linux or macOS (WSL will do)"
        problems.append(Problem(first.source or Source("plan"), "vantages", text))
    elif found and _is_missing("execnet"):
        first = next(iter(found.values()))
        text = f"the vantage {first.name} needs execnet, which is not installed: pip install 'pytest-netmon[vantages]'"
        problems.append(Problem(first.source or Source("plan"), "vantages", text))
    return found


def _is_missing(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is None
