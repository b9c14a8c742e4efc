"""A vantage: a place where checks run from, and how to get a Python there. Pure.

Whatever leads there is the user's own command, taken apart here into arguments and never given to a shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .problems import Source

#: How a vantage is reached: through any command, over ssh, or as an execnet specification says.
Kind = Literal["via", "ssh", "execnet"]

#: This machine, which needs no way to it.
LOCAL_VANTAGE = "local"
PYTHON = "python3"
#: Never a question, no terminal, and an answer in time; what stands first counts (ssh_config(5)).
_SSH = ("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5")
#: A name is a part of ids, of columns and of JUnit's class names.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}\Z")
_SOCKET = re.compile(r"(?P<host>[A-Za-z0-9_.-]{1,253}):(?P<port>[0-9]{1,5})\Z")
_LOST = "the vantage {}: "
#: The keys of an execnet specification that have a meaning here.
_EXECNET_KEYS = ("popen", "ssh", "socket", "python", "ssh_config")


class VantageError(ValueError):
    """Words that lead nowhere; the text says what was expected, and holds nothing of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """name: in ids and reports. way: what the user wrote behind the kind; it may come from a variable, and no report
    shows it. python: the command there that starts Python, with its arguments."""

    name: str
    kind: Kind
    way: str = field(repr=False)
    python: str = PYTHON
    source: Source | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How a Python is got: a command to start, or an address and port where execnet's socket server listens.

    command: its arguments, None for a server. python: the arguments that start Python. through_shell: a shell on the
    other side puts words together, so that each must be quoted for it (ssh).
    """

    command: tuple[str, ...] | None
    python: tuple[str, ...]
    through_shell: bool = False
    server: tuple[str, int] | None = None


def lost_words(name: str, text: str | None) -> str:
    """Return the reason of what was to be checked from a vantage that could not be had, or was cut off."""
    return f"{_LOST.format(name)}{text or 'nothing is known of it'}"


def is_lost(name: str, reasons: Sequence[str]) -> bool:
    """Say whether the first of a verdict's reasons is that the vantage was lost."""
    return bool(reasons) and reasons[0].startswith(_LOST.format(name))


def is_vantage_name(text: object) -> bool:
    """Say whether `text` can name a vantage: letters, digits, `_`, `.` and `-`, 40 at the most, a letter first."""
    return isinstance(text, str) and _NAME.match(text) is not None


def vantage_texts(name: object, vantage: object) -> Iterator[str]:
    """Yield what is wrong with a vantage that a plan knows by `name`, of whatever type they are."""
    if not isinstance(vantage, Vantage) or vantage.name != name:
        yield f"expected a Vantage of that name, got {type(vantage).__name__}"
    elif not is_vantage_name(name) or name == LOCAL_VANTAGE:
        yield f"expected a name of letters, digits, '_', '.' and '-', a letter first, got {name!r:.80}"
    else:
        try:
            way_of(vantage)
        except (VantageError, TypeError, AttributeError) as error:
            yield f"expected {error}"


def way_of(vantage: Vantage) -> Way:
    """Return how to get to a vantage. Raises VantageError."""
    python = _words(vantage.python, "a command such as python3 for python")
    if vantage.kind == "via":
        return Way(_words(vantage.way, "a command such as kubectl exec -i deploy/app --"), python)
    if vantage.kind == "ssh":
        return Way((*_SSH, *_ssh_words(vantage.way)), python, through_shell=True)
    return _execnet_way(vantage.way, python)


def _execnet_way(specification: str, python: tuple[str, ...]) -> Way:
    """The parts of execnet's own notation (`key=value//key=value`) that start a Python and do nothing else."""
    keys = {}
    for part in specification.split("//"):
        key, _, value = part.partition("=")
        if key not in _EXECNET_KEYS or key in keys:
            raise VantageError(f"an execnet specification of {', '.join(_EXECNET_KEYS)}, each once")
        keys[key] = value
    kinds = [key for key in ("popen", "ssh", "socket") if key in keys]
    if len(kinds) != 1:
        raise VantageError("an execnet specification with one of popen, ssh=HOST and socket=HOST:PORT")
    if keys.get("python"):
        python = _words(keys["python"], "a command behind python=")
    if "socket" in keys:
        match = _SOCKET.match(keys["socket"])
        if match is None or not 1 <= int(match["port"]) <= 65535 or len(keys) > 1:
            raise VantageError("socket=HOST:PORT and nothing else")
        return Way(None, (), server=(match["host"], int(match["port"])))
    if "ssh" in keys:
        config = ("-F", keys["ssh_config"]) if keys.get("ssh_config") else ()
        return Way((*_SSH, *config, *_ssh_words(keys["ssh"])), python, through_shell=True)
    return Way((), python)


def _ssh_words(text: str) -> tuple[str, ...]:
    words = _words(text, "a host as ssh takes it, such as worker-1 or deploy@worker-1")
    if words[-1].startswith("-"):
        raise VantageError("a host behind the options of ssh")
    return words


def _words(text: str, expected: str) -> tuple[str, ...]:
    import shlex

    try:
        words = tuple(shlex.split(text))
    except ValueError:  # a quote without its other half
        raise VantageError(f"{expected}, with each quote closed") from None
    if not words or not words[0] or any("\0" in word for word in words):
        raise VantageError(expected)
    return words
