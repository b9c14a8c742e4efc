"""The session's plan: configuration, then hooks, then the last look, before any packet."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.config.load import load_plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.problems import ConfigurationError
from pytest_netmon.safe import for_terminal

from .collecting import Modules
from .logs import for_log
from .settings import Settings

if TYPE_CHECKING:
    from pytest_netmon.plan import Plan


class Planned:
    """What a session is about to do: its settings, its plan and the modules that pytest collects."""

    def __init__(self, config: pytest.Config, plan: Plan | None = None) -> None:
        """Load the plan and let `pytest_netmon_plan` edit it, where it is not given.

        Raises pytest.UsageError, which ends pytest with exit status 4, with a line for each problem.
        """
        try:
            self.settings = Settings.of(config)
            self.plan = plan or _load(config, self.settings)
        except ConfigurationError as error:
            raise pytest.UsageError(
                *(for_log(for_terminal(str(problem), None, lines=True)) for problem in error.problems)
            ) from error
        self.modules = Modules(self.plan, self.settings, config.rootpath)


def _load(config: pytest.Config, settings: Settings) -> Plan:
    plan = load_plan(settings.files, settings.overrides, env=os.environ, base=config.invocation_params.dir)
    if config.hook.pytest_netmon_plan.get_hookimpls():
        _call_hook(config, plan)
        if problems := validate_plan(plan):
            raise ConfigurationError(problems)
    return plan


def _call_hook(config: pytest.Config, plan: Plan) -> None:
    try:
        config.hook.pytest_netmon_plan(config=config, plan=plan)
    except (pytest.UsageError, pytest.exit.Exception, ConfigurationError):
        raise
    except (Exception, SystemExit, pytest.fail.Exception, pytest.skip.Exception) as error:
        told = "".join(traceback.format_exception_only(error)).strip()
        line = f"the hook pytest_netmon_plan failed in {_place_of(error)}: {told}"
        raise pytest.UsageError(for_log(for_terminal(line, None, lines=True))) from error


def _place_of(error: BaseException) -> str:
    """The file and line of the hook itself; of what raised, where the hook has another name."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.name == "pytest_netmon_plan"] or frames
    return f"{own[-1].filename}:{own[-1].lineno}"
