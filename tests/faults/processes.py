"""Commands that run until they are hit, and the prober below them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
#: Only a machine that is stuck takes that long.
PATIENCE_S = 60


def eventually(what: Callable[[], T]) -> T:
    """Return what `what()` gives as soon as it gives something."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.005)


@contextlib.contextmanager
def started(command: list[str], folder: Path, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, as a shell starts it; all of it is gone in the end."""
    process = subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **more
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def children_of(pid: int) -> list[int]:
    """Its child processes; none of one that is gone."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def samples_in(folder: Path) -> bytes:
    """What the one campaign with its temporary folder in `folder` has recorded, without its header."""
    files = [*folder.glob("netmon-*/samples.ndjson")]
    return files[0].read_bytes().partition(b"\n")[2] if files else b""
