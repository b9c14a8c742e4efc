"""Fixtures of the command's tests."""

from conftest_check import check, late_port
from conftest_monitor import monitor

__all__ = ["check", "late_port", "monitor"]
