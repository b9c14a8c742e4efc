"""The session's plan: configuration, then hooks, then the last look, before any packet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.config.load import load_plan
from pytest_netmon.plan import validate_plan
from pytest_netmon.problems import ConfigurationError
from pytest_netmon.safe import for_terminal

from .collecting import Modules
from .settings import Settings

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan


class Planned:
    """What a session is about to do: its settings, its plan and the modules that pytest collects."""

    def __init__(self, config: pytest.Config) -> None:
        """Load the plan and let `pytest_netmon_plan` edit it.

        Raises pytest.UsageError, which ends pytest with exit status 4, with a line for each problem.
        """
        try:
            self.settings = Settings.of(config)
            self.plan = _load(config, self.settings)
        except ConfigurationError as error:
            raise pytest.UsageError(
                *(for_terminal(str(problem), None, lines=True) for problem in error.problems)
            ) from error
        self.modules = Modules(self.plan, self.settings, config.rootpath)


def _load(config: pytest.Config, settings: Settings) -> Plan:
    plan = load_plan(settings.files, settings.overrides, env=os.environ, base=config.invocation_params.dir)
    config.hook.pytest_netmon_plan(config=config, plan=plan)
    if problems := validate_plan(plan):
        raise ConfigurationError(problems)
    return plan
