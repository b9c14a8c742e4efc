"""Endpoints against an earlier run of them."""

from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.baseline import ALPHA, Baseline, BaselineRun, Measured, Reference, compare, needed_samples
from pytest_netmon.baseline_record import MOST_KEPT_PAIRS, baseline_of_record, baseline_record
from pytest_netmon.distributions import MOST_EXACT_VALUES, DistributionBuilder
from pytest_netmon.limits import LimitError
from pytest_netmon.ranks import least_p
from pytest_netmon.tolerance import Tolerance, read_metric, tolerance_of, tolerance_record

THEN = datetime.datetime(2026, 7, 1, tzinfo=datetime.timezone.utc)
ANY = Tolerance(min_delta_ms=0.0)


def distribution(values_ms):
    builder = DistributionBuilder()
    for value in values_ms:
        builder.add(round(value * 1000))
    return builder.finish()


def steady(around_ms, count=20):
    """Values of their own, within 1 % of that."""
    return [around_ms * (1 + at / count / 100) for at in range(count)]


def measured(index=0, values=(), name=None, tolerance=ANY, vantage="local", phase="connect"):
    phases = None if values is None else {"connect": distribution([]), phase: distribution(values)}
    return Measured(index, vantage, name or f"e{index}:1", tolerance, phases)


def baseline_of(values_by_name, *, partial=False, not_passed=0, reached=(), vantage="local", phase="connect"):
    references = {
        (vantage, name): Reference(name not in reached, {phase: distribution(values)})
        for name, values in values_by_name.items()
    }
    return Baseline(BaselineRun("old.json", THEN, "m", partial, not_passed), references)


def compared(now, then, tolerance=ANY, **fields):
    """One endpoint, 12 ms in the baseline unless told otherwise."""
    (comparison,) = compare([measured(0, now, tolerance=tolerance)], baseline_of({"e0:1": then}, **fields)).values()
    return comparison


def test_what_is_as_fast_as_before_keeps_its_baseline():
    comparison = compared(steady(12.0), steady(12.0))
    assert (comparison.state, comparison.ok, comparison.p) == ("kept", True, 1.0)
    assert comparison.increase == pytest.approx(0.0)


def test_what_got_slower_is_a_regression_and_says_by_how_much():
    comparison = compared(steady(24.1), steady(12.0))
    assert (comparison.state, comparison.ok) == ("slower", False)
    assert comparison.text == (
        "median 24.21 ms, baseline 12.06 ms: +101 % (+12.16 ms), allowed +30 % and 0 ms; p = 7.3e-12 after Holm over 1"
    )
    assert comparison.increase == pytest.approx(1.008, abs=1e-3)
    assert comparison.delta_ms == pytest.approx(12.16, abs=0.01)


def test_what_got_faster_is_no_regression():
    comparison = compared(steady(12.0), steady(24.0))
    assert (comparison.state, comparison.ok) == ("faster", True)


@pytest.mark.parametrize(
    ("now_ms", "tolerance", "state"),
    [
        (130.0, Tolerance(max_increase=0.3, min_delta_ms=20.0), "kept"),  # 30 %, not more
        (131.0, Tolerance(max_increase=0.3, min_delta_ms=20.0), "slower"),
        (131.0, Tolerance(max_increase=0.3, min_delta_ms=40.0), "kept"),
        (121.0, Tolerance(max_increase=0.2, min_delta_ms=20.0), "slower"),
        (120.0, Tolerance(max_increase=0.0, min_delta_ms=20.0), "kept"),
        (120.1, Tolerance(max_increase=0.0, min_delta_ms=20.0), "slower"),
    ],
)
def test_both_the_percentage_and_the_difference_are_needed(now_ms, tolerance, state):
    spread = [value / 100 for value in range(-9, 11)]
    now, then = ([around + each for each in spread] for around in (now_ms, 100.0))
    assert compared(now, then, tolerance).state == state


def test_statistical_support_is_needed_too():
    """The median more than doubled, but by a few checks out of a wild bunch."""
    then = [5.0] * 11 + [60.0] * 9
    now = [5.0] * 9 + [60.0] * 11
    comparison = compared(now, then)
    assert comparison.increase > 10
    assert (comparison.state, comparison.ok) == ("kept", True)
    assert comparison.p > ALPHA


def test_the_more_endpoints_are_compared_the_clearer_one_must_be():
    now, then = [*steady(11.0, 5), *steady(30.0, 15)], steady(12.1)

    def state(others):
        endpoints = [measured(0, now), *(measured(at, steady(12.0)) for at in range(1, others + 1))]
        references = {"e0:1": then} | {f"e{at}:1": steady(12.0) for at in range(1, others + 1)}
        return compare(endpoints, baseline_of(references))[0]

    assert (state(0).state, state(0).tests) == ("slower", 1)
    assert state(199).p == pytest.approx(200 * state(0).p)
    assert (state(199).state, state(199).tests) == ("kept", 200)


def test_an_endpoint_that_is_cut_off_counts_but_is_not_told():
    found = compare([measured(0, steady(24.0)), measured(1, None)], baseline_of({"e0:1": steady(12.0), "e1:1": []}))
    assert list(found) == [0]
    assert found[0].tests == 2


@pytest.mark.parametrize(("missing", "ok"), [("fail", False), ("skip", True)])
@pytest.mark.parametrize(
    ("then", "reached", "state", "told"),
    [
        ({}, (), "none", "no baseline for it in old.json"),
        ({"e0:1": [1.0]}, ("e0:1",), "none", "there it was only reached, not measured (count)"),
        ({"e0:1": []}, (), "few", "no connect time in the baseline old.json to compare"),
        ({"e0:1": steady(12.0, 3)}, (), "few", "samples: 20 here and 3 in the baseline are too few"),
    ],
)
def test_missing_decides_where_nothing_can_be_compared(missing, ok, then, reached, state, told):
    tolerance = Tolerance(missing=missing)
    others = [measured(at, None) for at in range(1, 60)]
    endpoints = [measured(0, steady(24.0), tolerance=tolerance), *others]
    comparison = compare(endpoints, baseline_of(then, reached=reached))[0]
    assert (comparison.state, comparison.ok, comparison.p) == (state, ok, None)
    assert told in comparison.text
    assert comparison.text.startswith("not compared with the baseline: ")


def test_an_endpoint_without_one_open_check_cannot_be_compared():
    assert "no connect time in this run to compare" in compared([], steady(12.0)).text


@pytest.mark.parametrize("tests", [1, 2, 10, 200, 5000])
def test_too_few_are_those_that_could_never_alarm(tests):
    needed = needed_samples(tests)
    assert tests * least_p(needed, needed) <= ALPHA < tests * least_p(needed - 1, needed - 1)


@pytest.mark.parametrize(("count", "state"), [(8, "few"), (9, "slower")])
def test_of_200_endpoints_nine_samples_are_enough(count, state):
    endpoints = [measured(0, steady(24.0, count)), *(measured(at, None) for at in range(1, 200))]
    comparison = compare(endpoints, baseline_of({"e0:1": steady(12.0, count)}))[0]
    assert comparison.state == state
    if state == "few":
        assert comparison.text.endswith("with 200 endpoints compared it takes 9 and 9")


def test_another_phase_and_a_percentile_can_be_compared():
    tolerance = Tolerance(read_metric("dns.p95"), 0.3, 0.0)
    endpoint = measured(0, steady(40.0), tolerance=tolerance, phase="dns")
    comparison = compare([endpoint], baseline_of({"e0:1": steady(12.0)}, phase="dns"))[0]
    assert (comparison.state, comparison.metric.name) == ("slower", "dns.p95")


def test_the_same_place_may_have_two_names_where_there_is_only_one():
    then = baseline_of({"e0:1": steady(12.0)}, vantage="runner-7")
    assert compare([measured(0, steady(12.0))], then)[0].state == "kept"
    elsewhere = [measured(0, steady(12.0)), measured(1, steady(12.0), name="e0:1", vantage="paris")]
    assert [each.state for each in compare(elsewhere, then).values()] == ["none", "none"]


def test_places_of_the_same_names_are_compared_each_with_itself():
    references = {
        (place, "e0:1"): Reference(True, {"connect": distribution(steady(ms))})
        for place, ms in (("paris", 12.0), ("tokyo", 240.0))
    }
    then = Baseline(BaselineRun("old.json", THEN, "m", False, 0), references)
    now = [measured(0, steady(12.0), vantage="paris"), measured(1, steady(480.0), name="e0:1", vantage="tokyo")]
    assert [each.state for each in compare(now, then).values()] == ["kept", "slower"]


def test_a_baseline_of_a_million_checks_is_as_coarse_as_the_run_or_both_are():
    """Values past 5,000 different ones keep ten leading bits; those of the run must then be as coarse."""
    many = [12.0 + at / 1000 for at in range(MOST_EXACT_VALUES + 50)]
    tolerance = Tolerance(max_increase=0.0, min_delta_ms=0.0)
    assert compared(many, many, tolerance).state == "kept"
    shifted = compared([value + 0.004 for value in many[:300]], many[:300] * 20, tolerance)
    assert shifted.p > ALPHA


def test_what_a_reader_must_know_of_the_baseline_is_told():
    assert baseline_of({}).run.warnings == ()
    assert baseline_of({}, partial=True, not_passed=2).run.warnings == (
        "baseline old.json: its run was cut off",
        "baseline old.json: 2 of its endpoints did not pass",
    )


VALUES = st.lists(st.floats(0.001, 1000), min_size=0, max_size=30)


@given(VALUES, VALUES)
def test_what_a_sample_file_keeps_of_a_baseline_decides_the_same(now, then):
    baseline = baseline_of({"e0:1": then, "other:1": now})
    record = json.loads(json.dumps(baseline_record(baseline, {"e0:1": "connect"})))
    kept = baseline_of_record(record)
    assert kept.run == baseline.run
    assert list(kept.references) == [("local", "e0:1")]
    endpoint = measured(0, now)
    assert compare([endpoint], kept) == compare([endpoint], baseline)


def test_a_baseline_that_is_too_large_for_a_header_says_so_and_fails_closed():
    builder = DistributionBuilder()
    for value in range(5_000):
        builder.add(value)
    references = {("local", f"e{at}:1"): Reference(True, {"connect": builder.finish()}) for at in range(90)}
    baseline = Baseline(BaselineRun("old.json", THEN, "m", False, 0), references)
    phases = {name: "connect" for _, name in references}
    assert sum(5_000 for _ in references) > MOST_KEPT_PAIRS
    kept = baseline_of_record(baseline_record(baseline, phases))
    comparison = compare([measured(0, steady(12.0))], kept)[0]
    assert (comparison.state, comparison.ok) == ("none", False)
    assert "its baseline old.json is not in the sample file: give it again with --baseline" in comparison.text
    assert len(baseline_of_record(baseline_record(baseline, phases, whole=True)).references) == 90


@pytest.mark.parametrize("text", ["min", "max", "stdev", "jitter", "success", "errors", "outage", "p0", "x", ""])
def test_a_metric_that_is_no_place_of_a_distribution_is_refused(text):
    with pytest.raises(LimitError):
        read_metric(text)


@pytest.mark.parametrize("tolerance", [Tolerance(), Tolerance(read_metric("tls.p99.9"), 0.05, 1.5, "skip"), None])
def test_a_tolerance_comes_back_from_its_record(tolerance):
    assert tolerance_of(json.loads(json.dumps(tolerance_record(tolerance)))) == tolerance


@pytest.mark.parametrize(
    "changed",
    [{"metric": "max"}, {"max_increase": -1}, {"max_increase": "1"}, {"min_delta_ms": True}, {"missing": "x"}],
)
def test_a_record_that_nobody_wrote_is_refused(changed):
    with pytest.raises((ValueError, TypeError)):
        tolerance_of({**tolerance_record(Tolerance()), **changed})
