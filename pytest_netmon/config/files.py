"""Configuration files and those that they include, each read once, as sections of targets."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..problems import Source
from ..safe import for_terminal
from ..unexpected import Unexpected
from .ca_files import find_ca_files
from .decoding import MOST_BYTES
from .document import read_document
from .entries import Section, read_control, read_entry
from .fields import read_rate
from .places import Place, Problems, Value
from .settings import Settings, read_settings
from .shown import kind_of
from .targets import holds_secrets
from .vantages import read_vantages

#: Bounds on what includes can make of one file.
MOST_FILES = 100
MOST_LEVELS_OF_INCLUDES = 10
MOST_BYTES_IN_ALL = 4 * MOST_BYTES

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def read_files(files: Sequence[Path], env: Mapping[str, str], base: Path, problems: Problems) -> list[Section]:
    """Read the files and what they include, what is included before what includes it.

    `base` is the folder from which files are named in messages. What is wrong is noted.
    """
    reader = _Reader(env, base, problems)
    for path in files:
        reader.read(path, None)
    return reader.sections


def shown_path(path: Path, base: Path) -> str:
    """Return a file's name for people: relative to `base` where the file lies inside, with slashes."""
    normal, folder = Path(os.path.normpath(path)), Path(os.path.normpath(base)).absolute()
    inside = normal.absolute().is_relative_to(folder)
    return for_terminal((normal.absolute().relative_to(folder) if inside else normal).as_posix(), None)


class _Reader:
    """Follows includes, depth first. `_open` are the files being read: real path to name, outermost first."""

    def __init__(self, env: Mapping[str, str], base: Path, problems: Problems) -> None:
        self.sections: list[Section] = []
        self._env = env
        self._base = base
        self._problems = problems
        self._read: set[str] = set()
        self._open: dict[str, str] = {}
        self._bytes = 0

    def read(self, path: Path, included: Place | None) -> None:
        """Read a file; `included` is where another one names it, None for one that the user named."""
        name = shown_path(path, self._base)
        try:
            real = os.path.realpath(path)
            if self._is_done(real, name, included):
                return
            data = _read_bytes(path, MOST_BYTES_IN_ALL - self._bytes)
        except (OSError, ValueError) as error:
            self._note_unreadable(name, included, error)
            return
        self._bytes += len(data)
        self._open[real] = name
        document = read_document(data, name, self._env)
        self._problems += document.problems
        if document.root is not None:
            self._take(document.root, path, name)
        del self._open[real]

    def _is_done(self, real: str, name: str, included: Place | None) -> bool:
        """Whether the file need not or must not be read (which is noted)."""
        if real in self._open and included is not None:
            circle = " -> ".join([*list(self._open.values())[list(self._open).index(real) :], name])
            self._problems.append(included.problem(f"expected no circle of files, got {circle}: remove one include"))
        if real in self._read:
            return True
        if len(self._read) >= MOST_FILES or len(self._open) >= MOST_LEVELS_OF_INCLUDES:
            place = included or Place(None, Source(name))
            most = f"{MOST_FILES} files and {MOST_LEVELS_OF_INCLUDES} levels of includes"
            self._problems.append(place.problem(f"expected at most {most}, got more"))
            return True
        self._read.add(real)
        return False

    def _note_unreadable(self, name: str, included: Place | None, error: OSError | ValueError) -> None:
        reason = _reason(error)
        if included is None:
            self._problems.append(Place(None, Source(name)).problem(f"expected a file, but {reason}"))
            return
        is_enough = included.is_secret or holds_secrets(str(included.value)) or name == included.value
        looked_for = "" if is_enough else f" (looked for {name})"
        self._problems.append(included.problem(Unexpected("a file", reason + looked_for).told(included.found)))

    def _take(self, root: Place, path: Path, name: str) -> None:
        if not isinstance(root.value, dict):
            if not root.broken:
                hint = "write 'targets:' above it" if isinstance(root.value, list) else "write 'targets:' and a list"
                told = Unexpected("a mapping with targets", hint).told(kind_of(root.value))
                self._problems.append(root.problem(told))
            return
        include = root.get("include")
        for item in include.items() if include else ():
            if isinstance(item.value, str) and not item.broken:
                self.read(path.parent / item.value, item)
        found, named = Problems(), next(iter(self._open.values()))
        find_ca_files(root, path.parent, found)
        self.sections.append(_section(root, name, None if named == name else named, found))
        self._problems += found
        if not is_plain(root):
            from .schema import schema_problems  # jsonschema takes 30 ms

            self._problems += schema_problems(root, frozenset(problem.path for problem in found))


def is_plain(root: Place) -> bool:
    """Whether a document holds targets without settings and rates, and no more. Then the readers have said all that the
    schema could say."""
    assert isinstance(root.value, dict)
    return all(_PLAIN.get(key, _never)(place.value) for key, place in root.value.items())


def _are_texts(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(item.value, str) for item in value)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float))


def _never(_: Value) -> bool:
    return False


_PLAIN = {"targets": _are_texts, "controls": _are_texts, "max_rate": _is_number, "max_rate_per_host": _is_number}


def _section(root: Place, name: str, included_by: str | None, problems: Problems) -> Section:
    defaults = root.get("defaults")
    settings = read_settings(defaults.get, "defaults", problems) if defaults else Settings()
    is_sound = not problems and (defaults is None or defaults.is_whole())
    entries = [read_entry(item, settings, problems) for item in _targets(root.get("targets"), problems)]
    controls = [read_control(item, settings, problems) for item in _targets(root.get("controls"), problems)]
    return Section(
        name=name,
        included_by=included_by,
        entries=tuple(entry for entry in entries if entry),
        controls=tuple(entry for entry in controls if entry),
        defaults=settings,
        defaults_are_sound=is_sound,
        max_rate=problems.read(root.get("max_rate"), read_rate),
        max_rate_per_host=problems.read(root.get("max_rate_per_host"), read_rate),
        vantages=read_vantages(root.get("vantages"), problems),
    )


def _targets(place: Place | None, problems: Problems) -> list[Place]:
    if place is None:
        return []
    if not isinstance(place.value, list):
        hint = "write '- ' before each target"
        problems.append(place.problem(Unexpected("a list of targets", hint).told(place.found)))
        return []
    return [item for item in place.value if not item.broken]


def _read_bytes(path: Path, room: int) -> bytes:
    """Return a file's bytes, of a too large one only so many that this can be seen.

    Raises OSError; ValueError, its text the reason, for what is no regular file: a pipe or a device
    could be read for ever.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise ValueError(f"this is {_KINDS.get(stat.S_IFMT(mode), 'a device')}")
    if room <= 0:
        raise ValueError(f"all files together have more than {MOST_BYTES_IN_ALL // 2**20} MiB")
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is none of this name"
    if isinstance(error, PermissionError):
        return "reading it is not permitted"
    words = error.strerror if isinstance(error, OSError) else str(error)
    return for_terminal(words or type(error).__name__)
