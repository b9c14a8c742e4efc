"""The command `netmon`: finds the subcommand, runs it, and turns what went wrong into words and a status.

A subcommand is a module of this package with `main(argv: list[str]) -> int`, imported when asked for. It may
raise `UsageError`, `ConfigurationError`, `CampaignError` and `ArtifactError`; this module shows them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module

from pytest_netmon import __version__

from .arguments import CLOSED_PIPE, INCONCLUSIVE, INTERRUPTED, MET, USAGE, UsageError

COMMANDS = {
    "check": "can this machine reach everything, fast enough? The gate, without pytest",
    "monitor": "watch targets for minutes or weeks, live",
    "report": "render, merge, compare and recover what was measured",
}
_HELP = ("-h", "--help", "help")
_VERSION = ("-V", "--version")


def main(argv: list[str] | None = None) -> int:
    """Run `netmon` with `argv` (default: this process's arguments) and return its exit status."""
    word, *rest = (sys.argv[1:] if argv is None else argv) or [""]
    with contextlib.suppress(AttributeError):  # a stream that tests put in its place
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _run(word, rest)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return CLOSED_PIPE
    return status


def usage() -> str:
    """Return the text of `netmon -h`."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())
    return (
        f"usage: netmon COMMAND ...\n\n{commands}\n\n"
        "`netmon COMMAND -h` shows what a command takes, `netmon --version` the version.\n"
    )


def _run(word: str, rest: list[str]) -> int:
    if word in COMMANDS:
        return _run_command(word, rest)
    if word in _HELP:
        sys.stdout.write(usage())
        return MET
    if word in _VERSION:
        sys.stdout.write(f"netmon {__version__}\n")
        return MET
    sys.stderr.write(_unknown(word) if word else usage())
    return USAGE


def _run_command(word: str, rest: list[str]) -> int:
    command = import_module(f"pytest_netmon.cli.{word}")
    try:
        status: int = command.main(rest)
    except UsageError as error:
        return _complain(word, str(error), USAGE, f"`netmon {word} -h` shows what it takes")
    except SystemExit as end:  # argparse, after -h
        return end.code if isinstance(end.code, int) else MET
    except Exception as error:
        known = _status_of(error)
        if known is None:
            raise
        return _complain(word, str(error), known)
    return status


def _status_of(error: Exception) -> int | None:
    """Return the exit status for what a subcommand may raise; None for a fault of ours."""
    from pytest_netmon.campaign import CampaignError
    from pytest_netmon.files import ArtifactError
    from pytest_netmon.problems import ConfigurationError

    if isinstance(error, (ConfigurationError, ArtifactError)):
        return USAGE
    return INCONCLUSIVE if isinstance(error, CampaignError) else None


def _complain(word: str, text: str, status: int, hint: str = "") -> int:
    lines = [f"netmon {word}: {line}" for line in text.splitlines()]
    sys.stderr.write("\n".join([*lines, *([hint] if hint else [])]) + "\n")
    return status


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    from pytest_netmon.safe import for_terminal

    shown = for_terminal(word)
    if any(mark in word for mark in ":./"):
        meant = f"did you mean `netmon check {shown}`?"
        if "@" in word or "://" in word:  # a URL may hold a password
            shown, meant = "a target", "did you mean `netmon check` with it?"
    else:
        near = get_close_matches(word, COMMANDS, 1, 0.5)
        meant = f"did you mean `netmon {near[0]}`?" if near else "`netmon -h` shows the commands"
    return f"netmon: expected one of {', '.join(COMMANDS)}, got {shown}: {meant}\n"


def _forget_output() -> None:
    """Send what is still to be written nowhere: the interpreter flushes at its end, and would complain."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
