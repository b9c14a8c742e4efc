"""Fixtures of the command's tests."""

from conftest_check import check, late_port

__all__ = ["check", "late_port"]
