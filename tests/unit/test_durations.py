"""Durations in sentences."""

from __future__ import annotations

import pytest

from pytest_netmon.units import spell_duration


@pytest.mark.parametrize(
    ("seconds", "spelt"), [(2, "2 s"), (0.25, "250 ms"), (90, "90 s"), (120, "2 m"), (86400, "1 d")]
)
def test_a_duration_in_a_sentence_has_a_space_before_its_unit(seconds: float, spelt: str) -> None:
    assert spell_duration(seconds) == spelt
