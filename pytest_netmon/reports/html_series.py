"""What a chart needs of an endpoint's samples: gathered in one pass, in bounded memory. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..outcomes import EXPECTED, LOCAL_ERROR, OPEN
from ..run import Result
from ..samples import WAITING, Sample
from .evidence import Evidence

#: Checks that are drawn one by one. Past that a mark stands for all checks of a stretch of time.
MOST_POINTS = 200
#: Stretches: half as many at the least, so that a mark is some 4 px wide in a chart of 600 px.
MOST_STRETCHES = 160
#: Checks to list: those that failed or needed a repeated SYN.
MOST_LISTED = 20
MOST_ADDRESSES = 10
_FIRST_WIDTH_US = 1000


@dataclass(frozen=True, slots=True)
class Point:
    """One check. at_us: its start since the start of the run. connect_ms: None unless it was open."""

    at_us: int
    connect_ms: float | None
    is_repeated: bool
    is_left_out: bool


@dataclass(slots=True)
class Stretch:
    """The checks that started within a stretch of time: connect times from low_ms to high_ms, and how many there
    were; left_out: of those that could not be made here."""

    low_ms: float | None = None
    high_ms: float | None = None
    opened: int = 0
    failed: int = 0
    repeated: int = 0
    left_out: int = 0

    def add(self, point: Point) -> None:
        if point.connect_ms is not None:
            self.opened += 1
            self._widen(point.connect_ms, point.connect_ms)
        self.repeated += point.is_repeated
        self.left_out += point.is_left_out
        self.failed += point.connect_ms is None and not point.is_left_out

    def join(self, other: Stretch) -> None:
        if other.low_ms is not None and other.high_ms is not None:
            self._widen(other.low_ms, other.high_ms)
        self.opened += other.opened
        self.failed += other.failed
        self.repeated += other.repeated
        self.left_out += other.left_out

    def _widen(self, low_ms: float, high_ms: float) -> None:
        self.low_ms = low_ms if self.low_ms is None else min(self.low_ms, low_ms)
        self.high_ms = high_ms if self.high_ms is None else max(self.high_ms, high_ms)


class Stretches:
    """Stretches of equal width from the first check on; they double their width where they would become too many.

    width_us: of one. `by_number[n]` starts `n * width_us` after `from_us`.
    """

    def __init__(self, from_us: int) -> None:
        self.from_us = from_us
        self.width_us = _FIRST_WIDTH_US
        self.by_number: dict[int, Stretch] = {}

    def add(self, point: Point) -> None:
        past_us = max(0, point.at_us - self.from_us)
        while past_us // self.width_us >= MOST_STRETCHES:
            self._double()
        self.by_number.setdefault(past_us // self.width_us, Stretch()).add(point)

    def in_order(self) -> Iterator[tuple[int, Stretch]]:
        """Yield each stretch that has checks, with its start since the start of the run."""
        for number in sorted(self.by_number):
            yield self.from_us + number * self.width_us, self.by_number[number]

    def _double(self) -> None:
        narrow, self.by_number = self.by_number, {}
        self.width_us *= 2
        for number, stretch in narrow.items():
            self.by_number.setdefault(number // 2, Stretch()).join(stretch)


@dataclass(slots=True)
class AddressTally:
    """What came of one address. sum_ms: of the connect times."""

    checks: int = 0
    opened: int = 0
    sum_ms: float = 0.0


@dataclass(slots=True)
class Series:
    """expected: outcomes that the endpoint should come to. points: every check that counts, None where there were
    more than 200; then `stretches` has them, else that is None. listed: the first 20 checks that are worth a look,
    since they were not as expected or needed a repeated SYN; unlisted: how many more there were. addresses: the
    first 10 that were tried; the checks of others are in `other_addresses`. evidence: what a failure's text tells.
    last_start_us: of the latest check, None without any."""

    expected: tuple[str, ...] = (OPEN,)
    points: list[Point] | None = field(default_factory=list)
    stretches: Stretches | None = None
    listed: list[Sample] = field(default_factory=list)
    unlisted: int = 0
    addresses: dict[str, AddressTally] = field(default_factory=dict)
    other_addresses: AddressTally = field(default_factory=AddressTally)
    evidence: Evidence = field(default_factory=Evidence)
    last_start_us: int | None = None

    def add(self, sample: Sample) -> None:
        self.evidence.add(sample)
        self.last_start_us = max(self.last_start_us or 0, sample.start_us)
        self._add_point(_point_of(sample))
        if self._is_notable(sample):
            self._list(sample)
        if sample.address is not None and sample.outcome != LOCAL_ERROR:
            self._count_address(sample.address, sample.connect_ms)

    def _add_point(self, point: Point) -> None:
        if self.stretches is not None:
            self.stretches.add(point)
            return
        assert self.points is not None, "there are points until there are stretches"
        self.points.append(point)
        if len(self.points) > MOST_POINTS:
            self.stretches = Stretches(min(each.at_us for each in self.points))
            for each in self.points:
                self.stretches.add(each)
            self.points = None

    def _is_notable(self, sample: Sample) -> bool:
        is_open = sample.outcome == OPEN
        return sample.outcome not in self.expected or (is_open and bool(sample.syn_repeats))

    def _list(self, sample: Sample) -> None:
        if len(self.listed) < MOST_LISTED:
            self.listed.append(sample)
        else:
            self.unlisted += 1

    def _count_address(self, address: str, connect_ms: float | None) -> None:
        tally = self.addresses.get(address)
        if tally is None:
            has_room = len(self.addresses) < MOST_ADDRESSES
            tally = self.addresses.setdefault(address, AddressTally()) if has_room else self.other_addresses
        tally.checks += 1
        if connect_ms is not None:
            tally.opened += 1
            tally.sum_ms += connect_ms


def series_of(result: Result) -> Series:
    """Read the samples of `result` once; checks that are not counted are left out, but for the tries of a wait that
    was in vain: of those there is evidence."""
    series = Series(expected=EXPECTED[result.endpoint.expect], evidence=Evidence(of_tries=result.is_unmeasured))
    for sample in result.store.of(result.index):
        if sample.is_counted:
            series.add(sample)
        elif sample.check == WAITING:
            series.evidence.add(sample)
    return series


def _point_of(sample: Sample) -> Point:
    return Point(
        at_us=sample.start_us,
        connect_ms=sample.connect_ms,
        is_repeated=bool(sample.syn_repeats) and sample.outcome == OPEN,
        is_left_out=sample.outcome == LOCAL_ERROR,
    )
