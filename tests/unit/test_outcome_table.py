"""Outcomes: every one explains itself in one line and says what to try."""

from __future__ import annotations

import pytest

from pytest_netmon.outcomes import CLOSED, ONCE_OPEN, OUTCOMES, TRANSIENT, cause_of, next_step_of

CONNECT = ["open", "refused", "timeout", "reset", "closed_at_once"]
WAYS = ["host_unreachable", "network_unreachable", "prohibited"]
DNS = ["dns_not_found", "dns_no_address", "dns_failed", "dns_timeout", "dns_invalid"]
TLS = ["tls_handshake", "tls_verify", "tls_name_mismatch", "tls_expired", "tls_timeout"]
PROXY = ["proxy_refused", "proxy_denied", "proxy_timeout"]
NAMES = [*CONNECT, *WAYS, *DNS, *TLS, *PROXY, "local_error"]


def test_the_table_has_every_outcome_that_a_check_can_come_to() -> None:
    assert list(OUTCOMES) == NAMES
    assert all(outcome.name == name for name, outcome in OUTCOMES.items())


@pytest.mark.parametrize("name", [*NAMES, "quic_timeout", "<script>"])
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
    assert {*TRANSIENT, *CLOSED, *ONCE_OPEN} < set(OUTCOMES)


def test_what_was_open_once_proves_nothing_closed() -> None:
    assert not {*ONCE_OPEN} & {*CLOSED}
    assert {*TLS} < {*ONCE_OPEN}
    assert not {*PROXY} & {*ONCE_OPEN, *CLOSED}


def test_a_next_step_names_the_host_and_the_address_where_they_may_be_shown() -> None:
    assert "`getent hosts db.internal`" in next_step_of("dns_not_found", "db.internal")
    assert "`ip route get 10.0.3.7`" in next_step_of("network_unreachable", "db.internal", "10.0.3.7")
    assert "`ip route get ADDRESS`" in next_step_of("network_unreachable")


def test_a_next_step_names_the_target_as_a_command_takes_it() -> None:
    assert "-connect [::1]:443`" in next_step_of("tls_name_mismatch", "::1", target="[::1]:443")
    assert "-connect HOST:PORT`" in next_step_of("tls_name_mismatch")
