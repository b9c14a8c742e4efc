"""Temporary folders of samples: made, and removed a day after their owner was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

#: A temporary folder, the file in it that names its process, and how long it stays once that was killed.
_FOLDER_PREFIX, _OWNER_FILE, _KEPT_S = "netmon-", "owner.pid", 24 * 3600.0


def temporary_folder() -> Path:
    """Make a folder that names its owner, so that a later campaign can tell what a killed one has left.

    Raises OSError where none can be made, with a sentence for users.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
        (folder / _OWNER_FILE).write_text(str(os.getpid()), "ascii")
    except OSError as error:
        raise OSError(f"no temporary folder for samples can be made (TMPDIR?): {error}") from error
    return folder


def remove_left_behind() -> None:
    """Remove the folders of this user's campaigns that were killed more than a day ago; until then `netmon report`
    may recover their samples. Nothing is written to a folder any more of which every file is as old."""
    if os.name != "posix":
        return  # os.kill would end the process that it asks after
    oldest_s = time.time() - _KEPT_S
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            with contextlib.suppress(OSError, ValueError, OverflowError):
                if entry.name.startswith(_FOLDER_PREFIX) and _is_old(entry.stat(follow_symlinks=False), oldest_s):
                    _remove_unless_used(Path(entry.path), oldest_s)


def _is_old(folder: os.stat_result, oldest_s: float) -> bool:
    """Whether a folder is one of this user's that nothing was put into since; a link is none."""
    return stat.S_ISDIR(folder.st_mode) and folder.st_uid == os.getuid() and folder.st_mtime < oldest_s


def _remove_unless_used(folder: Path, oldest_s: float) -> None:
    owner = int((folder / _OWNER_FILE).read_text("ascii"))
    if max(file.stat().st_mtime for file in folder.iterdir()) < oldest_s and not _is_alive(owner):
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder and what is in it, as far as that can be."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's
    except ProcessLookupError:
        return False
    return True
