"""The prober's process: started, told its job, ended.

It is a process of its own because timing inside a busy process is untrue: with a busy main thread a median of 49 ms
was read where a separate process read 0.74 ms.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO

#: How long the prober may take to end once it is told to.
_END_S = 1.0
#: The last of what it said on its standard error.
_MOST_WORDS = 1 << 16

# Loads the prober from its own folder and nothing else of ours: with -I and without a path to the
# working folder, a user's own `types.py` or `json.py` cannot get in its way.
BOOTSTRAP = """\
import importlib.util, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
spec = importlib.util.spec_from_file_location(
    "netmon_prober", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["netmon_prober"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from netmon_prober.main import main
sys.exit(main())
"""


class ProberProcess:
    """A prober that waits for its job. Raises OSError where it cannot be started."""

    _name = "the prober"

    def __init__(self) -> None:
        arguments = self._arguments()
        flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
        self._errors = _memory_file()
        try:
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                close_fds=True,
            )
        except BaseException:
            self._errors.close()
            raise
        self._end = _descriptor_of(self._process.pid)

    def _arguments(self) -> Sequence[str]:
        """What stands behind -c: the code, and its own arguments."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "prober")  # noqa: PTH100, PTH118, PTH120 - see above
        return BOOTSTRAP, folder

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        return self._process.poll() is not None

    @property
    def failed(self) -> bool:
        """Whether it has ended otherwise than it should."""
        return bool(self._process.poll())

    def rest(self, seconds: float) -> None:
        """Block that long, or until it ends where the system can tell."""
        if self._end is None or self.has_exited:
            time.sleep(seconds)
            return
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        poll.poll(seconds * 1000)

    def tell(self, job: bytes) -> None:
        """Hand over the job, one line. Nothing happens where the process has ended already."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(job)
            self._process.stdin.flush()

    def close_input(self) -> None:
        """Ask it to end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def stop(self) -> None:
        """End it: by the end of its input, and by force if it takes too long."""
        self.close_input()
        # A child that the tests forked may hold its input open: then a signal, then force.
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
                break

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Forget it, once it has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._errors.close()
        if self._end is not None:
            os.close(self._end)
            self._end = None

    @property
    def last_words(self) -> str:
        """What to say of a prober that has exited before its time."""
        said = [line.strip() for line in self._said().split("\n") if line.strip()]
        return f"{self._name} ended too early ({end_of_process(self._process.returncode)})" + (
            f": {said[-1]}" if said else ""
        )

    def _said(self) -> str:
        try:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - _MOST_WORDS))
            return self._errors.read().decode("utf-8", "replace")
        except (OSError, ValueError):
            return ""


def _descriptor_of(pid: int) -> int | None:
    """A descriptor that can be read from once the process has ended; None where the system has no such thing."""
    with contextlib.suppress(AttributeError, OSError):
        return os.pidfd_open(pid)  # Linux
    return None


def _memory_file() -> IO[bytes]:
    """A file that takes words also where no disk has room for them; on disk where the system has no such files."""
    with contextlib.suppress(AttributeError, OSError):
        return open(os.memfd_create("netmon-errors"), "w+b")  # noqa: PTH123 - a descriptor
    import tempfile

    return tempfile.TemporaryFile()


def end_of_process(status: int | None) -> str:
    """Return a process's end in words; one that ran out of memory is killed by the kernel."""
    if status is None or status >= 0:
        return f"status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"{name}: killed, by hand or for want of memory?" if name == "SIGKILL" else name
