"""Addresses or families that are judged one by one: each must pass, and what does not is named."""

from __future__ import annotations

from typing import Any

import pytest
from samples_for_tests import sample_of as sample

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint
from pytest_netmon.pooling import PartsBuilder
from pytest_netmon.statistics import Statistics
from pytest_netmon.verdict import Surroundings, Verdict, judge

A, B = "10.0.0.1", "10.0.0.2"


def of(**outcomes: list[str]) -> Statistics:
    """`a=["open", "refused"]`: what checks 1, 2 ... of the address 10.0.0.1 came to; b is 10.0.0.2."""
    builder = PartsBuilder()
    for name, each in outcomes.items():
        for number, outcome in enumerate(each, 1):
            if outcome:
                builder.add(sample(number, outcome, part={"a": A, "b": B}[name]))
    return builder.finish()


def verdict_on(statistics: Statistics, **settings: Any) -> Verdict:
    complete, around = settings.pop("complete", True), settings.pop("around", Surroundings())
    settings.setdefault("measured", True)
    settings.setdefault("count", 2)
    limits = tuple(map(parse_limit, settings.pop("limits", ())))
    warn = tuple(map(parse_limit, settings.pop("warn", ())))
    endpoint = Endpoint(host="db", port=1, addresses="all", limits=limits, warn=warn, **settings)
    return judge(endpoint, statistics, complete=complete, around=around)


def test_all_that_are_open_pass() -> None:
    verdict = verdict_on(of(a=["open"] * 2, b=["open"] * 2))
    assert (verdict.status, verdict.reasons, verdict.notes) == ("passed", (), ())
    assert {name: part.status for name, part in verdict.parts.items()} == {A: "passed", B: "passed"}


def test_a_dead_one_fails_and_is_named_though_two_thirds_are_allowed_to_fail() -> None:
    """Half of all checks were open, and none of that address."""
    verdict = verdict_on(of(a=["open"] * 2, b=["timeout"] * 2), limits=["success >= 30%"])
    assert verdict.status == "failed"
    assert verdict.reasons == (f"{B}: success 0.00 % (0 of 2), allowed >= 30 %",)
    (worst,) = verdict.limits
    assert (worst.value, worst.ok) == (0.0, False)


def test_each_limit_has_the_value_of_the_worst() -> None:
    builder = PartsBuilder()
    for number in (1, 2):
        builder.add(sample(number, "open", part=A, connect_us=1_000))
        builder.add(sample(number, "open", part=B, connect_us=90_000))
    verdict = verdict_on(builder.finish(), limits=["success >= 30%", "max < 50ms", "min > 0.5ms"], warn=["avg < 50ms"])
    assert verdict.reasons == (f"{B}: max 90.00 ms, allowed < 50 ms",)
    assert [result.value for result in verdict.limits] == [1.0, 90.0, 1.0]
    assert [result.ok for result in verdict.limits] == [True, False, True]
    assert verdict.notes == (f"warning: {B}: avg 90.00 ms, allowed < 50 ms",)


def test_what_all_of_them_have_is_said_once() -> None:
    verdict = verdict_on(of(a=["refused"] * 2, b=["refused"] * 2))
    assert verdict.reasons == ("success 0.00 % (0 of 2), allowed >= 100 %",)


def test_one_address_that_is_open_fails_what_must_be_closed() -> None:
    verdict = verdict_on(of(a=["refused"] * 2, b=["open"] * 2), expect="closed")
    assert (verdict.status, verdict.reasons) == ("failed", (f"{B}: open in 2 of 2 checks, expected closed",))
    assert verdict_on(of(a=["refused"] * 2, b=["timeout"] * 2), expect="closed").status == "passed"


def test_a_reached_one_is_reached_by_each_address() -> None:
    statistics = of(a=["open"], b=["timeout", "open"])
    verdict = verdict_on(statistics, measured=False, count=3)
    assert (verdict.status, verdict.notes) == ("passed", (f"{B}: reached at try 2 of 3, after timeout",))
    verdict = verdict_on(of(a=["open"], b=["refused"]), measured=False, count=3)
    assert verdict.reasons == (f"{B}: not reached in 1 try: refused",)


def test_what_this_machine_could_not_check_is_inconclusive_unless_another_one_failed() -> None:
    ours = ["local_error"] * 2
    verdict = verdict_on(of(a=["open"] * 2, b=ours))
    assert (verdict.status, verdict.reasons) == (
        "inconclusive",
        (f"{B}: 2 of 2 checks could not be made by this machine (local_error)",),
    )
    verdict = verdict_on(of(a=["refused"] * 2, b=ours))
    assert verdict.status == "failed"
    assert verdict.reasons == (f"{A}: success 0.00 % (0 of 2), allowed >= 100 %",)
    assert any(note.startswith(f"{B}: 2 of 2 checks could not be made") for note in verdict.notes)


def test_an_address_that_was_there_for_a_while_says_so() -> None:
    verdict = verdict_on(of(a=["open"] * 2, b=["", "open"]))
    assert verdict.status == "passed"
    assert verdict.notes == (f"{B}: in 1 of 2 checks: the name did not lead to it in the others",)


def test_a_check_whose_name_did_not_resolve_counts_for_each() -> None:
    builder = PartsBuilder()
    builder.add(sample(1, "dns_failed"))
    for part in (A, B):
        builder.add(sample(2, "open", part=part))
    assert verdict_on(builder.finish()).reasons == ("success 50.00 % (1 of 2), allowed >= 100 %",)
    assert verdict_on(builder.finish(), limits=["success >= 50%"]).status == "passed"


def test_a_run_that_was_cut_off_is_inconclusive() -> None:
    verdict = verdict_on(of(a=["open"], b=["open"]), complete=False)
    assert (verdict.status, verdict.reasons) == ("inconclusive", ("interrupted: 1 of 2 checks were made",))


def test_what_was_reached_before_the_end_says_nothing_of_other_addresses() -> None:
    verdict = verdict_on(of(a=["open"]), measured=False, count=3, complete=False)
    assert verdict.status == "inconclusive"
    assert verdict.reasons == ("interrupted: what came of its other addresses, if there are any, is not known",)


@pytest.mark.parametrize("control", [True, False])
def test_controls_mean_the_same(control: bool) -> None:
    around = Surroundings() if control else Surroundings(failed_controls=("gw:1",))
    verdict = verdict_on(of(a=["open"] * 2, b=["refused"] * 2), control=control, around=around)
    assert verdict.status == "inconclusive"
    assert f"{B}: success 0.00 % (0 of 2), allowed >= 100 %" in verdict.reasons
