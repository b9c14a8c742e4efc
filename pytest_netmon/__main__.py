"""`python -m pytest_netmon` is the command `netmon`."""

from __future__ import annotations

import sys

from .cli.main import command

if __name__ == "__main__":
    sys.exit(command())
