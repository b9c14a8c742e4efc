"""Hooks that a conftest.py or another plugin may implement.

Where pytest-netmon may be missing or switched off (`-p no:netmon`), mark an implementation with
`@pytest.hookimpl(optionalhook=True)`: pytest takes it for a misspelt name otherwise.

Where pytest-xdist distributes the tests, hooks are called in the controller alone, which loads no
conftest.py but those that pytest loads before it collects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from .plan import Plan
    from .run import Result, Run


def pytest_netmon_plan(config: pytest.Config, plan: Plan) -> None:
    """Edit `plan.endpoints` in place: add, remove, replace (`dataclasses.replace`).

    Called once, before tests are collected and before any packet. The plan is validated again
    afterwards; what is wrong with it then is a usage error.
    """


def pytest_netmon_result(config: pytest.Config, result: Result) -> None:
    """An endpoint's result has become known.

    Called once for each endpoint that was probed: before its first test runs, or at the end of the
    session where none of its tests did (then `result.complete` may be false). Called again when
    a re-run of a test has probed its endpoint anew. Under pytest-xdist: as soon as the controller
    hears of it, which may be after a worker has begun the test.
    """


def pytest_netmon_run(config: pytest.Config, run: Run) -> None:
    """All results are known.

    Called once at the end of the session, also of one that was cut short (`run.partial`), before the
    artifacts are written; not at all where nothing was probed.
    """
