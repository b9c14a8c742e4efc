"""Lines from another place, made lines of the sample file here. Pure.

Whoever sends them may be anybody who has got hold of a pod: a line is taken only if it is about what that place was
asked for, and its times are put on the clock here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..prober.protocol import sealed
from ..safe import for_terminal
from ..sample_lines import SampleFileError, decode_line
from ..samples import Lateness, Record, Sample

#: Remarks of one place; further ones are counted.
MOST_REMARKS = 50
_LONGEST_TEXT = 300
_OF_ENDPOINTS = ("done", "waited", "near")


class LinesError(ValueError):
    """What no prober sends that was asked for this; the text says what is wrong with it."""


class Lines:
    """The lines of the vantage `name`, which was asked for the endpoints with those indexes, and for so many samples at
    the most (None: without end).

    shift_us: what to add to a time there to have it here; may be set anew. end_reason: of the prober there, None
    before its end.
    """

    def __init__(self, name: str, indexes: frozenset[int], most_samples: int | None = None) -> None:
        self.shift_us = 0
        self.end_reason: str | None = None
        self._name = name
        self._indexes = indexes
        self._most_samples = most_samples
        self._samples = 0
        self._has_own_clock = False
        self._remarks = 0

    def take(self, batch: bytes) -> Iterator[bytes]:
        """Yield the lines to append, not sealed yet. Raises LinesError."""
        if batch and not batch.endswith(b"\n"):
            raise LinesError("a line without its end")
        for line in batch.splitlines(keepends=True):
            taken = self._sample(line) if line.startswith(b"[") else self._event(line)
            if taken is not None:
                yield taken

    def _sample(self, line: bytes) -> bytes:
        parts = line.split(b",", 3)
        try:
            moved = b"%b,%b,%d,%b" % (parts[0], parts[1], max(0, int(parts[2]) + self.shift_us), parts[3])
            sample = decode_line(sealed(moved))
        except (IndexError, ValueError) as error:
            raise LinesError(f"no sample: {error}") from None
        if not isinstance(sample, Sample) or sample.endpoint not in self._indexes:
            raise LinesError("a sample of an endpoint that it was not asked for")
        self._samples += 1
        if self._most_samples is not None and self._samples > self._most_samples:
            raise LinesError("more samples than it was asked for")
        self._has_own_clock = self._has_own_clock or (sample.connect_ms is not None and sample.syn_repeats is None)
        return moved

    def _event(self, line: bytes) -> bytes | None:
        try:
            event = json.loads(line)
            kind = event["event"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise LinesError("no line of a sample file") from None
        if kind in _OF_ENDPOINTS and event.get("endpoint") not in self._indexes:
            raise LinesError("an event of an endpoint that it was not asked for")
        if kind == "end":
            self.end_reason = str(event.get("reason"))
            return None
        if kind == "gap":
            return self._remark(_told_gap(event))
        if kind == "warning":
            return self._remark(str(event.get("text")))
        if kind in (*_OF_ENDPOINTS, "lost", "address"):
            return self._checked(event)
        return self._lateness(event) if kind == "lateness" else None

    def _remark(self, text: str) -> bytes | None:
        self._remarks += 1
        if self._remarks > MOST_REMARKS:
            return None
        more = "; further remarks from there are left out" if self._remarks == MOST_REMARKS else ""
        shown = for_terminal(text, _LONGEST_TEXT)
        return self._checked({"event": "warning", "text": f"from {self._name}: {shown}{more}"})

    def _lateness(self, event: dict[str, object]) -> bytes | None:
        """Of that place's own clock: no figure of ours, but a word about what only that clock timed."""
        late = _decoded(line_of(event))
        doubt = late.doubt if isinstance(late, Lateness) and self._has_own_clock else None
        return None if doubt is None else self._remark(doubt)

    def _checked(self, event: dict[str, object]) -> bytes:
        line = line_of(event)
        _decoded(line)
        return line


def _decoded(line: bytes) -> Record:
    try:
        return decode_line(sealed(line))
    except SampleFileError as error:
        raise LinesError(f"no event: {error}") from None


def line_of(event: dict[str, object]) -> bytes:
    """Return an event's line, not sealed yet."""
    return json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n"


def _told_gap(event: dict[str, object]) -> str:
    length_us, missed = event.get("length_us"), event.get("missed")
    if not isinstance(length_us, int) or not isinstance(missed, int):
        raise LinesError("no gap")
    left_out = f": {missed} checks left out" if missed else ""
    return f"the checker there stood still for {length_us / 1e6:.1f} s{left_out}"
