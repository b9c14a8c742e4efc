"""A YAML file as places: the core types of YAML 1.2, strictly, and nothing that can do harm.

Made from the stream of parser events, never by recursion and never by PyYAML's constructors: no
tags, anchors, aliases, merge keys or second documents, no key twice, at most 20 levels (a merge
bomb of 644 bytes costs PyYAML's own loader 22 s).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from ..problems import Source
from ..unexpected import Unexpected
from .decoding import NOT_TEXT, UnreadableError, decode, lines_of
from .places import HIDDEN, PLAIN_KEY, Place, Problems, Value, from_variable, path_to
from .scalars import resolve
from .shown import shown_key
from .syntax import explain
from .targets import looks_cut
from .variables import LONGEST_VALUE, Expanded, VariableError, expand

MOST_LEVELS = 20
#: Room for 20,000 endpoints; a file full of mistakes is still refused within seconds.
MOST_VALUES = 100_000

#: libyaml's parser where PyYAML was built with it: seven times as fast.
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Document:
    """root: None where the file could not be read to its end. problems: all that the loader found."""

    root: Place | None = None
    problems: Problems = field(default_factory=Problems)


def read_document(data: bytes, name: str, env: Mapping[str, str]) -> Document:
    """Read a YAML file. `name` is what its places call it; `env` holds the variables.

    What is wrong stands in the document's problems; nothing is raised.
    """
    document = Document()
    try:
        text = decode(data, name)
        builder = _Builder(name, lines_of(text), env, document.problems)
        for event in _events(text, name):
            builder.take(event)
        document.root = builder.root()
    except UnreadableError as unreadable:
        document.problems.append(unreadable.problem)
    return document


def _events(text: str, name: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_PARSER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        lines = lines_of(text)
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        words = explain(error.problem or "", error.context or "", line, mark.column if mark else 0)
        raise UnreadableError(Place(None, _source(name, mark)).problem(words)) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # ValueError: PyYAML without libyaml, for "\U00110000" in double quotes.
        words = "this is not YAML: it holds a character that cannot be"
        raise UnreadableError(Place(None, Source(name)).problem(words)) from None


def _source(name: str, mark: Any) -> Source:
    return Source(name, mark.line + 1, mark.column + 1) if mark else Source(name)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key whose value comes next; a dropped one is read and thrown away with its value."""

    text: str
    source: Source
    is_dropped: bool = False
    is_hidden: bool = False


@dataclass(slots=True)
class _Open:
    """A container that has not ended yet. hides: what comes next may be the rest of a URL, which
    YAML ends at a comma inside `[ ]` and `{ }`."""

    place: Place
    is_flow: bool
    key: _Key | None = None
    hides: bool = False

    def passes(self, event: yaml.NodeEvent) -> bool:
        """Take notice of a scalar without quotes; say whether it may be the rest of a URL."""
        if not self.is_flow or not isinstance(event, yaml.ScalarEvent) or event.style:
            return False
        hidden = self.hides
        self.hides = hidden or looks_cut(event.value[:LONGEST_VALUE])
        return hidden


class _Builder:
    """Puts places together as the parser's events come."""

    def __init__(self, name: str, lines: list[str], env: Mapping[str, str], problems: Problems) -> None:
        self._name = name
        self._lines = lines
        self._env = env
        self._problems = problems
        self._open: list[_Open] = []
        self._root: Place | None = None
        self._documents = 0
        self._values = 0

    def root(self) -> Place:
        """Return the whole document. Raises UnreadableError where it is empty."""
        if self._root is None or (self._root.value is None and not self._root.broken):
            empty = Place(None, Source(self._name))
            raise UnreadableError(empty.problem("expected 'targets:' and a list, got an empty file"))
        return self._root

    def take(self, event: yaml.Event) -> None:
        """Take the next event. Raises UnreadableError where reading on makes no sense."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._unreadable(event, "expected one document, got another one after '---': make it a file")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._take_node(event)

    def _take_node(self, event: yaml.NodeEvent) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            raise self._unreadable(event, f"expected at most {MOST_VALUES:,} values in a file, got more")
        parent = self._open[-1] if self._open else None
        if parent and isinstance(parent.place.value, dict) and parent.key is None:
            parent.key = self._key(event, parent.place.value, parent.passes(event))
            return
        place = self._place(event, parent)
        if parent is None:
            self._root = place
        else:
            _attach(place, parent)
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append(_Open(place, is_flow=bool(event.flow_style)))
            if len(self._open) > MOST_LEVELS:
                raise self._unreadable(event, f"expected at most {MOST_LEVELS} levels, got more")

    def _key(self, event: yaml.NodeEvent, siblings: Mapping[str, Place], is_hidden: bool) -> _Key:
        source = _source(self._name, event.start_mark)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._unreadable(event, "expected a key, got something else: fill templates in first, or use ${NAME}")
        sound = self._is_sound(event)
        if event.value == "<<" and not event.style:
            sound = self._note(event, "expected a key, got '<<': merge keys are not read; write the settings out")
        if event.value in siblings:
            first = siblings[event.value].key
            assert first is not None
            found = HIDDEN if is_hidden else shown_key(event.value)
            sound = self._note(event, f"expected each key once, got {found} again (first in line {first.line})")
        return _Key(event.value, source, is_dropped=not sound, is_hidden=is_hidden)

    def _place(self, event: yaml.NodeEvent, parent: _Open | None) -> Place:
        key = parent.key.source if parent and parent.key else None
        place = Place(
            _empty(event),
            _source(self._name, event.start_mark),
            _path_in(parent),
            key=key,
            broken=not self._is_sound(event),
            hidden=_is_hidden(event, parent),
        )
        if place.broken or not isinstance(event, yaml.ScalarEvent):
            return place
        return self._scalar(event, place)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Place:
        """Return the place with the value of a scalar: variables replaced, then typed unless it stood in quotes."""
        expanded = Expanded("")
        try:
            if len(event.value) > LONGEST_VALUE:
                raise Unexpected(f"at most {LONGEST_VALUE} characters", f"this text has {len(event.value)}")
            expanded = expand(event.value, self._env)
            if foreign := NOT_TEXT.search(expanded.text):
                raise Unexpected("text without control characters", f"it holds U+{ord(foreign[0]):04X}", quotes=True)
            value = expanded.text if event.style else resolve(expanded.text)
        except VariableError as error:
            self._problems.append(place.problem(str(error)))
            return replace(place, broken=True)
        except Unexpected as unexpected:
            found = from_variable(expanded.variables) if expanded.variables else "something else"
            self._problems.append(place.problem(unexpected.told(found, is_secret=bool(expanded.variables))))
            return replace(place, broken=True)
        column = None if expanded.variables else self._column_of_text(event)
        return Place(
            value,
            place.source,
            place.path,
            expanded.text,
            place.key,
            expanded.variables,
            column,
            hidden=place.hidden,
        )

    def _column_of_text(self, event: yaml.ScalarEvent) -> int | None:
        """Return the column at which the text starts, None where it does not stand as it is in one line."""
        mark: Any = event.start_mark
        line, column = mark.line, mark.column + len(event.style or "")
        as_it_is = line < len(self._lines) and self._lines[line].startswith(event.value, column)
        return column + 1 if as_it_is else None

    def _is_sound(self, event: Any) -> bool:
        if isinstance(event, yaml.AliasEvent):
            return self._note(event, "expected a value, got an alias ('*'): write the value out, or put text in quotes")
        if event.anchor is not None:
            return self._note(event, "expected a value, got an anchor ('&'): leave it out, or put text in quotes")
        if getattr(event, "tag", None) is not None:
            return self._note(event, "expected a value, got a tag ('!'): leave it out, or put text in quotes")
        return True

    def _note(self, event: yaml.Event, text: str) -> bool:
        """Note a problem; False, for what is not sound then."""
        parent = self._open[-1] if self._open else None
        self._problems.append(Place(None, _source(self._name, event.start_mark), _path_in(parent)).problem(text))
        return False

    def _unreadable(self, event: yaml.Event, text: str) -> UnreadableError:
        return UnreadableError(Place(None, _source(self._name, event.start_mark)).problem(text))


def _empty(event: yaml.NodeEvent) -> Value:
    """The container that an event begins; no value yet of anything else."""
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    return {} if isinstance(event, yaml.MappingStartEvent) else None


def _path_in(parent: _Open | None) -> str:
    """Return the path of what comes next in a container."""
    if parent is None:
        return ""
    if isinstance(parent.place.value, list):
        return path_to(parent.place.path, len(parent.place.value))
    if parent.key is None:
        return parent.place.path
    return path_to(parent.place.path, parent.key.text)


def _is_hidden(event: yaml.NodeEvent, parent: _Open | None) -> bool:
    """Whether an item, or the key of a value, may be the rest of a URL; as a key, that has no value or looks odd."""
    if parent is None:
        return False
    follows_a_url = parent.passes(event)
    if parent.key is None:
        return follows_a_url
    has_no_value = isinstance(event, yaml.ScalarEvent) and not event.value
    return parent.key.is_hidden and (has_no_value or not PLAIN_KEY.match(parent.key.text))


def _attach(place: Place, parent: _Open) -> None:
    if isinstance(parent.place.value, list):
        parent.place.value.append(place)
    elif isinstance(parent.place.value, dict) and parent.key:
        if not parent.key.is_dropped:
            parent.place.value[parent.key.text] = place
        parent.key = None
