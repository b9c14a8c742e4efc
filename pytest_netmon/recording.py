"""A recording: the sample file followed as it grows, its samples counted and found again.

Whoever needs samples (the gate, a live table, a recovery) follows the file; nobody asks the
prober. Samples stay on disk: in memory each costs eight bytes, its place in the file. Past 65,536
samples not even that: places are then looked up when they are asked for, a batch of endpoints at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import io
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .distributions import DistributionBuilder
from .outcomes import OPEN
from .pooling import PartsBuilder
from .sample_lines import SampleFileError, decode_line
from .samples import (
    WAITING,
    AddressChange,
    Done,
    End,
    Gap,
    Header,
    Lateness,
    Lost,
    Near,
    Record,
    Sample,
    SampleStore,
    VantageState,
    WaitOver,
    Warning_,
)
from .statistics import Glance, Statistics
from .vantage import LOCAL_VANTAGE
from .waited import Waited

_READ_BYTES = 1 << 20
_LONGEST_LINE = 1 << 26
#: Overlapping checks end out of order, by timeout / interval at the most; beyond this many they are
#: taken as they come.
_MOST_OUT_OF_ORDER = 10_000
#: With more damaged lines than this a file is something else.
MOST_DAMAGED = 10_000
#: Places kept while samples come in, half a MiB, and those of a batch, two.
MOST_KEPT_PLACES = 1 << 16
MOST_PLACES = 1 << 18
#: Past that the last one takes in all others: on a machine that is too busy for weeks.
MOST_GAPS = 10_000
MOST_IN_VAIN = 20
#: A name with many addresses may lead elsewhere at each look.
MOST_ADDRESS_CHANGES = 1_000


class Recording:
    """The samples in the sample file at `path`, by endpoint; also a `samples.SampleStore`.

    observe: called with each record once it was taken in. salvage: pass over lines that cannot be
    read, and say so in `damage`, as after a power cut; up to 10,000 of them, behind a whole header.
    with_context: False for a reader that knows what its header says of the campaign, the whole plan; it is left out.

    header: its first line, None until it was read. done: endpoints of which no sample is to come. short: those
    of which fewer came than were made.
    end_reason: why the prober ended, None while it runs or where it was killed. checks: samples
    so far. last: the sample of an endpoint that came in last. opened: endpoints of which
    a check was open. last_us: the end of the latest check, since the start. waits: how waiting for
    an endpoint ended. address_changes: the latest 1,000. addresses: endpoint -> the address that
    answered last, else the one tried last. near: endpoint -> microseconds in which another machine's
    address answered, too few for one. in_vain: endpoint -> how often an address failed (with what
    outcome) in checks that another one made good, 20 such pairs at the most. lag,
    late_starts: see `run.Measuring`. own_clock: endpoint -> open checks that only a clock of ours
    timed. vantages: how other places stand, by name.
    """

    def __init__(
        self,
        path: Path,
        observe: Callable[[Record], None] | None = None,
        *,
        salvage: bool = False,
        with_context: bool = True,
    ) -> None:
        self.path = path
        self._with_context = with_context
        self._observe = observe
        self._most_damaged = MOST_DAMAGED if salvage else 0
        self._damaged: dict[int, str] = {}
        self.header: Header | None = None
        self.done: set[int] = set()
        self.short: set[int] = set()
        self.end_reason: str | None = None
        self.checks = 0
        self.gaps: list[Gap] = []
        self.lost_samples = 0
        self.warnings: list[str] = []
        self.address_changes: list[AddressChange] = []
        self.addresses: dict[int, str] = {}
        self.last: dict[int, Sample] = {}
        self.opened: set[int] = set()
        self.last_us = 0
        self.waits: dict[int, WaitOver] = {}
        self.near: dict[int, int] = {}
        self.in_vain: dict[int, Counter[tuple[str | None, str]]] = {}
        self.lag = DistributionBuilder()
        self.own_clock: Counter[int] = Counter()
        self.late_starts: Lateness | None = None
        self.vantages: dict[str, VantageState] = {}
        self._answered: set[int] = set()
        self._builders: dict[int, PartsBuilder] = {}
        self._finished: dict[int, Statistics] = {}
        self._samples: dict[int, int] = {}
        self._tries: dict[int, Counter[str]] = {}
        self._places: dict[int, array[int]] = {}
        self._keeps_places = True
        self._file: io.BufferedReader | None = None
        self._opened_by = os.getpid()
        self._read_to = 0

    def poll(self) -> int:
        """Read what has been written since; return the number of new samples.

        A line without its end is left for the next time. Raises SampleFileError where the file is
        not what a prober writes, with the line's place in bytes.
        """
        if self._opened_by != os.getpid():
            # A forked child shares the place in the file with its parent: each needs a file of its own.
            self._file, self._opened_by = None, os.getpid()
        if self._file is None:
            try:
                self._file = self.path.open("rb")
            except FileNotFoundError:
                return 0
        before, size = self.checks, _READ_BYTES
        while True:
            self._file.seek(self._read_to)
            data = self._file.read(size)
            whole = data.rfind(b"\n") + 1
            if whole:
                self._take_lines(data[:whole])
                size = _READ_BYTES
            elif len(data) < size:
                return self.checks - before
            elif size < _LONGEST_LINE:
                size *= 4  # the header, which holds the whole plan
            else:
                raise SampleFileError(f"{self.path}: byte {self._read_to}: no end of line in {size} bytes")

    def statistics_of(self, endpoint: int) -> Statistics:
        """The statistics of what is in so far."""
        return self._finished.get(endpoint) or (self._builders.get(endpoint) or PartsBuilder()).finish()

    def waited_of(self, endpoint: int) -> Waited:
        """What came so far of waiting for an endpoint."""
        outcomes = dict(self._tries.get(endpoint) or self.glance_of(endpoint).outcomes)
        over = self.waits.get(endpoint)
        if over is None:
            return Waited(outcomes)
        return Waited(outcomes, over.met, over.took_us / 1e6, over.latest, over.failing, over.tries)

    def end_reason_of(self, vantage: str) -> str | None:
        """Why the prober at a vantage ended; None while it runs, or where it was lost."""
        if vantage == LOCAL_VANTAGE:
            return self.end_reason
        state = self.vantages.get(vantage)
        return state.text if state is not None and state.state == "ended" else None

    def is_over(self, vantage: str) -> bool:
        """Whether another place has ended, or was lost."""
        state = self.vantages.get(vantage)
        return state is not None and state.is_over

    def glance_of(self, endpoint: int) -> Glance:
        """The figures so far that cost nothing to ask for."""
        finished = self._finished.get(endpoint)
        return finished.glance if finished else (self._builders.get(endpoint) or PartsBuilder()).glance()

    def of(self, endpoint: int) -> Iterator[Sample]:
        """Yield the endpoint's samples by check number, read from the file."""
        samples = self.samples_of(endpoint)
        if not samples:  # there may be no file at all
            return iter(())
        if samples == 1:  # as of most that are only to be reached: it is at hand
            return iter((self.last[endpoint],))
        if samples > MOST_PLACES:
            return in_check_order(self._search(endpoint))
        if samples != len(self._places.get(endpoint, ())):
            self._find_places(endpoint)
        return in_check_order(self._read(self._places.get(endpoint, ())))

    def close(self) -> None:
        """Follow the file no longer; its samples can still be read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take_lines(self, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            try:
                self._take(decode_line(line, with_context=self._with_context))
            except SampleFileError as error:
                if self.header is None or len(self._damaged) >= self._most_damaged:
                    raise SampleFileError(f"{self.path}: byte {self._read_to}: {error}") from None
                self._damaged[self._read_to] = str(error)
            self._read_to += len(line)

    @property
    def damage(self) -> str | None:
        """What a reader must know of lines that were passed over; None without any."""
        if not self._damaged:
            return None
        place, error = next(iter(self._damaged.items()))
        lines = "1 line" if len(self._damaged) == 1 else f"{len(self._damaged)} lines"
        return f"{lines} of {self.path} cannot be read and are left out, the first at byte {place}: {error}"

    def _take(self, what: Record) -> None:
        if isinstance(what, Sample):
            self._take_sample(what)
        elif isinstance(what, Done):
            self._take_done(what)
        elif isinstance(what, WaitOver):
            self.waits[what.endpoint] = what
        elif isinstance(what, Gap):
            self._take_gap(what)
        elif isinstance(what, Lost):
            self.lost_samples += what.samples
            self.warnings.append(f"{what.samples} samples were not recorded: {what.text}")
        elif isinstance(what, Warning_):
            self.warnings.append(what.text)
        elif isinstance(what, AddressChange):
            self.address_changes.append(what)
            del self.address_changes[:-MOST_ADDRESS_CHANGES]
        elif isinstance(what, Near):
            self.near[what.endpoint] = what.connect_us
        elif isinstance(what, Lateness):
            self.late_starts = what
        else:
            self._take_frame(what)
        if self._observe is not None:
            self._observe(what)

    def _take_frame(self, what: Header | VantageState | End) -> None:
        """Take in what is around the samples: where they come from, and where they end."""
        if isinstance(what, VantageState):
            self._take_vantage(what)
        elif isinstance(what, End):
            self.end_reason = what.reason
        else:
            self.header = what

    def _take_vantage(self, state: VantageState) -> None:
        before = self.vantages.get(state.name)
        machine = state.machine or (before.machine if before else None)
        round_trip_us = state.round_trip_us or (before.round_trip_us if before else None)
        self.vantages[state.name] = dataclasses.replace(state, machine=machine, round_trip_us=round_trip_us)

    def _take_done(self, done: Done) -> None:
        self.done.add(done.endpoint)
        if done.samples is not None and done.samples > self.samples_of(done.endpoint):
            self.short.add(done.endpoint)
        builder = self._builders.pop(done.endpoint, None)
        if builder is not None:  # which holds far more than what it came to
            self._finished[done.endpoint] = builder.finish()

    def _take_gap(self, gap: Gap) -> None:
        if len(self.gaps) < MOST_GAPS:
            self.gaps.append(gap)
            return
        last = self.gaps[-1]
        length_us = max(0, gap.at_us + gap.length_us - last.at_us)
        self.gaps[-1] = Gap(last.at_us, length_us, last.cause, last.missed + gap.missed)

    def _take_sample(self, sample: Sample) -> None:
        endpoint = sample.endpoint
        if sample.is_counted:
            self._builder_of(endpoint).add(sample)
        elif sample.check == WAITING:
            self._tries.setdefault(endpoint, Counter())[sample.outcome] += 1
        self._samples[endpoint] = self._samples.get(endpoint, 0) + 1
        if self._keeps_places:
            self._places.setdefault(endpoint, array("Q")).append(self._read_to)
            if self.checks >= MOST_KEPT_PLACES:
                self._places, self._keeps_places = {}, False
        self.last[endpoint] = sample
        if sample.outcome == OPEN:
            self.opened.add(endpoint)
        self.last_us = max(self.last_us, sample.end_us)
        self.checks += 1
        if sample.attempts and sample.outcome == "open" and sample.is_counted:
            self._take_vain(sample)
        if sample.connect_ms is not None:
            self._take_lag(sample, sample.connect_ms)
        if sample.address is not None and (sample.outcome == "open" or endpoint not in self._answered):
            self.addresses[endpoint] = sample.address
            if sample.outcome == "open":
                self._answered.add(endpoint)

    def _builder_of(self, endpoint: int) -> PartsBuilder:
        builder = self._builders.get(endpoint)
        if builder is None:
            builder = self._builders[endpoint] = PartsBuilder()
            if self._finished.pop(endpoint, None):  # no prober's file: there are samples behind the last one
                for sample in self.of(endpoint):
                    if sample.is_counted:
                        builder.add(sample)
        return builder

    def samples_of(self, endpoint: int) -> int:
        """How many samples of an endpoint are in, those that are not counted among them."""
        return self._samples.get(endpoint, 0)

    def _find_places(self, endpoint: int) -> None:
        """Look up where the samples of `endpoint` stand, and of as many after it as there is room for:
        reports ask for one after another."""
        room = MOST_PLACES
        places: dict[int, array[int]] = {}
        for each in sorted(self._samples):
            if each >= endpoint:
                room -= self.samples_of(each)
                if room < 0:
                    break
                places[each] = array("Q")
        for place, line in self._lines():
            found = places.get(_endpoint_of(line))
            if found is not None:
                found.append(place)
        self._places = places

    def _search(self, endpoint: int) -> Iterator[Sample]:
        for place, line in self._lines():
            if _endpoint_of(line) == endpoint:
                yield self._decoded(line, place)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line that was taken in, and its place."""
        place = 0
        with self.path.open("rb") as file:
            while place < self._read_to:
                line = file.readline()
                if not line:
                    raise SampleFileError(f"{self.path}: byte {place}: the file has changed since it was read")
                if place not in self._damaged:
                    yield place, line
                place += len(line)

    def _take_vain(self, sample: Sample) -> None:
        counts = self.in_vain.setdefault(sample.endpoint, Counter())
        for attempt in sample.attempts:
            key = (attempt.address, attempt.outcome)
            if key in counts or len(counts) < MOST_IN_VAIN:
                counts[key] += 1

    def _take_lag(self, sample: Sample, connect_ms: float) -> None:
        if sample.syn_repeats is None:
            self.own_clock[sample.endpoint] += 1
        elif sample.syn_repeats == 0 and sample.clock_ms is not None:
            self.lag.add(max(0, round((sample.clock_ms - connect_ms) * 1000)))

    def _read(self, places: Iterable[int]) -> Iterator[Sample]:
        with contextlib.ExitStack() as stack:
            own = self._file if self._opened_by == os.getpid() else None
            file = own or stack.enter_context(self.path.open("rb"))
            for place in places:
                file.seek(place)
                yield self._decoded(file.readline(), place)

    def _decoded(self, line: bytes, place: int) -> Sample:
        sample = decode_line(line)
        if not isinstance(sample, Sample):
            raise SampleFileError(f"{self.path}: byte {place}: the file has changed since it was read")
        return sample


class LaterStore:
    """The samples of a campaign that began `later_us` microseconds after another one, on that one's clock."""

    def __init__(self, store: SampleStore, later_us: int) -> None:
        self._store = store
        self._later_us = later_us

    def of(self, endpoint: int) -> Iterator[Sample]:
        for sample in self._store.of(endpoint):
            yield dataclasses.replace(sample, start_us=sample.start_us + self._later_us)


def _endpoint_of(line: bytes) -> int:
    """The endpoint of a sample's line, -1 for a line of something else."""
    text = line.lstrip()
    return int(text[1 : text.index(b",")]) if text.startswith(b"[") else -1


def in_check_order(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Yield one endpoint's samples by check number, holding few at a time."""
    early: list[tuple[int, int, Sample]] = []
    expected = 1
    for order, sample in enumerate(samples):
        heapq.heappush(early, (sample.check, order, sample))
        while early and (early[0][0] <= expected or len(early) > _MOST_OUT_OF_ORDER):
            expected = max(expected, early[0][0] + 1)
            yield heapq.heappop(early)[2]
    while early:
        yield heapq.heappop(early)[2]
