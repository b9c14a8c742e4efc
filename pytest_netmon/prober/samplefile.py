"""The one writer of the sample file (see `protocol`): whole lines, appended, never blocking for long.

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

#: Lines kept in memory while the disk takes none.
MOST_WAITING_BYTES = 8 << 20
RETRY_NS = 500_000_000
SYNC_S = 1.0


class SampleFile:
    """Appends lines to a file that it creates.

    `add` collects, `flush` writes what was collected in one write: once a turn of the loop, so that a
    killed process loses no sample that an earlier turn decided. Raises OSError where the file
    cannot be created.
    """

    def __init__(self, path: str, header: Dict[str, object]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o600)
        self._lines: List[bytes] = []
        self._waiting = bytearray()
        self._retry_at_ns = 0
        self._dropped = 0
        self._error: Optional[str] = None
        #: The system's words on the last write that failed.
        self.trouble = "unknown"
        self._dirty = False
        self.event(header)
        self.flush(0)
        threading.Thread(target=self._sync_for_ever, daemon=True, name="netmon-sync").start()

    def event(self, event: Dict[str, object]) -> None:
        """Append an event's line."""
        self.sample(json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n")

    def sample(self, line: bytes) -> None:
        """Append a line, which is not sealed yet."""
        self._lines.append(sealed(line))

    def flush(self, now_ns: int) -> None:
        """Write what was collected; on a full disk keep it and try again later."""
        if not self._lines and not self._waiting:
            return
        if self._waiting and now_ns < self._retry_at_ns:
            self._keep()
            return
        data = bytes(self._waiting) + b"".join(self._lines)
        self._lines.clear()
        self._waiting.clear()
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            self._error = self.trouble = error.strerror or str(error)
            written = 0
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

    def _keep(self) -> None:
        for line in self._lines:
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
