"""The figures that the monitor shows while it runs: kept up with each record, cheap to ask for at any time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pytest_netmon.outcomes import EXPECTED
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.reports.block import HostFigures
from pytest_netmon.reports.rounds import MOST_BEGUN, RoundsBuilder
from pytest_netmon.samples import Record, Sample
from pytest_netmon.statistics import Glance

#: Checks that the widest sparkline shows.
RECENT_CHECKS = 120


@dataclass(slots=True)
class Pulse:
    """One endpoint as it is now. last: its check with the highest number. recent_ms: connect times of
    the latest checks in the order in which they ended, None for a failed one."""

    index: int
    endpoint: Endpoint
    last: Sample | None = None
    recent_ms: deque[float | None] = field(default_factory=lambda: deque(maxlen=RECENT_CHECKS))

    @property
    def is_failing(self) -> bool:
        return self.last is not None and not is_as_expected(self.endpoint, self.last.outcome)


def is_as_expected(endpoint: Endpoint, outcome: str) -> bool:
    """Say whether that is what a check of the endpoint should come to."""
    return outcome in EXPECTED[endpoint.expect]


class Figures:
    """Follows the records of a campaign. `glance_of` gives an endpoint's figures so far, by its index.

    most_rounds: how many rounds the target that is farthest has completed.
    """

    def __init__(self, plan: Plan, selected: Iterable[int], glance_of: Callable[[int], Glance]) -> None:
        self.glance_of = glance_of
        self.pulses = {index: Pulse(index, plan.endpoints[index]) for index in selected}
        self._members: dict[str, list[int]] = {}
        for index, pulse in self.pulses.items():
            self._members.setdefault(pulse.endpoint.shown_host, []).append(index)
        self._rounds = {host: RoundsBuilder(len(members)) for host, members in self._members.items()}
        self.most_rounds = 0
        #: Checks of which a part is in, by endpoint, the latest ones.
        self._in_parts: dict[int, dict[int, None]] = {}

    def take(self, record: Record) -> None:
        """Take in a record; all but samples are passed over."""
        if not isinstance(record, Sample):
            return
        pulse = self.pulses[record.endpoint]
        pulse.recent_ms.append(record.connect_ms)
        if pulse.last is None or record.check > pulse.last.check:
            pulse.last = record
        rounds = self._rounds[pulse.endpoint.shown_host]
        if record.part is None or self._is_first(record):
            rounds.add(record.check, record.outcome)
        else:
            rounds.worsen(record.check, record.outcome)
        self.most_rounds = max(self.most_rounds, rounds.completed)

    def _is_first(self, sample: Sample) -> bool:
        """Whether no other part of the same check came before."""
        checks = self._in_parts.setdefault(sample.endpoint, {})
        is_first = sample.check not in checks
        checks[sample.check] = None
        if len(checks) > MOST_BEGUN:
            del checks[next(iter(checks))]
        return is_first

    def all_completed(self, rounds: int) -> bool:
        """Say whether every target has completed so many rounds."""
        return all(builder.completed >= rounds for builder in self._rounds.values())

    def hosts(self) -> list[HostFigures]:
        """Return what the block shows, in the order of the plan."""
        return [
            HostFigures(host, self._rounds[host].rounds, self._by_port(members))
            for host, members in self._members.items()
        ]

    def _by_port(self, members: Iterable[int]) -> dict[int, list[Glance]]:
        ports: dict[int, list[Glance]] = {}
        for index in members:
            ports.setdefault(self.pulses[index].endpoint.port, []).append(self.glance_of(index))
        return ports
