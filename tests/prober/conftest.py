"""Fixtures of the prober's tests."""

from conftest_prober import probe

__all__ = ["probe"]
