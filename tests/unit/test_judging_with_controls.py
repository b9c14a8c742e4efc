"""Verdicts in view of the rest of the run: controls that failed, ports that were only silent."""

from __future__ import annotations

from typing import Any

import pytest
from samples_for_tests import outcomes

from pytest_netmon.limits import parse_limit
from pytest_netmon.plan import Endpoint
from pytest_netmon.verdict import Surroundings, Verdict, judge

NOTHING_REACHED = Surroundings(others_opened=False)
GATEWAY_DOWN = Surroundings(failed_controls=("gateway:443",), others_opened=False)
TOLD = "the control gateway:443 failed too, so that this says nothing of the target"


def verdict(expect: str, *names: str, around: Surroundings, **fields: Any) -> Verdict:
    endpoint = Endpoint(host="db", port=1, measured=True, count=len(names), expect=expect, **fields)  # type: ignore[arg-type]
    return judge(endpoint, outcomes(*names), complete=True, around=around)


@pytest.mark.parametrize(
    ("expect", "names", "status"),
    [
        ("closed", ["refused", "timeout", "prohibited"], "passed"),
        ("refused", ["refused", "refused"], "passed"),
        ("refused", ["refused", "timeout"], "failed"),
        ("refused", ["refused", "prohibited"], "failed"),
        ("timeout", ["timeout"], "passed"),
        ("timeout", ["timeout", "refused"], "failed"),
        *(
            (expect, [expect.replace("closed", "refused"), "open"], "failed")
            for expect in ("closed", "refused", "timeout")
        ),
    ],
)
def test_every_check_must_come_to_what_is_expected(expect: str, names: list[str], status: str) -> None:
    assert verdict(expect, *names, around=Surroundings()).status == status


def test_the_reason_says_what_was_expected() -> None:
    assert verdict("refused", "timeout", "refused", around=Surroundings()).reasons == (
        "timeout in 1 of 2 checks, expected refused",
    )


@pytest.mark.parametrize("expect", ["closed", "timeout"])
def test_silence_alone_is_no_proof_where_nothing_else_was_reached(expect: str) -> None:
    judged = verdict(expect, "timeout", "timeout", around=NOTHING_REACHED)
    assert (judged.status, judged.notes) == ("passed", ("not proven: nothing else was reached either",))
    assert verdict(expect, "timeout", around=Surroundings()).notes == ()


@pytest.mark.parametrize("heard", ["refused", "prohibited"])
def test_an_answer_is_proof_in_any_case(heard: str) -> None:
    assert verdict("closed", "timeout", heard, around=NOTHING_REACHED).notes == ()
    assert verdict("closed", "timeout", heard, around=GATEWAY_DOWN).status == "passed"


def test_silence_beside_a_failed_control_is_inconclusive() -> None:
    judged = verdict("closed", "timeout", around=GATEWAY_DOWN)
    assert (judged.status, judged.reasons, judged.failed_controls) == ("inconclusive", (TOLD,), ("gateway:443",))


def test_a_failure_beside_a_failed_control_is_inconclusive_and_keeps_its_reasons() -> None:
    judged = verdict("open", "timeout", "open", around=GATEWAY_DOWN, limits=(parse_limit("errors == 0"),))
    assert judged.status == "inconclusive"
    assert judged.reasons == (TOLD, "success 50.00 % (1 of 2), allowed >= 100 %", "errors 1, allowed == 0")


def test_several_failed_controls_are_all_named() -> None:
    around = Surroundings(failed_controls=("a:1", "b:1"))
    assert verdict("open", "timeout", around=around).reasons[0].startswith("the controls a:1, b:1 failed too, ")


def test_what_is_open_passes_beside_a_failed_control() -> None:
    assert verdict("open", "open", around=GATEWAY_DOWN).status == "passed"


@pytest.mark.parametrize("name", ["open", "reset"])
def test_what_was_open_and_must_not_be_fails_beside_a_failed_control(name: str) -> None:
    assert verdict("closed", name, "timeout", around=GATEWAY_DOWN).status == "failed"


def test_a_control_that_fails_is_inconclusive_and_blames_nobody() -> None:
    judged = verdict("open", "timeout", around=GATEWAY_DOWN, control=True)
    assert (judged.status, judged.failed_controls) == ("inconclusive", ())
    assert judged.reasons[0] == "this control must be reached for the run to mean anything"
    assert verdict("open", "open", around=Surroundings(), control=True).status == "passed"
