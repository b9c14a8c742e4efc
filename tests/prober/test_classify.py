"""Errors of the system to outcomes, as measured (what each fault looks like)."""

from __future__ import annotations

import errno
import socket

import pytest

from pytest_netmon.prober.classify import connect_outcome, error_name, resolution_outcome

V4, V6 = socket.AF_INET, socket.AF_INET6


def with_route(family: int) -> bool:
    return True


def without_route(family: int) -> bool:
    return False


@pytest.mark.parametrize(
    ("code", "icmp", "family", "outcome"),
    [
        (errno.ECONNREFUSED, None, V4, "refused"),
        (errno.ECONNREFUSED, (3, 3), V4, "refused"),
        (errno.ENOPROTOOPT, (3, 2), V4, "refused"),
        (errno.ETIMEDOUT, None, V4, "timeout"),
        (errno.EHOSTUNREACH, (3, 1), V4, "host_unreachable"),
        (errno.EHOSTUNREACH, None, V4, "host_unreachable"),
        (errno.EHOSTUNREACH, (1, 3), V6, "host_unreachable"),
        (errno.EHOSTUNREACH, (3, 13), V4, "prohibited"),
        (errno.EHOSTUNREACH, (3, 10), V4, "prohibited"),
        (errno.ENETUNREACH, (3, 9), V4, "prohibited"),
        (errno.EACCES, (1, 1), V6, "prohibited"),
        (errno.EACCES, None, V4, "prohibited"),
        (errno.EPERM, None, V4, "prohibited"),
        (errno.ENETUNREACH, (3, 0), V4, "network_unreachable"),
        (errno.ENETUNREACH, None, V4, "network_unreachable"),
        (errno.EINVAL, None, V4, "network_unreachable"),
        (errno.ECONNRESET, None, V4, "reset"),
        (errno.EPIPE, None, V4, "reset"),
        (errno.EMFILE, None, V4, "local_error"),
        (errno.ENFILE, None, V4, "local_error"),
        (errno.ENOBUFS, None, V4, "local_error"),
        (errno.ENOMEM, None, V4, "local_error"),
        (errno.EADDRNOTAVAIL, None, V6, "local_error"),
    ],
)
def test_an_error_of_connect_has_the_outcome(
    code: int, icmp: tuple[int, int] | None, family: int, outcome: str
) -> None:
    assert connect_outcome(code, icmp, family, with_route) == outcome


def test_no_route_at_all_in_that_family_is_the_machines_own_fault() -> None:
    assert connect_outcome(errno.ENETUNREACH, None, V6, without_route) == "local_error"


def test_a_router_that_says_network_unreachable_is_not_the_machines_fault() -> None:
    assert connect_outcome(errno.ENETUNREACH, (3, 0), V4, without_route) == "network_unreachable"


def test_an_error_that_nobody_knows_is_not_blamed_on_the_target() -> None:
    assert connect_outcome(9999, None, V4, with_route) == "local_error"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns_not_found"),
        (socket.gaierror(socket.EAI_NODATA, "No address associated with hostname"), "dns_no_address"),
        (socket.gaierror(socket.EAI_ADDRFAMILY, "Address family for hostname not supported"), "dns_no_address"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "dns_failed"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution"), "dns_failed"),
        (OSError(errno.EMFILE, "Too many open files"), "local_error"),
        (UnicodeError("label empty or too long"), "dns_invalid"),
    ],
)
def test_an_error_of_the_resolver_has_the_outcome(error: Exception, outcome: str) -> None:
    assert resolution_outcome(error) == outcome


def test_errors_are_shown_by_their_symbol() -> None:
    assert error_name(errno.ECONNREFUSED) == "ECONNREFUSED"
    assert error_name(99999) == "99999"
