"""Outcomes: every one explains itself in one line and says what to try."""

from __future__ import annotations

import pytest

from pytest_netmon.outcomes import CLOSED, OUTCOMES, TRANSIENT, cause_of, next_step_of

CONNECT = ["open", "refused", "timeout", "reset", "host_unreachable", "network_unreachable", "prohibited"]
DNS = ["dns_not_found", "dns_no_address", "dns_failed", "dns_timeout", "dns_invalid"]
NAMES = [*CONNECT, *DNS, "local_error"]


def test_the_table_has_every_outcome_that_a_tcp_check_can_come_to() -> None:
    assert list(OUTCOMES) == NAMES
    assert all(outcome.name == name for name, outcome in OUTCOMES.items())


@pytest.mark.parametrize("name", [*NAMES, "tls_expired", "<script>"])
def test_cause_and_next_step_are_one_printable_line_each(name: str) -> None:
    for text in (cause_of(name, 3.0), next_step_of(name)):
        assert text.isprintable()
        assert "{" not in text


def test_a_timeout_names_the_deadline_that_passed() -> None:
    assert cause_of("timeout", 2.0) == "no answer within 2 s: packets dropped on the way, a firewall?"
    assert "within 250 ms" in cause_of("dns_timeout", 0.25)


def test_a_refused_check_says_that_the_machine_is_there() -> None:
    assert cause_of("refused", 3.0).startswith("the machine answered but nothing listens on that port")


def test_the_outcomes_that_decide_are_in_the_table() -> None:
    assert {*TRANSIENT, *CLOSED} < set(OUTCOMES)


def test_a_next_step_names_the_host_and_the_address_where_they_may_be_shown() -> None:
    assert "`getent hosts db.internal`" in next_step_of("dns_not_found", "db.internal")
    assert "`ip route get 10.0.3.7`" in next_step_of("network_unreachable", "db.internal", "10.0.3.7")
    assert "`ip route get ADDRESS`" in next_step_of("network_unreachable")
