"""Tests of one's own beside the limits: each runs once for each endpoint and shares its checks.

pytest --netmon
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_netmon import Endpoint, Result


def test_the_answer_comes_from_a_private_address(netmon_endpoint: Endpoint, netmon_result: Result) -> None:
    if "data" not in netmon_endpoint.tags:
        pytest.skip("public by design")
    assert ipaddress.ip_address(netmon_result.address).is_private


def test_nothing_is_lost_on_the_way(netmon_result: Result) -> None:
    assert netmon_result.statistics.syn_repeats == 0


def test_no_check_is_far_slower_than_the_others(netmon_result: Result) -> None:
    connect = netmon_result.statistics.connect
    assert connect.max_ms < connect.median_ms + 250
