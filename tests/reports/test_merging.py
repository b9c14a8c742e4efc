"""Runs of several machines put together as one."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from made_runs import MACHINE, START, failed, opened, reached, run_of

from pytest_netmon.distributions import DistributionBuilder
from pytest_netmon.merging import MergeError, labels_of, merged, relabelled
from pytest_netmon.run import Measuring
from pytest_netmon.samples import Gap, Lateness

TIMEOUT = failed("timeout", clock_ms=3000.0)


def parts(*paths):
    return [path.split("/") for path in paths]


def labelled(**runs):
    return [(label, relabelled(run, label)) for label, run in runs.items()]


@pytest.mark.parametrize(
    ("hosts", "paths", "labels"),
    [
        (["web", "db"], parts("x/netmon", "x/netmon"), ["web", "db"]),
        (["ci", "ci"], parts("all/ubuntu/netmon", "all/macos/netmon"), ["ubuntu", "macos"]),
        (["ci", "ci"], parts("runs/one", "runs/two"), ["one", "two"]),
        (["ci", "web", "ci"], parts("a/netmon", "b/netmon", "c/netmon"), ["a", "web", "c"]),
        (["", ""], parts("a/netmon", "b/netmon"), ["a", "b"]),
        (["", ""], parts("netmon", "netmon"), ["netmon", "netmon-2"]),
        (["a", "", ""], parts("x/netmon", "a/netmon", "b/netmon"), ["a", "a-2", "b"]),
        (["ci"], parts("a/netmon"), ["ci"]),
    ],
)
def test_machines_of_the_same_name_are_told_apart_by_their_files(hosts, paths, labels):
    assert labels_of(hosts, paths) == labels


def test_one_run_is_left_as_it_is():
    run = run_of([(reached(), [opened(1.0)])])
    assert merged([("paris", run)]) is run


def test_each_machine_becomes_a_place_and_keeps_its_verdicts_and_samples():
    paris, tokyo = run_of([(reached(), [TIMEOUT] * 3)]), run_of([(reached("api", 443), []), (reached(), [opened(2.0)])])
    run = merged(labelled(paris=paris, tokyo=tokyo))
    assert [(each.endpoint.vantage, each.endpoint.id, each.verdict.status) for each in run.results] == [
        ("paris", "db.internal:5432", "failed"),
        ("tokyo", "api:443", "inconclusive"),
        ("tokyo", "db.internal:5432", "passed"),
    ]
    assert [each.index for each in run.results] == [0, 1, 2]
    assert [sample.outcome for sample in run.results[0].samples] == ["timeout"] * 3
    assert [(sample.connect_ms, sample.endpoint) for sample in run.results[2].samples] == [(2.0, 2)]


def test_samples_keep_their_times_whatever_run_began_first():
    later = START + datetime.timedelta(hours=1)
    paris, tokyo = (run_of([(reached(), [opened(1.0)])], started_at=at, ended_at=at) for at in (later, START))
    run = merged(labelled(paris=paris, tokyo=tokyo))
    assert (run.started_at, run.ended_at) == (START, later)
    times = [run.timestamp_of(result.samples[0]) for result in run.results]
    assert times == [each.timestamp_of(each.results[0].samples[0]) for each in (paris, tokyo)]


def test_a_vantage_of_a_machine_is_named_after_both():
    endpoints = [(reached(vantage=vantage), [opened(1.0)]) for vantage in ("local", "app")]
    run = relabelled(run_of(endpoints), "paris")
    assert [each.vantage for each in run.plan.endpoints] == ["paris", "paris.app"]
    assert [result.endpoint for result in run.results] == run.plan.endpoints


def test_the_same_endpoint_from_the_same_place_is_refused():
    run = run_of([(reached(), [opened(1.0)])])
    with pytest.raises(MergeError, match=r"db.internal:5432 from a stands in several of the runs"):
        merged([("a", relabelled(run, "a")), ("b", relabelled(run, "a"))])


def test_what_only_one_machine_says_is_told_with_its_name():
    paris = run_of([(reached(), [opened(1.0)])], warnings=("both", "mine"), gaps=(Gap(1, 2_500_000, "suspended", 3),))
    tokyo = run_of([(reached(), [opened(1.0)])], warnings=("both",), partial=True, lost_samples=2)
    run = merged(labelled(paris=paris, tokyo=tokyo))
    assert run.warnings == (
        "both",
        "paris: mine",
        "paris: the checker itself stood still for 2.5 s in all: 3 checks left out",
        "tokyo: the run was cut off",
    )
    assert (run.partial, run.lost_samples, run.gaps) == (True, 2, ())


def test_machines_are_listed_and_many_counted():
    runs = {
        f"p{at}": run_of([(reached(), [opened(1.0)])], machine={**MACHINE, "host": f"h{at}"}, tool_version="0.1")
        for at in range(6)
    }
    run = merged(labelled(**runs))
    assert run.machine == {**MACHINE, "host": "h0, h1, h2, h3 and 2 more"}
    assert run.tool_version == "0.1"


def test_how_true_the_times_are_is_told_for_all_together():
    lag = DistributionBuilder()
    lag.add(100)
    known = Measuring(lag=lag.finish(), own_clock_checks=2, late_starts=Lateness(5, 1, 2, 3))
    late = replace(known, late_starts=Lateness(9, 10, 20, 30))
    runs = [run_of([(reached(), [opened(1.0)])], measuring=each) for each in (known, late, None)]
    run = merged(labelled(a=runs[0], b=runs[1], c=runs[2]))
    assert (run.measuring.lag.count, run.measuring.own_clock_checks) == (2, 4)
    assert run.measuring.late_starts == Lateness(9, 10, 20, 30)
