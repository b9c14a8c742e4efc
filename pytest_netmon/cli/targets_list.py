"""Targets in a plain list, one a line: `host port`, `host:port` or a URL; `#` starts a comment."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pytest_netmon.problems import ConfigurationError, Problem, Source
from pytest_netmon.safe import for_terminal

#: Room for 20,000 targets (the most of a plan) of 200 characters each: a longer list is another file.
MOST_BYTES = 4 << 20
STANDARD_INPUT = "-"

_COMMENT = re.compile(r"(?:^|\s)#.*")


def read_targets(name: str) -> list[tuple[str, Source]]:
    """Return the targets in the file `name`, `-` for standard input, each with its place.

    Raises ConfigurationError where there is no such text.
    """
    return [(target_of(line), source) for line, source in read_lines(name)]


def read_lines(name: str) -> list[tuple[str, Source]]:
    """Return the lines of the file `name` that say something, `-` for standard input, without comments.

    Raises ConfigurationError where there are none, and where this is no text.
    """
    source = Source("standard input" if name == STANDARD_INPUT else for_terminal(name, None))
    try:
        data = _read(name)
    except OSError as error:
        text = f"cannot read this list of targets: {error.strerror or error}"
        raise ConfigurationError([Problem(source, "", text)]) from error
    if len(data) > MOST_BYTES:
        text = f"expected a list of targets of at most {MOST_BYTES >> 20} MiB, got more"
        raise ConfigurationError([Problem(source, "", text)])
    try:
        lines = lines_in(data.decode("utf-8-sig"), source.file)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"expected a list of targets in UTF-8, got a byte 0x{data[error.start]:02x}"
        raise ConfigurationError([Problem(Source(source.file, line), "", text)]) from error
    if not lines:
        text = "expected targets, one a line (db.internal 5432, db.internal:5432 or a URL), got none"
        raise ConfigurationError([Problem(source, "", text)])
    return lines


def targets_in(text: str, file: str) -> list[tuple[str, Source]]:
    """Return the targets of a list, `host port` as `host:port`; whatever else stands in a line stays
    as it is, for the configuration to judge."""
    return [(target_of(line), source) for line, source in lines_in(text, file)]


def lines_in(text: str, file: str) -> list[tuple[str, Source]]:
    """Return the lines that say something, without comments, each with its place."""
    lines = ((_COMMENT.sub("", line).strip(), number) for number, line in enumerate(text.split("\n"), 1))
    return [(line, Source(file, number)) for line, number in lines if line]


def target_of(line: str) -> str:
    """Return `host port` as `host:port`, anything else as it is."""
    words = line.split()
    if len(words) != 2 or "://" in line:
        return line
    host, port = words
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _read(name: str) -> bytes:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MOST_BYTES + 1)
