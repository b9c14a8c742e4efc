"""What the monitor's log says of the records that come in: what changed, each check, the engine's decisions."""

from __future__ import annotations

import datetime
import heapq
import math
from collections import Counter
from collections.abc import Mapping

from pytest_netmon.addresses import FAMILY_PARTS
from pytest_netmon.outcomes import OPEN, cause_of
from pytest_netmon.plan import Endpoint
from pytest_netmon.reports.layout import counted
from pytest_netmon.samples import (
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
    VantageState,
    WaitOver,
    Warning_,
)
from pytest_netmon.units import show_duration, spell_duration

from .log import LOGGER
from .monitor_figures import is_as_expected

#: A machine that is always too busy need not say so all the time.
_TELL_LATE_EVERY_US = 10_000_000


class Journal:
    """Logs what records of a campaign say; `endpoints` by their index in the plan."""

    def __init__(self, endpoints: Mapping[int, Endpoint]) -> None:
        self._endpoints = endpoints
        self._tracks: dict[tuple[int, str | None], _Track] = {}
        self._left_out = 0
        self._silent_until_us = 0

    def take(self, record: Record) -> None:
        """Log a record: warnings for what changed, samples as info, decisions of the engine as debug."""
        if isinstance(record, Sample):
            self._track_of(record.endpoint, record.part).take(record)
        elif isinstance(record, AddressChange):
            old, new = ", ".join(record.old), ", ".join(record.new)
            LOGGER.warning("%s: address changed: %s -> %s", record.host, old, new)
        elif isinstance(record, Gap):
            self._take_gap(record)
        elif isinstance(record, Lost):
            LOGGER.error("%d samples could not be recorded: %s", record.samples, record.text)
        elif isinstance(record, Warning_):
            LOGGER.warning("%s", record.text)
        elif isinstance(record, VantageState):
            self._take_vantage(record)
        else:
            self._decision(record)

    def _track_of(self, endpoint: int, part: str | None) -> _Track:
        """Addresses or families that are judged one by one have a track each."""
        track = self._tracks.get((endpoint, part))
        if track is None:
            track = self._tracks[endpoint, part] = _Track(self._endpoints[endpoint], part)
        return track

    def finish(self) -> None:
        """Log what still waits for earlier checks: none of them will come."""
        for track in self._tracks.values():
            track.finish()
        self._tell_late()

    def _take_vantage(self, vantage: VantageState) -> None:
        if vantage.state == "lost":
            LOGGER.error("the vantage %s: %s", vantage.name, vantage.text)
        else:
            LOGGER.info("checks from %s have %s", vantage.name, "begun" if vantage.state == "began" else "ended")

    def _take_gap(self, gap: Gap) -> None:
        if gap.cause != "late":
            LOGGER.warning("%s", _gap_text(gap))
            return
        self._left_out += gap.missed
        if gap.at_us >= self._silent_until_us:
            self._silent_until_us = gap.at_us + _TELL_LATE_EVERY_US
            self._tell_late()

    def _tell_late(self) -> None:
        missed, self._left_out = self._left_out, 0
        if missed:
            left_out = counted(missed, "check")
            LOGGER.warning("this machine was too busy: %s left out, nothing is held against the targets", left_out)

    def _decision(self, record: Header | Done | WaitOver | Near | Lateness | End) -> None:
        if isinstance(record, Header):
            started = datetime.datetime.fromtimestamp(record.started_unix_us / 1e6).astimezone()
            LOGGER.debug("the prober started at %s", started.isoformat(timespec="milliseconds"))
        elif isinstance(record, Done):
            LOGGER.debug("%s: all checks were made", self._track_of(record.endpoint, None).name)
        elif isinstance(record, End):
            LOGGER.debug("the prober ended: %s", record.reason)


class _Track:
    """One endpoint: its samples are logged as they come, changes in the order of its checks.

    Checks overlap, so that one which times out ends after later ones; told as they end, a single lost
    check would read as a failure now and a recovery before it.
    """

    def __init__(self, endpoint: Endpoint, part: str | None = None) -> None:
        self.name = endpoint.id if endpoint.is_local else f"{endpoint.id} from {endpoint.vantage}"
        if part is not None and (part in FAMILY_PARTS or endpoint.redact):  # an address is told anyway
            self.name += f" {part}"
        self._endpoint = endpoint
        self._next_check = 1
        self._waiting: list[tuple[int, int, Sample]] = []
        self._order = 0
        self._most_waiting = 2 + math.ceil(endpoint.timeout_s / endpoint.interval_s)
        self._outcome: str | None = None
        self._failing_since_us = 0
        self._failures: Counter[str] = Counter()

    def take(self, sample: Sample) -> None:
        LOGGER.info("%s", self._check_text(sample))
        if sample.dns_ms is not None and sample.address is not None:
            LOGGER.debug("%s: the name was resolved in %.2f ms", self.name, sample.dns_ms)
        self._order += 1
        heapq.heappush(self._waiting, (sample.check, self._order, sample))
        while self._waiting and (self._waiting[0][0] <= self._next_check or len(self._waiting) > self._most_waiting):
            self._take_next()

    def finish(self) -> None:
        while self._waiting:
            self._take_next()

    def _take_next(self) -> None:
        check, _, sample = heapq.heappop(self._waiting)
        self._next_check = max(self._next_check, check + 1)
        self._compare(sample)

    def _compare(self, sample: Sample) -> None:
        before, self._outcome = self._outcome, sample.outcome
        if is_as_expected(self._endpoint, sample.outcome):
            if self._failures:
                LOGGER.warning("%s: %s", self._named(sample), self._told_recovery(sample))
                self._failures.clear()
            return
        if not self._failures:
            self._failing_since_us = sample.start_us
        self._failures[sample.outcome] += 1
        if sample.outcome != before:
            change = sample.outcome if before is None else f"{before} -> {sample.outcome}"
            LOGGER.warning("%s: %s (%s)", self._named(sample), change, self._cause(sample))

    def _check_text(self, sample: Sample) -> str:
        spent_ms = sample.connect_ms if sample.outcome == OPEN else sample.clock_ms
        spent = "" if spent_ms is None else f", {spent_ms:.2f} ms"
        spent += "" if sample.proxy_ms is None else f", proxy {sample.proxy_ms:.2f} ms"
        spent += "" if sample.tls_ms is None else f", TLS {sample.tls_ms:.2f} ms"
        repeats = f", {sample.syn_repeats} SYN repeats" if sample.syn_repeats else ""
        return f"{self._named(sample)}: check {sample.check}: {sample.outcome}{spent}{repeats}"

    def _named(self, sample: Sample) -> str:
        address = None if self._endpoint.proxy else sample.address  # else it is that of the proxy
        return self.name if address is None or address == self._endpoint.host else f"{self.name} ({address})"

    def _cause(self, sample: Sample) -> str:
        if sample.outcome == OPEN:
            return "it must not be reachable"
        return cause_of(sample.outcome, self._endpoint.timeout_s)

    def _told_recovery(self, sample: Sample) -> str:
        length = spell_duration(round((sample.start_us - self._failing_since_us) / 1e6, 1))
        counts = ", ".join(f"{outcome} {times}" for outcome, times in self._failures.most_common())
        failed = f"{counted(self._failures.total(), 'check')} failed ({counts})"
        return f"{self._endpoint.expect} again after {length}: {failed}"


def _gap_text(gap: Gap) -> str:
    length = show_duration(round(gap.length_us / 1e6, 1))
    missed = counted(gap.missed, "check") if gap.missed else "no check"
    causes = {"suspended": "was suspended", "stalled": "stood still"}
    what = causes.get(gap.cause, f"did not run ({gap.cause})")
    return f"this machine {what} for {length}: {missed} left out, nothing is held against the targets"
