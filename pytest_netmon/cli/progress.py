"""How far the reading or writing of many samples is, for people who wait for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_netmon.samples import Record, Sample

from .screen import Screen

#: What is done sooner shows nothing.
_QUIET_S = 1.0
_LOOK_EVERY_SAMPLES = 1_000
#: Each sample of netmon.json has one.
_MARK_OF_A_SAMPLE = '"timestamp"'


class Progress:
    """Says how far things are, in the line that `screen` rewrites; `command` stands before it."""

    def __init__(self, screen: Screen, command: str) -> None:
        self._screen = screen
        self._command = command
        self._began_s: float | None = None
        self._read = 0

    def reading(self, record: Record) -> None:
        """Take note of a record that was read."""
        if isinstance(record, Sample):
            self._read += 1
            if self._read % _LOOK_EVERY_SAMPLES == 0:
                self._show(f"{self._read:,} samples read")

    def writing(self, path: Path, chunks: Iterable[str], samples: int) -> Iterator[str]:
        """Yield the chunks of a file that will hold so many samples."""
        self._began_s, written = None, 0
        for chunk in chunks:
            written += chunk.count(_MARK_OF_A_SAMPLE)
            self._show(f"writing {path}: {min(written, samples):,} of {samples:,} samples")
            yield chunk
        self._screen.end_progress()

    def _show(self, text: str) -> None:
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        if now_s - self._began_s >= _QUIET_S:
            self._screen.progress(f"netmon {self._command}: {text}")
