"""Why nothing comes from a vantage, in words. Pure."""

from __future__ import annotations

from ..safe import for_terminal

_LONGEST = 200
#: What a command says of itself, and what to do about it: ssh(1), shells, kubectl and docker.
_HINTS = (
    ("netmon: this is Python", "name a newer one with `python:`"),
    ("Permission denied (", "ssh must let this user in without a question: a key, or an agent"),
    ("Host key verification failed", "connect once by hand, to accept the key of that host"),
    ("Could not resolve hostname", "see the name of that host"),
    ("Connection refused", "see that its sshd runs"),
    ("No module named", "that Python lacks a part of the standard library: name another one with `python:`"),
)
_NO_PYTHON = ("not found", "No such file or directory")
#: How a shell ends that did not find the command (POSIX), and one that may not run it.
_NOT_FOUND, _NOT_ALLOWED = 127, 126


def told_end(status: int | None, said: str, python: str) -> str:
    """Return why a command ended before Python began there. status: how it ended, None while it runs."""
    words = shown_words(said)
    quoted = f': "{words}"' if words else ""
    for mark, hint in _HINTS:
        if mark in said:
            return f"no Python began there{quoted}: {hint}"
    if status in (_NOT_FOUND, _NOT_ALLOWED) or (python in said and any(mark in said for mark in _NO_PYTHON)):
        return f"no Python began there{quoted}: is there a `{for_terminal(python, 60)}`? Else name one with `python:`"
    return f"no Python began there ({_told_status(status)}){quoted}"


def told_silence(seconds: float, said: str) -> str:
    """Return why a start took too long."""
    words = shown_words(said)
    return f"no Python began there within {seconds:.10g} s" + (f': "{words}"' if words else " and nothing was said")


def told_break(status: int | None, said: str) -> str:
    """Return why a connection ended before the checks did."""
    words = shown_words(said)
    return f"the connection ended before the checks did ({_told_status(status)})" + (f': "{words}"' if words else "")


def shown_words(text: str) -> str:
    """Return what another program said, harmless and short."""
    return for_terminal(text, _LONGEST).replace('"', "'")


def _told_status(status: int | None) -> str:
    if status is None:
        return "closed from there"
    return f"ended by signal {-status}" if status < 0 else f"status {status}"
