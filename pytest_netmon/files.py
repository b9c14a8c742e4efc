"""The one module that writes final files: whole, or not at all.

A file is written beside its target under another name, forced to the disk and put in place by one
rename, so that a reader, a full disk or a kill finds the old file whole or the new one whole.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from .safe import for_terminal
from .sample_lines import SampleFileError

#: As pytest keeps its own cache out of a repository.
_GITIGNORE = "# Made by pytest-netmon.\n*\n"
#: As many links as Linux follows (path_resolution(7)).
_MOST_LINKS = 40

_HINTS = {
    errno.EACCES: "give this user the right to write there, or name another place",
    errno.EPERM: "give this user the right to write there, or name another place",
    errno.EROFS: "the file system is mounted read-only: name another place",
    errno.ENOSPC: "the disk is full: free some space, or name another place",
    errno.EDQUOT: "the disk quota is used up: free some space, or name another place",
    errno.EFBIG: "a limit on the size of files is in force: raise it (ulimit -f)",
    errno.EMFILE: "too few file descriptors: raise the limit (ulimit -n)",
    errno.ENFILE: "the system has run out of file descriptors: close other programs",
    errno.ENOENT: "make the folder first, or name another place",
    errno.ENOTDIR: "a file stands where the folder should be: remove it, or name another place",
    errno.EEXIST: "a file stands where the folder should be: remove it, or name another place",
    errno.EISDIR: "a folder stands where the file should be: remove it, or name another place",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "the symbolic links there lead in a circle: remove them",
}


class ArtifactError(Exception):
    """A final file, or the folder for it, could not be written; what stood there before is whole.

    path: of the file or folder. reason: what the system said. hint: what to do. written: files
    that did get written in the same go. `str()` is one line for a terminal, a line for each file
    where several failed (`errors`).
    """

    def __init__(self, path: Path, reason: str, hint: str) -> None:
        self.path, self.reason, self.hint = path, reason, hint
        self.written: tuple[Path, ...] = ()
        self.errors: tuple[ArtifactError, ...] = (self,)
        super().__init__(path, reason, hint)

    def __str__(self) -> str:
        return "\n".join(error._line for error in self.errors)

    @property
    def _line(self) -> str:
        path, reason, hint = for_terminal(str(self.path), None), for_terminal(self.reason), for_terminal(self.hint)
        return f"cannot write {path}: {reason}; {hint}"


def write_whole(path: Path, chunks: Iterable[str]) -> None:
    """Write the concatenated `chunks` to `path` in UTF-8, replacing what stands there.

    - A symbolic link stays, and what it leads to is written, unless the link belongs to another user than this one or
      the folder's owner: following it is what the kernel refuses in /tmp too (protected_symlinks, proc_sys_fs(5)).
    - A device or a pipe (`/dev/stdout`) is written to, not replaced.
    - A new file gets the permissions that the umask gives, a replaced one keeps its own.

    Raises ArtifactError, and whatever else `chunks` raises; then nothing is left behind.
    """
    try:
        _refuse_nul(path)
        target = _followed(path)
        mode = _mode_of(target)
        if mode is None or stat.S_ISREG(mode):
            _replace(target, chunks, mode)
        elif stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        else:
            with target.open("wb") as file:
                _write(file, chunks, target)
    except OSError as error:
        raise _artifact_error(path, error) from error


def append_text(path: Path, text: str) -> None:
    """Add `text` to the end of `path` in UTF-8, in one write; the file is made where there is none.

    For files that others write to as well. Raises ArtifactError.
    """
    try:
        _refuse_nul(path)
        with path.open("ab", buffering=0) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise _artifact_error(path, error) from error


def refuse_unwritable(path: Path) -> None:
    """Raise ArtifactError where `write_whole` could not write to `path` now; to be asked before work whose
    results would be lost. Nothing is left behind."""
    try:
        _refuse_nul(path)
        target = _followed(path)
        mode = _mode_of(target)
        if mode is None or stat.S_ISREG(mode):
            temporary = _beside(target)
            temporary.open("xb").close()
            temporary.unlink()
        elif stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _artifact_error(path, error) from error


def write_artifacts(folder: Path, files: Mapping[str, Iterable[str]]) -> list[Path]:
    """Write `files` (name -> chunks) into `folder` and return their paths, in that order.

    A folder that is missing is made, with the ones above it, and gets a `.gitignore` of `*`, as
    pytest's cache has; one that is there gets nothing else. Each file is tried, whatever became
    of the others.

    Raises ArtifactError that names every file that failed, or the folder.
    """
    wanted = dict(files)
    if _make_folder(folder):
        wanted = {".gitignore": [_GITIGNORE], **wanted}
    failures = {name: _failure_to_write(folder / name, chunks) for name, chunks in wanted.items()}
    written = [folder / name for name in files if failures[name] is None]
    errors = [error for error in failures.values() if error]
    if errors:
        raise _joined(errors, written)
    return written


def _failure_to_write(path: Path, chunks: Iterable[str]) -> ArtifactError | None:
    try:
        write_whole(path, chunks)
    except ArtifactError as error:
        return error
    return None


def _joined(errors: list[ArtifactError], written: list[Path]) -> ArtifactError:
    joined = ArtifactError(errors[0].path, errors[0].reason, errors[0].hint)
    joined.errors, joined.written = tuple(errors), tuple(written)
    return joined


def _make_folder(folder: Path) -> bool:
    """Make the folder; return whether it was missing."""
    try:
        _refuse_nul(folder)
        if folder.is_dir():
            return False
        if folder.is_symlink() and not folder.exists():
            raise ArtifactError(folder, "a symbolic link that leads nowhere", "remove it, or name another place")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _artifact_error(folder, error) from error
    return True


def _refuse_nul(path: Path) -> None:
    """Python raises a ValueError for it, which could as well be a fault of ours."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a NUL in the path")


def _followed(path: Path) -> Path:
    """Return the place that `path` leads to through symbolic links at its end."""
    if _mode_of(path) is not None and not stat.S_ISREG(path.stat().st_mode):
        return path
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return path
        link, parent = path.lstat(), path.parent.stat()
        if hasattr(os, "geteuid") and link.st_uid not in (os.geteuid(), parent.st_uid):
            raise ArtifactError(
                path, "a symbolic link that belongs to another user", "remove it, or name another place"
            )
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _mode_of(path: Path) -> int | None:
    """Return the mode of what `path` leads to, None where there is nothing."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(target: Path, chunks: Iterable[str], mode: int | None) -> None:
    temporary = _beside(target)
    try:
        with temporary.open("xb") as file:
            if mode is not None:
                temporary.chmod(stat.S_IMODE(mode))
            _write(file, chunks, target)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        _remove(temporary)
        raise
    _sync_folder(target.parent)


def _beside(target: Path) -> Path:
    # Short and without the target's name in it: that may already be as long as a name can be.
    return target.parent / f".netmon-{secrets.token_hex(8)}.tmp"


def _write(file: IO[bytes], chunks: Iterable[str], target: Path) -> None:
    for chunk in _read(chunks, target):
        file.write(chunk.encode("utf-8", "backslashreplace"))


def _read(chunks: Iterable[str], target: Path) -> Iterator[str]:
    """Yield the chunks. Where the trouble is with what they are made from (the samples on disk), say so."""
    try:
        yield from chunks
    except SampleFileError as error:
        raise ArtifactError(target, f"what goes into it cannot be read: {error}", "run the checks again") from error
    except OSError as error:
        source = f"{error.filename}: " if error.filename else ""
        reason = f"what goes into it cannot be read: {source}{error.strerror or error}"
        raise ArtifactError(target, reason, _hint(error)) from error


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        pass  # The error that is on its way says more than this one.


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power cut, where the system can: Windows cannot open a folder, and some network file
    systems refuse to sync one. Every reader has the new file already, so this is no failure."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _artifact_error(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(path, error.strerror or str(error), _hint(error))


def _hint(error: OSError) -> str:
    return _HINTS.get(error.errno or 0, "name another place")
