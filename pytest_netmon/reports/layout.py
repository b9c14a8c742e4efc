"""Plain text in columns, lists and counts, as all text reports write them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..safe import ELLIPSIS, for_terminal

if TYPE_CHECKING:
    from ..plan import Endpoint

_CODE = re.compile(r"`([^`]+)`")
_WORD = re.compile(r" *[^ ]+| +\Z")


def width_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes: none for a combining mark, two for a wide
    character (Unicode Standard Annex 11)."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled with spaces up to `width` columns; on its left where it belongs to the right."""
    spaces = " " * (width - width_of(text))
    return spaces + text if right else text + spaces


def fitted(text: str, width: int) -> str:
    """Return `text` if it fits into `width` columns, else its start and `...`."""
    if width_of(text) <= width:
        return text
    room = max(0, width - len(ELLIPSIS))
    kept = ""
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return (kept + ELLIPSIS)[: max(0, width)]


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` columns, broken at spaces where it can be; those that follow are
    indented by two more than the first."""
    indent = " " * (len(text) - len(text.lstrip(" ")) + 2)
    lines, line = [], ""
    for word in _WORD.findall(text):
        if line and width_of(line + word) > width:
            lines.append(line)
            line = indent + word.lstrip(" ")
        else:
            line += word
    return [*lines, line]


def in_columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (), gap: str = "  ") -> list[str]:
    """Return one line a row, its cells padded to the widest of their column; the columns whose
    numbers are in `right` stand on the right. All rows have the same number of cells."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(padded(cell, widths[at], right=at in right) for at, cell in enumerate(row)).rstrip() for row in rows
    ]


def listed(items: Sequence[object], most: int, more: int = 0) -> str:
    """Return `4, 7 and 31`; with over `most` items `4, 7, 31 and 12 more`. `more` counts items that
    are not at hand."""
    shown = [str(item) for item in items[:most]]
    more += len(items) - len(shown)
    if more:
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return `1 check`, `2 checks`, `3 tries`."""
    return f"{number} {singular}" if number == 1 else f"{number} {plural or singular + 's'}"


def shown_ms(value_ms: float | None) -> str:
    """Return milliseconds as tables have them: two decimals, `-` where nothing was measured."""
    return "-" if value_ms is None else f"{value_ms:.2f}"


def shown_span(seconds: float) -> str:
    """Return how long something took, for people: `0.42 s`, `9.8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, part_unit in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {part_unit}" if rest else "")
    return f"{whole} s"


def code_spans(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a sentence of ours, and whether each stood between backticks: is code."""
    for at, piece in enumerate(_CODE.split(text)):
        if piece:
            yield piece, at % 2 == 1


def placed_id(endpoint: Endpoint) -> str:
    """Return the id of an endpoint, harmless for a terminal; for one checked from elsewhere `db:5432 from paris`."""
    place = from_where(endpoint)
    return f"{for_terminal(endpoint.id)} {place}" if place else for_terminal(endpoint.id)


def from_where(endpoint: Endpoint) -> str:
    """Return `from paris`, harmless for a terminal; nothing for an endpoint that is checked from here."""
    return "" if endpoint.is_local else f"from {for_terminal(endpoint.vantage)}"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
