"""The live statistics: the seed's sample line by line, and what stands in it where there is no figure."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from made_runs import failed, measured, opened, run_of

from pytest_netmon.reports.block import HostFigures, block_lines, hosts_of
from pytest_netmon.reports.rounds import Rounds
from pytest_netmon.statistics import Glance

STARTED = datetime.datetime(2025, 6, 22, 10, 30, 0, 123456, datetime.timezone.utc)

#: "Live Statistics Display" of the seed's README, as it stands there.
SEED = """\
============================================================
Network Monitor - Live Statistics
Started: 2025-06-22 10:30:00
============================================================

Target: google.com
  Total Checks: 20
  Success Rate: 100.00%
  Ping: 15.23ms avg, 12.45ms min, 18.92ms max
  Port 80: 100.00% success, 14.87ms avg
  Port 443: 100.00% success, 16.32ms avg"""


def text_of(*hosts: HostFigures) -> str:
    return "\n".join(block_lines(STARTED, hosts))


def glance(*, avg_us: int = 15_000, checks: int = 20, **fields: object) -> Glance:
    made = {"checks": checks, "successful": checks, "sum_us": avg_us * checks, "min_us": 12_450, "max_us": 18_920}
    return Glance(**{**made, **fields})  # type: ignore[arg-type]


def test_the_block_is_the_seeds_line_by_line() -> None:
    # So many checks of each port that their averages make the seed's average of all.
    ports = {80: [glance(avg_us=14_870, checks=109)], 443: [glance(avg_us=16_320, checks=36)]}

    assert text_of(HostFigures("google.com", Rounds(20, 20), ports)).splitlines() == SEED.splitlines()


def test_what_failed_gets_a_line_of_its_own() -> None:
    text = text_of(
        HostFigures(
            "db",
            Rounds(3, 1),
            {80: [glance(checks=3, successful=1, sum_us=14_000, errors={"refused": 1, "timeout": 2})]},
        )
    )

    assert text.endswith("  Port 80: 33.33% success, 14.00ms avg\n  Errors: 3 (timeout 2, refused 1)")
    assert "  Success Rate: 33.33%\n" in text


def test_what_was_not_measured_is_not_a_number() -> None:
    dead = Glance(checks=2, errors={"timeout": 2}, last_outcome="timeout")

    assert text_of(HostFigures("dead", Rounds(2, 0), {80: [dead], 443: [Glance()]})).splitlines()[5:] == [
        "Target: dead",
        "  Total Checks: 2",
        "  Success Rate: 0.00%",
        "  Ping: n/a avg, n/a min, n/a max",
        "  Port 80: 0.00% success, n/a avg",
        "  Port 443: n/a success, n/a avg",
        "  Errors: 2 (timeout 2)",
    ]
    assert "  Success Rate: n/a\n" in text_of(HostFigures("new", Rounds(0, 0), {80: [Glance()]}))


def test_checks_that_could_not_be_made_here_are_no_errors_and_are_told() -> None:
    text = text_of(HostFigures("db", Rounds(0, 0), {80: [Glance(local_errors=4)]}))

    assert "Errors" not in text
    assert text.endswith("  Left out: 4 (this machine could not make them)")


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (9_999, 10_000, "99.99%"),
        (99_999, 100_000, "99.999%"),
        (1, 1_000_000, "0.0001%"),
        (0, 3, "0.00%"),
        (1, 3, "33.33%"),
    ],
)
def test_a_rate_never_reads_as_all_or_nothing_when_it_is_neither(part: int, whole: int, shown: str) -> None:
    assert f"  Success Rate: {shown}\n" in text_of(HostFigures("db", Rounds(whole, part), {80: [glance()]}))


def test_several_targets_stand_one_under_the_other_and_cannot_steer_a_terminal() -> None:
    lines = text_of(
        *(HostFigures(host, Rounds(1, 1), {80: [glance()]}) for host in ("a", "evil\x1b[2J\nhost"))
    ).splitlines()

    assert [line for line in lines if line.startswith("Target")] == ["Target: a", "Target: evil\\x1b[2J\\nhost"]
    assert lines[lines.index("Target: evil\\x1b[2J\\nhost") - 1] == ""


def test_a_run_gives_the_same_block_as_its_figures_while_it_ran() -> None:
    first = replace(measured("db", 80, name="one"), watched=True)
    second = replace(first, name="two")
    run = run_of(
        [
            (first, [opened(1.0), opened(3.0)]),
            (second, [opened(2.0), failed("refused")]),
            (replace(measured("db", 443), watched=True), [opened(4.0), failed("timeout")]),
            (measured("secret", 1, name="hidden", redact=True), [opened(1.0)]),
        ]
    )

    assert block_lines(run.started_at, hosts_of(run))[4:] == [
        "",
        "Target: db",
        "  Total Checks: 2",
        "  Success Rate: 50.00%",
        "  Ping: 2.50ms avg, 1.00ms min, 4.00ms max",
        "  Port 80: 75.00% success, 2.00ms avg",
        "  Port 443: 50.00% success, 4.00ms avg",
        "  Errors: 2 (refused 1, timeout 1)",
        "",
        "Target: hidden",
        "  Total Checks: 1",
        "  Success Rate: 100.00%",
        "  Ping: 1.00ms avg, 1.00ms min, 1.00ms max",
        "  Port 1: 100.00% success, 1.00ms avg",
    ]
