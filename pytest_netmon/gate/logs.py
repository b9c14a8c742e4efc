"""What the gate says, fit for the log of the system that pytest runs under."""

from __future__ import annotations

import os

from pytest_netmon.safe import for_workflow

#: Runners that take commands from what a step writes (safe.for_workflow).
_RUNNERS = ("GITHUB_ACTIONS", "TF_BUILD")


def for_log(text: str) -> str:
    """Return `text`, of any number of lines, so that nothing in it is a command to a runner that reads commands."""
    return for_workflow(text) if any(os.environ.get(name) for name in _RUNNERS) else text
