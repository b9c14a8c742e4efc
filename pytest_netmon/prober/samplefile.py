"""The writer of the sample file (see `protocol`): whole lines, appended, never blocking for long.

Where a relay appends what other places measure, the two take turns by a lock on the file: a line that does not fit on
a full disk is then taken back, and no other line ends up in the middle of it.

A full disk loses nothing while it is short: lines wait in memory and are tried again. What is
dropped in the end is counted.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Dict, List, Optional

from .protocol import sealed

try:
    import fcntl
except ImportError:  # Windows has neither locks of this kind nor vantages
    fcntl = None  # type: ignore[assignment]

#: Lines kept in memory while the disk takes none.
MOST_WAITING_BYTES = 8 << 20
RETRY_NS = 500_000_000
SYNC_S = 1.0
#: How often the lock is asked for before lines wait for the next turn, and the pause between (a write takes 20 us).
_LOCK_TRIES, _LOCK_PAUSE_S = 5, 0.0002


class SampleFile:
    """Appends lines to a file that it creates with `header`, or without one to a file that is there.

    `sample` and `event` collect, `flush` writes what was collected in one write: once a turn of the loop, so that a
    killed process loses no sample that an earlier turn decided. context: a JSON text, put into the header as it is.
    shared: another process appends, too.
    Raises OSError where the file cannot be had.
    """

    def __init__(
        self, path: str, header: Optional[Dict[str, object]], context: str = "null", *, shared: bool = False
    ) -> None:
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
        if header is not None:
            flags |= os.O_CREAT | os.O_EXCL
        self._descriptor = os.open(path, flags, 0o600)
        self._shared = shared and fcntl is not None
        self._lines: List[bytes] = []
        self._waiting = bytearray()
        self._retry_at_ns = 0
        self._dropped = 0
        self._error: Optional[str] = None
        #: The system's words on the last write that failed.
        self.trouble = "unknown"
        self._dirty = False
        if header is not None:
            begun = json.dumps(header, separators=(",", ":"))[:-1]
            self.sample(f'{begun},"context":{context}}}\n'.encode("ascii"))
            self.flush(0)
        threading.Thread(target=self._sync_for_ever, daemon=True, name="netmon-sync").start()

    def event(self, event: Dict[str, object]) -> None:
        """Append an event's line."""
        self.sample(json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n")

    def sample(self, line: bytes) -> None:
        """Append a line, which is not sealed yet: that is done with all of a turn."""
        self._lines.append(line)

    def flush(self, now_ns: int) -> None:
        """Write what was collected; on a full disk keep it and try again later."""
        if not self._lines and not self._waiting:
            return
        if self._waiting and now_ns < self._retry_at_ns:
            self._keep()
            return
        if self._shared and not self._lock():
            self._keep()  # the other one was stopped while it wrote
            return
        data = b"".join(map(sealed, self._lines))
        self._lines.clear()
        if self._waiting:
            data = bytes(self._waiting) + data
            self._waiting.clear()
        try:
            written = self._write(data)
        except OSError as error:
            self._error = self.trouble = error.strerror or str(error)
            written = 0
        finally:
            if self._shared:
                self._unlock()
        self._dirty = True
        if written == len(data):
            self._report_loss()
            return
        # A short write ends in mid-line; the rest of it stays first, so that lines stay whole.
        self._waiting += data[written:]
        self._retry_at_ns = now_ns + RETRY_NS

    def close(self) -> bool:
        """Write what is left; say whether everything could be."""
        for _ in range(2):
            self.flush(1 << 62)
        whole = not self._waiting and not self._lines and not self._dropped
        os.close(self._descriptor)
        self._descriptor = -1
        return whole

    def _lock(self) -> bool:
        for _ in range(_LOCK_TRIES):
            if self._try_lock():
                return True
            time.sleep(_LOCK_PAUSE_S)
        return False

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True

    def _unlock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError:
            pass

    def _write(self, data: bytes) -> int:
        written = os.write(self._descriptor, data)
        if self._shared and written < len(data):
            whole = data.rfind(b"\n", 0, written) + 1
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - (written - whole))
            return whole
        return written

    def _keep(self) -> None:
        for line in map(sealed, self._lines):
            if len(self._waiting) + len(line) > MOST_WAITING_BYTES:
                self._dropped += 1
            else:
                self._waiting += line
        self._lines.clear()

    def _report_loss(self) -> None:
        if self._error is None:
            return
        lost, self._dropped = self._dropped, 0
        error, self._error = self._error, None
        if lost:
            self.event({"event": "lost", "samples": lost, "text": error})

    def _sync_for_ever(self) -> None:
        """Bound what a power cut takes: one second (an fdatasync a sample would cost 126 us each)."""
        sync = getattr(os, "fdatasync", os.fsync)
        while self._descriptor >= 0:
            time.sleep(SYNC_S)
            if self._dirty and self._descriptor >= 0:
                self._dirty = False
                try:
                    sync(self._descriptor)
                except OSError:
                    pass
