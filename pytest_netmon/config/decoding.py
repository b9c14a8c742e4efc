"""The bytes of a file as text, or the reason why they are none. Pure."""

from __future__ import annotations

import codecs
import re

from ..problems import Problem, Source

MOST_BYTES = 2 * 1024 * 1024

#: YAML 1.2, section 5.1, what is not `c-printable`; also a byte order mark that is not the first character.
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class UnreadableError(Exception):
    """A file of which nothing more can be said than `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def decode(data: bytes, name: str) -> str:
    """Return the text of a YAML file, without a byte order mark. Raises UnreadableError."""
    if len(data) > MOST_BYTES:
        raise UnreadableError(Problem(Source(name), "", f"expected at most {MOST_BYTES // 2**20} MiB, got more"))
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:2]:
        raise UnreadableError(Problem(Source(name), "", "expected a file in UTF-8, got UTF-16: save it as UTF-8"))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        source = _source_of_end(name, data[: error.start].decode("utf-8"))
        found = f"the byte 0x{data[error.start]:02X}"
        raise UnreadableError(Problem(source, "", f"expected a file in UTF-8, got {found}: save it as UTF-8")) from None
    foreign = NOT_TEXT.search(text)
    if foreign:
        source = _source_of_end(name, text[: foreign.start()])
        found = f"the control character U+{ord(foreign[0]):04X}"
        raise UnreadableError(Problem(source, "", f"expected text, got {found}: remove it"))
    return text


def lines_of(text: str) -> list[str]:
    """Return the lines as a YAML parser counts them, without their ends."""
    return _LINE_BREAK.split(text)


def _source_of_end(name: str, text: str) -> Source:
    lines = lines_of(text)
    return Source(name, len(lines), len(lines[-1]) + 1)
