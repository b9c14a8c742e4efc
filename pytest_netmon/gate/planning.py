"""The session's plan: configuration, then hooks, then the last look, before any packet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.config.load import load_plan
from pytest_netmon.plan import validate_plan
from pytest_netmon.problems import ConfigurationError
from pytest_netmon.safe import for_terminal

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan

    from .settings import Settings


def make_plan(config: pytest.Config, settings: Settings) -> Plan:
    """Load the plan and let `pytest_netmon_plan` edit it.

    Raises pytest.UsageError, which ends pytest with exit status 4, with a line for each problem.
    """
    try:
        plan = load_plan(settings.files, settings.overrides, env=os.environ, base=config.invocation_params.dir)
        config.hook.pytest_netmon_plan(config=config, plan=plan)
        if problems := validate_plan(plan):
            raise ConfigurationError(problems)
    except ConfigurationError as error:
        raise pytest.UsageError(*(for_terminal(str(problem), None) for problem in error.problems)) from error
    return plan
