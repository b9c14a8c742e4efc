"""Foreign text made harmless for where it goes, one function a sink. Pure.

Foreign is what we did not write: host names, YAML values, messages of the system and the resolver.
A character that may not pass is shown instead, as Python would write it (`\\x1b`, `\\u202e`), so that
a reader sees that it was there. A backslash is left as it is: these texts are for people, not for
reading back.
"""

from __future__ import annotations

import functools
import re

#: Room for a host name (253 characters, RFC 1035) and for any message of a C library.
TEXT_LIMIT = 300
#: Below NAME_MAX (255 bytes) of every common file system, with room for an ending.
FILE_NAME_LIMIT = 120
ELLIPSIS = "..."

_C0 = "\x00-\x1f"
_DEL_AND_C1 = "\x7f-\x9f"
_SURROGATES = "\ud800-\udfff"
_LAST_TWO = (0xFFFE, 0xFFFF)
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in _LAST_TWO
)
#: Line and paragraph separator, and every format character (category Cf) of Unicode 16: bidirectional controls, which
#: reorder what a reader sees (CVE-2021-42574), zero-width characters and tags, which hide text.
_LINES_AND_FORMATS = (
    "\u2028\u2029\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f"
)
#: Other characters that take no room and that a culture-sensitive comparison (.NET, so both runners) may skip:
#: what is left of Default_Ignorable_Code_Point (DerivedCoreProperties.txt) without the format characters.
_IGNORABLE = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]*"

# As texts: each takes up to half a millisecond to compile, and most runs need none of them.
_NOT_FOR_A_LINE = f"[{_C0}{_DEL_AND_C1}{_SURROGATES}{_NONCHARACTERS}{_LINES_AND_FORMATS}]"
_NOT_FOR_LINES = f"(?!\n){_NOT_FOR_A_LINE}"
_NOT_FOR_XML = f"(?![\t\n])[{_C0}{_DEL_AND_C1}{_SURROGATES}{_NONCHARACTERS}]"
_NOT_FOR_JSON = f"[{_SURROGATES}]"
_COMMAND_AT_LINE_START = rf"(?m)^((?:[^\S\n]|{_IGNORABLE[:-1]})*:)(?={_IGNORABLE}:)"
_COMMAND_ANYWHERE = rf"(?i)#({_IGNORABLE})#(?={_IGNORABLE}(?:{_IGNORABLE.join('vso')}{_IGNORABLE})?\[)"
_NOT_FOR_A_FILE_NAME = r"[^A-Za-z0-9._-]+"
#: Names that Windows keeps for devices, with any ending (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
_DEVICE_NAME = r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)"
_NAMED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def for_terminal(text: str, limit: int | None = TEXT_LIMIT, *, lines: bool = False) -> str:
    """Return `text` without anything that steers a terminal or deceives a reader.

    Controls (C0, C1), bidirectional and other format characters, line separators, lone surrogates
    and noncharacters are shown as escapes; newlines too, unless `lines` are allowed. What would be
    longer than `limit` characters is cut, never within an escape, and ends in `...`.
    """
    if text.isascii() and text.isprintable() and (limit is None or len(text) <= limit):
        return text
    pattern = _compiled(_NOT_FOR_LINES if lines else _NOT_FOR_A_LINE)
    if limit is None:
        return pattern.sub(_shown, text)
    # No character becomes shorter, so what stands beyond the limit cannot be needed.
    whole = pattern.sub(_shown, text[: limit + 1])
    return whole if len(whole) <= limit else _cut(text, limit, pattern)


def for_xml(text: str) -> str:
    """Return `text` with every character escaped that XML 1.0 does not allow, or that a parser
    or a viewer would change or obey: controls except tab and newline, C1 too, lone surrogates,
    noncharacters (junit-xml would drop them). Markup is the XML writer's business."""
    return _compiled(_NOT_FOR_XML).sub(_shown, text)


def for_json(text: str) -> str:
    """Return `text` with lone surrogates shown: strict readers (RFC 8259, section 8.2) refuse them."""
    return text if text.isascii() else _compiled(_NOT_FOR_JSON).sub(_shown, text)


def for_workflow(text: str) -> str:
    """Return `text`, of any number of lines, as a log of GitHub Actions or Azure Pipelines may hold it.

    Their runners obey `::` at the start of a line, after spaces, and `##[` and `##vso[` anywhere: a
    visible space breaks those. What is unfit for a terminal is shown as escapes.
    """
    harmless = for_terminal(text, None, lines=True)
    broken = _compiled(_COMMAND_AT_LINE_START).sub(r"\1 ", harmless)
    return _compiled(_COMMAND_ANYWHERE).sub(r"#\1# ", broken)


def for_file_name(text: str) -> str:
    """Return a name for one file that every system takes: letters, digits, `.`, `_` and `-` of
    ASCII, at most 120, no leading dot or dash, no device name of Windows. Never empty. Different
    texts may come to the same name."""
    name = _compiled(_NOT_FOR_A_FILE_NAME).sub("_", text)[:FILE_NAME_LIMIT].lstrip(".-").rstrip(".")
    return f"_{name}"[:FILE_NAME_LIMIT] if not name or _compiled(_DEVICE_NAME).match(name) else name


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _is_plain(text: str) -> bool:
    """Whether a text is of printable ASCII, as most are: to look for anything else takes ten times as long."""
    return text.isascii() and text.isprintable()


def _shown(match: re.Match[str]) -> str:
    return _escape(match[0])


def _escape(character: str) -> str:
    code = ord(character)
    if character in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(text: str, limit: int, pattern: re.Pattern[str]) -> str:
    kept: list[str] = []
    room = limit - len(ELLIPSIS)
    for character in text:
        shown = pattern.sub(_shown, character)
        if len(shown) > room:
            break
        room -= len(shown)
        kept.append(shown)
    return ("".join(kept) + ELLIPSIS)[:limit]
