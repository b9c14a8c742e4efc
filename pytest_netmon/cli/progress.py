"""How far the reading or writing of many samples is, for people who wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pytest_netmon.samples import Record, Sample

from .screen import Screen

#: What is done sooner shows nothing.
_QUIET_S = 1.0
_LOOK_EVERY_SAMPLES = 1_000
#: Each sample of netmon.json has one.
_MARK_OF_A_SAMPLE = '"timestamp"'


class Progress:
    """Says how far things are, in the line that `screen` rewrites; `command` stands before it.

    check: called now and then; what it raises ends the reading or writing. samples_read: so far.
    """

    def __init__(self, screen: Screen, command: str, check: Callable[[], None] = lambda: None) -> None:
        self.samples_read = 0
        self._screen = screen
        self._command = command
        self._check = check
        self._began_s: float | None = None

    def reading(self, record: Record) -> None:
        """Take note of a record that was read."""
        if isinstance(record, Sample):
            self.samples_read += 1
            if self.samples_read % _LOOK_EVERY_SAMPLES == 0:
                self._show(f"{self.samples_read:,} samples read")

    def looking(self, samples: int) -> None:
        """Take note of so many samples of one more file."""
        self._show(f"{self.samples_read + samples:,} samples read")

    def writing(self, path: Path, chunks: Iterable[str], samples: int) -> Iterator[str]:
        """Yield the chunks of a file that will hold so many samples."""
        written = 0
        for chunk in chunks:
            written += chunk.count(_MARK_OF_A_SAMPLE)
            self._show(f"writing {path}: {min(written, samples):,} of {samples:,} samples")
            yield chunk
        self.end()

    def end(self) -> None:
        """Erase the line."""
        self._began_s = None
        self._screen.end_progress()

    def _show(self, text: str) -> None:
        self._check()
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        if now_s - self._began_s >= _QUIET_S:
            self._screen.progress(f"netmon {self._command}: {text}")
