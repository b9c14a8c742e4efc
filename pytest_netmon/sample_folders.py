"""Temporary folders of samples: made, and removed a day after their owner was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
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
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
            with contextlib.suppress(OSError, ValueError, OverflowError):
                if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                    continue
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
