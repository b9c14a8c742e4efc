"""Where the monitor keeps its samples: beside the output, one monitor at a time, nothing ever overwritten."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_netmon.files import ArtifactError, write_whole
from pytest_netmon.judging import recover
from pytest_netmon.recording import Recording
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.reports.layout import counted
from pytest_netmon.sample_lines import SampleFileError

from .monitor_options import refusal
from .progress import Progress
from .saving import number_of_samples

SAMPLES_SUFFIX = ".samples.ndjson"
LOCK_SUFFIX = ".lock"
#: A prober whose monitor was killed ends within a second; a file that rested for longer is nobody's.
_REST_S = 2.0
_LOOK_EVERY_S = 0.1
#: The last event of a prober is shorter.
_TAIL_BYTES = 200

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # what is locked cannot be read by others
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def samples_beside(output: str) -> Path | None:
    """Return the sample file of an output: `FILE.samples.ndjson`, beside what a symbolic link leads to.
    None for a device or a pipe, beside which nothing can lie."""
    path = Path(output)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        return None
    target = path.resolve() if path.is_symlink() else path
    return target.with_name(target.name + SAMPLES_SUFFIX)


@contextlib.contextmanager
def only_monitor_of(samples: Path) -> Iterator[None]:
    """Within the block, no other monitor keeps its samples there.

    The lock ends with the process, however that ends; its file says which process it is.
    Raises ConfigurationError where another one has it, ArtifactError where none can be had.
    """
    path = samples.with_name(samples.name + LOCK_SUFFIX)
    try:
        descriptor = _locked(path)
    except OSError as error:
        raise ArtifactError(path, error.strerror or str(error), "name another file with -o") from error
    try:
        _sign(descriptor, path)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _sign(descriptor: int, path: Path) -> None:
    """Write there which process has the lock; a disk that is full shows now, and not with the first sample."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise ArtifactError(path, error.strerror or str(error), "free some space, or name another file") from error


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            _lock(descriptor)
        except BlockingIOError:
            process = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            output = path.name.removesuffix(SAMPLES_SUFFIX + LOCK_SUFFIX)
            by = f"process {process}" if process.isdecimal() else "another process"
            raise refusal("-o", f"netmon monitor is at work on {output} already ({by}): name another file") from None
        except OSError:
            return descriptor  # a file system without locks
        # The one that had it may have removed the file since it was opened.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def rescue(samples: Path, progress: Progress, tell: Callable[[str], None]) -> None:
    """Save what an earlier monitor left, if it left anything, as JSON under a name that is free, and
    remove it. A damaged file is kept under another name.

    tell: called with what was done. Raises ArtifactError where something else is in the way, or where the
    JSON cannot be written, and what `progress` raises; then nothing is changed.
    """
    if not samples.exists():
        return
    _wait_for_rest(samples)
    try:
        run = recover(samples, progress.reading, salvage=True)
    except (SampleFileError, OSError) as error:
        if _is_without_lines(samples):
            samples.unlink()
            return
        raise ArtifactError(samples, f"no samples can be read from it: {error}", "move it away") from error
    saved = _saved_as(samples)
    write_whole(saved, json_chunks(run))
    tell(
        f"an earlier monitor did not end in good order: its {counted(number_of_samples(run), 'sample')} are in {saved}"
    )
    if isinstance(run.store, Recording) and run.store.damage is not None:
        tell(f"{run.store.damage}; the file is kept as {_moved_away(samples)}")
    else:
        samples.unlink()


def _wait_for_rest(samples: Path) -> None:
    """Wait until nobody writes: a prober outlives a monitor that was killed by a moment."""
    until_s = time.monotonic() + _REST_S
    while time.monotonic() < until_s:
        status = samples.stat()
        rests = time.time() - status.st_mtime > _REST_S
        if rests or b'"event":"end"' in _tail(samples, status.st_size):
            return
        time.sleep(_LOOK_EVERY_S)


def _tail(samples: Path, size: int) -> bytes:
    with samples.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        return file.read()


def _is_without_lines(samples: Path) -> bool:
    """Whether the prober was killed before it had written its first line."""
    try:
        with samples.open("rb") as file:
            return not file.readline().endswith(b"\n")
    except OSError:
        return False


def _saved_as(samples: Path) -> Path:
    """`results.recovered-1.json` for `results.json.samples.ndjson`, the first number that is free."""
    output = samples.with_name(samples.name.removesuffix(SAMPLES_SUFFIX))
    names = (f"{output.stem}.recovered-{number}{output.suffix}" for number in itertools.count(1))
    return next(path for path in map(samples.with_name, names) if not path.exists())


def _moved_away(samples: Path) -> Path:
    names = (f"{samples.name}.damaged-{number}" for number in itertools.count(1))
    return samples.replace(next(path for path in map(samples.with_name, names) if not path.exists()))
