"""What all subcommands share of a command line: exit statuses, errors in one line, a parser that says them."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

#: Exit statuses of every subcommand.
MET, BROKEN, USAGE, INCONCLUSIVE = 0, 1, 2, 3
#: 128 + the number of the signal, as a shell reports it.
INTERRUPTED, CLOSED_PIPE = 130, 141

_UNKNOWN_OPTION = re.compile(r"unrecognized arguments: (.*)")


class UsageError(Exception):
    """Arguments that cannot be run; the text says what is wrong and how to mend it, a line for each thing."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would print its usage and exit; takes options by their whole name only."""

    def __init__(self, prog: str, description: str, usage: str | None = None, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        from pytest_netmon.safe import for_terminal

        raise UsageError(for_terminal(self._told(message)))

    def _told(self, message: str) -> str:
        unknown = _UNKNOWN_OPTION.match(message)
        option = next((word for word in unknown[1].split() if word.startswith("-")), "") if unknown else ""
        if not option:
            return message
        from difflib import get_close_matches

        name = option.partition("=")[0]  # its value may be secret
        near = get_close_matches(name, self._option_string_actions, 1, 0.6)
        return f"unknown option {name}" + (f": did you mean {near[0]}?" if near else "")
