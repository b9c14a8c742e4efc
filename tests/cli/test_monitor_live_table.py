"""The live table: its rows, its columns in windows of any width, and how it is drawn in place."""

from __future__ import annotations

import io
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_runs import plan_of, sample, watched
from small_terminal import Terminal, TerminalStream

from pytest_netmon.cli import live as live_module
from pytest_netmon.cli.live import LiveTable
from pytest_netmon.cli.live_rows import (
    FAILED,
    clock_text,
    columns_for,
    compact_count,
    compact_ms,
    counts_text,
    row_of,
    sparkline,
    worst_first,
)
from pytest_netmon.cli.monitor_figures import Figures
from pytest_netmon.reports.layout import width_of
from pytest_netmon.samples import Sample
from pytest_netmon.statistics import Glance, StatisticsBuilder


class Drawn:
    """A live table over figures that tests feed; `terminal` shows what a user sees."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, hosts: int = 3, *, size: tuple[int, int] = (80, 24),
        encoding: str = "utf-8", planned_s: float = math.inf, own_log: bool = False,
    ) -> None:  # fmt: skip
        self.now_s, self.size, self.terminal = 100.0, size, Terminal()
        self.builders = {index: StatisticsBuilder() for index in range(hosts)}
        plan = plan_of(*(watched(f"host-{index}") for index in range(hosts)))
        self.figures = Figures(plan, self.builders, self._glance_of)
        self.log_lines: list[str] = []
        self.written: list[str] = []
        monkeypatch.setattr(live_module.time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(live_module.os, "get_terminal_size", lambda _: os.terminal_size(self.size))
        monkeypatch.setattr(TerminalStream, "fileno", lambda _: 1)
        self.table = LiveTable(
            TerminalStream(encoding), self._write, self.log_lines.append if own_log else None, self.figures,
            p95_ms=lambda index: self.builders[index].finish().connect.p95_ms,
            elapsed_s=lambda: self.now_s - 100, planned_s=planned_s,
        )  # fmt: skip

    def _glance_of(self, index: int) -> Glance:
        return self.builders[index].glance()

    def _write(self, text: str) -> None:
        self.written.append(text)
        self.terminal.feed(text)

    def take(self, *samples: Sample) -> None:
        for each in samples:
            self.builders[each.endpoint].add(each)
            self.figures.take(each)

    def after(self, seconds: float) -> list[str]:
        """What stands there after a look at the clock."""
        self.now_s += seconds
        self.table.tick()
        return self.terminal.lines


def test_a_row_has_what_the_issue_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, hosts=2, size=(100, 24))
    drawn.take(sample(1, ms=10.0), sample(2, ms=20.0), sample(3, "timeout"), sample(1, "refused", endpoint=1))

    assert drawn.after(1) == [
        "Network Monitor  0:01, round 3, times in ms",
        "endpoint  now     success  checks worst       avg   min   max   p95 recent",
        f"host-0:80 timeout  66.67%       3 1 timeout  15.0  10.0  20.0  20.0 \u2581\u2588{FAILED}",
        f"host-1:80 refused      0%       1 1 refused     -     -     -     - {FAILED}",
        "2 endpoints: 2 failing. Ctrl-C ends.",
        "",
    ]


def test_before_the_first_check_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Drawn(monkeypatch, hosts=1).after(1)

    assert lines[2] == "host-0:80 -         -       0           -     -     -     -"
    assert lines[3] == "1 endpoint: 1 not checked yet. Ctrl-C ends."


def test_a_counted_run_shows_how_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, hosts=1, planned_s=40.0)

    title = drawn.after(10)[0]
    assert title.startswith("Network Monitor  0:10, round 0, times in ms, 0:30 left  ")
    assert (title.count("━"), title.count("─"), title[-5:]) == (4, 13, " 25 %")
    assert "nearly done" in drawn.after(31)[0]
    assert drawn.after(0.5)[0].endswith(" 100 %")


def test_it_is_drawn_in_place_at_most_twice_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch)
    for number in range(1, 101):
        drawn.take(*(sample(number, endpoint=host) for host in range(3)))
        drawn.after(0.1)

    assert 15 <= len(drawn.written) <= 21
    assert len(drawn.terminal.lines) == 1 + 1 + 3 + 1 + 1


def test_what_fits_stays_in_the_order_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch)
    drawn.take(sample(1, endpoint=0), sample(1, endpoint=1), sample(1, "timeout", endpoint=2))

    assert [line.split()[0] for line in drawn.after(1)[2:5]] == ["host-0:80", "host-1:80", "host-2:80"]


def test_where_not_all_fit_the_worst_come_first_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, hosts=100, size=(80, 10))
    for host in range(90):
        drawn.take(sample(1, "refused" if host in (40, 70) else "open", endpoint=host))
        drawn.take(sample(2, "timeout" if host in (70, 71) else "open", endpoint=host))
    lines = drawn.after(1)

    assert len(lines) == 10
    assert [line.split()[0] for line in lines[2:7]] == [
        "host-70:80",
        "host-71:80",
        "host-40:80",
        "host-0:80",
        "host-1:80",
    ]
    assert lines[7:9] == [
        "and 95 more: 85 open, 10 not checked yet",
        "100 endpoints: 88 open, 2 failing, 10 not checked yet. Ctrl-C ends.",
    ]


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 10), (20, 5), (5, 3), (1, 1)])
def test_no_line_is_wider_than_the_window_and_no_table_higher(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    drawn = Drawn(monkeypatch, hosts=60, size=size, planned_s=100.0)
    for host in range(60):
        drawn.take(sample(1, "network_unreachable" if host % 2 else "open", ms=123_456.7, endpoint=host))
    lines = drawn.after(1)

    assert max(map(width_of, lines)) < max(3, size[0])
    assert len(lines) <= max(2, size[1])


def test_a_resized_window_is_cleared_and_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch)
    drawn.after(1)
    drawn.size = (40, 12)
    lines = drawn.after(1)

    assert "\x1b[2J" in drawn.written[-1]
    assert lines[0] == "Network Monitor  0:02, round 0, times i"
    assert "\x1b[2J" not in drawn.written[0]


def test_the_log_stands_above_the_table_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, hosts=1)
    drawn.after(1)
    drawn.table.log("one\n")
    drawn.table.log("two\n")
    assert drawn.after(1)[:3] == ["one", "two", "Network Monitor  0:02, round 0, times in ms"]
    drawn.table.log("three\n")
    drawn.table.end()
    drawn.table.end()

    assert drawn.terminal.lines == ["one", "two", "three", ""]


def test_a_log_that_goes_elsewhere_goes_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, hosts=1, own_log=True)
    drawn.after(1)
    drawn.table.log("one\n")

    assert drawn.log_lines == ["one\n"]
    assert len(drawn.written) == 1


def test_a_terminal_without_unicode_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch, hosts=1, encoding="ascii", planned_s=10.0)
    drawn.take(sample(1, ms=10.0), sample(2, ms=90.0), sample(3, "timeout"))
    drawn.after(1)

    assert "".join(drawn.written).isascii()
    assert drawn.terminal.lines[2].endswith(" _^x")


def test_failures_stand_out_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    drawn = Drawn(monkeypatch, hosts=1)
    drawn.take(sample(1, "timeout"))
    drawn.after(1)

    assert "\x1b[1;7mtimeout\x1b[0m" in drawn.written[0]
    assert "\x1b[31" not in drawn.written[0]


def test_a_hostile_name_cannot_steer_the_terminal() -> None:
    figures = Figures(plan_of(watched("evil", name="a\x1b[2J\u202eb")), [0], lambda _: Glance())
    (pulse,) = figures.pulses.values()

    assert row_of(pulse, figures, None).cells["name"] == "a\\x1b[2J\\u202eb:80"


def figures_with(outcomes: dict[int, list[str]]) -> Figures:
    builders = {index: StatisticsBuilder() for index in outcomes}
    plan = plan_of(*(watched(f"host-{index}") for index in outcomes))
    figures = Figures(plan, outcomes, lambda index: builders[index].glance())
    for index, names in outcomes.items():
        for check, name in enumerate(names, 1):
            builders[index].add(sample(check, name, endpoint=index))
            figures.take(sample(check, name, endpoint=index))
    return figures


def test_the_worst_are_those_that_fail_now_then_those_that_failed_most() -> None:
    figures = figures_with(
        {0: ["open"], 1: ["timeout", "timeout", "open"], 2: ["open", "refused"], 3: ["timeout"], 4: []}
    )

    assert [pulse.index for pulse in worst_first(figures.pulses.values(), figures)] == [3, 2, 1, 0, 4]
    assert counts_text(figures.pulses.values()) == "2 open, 2 failing, 1 not checked yet"


def test_what_must_be_closed_is_well_when_it_is() -> None:
    endpoints = [watched("a", expect="closed"), watched("b", expect="closed")]
    builders = [StatisticsBuilder(), StatisticsBuilder()]
    figures = Figures(plan_of(*endpoints), [0, 1], lambda index: builders[index].glance())
    for each in (sample(1, "refused", endpoint=0), sample(1, endpoint=1)):
        builders[each.endpoint].add(each)
        figures.take(each)
    rows = [row_of(pulse, figures, None) for pulse in figures.pulses.values()]

    assert [(row.is_failing, row.has_failed) for row in rows] == [(False, False), (True, True)]
    assert [pulse.index for pulse in worst_first(figures.pulses.values(), figures)] == [1, 0]
    assert counts_text(figures.pulses.values()) == "1 as expected, 1 failing"


@given(st.integers(1, 250), st.lists(st.sampled_from(["open", "network_unreachable"]), max_size=4))
def test_columns_fit_into_any_width_and_the_name_is_always_there(width: int, names: list[str]) -> None:
    figures = figures_with({0: names})
    columns = columns_for([row_of(pulse, figures, None) for pulse in figures.pulses.values()], width)

    assert columns[0].key == "name"
    assert sum(column.width + 1 for column in columns) - 1 <= max(width, columns[0].width)
    assert all(column.width > 0 for column in columns)


def test_at_80_columns_nothing_that_was_asked_for_is_missing() -> None:
    figures = figures_with({0: ["open"] * 3 + ["network_unreachable"]})
    rows = [row_of(pulse, figures, 1.0) for pulse in figures.pulses.values()]

    assert {column.key for column in columns_for(rows, 79)} >= {
        "name", "state", "success", "worst", "avg", "min", "max", "p95", "recent",
    }  # fmt: skip


def test_a_sparkline_shows_the_latest_checks_from_low_to_high() -> None:
    assert sparkline([1.0, None, 2.0, 8.0], 10) == f"▁{FAILED}▂█"
    assert sparkline([1.0, None, 2.0, 8.0], 2) == "▁█"
    assert sparkline([None, None], 10) == FAILED * 2
    assert sparkline([], 10) == sparkline([1.0], 0) == ""


def test_a_steady_line_does_not_look_wild() -> None:
    assert set(sparkline([20.0, 20.1, 20.4, 20.0], 10)) == {"▁"}
    assert sparkline([0.01, 0.03, 0.02], 10) == sparkline([0.0, 0.0, 0.0], 10) == "▁▁▁"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "0.00"), (0.042, "0.04"), (9.994, "9.99"), (9.996, "10.0"), (99.94, "99.9"), (99.96, "100"),
     (1034.2, "1034"), (9999.4, "9999"), (9999.6, "10.0s"), (86_400_000.0, "86400s")],
)  # fmt: skip
def test_milliseconds_in_few_characters(value: float | None, shown: str) -> None:
    assert compact_ms(value) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (9999, "9999"), (10_000, "10.0k"), (999_949, "999.9k"), (999_950, "1.0M"), (12_345_678, "12.3M")],
)
def test_counts_in_few_characters(number: int, shown: str) -> None:
    assert compact_count(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0:00"), (5.9, "0:05"), (754, "12:34"), (3723, "1:02:03"), (2 * 86_400 + 3723, "2d 1:02:03")],
)
def test_clocks(seconds: float, shown: str) -> None:
    assert clock_text(seconds) == shown


def test_a_stream_that_does_not_know_its_size_is_80_by_24(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = figures_with({index: ["open"] for index in range(40)})
    written: list[str] = []
    table = LiveTable(
        TerminalStream(), written.append, None, figures, p95_ms=lambda _: None, elapsed_s=lambda: 0, planned_s=math.inf
    )  # fmt: skip
    table.tick()

    assert written[0].count("\n") == 23
    assert isinstance(TerminalStream(), io.StringIO)
