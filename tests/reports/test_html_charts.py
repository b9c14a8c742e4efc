"""The charts of the HTML report: nothing that was measured is left out, and nothing is drawn where it was not."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_runs import failed, measured, opened, result_of

from pytest_netmon.limits import parse_limit
from pytest_netmon.reports.html_charts import (
    BOTTOM,
    PLOT,
    TOP,
    WIDTH,
    axis_of,
    histogram_of,
    shown_limits,
    time_line_of,
)
from pytest_netmon.reports.html_scale import Scale, scale_of, shown_tick
from pytest_netmon.reports.html_series import MOST_LISTED, MOST_POINTS, MOST_STRETCHES, series_of

TIMES_MS = st.floats(0.001, 100_000).map(lambda ms: round(ms, 3))


def charted(checks, *limits, gaps=(), interval_s=0.25):
    result = result_of(measured("db", 1, *limits, count=len(checks), interval_s=interval_s), checks)
    series = series_of(result)
    axis = axis_of(result.statistics.connect, shown_limits(result.verdict))
    return axis, time_line_of(series, axis.scale, gaps), result


def places(path):
    return [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)", path)]


@given(st.lists(TIMES_MS, min_size=1, max_size=8))
def test_a_scale_holds_all_values_in_their_order_and_has_a_few_ticks(values):
    scale = scale_of(values)
    shares = [scale.share_of(value) for value in sorted(values)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert len(set(scale.ticks_ms)) == len(scale.ticks_ms) <= 6
    assert all(scale.low_ms <= tick <= scale.high_ms for tick in scale.ticks_ms)
    assert scale.is_log == (max(values) / min(values) > 25)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([9.1, 12.4], ["0", "5", "10"]),
        ([0.03, 0.04], ["0", "0.01", "0.02", "0.03", "0.04"]),
        ([9.1, 1036.0], ["10", "30", "100", "300", "1000"]),
        ([0.01, 2000.0], ["0.01", "0.1", "1", "10", "100", "1000"]),
        ([5.0], ["0", "2", "4"]),
        ([0.0, 0.0], ["0", "0.0005", "0.001"]),
    ],
)
def test_ticks_are_round_numbers(values, ticks):
    assert [shown_tick(tick) for tick in scale_of(values).ticks_ms] == ticks


def test_a_value_can_be_found_back_from_its_height():
    for scale in (Scale(0.0, 50.0, is_log=False), Scale(1.0, 1000.0, is_log=True)):
        assert scale.value_at(scale.share_of(20.0)) == pytest.approx(20.0)


def test_each_check_is_a_dot_a_repeated_syn_a_ring_and_a_failure_a_tick():
    checks = [opened(10.0), opened(1020.0, syn_repeats=1), failed("timeout"), failed("local_error"), opened(12.0)]
    _, line, _ = charted(checks)
    dots = places(line.dots)
    assert [x for x, _ in dots] == [8, 254, 992]
    assert places(line.rings) == [dots[1]]
    assert [x for x, _ in places(line.failed)] == [500]
    assert [x for x, _ in places(line.left_out)] == [746]
    assert dots[1][1] < dots[2][1] < dots[0][1] <= BOTTOM
    assert (line.bars, line.stretch_us) == ("", None)


# More checks than are drawn singly are many by their nature.
@settings(suppress_health_check=[HealthCheck.large_base_example, HealthCheck.data_too_large, HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(TIMES_MS.map(opened), st.sampled_from([failed("timeout"), failed("refused"), failed("local_error")])),
        min_size=MOST_POINTS + 1,
        max_size=MOST_POINTS + 60,
    ),
    st.integers(1, 10**7),
)
def test_many_checks_are_drawn_as_stretches_that_keep_the_fastest_the_slowest_and_every_failure(checks, interval_us):
    series = series_of(result_of(measured("db", 1, count=len(checks), interval_s=interval_us / 1e6), checks))
    stretches = [stretch for _, stretch in series.stretches.in_order()]
    connect_ms = [check["connect_ms"] for check in checks if check["outcome"] == "open"]
    outcomes = [check["outcome"] for check in checks]

    assert series.points is None
    assert 1 <= len(stretches) <= MOST_STRETCHES
    assert sum(stretch.opened for stretch in stretches) == len(connect_ms)
    assert sum(stretch.left_out for stretch in stretches) == outcomes.count("local_error")
    assert sum(stretch.failed for stretch in stretches) == outcomes.count("timeout") + outcomes.count("refused")
    lows = [stretch.low_ms for stretch in stretches if stretch.low_ms is not None]
    highs = [stretch.high_ms for stretch in stretches if stretch.high_ms is not None]
    assert (min(lows, default=0), max(highs, default=0)) == (min(connect_ms, default=0), max(connect_ms, default=0))


def test_one_slow_check_among_thousands_is_seen_and_one_failed_one_too():
    checks = [opened(10.0) for _ in range(5000)]
    checks[2500] = opened(1020.0, syn_repeats=1)
    checks[4000] = failed("timeout")
    axis, line, _ = charted(checks, interval_s=1.0)
    top = round(TOP + (1 - axis.scale.share_of(1020.0)) * PLOT)
    assert line.stretch_us > 1_000_000
    assert [y for _, y in places(line.rings)] == [top]
    assert f" {top - 1}V" in line.bars
    assert re.findall(r"v-(\d+)", line.failed) == ["5"]
    assert line.dots == ""


def test_a_limit_is_a_line_at_its_height_broken_or_kept():
    axis, _, _ = charted([opened(10.0)] * 40, "p95 < 5ms", "max < 40ms", "stdev < 2ms", "rtt.max < 20ms")
    assert [(line.label, line.state) for line in axis.limits] == [("max < 40 ms", "kept"), ("p95 < 5 ms", "broken")]
    assert axis.limits[0].y < axis.limits[1].y
    assert abs(axis.limits[0].label_y - axis.limits[1].label_y) >= 12


def test_a_limit_far_from_everything_is_named_at_the_edge():
    axis, _, _ = charted([opened(10.0)] * 40, "p95 < 5s", "min > 0.1ms")
    assert [(line.label, line.y) for line in axis.limits] == [("↑ p95 < 5 s", None), ("↓ min > 0.1 ms", None)]
    assert axis.scale.high_ms < 20


def test_labels_of_limits_that_meet_stand_one_under_the_other():
    axis, _, _ = charted([opened(10.0)] * 40, "p95 < 20ms", "max < 20.1ms", "p99 < 20.2ms")
    heights = [line.label_y for line in axis.limits]
    assert [after - before for before, after in itertools.pairwise(heights)] == [13, 13]


def test_a_gap_is_shaded_where_it_was():
    _, line, _ = charted([opened(10.0)] * 41, gaps=((5_001_000, 1_000_000), (99_000_000, 1)))
    assert line.gaps == ((500, 98),)


@given(st.lists(TIMES_MS, min_size=5, max_size=60))
def test_a_histogram_counts_every_value(values):
    result = result_of(measured("db", 1, count=len(values)), [opened(value) for value in values])
    histogram = histogram_of(result.statistics.connect, shown_limits(result.verdict))
    if len(set(values)) == 1:
        assert histogram is None
        return
    heights = [int(height) for height in re.findall(r"v-(\d+)", histogram.bars)]
    assert max(heights) == PLOT
    assert histogram.most <= len(values)
    assert len(values) == pytest.approx(sum(heights) * histogram.most / PLOT, abs=len(heights))
    assert (histogram.low_ms, histogram.high_ms) == (min(values), max(values))
    assert all(0 <= x <= WIDTH for x, _ in places(histogram.bars))


def test_a_histogram_shows_limits_in_between():
    _, _, result = charted([opened(float(ms)) for ms in range(10, 21)], "max < 15ms", "min > 1ms", "avg < 12ms")
    assert histogram_of(result.statistics.connect, shown_limits(result.verdict)).limits == (
        (500, "broken"),
        (200, "broken"),
    )


def test_few_values_make_no_histogram():
    _, _, result = charted([opened(1.0), opened(2.0), opened(3.0), opened(4.0)])
    assert histogram_of(result.statistics.connect, ()) is None


def test_without_an_open_check_there_is_nothing_to_draw():
    result = result_of(measured("db", 1), [failed("timeout")] * 40)
    assert axis_of(result.statistics.connect, shown_limits(result.verdict)) is None


def test_checks_that_need_a_look_are_listed_up_to_a_number():
    checks = [opened(1.0), opened(1020.0, syn_repeats=1), *[failed("timeout")] * 30]
    series = series_of(result_of(measured("db", 1, count=32), checks))
    assert [sample.check for sample in series.listed] == [*range(2, 2 + MOST_LISTED)]
    assert series.unlisted == 11


def test_of_what_must_be_closed_the_checks_that_were_not_are_listed():
    checks = [failed("refused"), opened(1.0), failed("dns_failed"), failed("timeout")]
    series = series_of(result_of(measured("db", 1, count=4, expect="closed"), checks))
    assert [sample.check for sample in series.listed] == [2, 3]


def test_addresses_are_told_apart_up_to_a_number():
    checks = [opened(float(number), address=f"10.0.0.{number % 12}") for number in range(24)]
    checks.append(failed("local_error", address="10.0.0.1"))
    series = series_of(result_of(measured("db", 1, count=25), checks))
    assert len(series.addresses) == 10
    assert (series.addresses["10.0.0.3"].checks, series.addresses["10.0.0.3"].sum_ms) == (2, 18.0)
    assert (series.other_addresses.checks, series.other_addresses.opened) == (4, 4)


def test_a_limit_that_fails_nothing_is_drawn_as_a_warning():
    endpoint = replace(measured("db", 1, "max < 40ms"), warn=(parse_limit("p95 < 5ms"), parse_limit("p95 < 30ms")))
    result = result_of(endpoint, [opened(10.0)] * 40)
    axis = axis_of(result.statistics.connect, shown_limits(result.verdict))
    told = [(line.label, line.state) for line in axis.limits]
    assert told == [("max < 40 ms", "kept"), ("p95 < 30 ms", "kept"), ("p95 < 5 ms", "warning")]


def test_checks_that_are_not_counted_are_not_drawn():
    endpoint = measured("db", 1, count=4, warmup=2)
    checks = [
        opened(900.0, check=0),
        failed("timeout", check=0),
        *[opened(2.0, check=number) for number in range(1, 5)],
    ]
    series = series_of(result_of(endpoint, checks))
    assert [point.connect_ms for point in series.points] == [2.0] * 4
    assert (series.listed, series.addresses["10.0.3.7"].checks) == ([], 4)
