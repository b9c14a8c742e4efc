"""Rounds and figures while they come in, and when the plain block is shown."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterable

from monitor_runs import plan_of, sample, watched

from pytest_netmon.cli.monitor_display import Blocks
from pytest_netmon.cli.monitor_figures import Figures
from pytest_netmon.cli.screen import Screen
from pytest_netmon.plan import Plan
from pytest_netmon.samples import Done, Sample
from pytest_netmon.statistics import Glance, StatisticsBuilder

STARTED = datetime.datetime(2025, 6, 22, 10, 30, tzinfo=datetime.timezone.utc)


class Watching:
    """Figures and blocks as the monitor drives them; `blocks` are the texts shown so far."""

    def __init__(self, plan: Plan, count: int | None = None) -> None:
        self._builders = {index: StatisticsBuilder() for index in range(len(plan.endpoints))}
        self.figures = Figures(plan, self._builders, self._glance_of)
        self._out = io.StringIO()
        screen = Screen(self._out, io.StringIO(), {})
        self._display = Blocks(screen, self.figures, lambda: STARTED, lambda _: None, count)

    def _glance_of(self, index: int) -> Glance:
        return self._builders[index].glance()

    def take(self, *samples: Sample) -> None:
        for each in samples:
            self._builders[each.endpoint].add(each)
            self.figures.take(each)
            self._display.take()

    @property
    def blocks(self) -> list[str]:
        return self._out.getvalue().split("Network Monitor - Live Statistics")[1:]

    def totals(self) -> list[list[int]]:
        """Of each block so far, the rounds of each of its targets."""
        return [
            [int(line.split(": ")[1]) for line in block.splitlines() if line.startswith("  Total Checks")]
            for block in self.blocks
        ]


def rounds(numbers: Iterable[int], endpoints: int = 1, outcome: str = "open") -> list[Sample]:
    return [sample(number, outcome, endpoint=endpoint) for number in numbers for endpoint in range(endpoints)]


ONE = plan_of(watched("a"))
TWO_PORTS = plan_of(watched("a", 80), watched("a", 443))
TWO_HOSTS = plan_of(watched("a"), watched("b"))


def test_the_block_comes_after_the_first_round_then_every_ten() -> None:
    watching = Watching(TWO_PORTS)
    watching.take(*rounds(range(1, 35), endpoints=2))

    assert watching.totals() == [[1], [10], [20], [30]]


def test_a_round_is_over_when_all_its_ports_and_targets_are() -> None:
    ports, hosts = Watching(TWO_PORTS), Watching(TWO_HOSTS)
    for watching in (ports, hosts):
        watching.take(sample(1, endpoint=0))
        assert watching.blocks == []
        watching.take(sample(1, endpoint=1))

    assert (ports.totals(), hosts.totals()) == ([[1]], [[1, 1]])


def test_a_target_that_lags_behind_is_waited_for_no_longer_than_a_round() -> None:
    watching = Watching(TWO_HOSTS)
    watching.take(*rounds(range(1, 13)))

    assert watching.totals() == [[2, 0], [11, 0]]
    assert "Success Rate: n/a" in watching.blocks[0]


def test_the_last_block_of_a_counted_run_is_left_to_the_end() -> None:
    watching = Watching(ONE, count=20)
    watching.take(*rounds(range(1, 21)))
    once = Watching(ONE, count=1)
    once.take(sample(1))

    assert (watching.totals(), once.totals()) == ([[1], [10]], [])


def test_rounds_that_could_not_be_made_here_still_bring_the_block() -> None:
    watching = Watching(ONE)
    watching.take(*rounds(range(1, 11), outcome="local_error"))

    assert watching.totals() == [[0], [0]]
    assert "Left out: 10" in watching.blocks[1]


def test_an_endpoint_is_what_its_latest_check_was_however_late_others_end() -> None:
    figures = Watching(ONE)
    figures.take(sample(1), sample(3), sample(2, "timeout"))
    (pulse,) = figures.figures.pulses.values()

    assert not pulse.is_failing
    assert list(pulse.recent_ms) == [10.0, 10.0, None]


def test_what_is_no_sample_changes_no_figure() -> None:
    watching = Watching(ONE)
    watching.figures.take(Done(0))

    assert watching.figures.most_rounds == 0


def test_several_entries_of_one_host_and_port_share_their_line() -> None:
    watching = Watching(plan_of(watched("a", name="one"), watched("a", name="two")))
    watching.take(sample(1, ms=10.0, endpoint=0), sample(1, "timeout", endpoint=1))

    assert "  Port 80: 50.00% success, 10.00ms avg\n  Errors: 1 (timeout 1)\n" in watching.blocks[0]
