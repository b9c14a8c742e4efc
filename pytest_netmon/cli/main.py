"""The command `netmon`: finds the subcommand, runs it, and turns what went wrong into words and a status.

A subcommand is a module of this package with `main(argv: list[str]) -> int`, imported when asked for. It may
raise `UsageError`, `ConfigurationError`, `CampaignError` and `ArtifactError`; this module shows them.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from importlib import import_module

from pytest_netmon import __version__

from .arguments import CLOSED_PIPE, INCONCLUSIVE, INTERRUPTED, MET, USAGE, UsageError

COMMANDS = {
    "check": "can this machine reach everything, fast enough? The gate, without pytest",
    "monitor": "watch targets for minutes or weeks, live",
    "report": "make reports of runs that are over, of several machines, or of one that was killed",
    "init": "write a netmon.yaml to start from, or the step of a pipeline",
}
_HELP = ("-h", "--help", "help")
_VERSION = ("-V", "--version")
#: `netmon --dry-run --config FILE` is that of `netmon check`.
_DRY_RUN = "--dry-run"


def command() -> int:
    """Run `netmon` in a process that it has for itself, and that ends with it."""
    # Modules and a plan make no garbage: collect seldom, and look for none at the end (together 10 of 170 ms).
    gc.set_threshold(50_000, 20, 100)
    status = main()
    gc.freeze()
    return status


def main(argv: list[str] | None = None) -> int:
    """Run `netmon` with `argv` (default: this process's arguments) and return its exit status."""
    word, *rest = (sys.argv[1:] if argv is None else argv) or [""]
    _mend_streams()
    try:
        status = _run(word, rest)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        from .screen import forget_output

        forget_output(sys.stdout)
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
    if word == _DRY_RUN:
        return _run_command("check", [word, *rest])
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
    except SystemExit as end:  # argparse, after -h
        return end.code if isinstance(end.code, int) else MET
    except UsageError as error:
        _complain(word, [str(error)])
        sys.stderr.write(f"`netmon {word} -h` shows what it takes\n")
        return USAGE
    except Exception as error:
        told = _told(word, error)
        if told is None:
            raise
        return told
    return status


def _told(word: str, error: Exception) -> int | None:
    """Show what a subcommand may raise and return the exit status for it; None for a fault of ours."""
    from pytest_netmon.files import ArtifactError
    from pytest_netmon.launching import CampaignError
    from pytest_netmon.problems import ConfigurationError

    if isinstance(error, ConfigurationError):
        _complain(word, [str(problem) for problem in error.problems])
        return USAGE
    if isinstance(error, (ArtifactError, CampaignError)):
        _complain(word, [str(error)])
        return USAGE if isinstance(error, ArtifactError) else INCONCLUSIVE
    return None


def _complain(word: str, troubles: list[str]) -> None:
    """Write each trouble; of several lines (a file to paste) only the first has the command before it."""
    from pytest_netmon.safe import for_terminal

    sys.stderr.write("".join(f"netmon {word}: {for_terminal(trouble, None, lines=True)}\n" for trouble in troubles))


def _mend_streams() -> None:
    """Text that the terminal's encoding does not have is shown as escapes; a stream that is closed is no reason to
    fail."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - to the end
    with contextlib.suppress(AttributeError):  # a stream that tests put in its place
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


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
