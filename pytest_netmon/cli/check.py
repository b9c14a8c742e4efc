"""`netmon check`: the gate without pytest. The same files, limits, verdicts and texts.

Two processes work side by side: the prober starts while this one imports what reads a plan, and measures while this one
imports what judges and shows (`check_run`). So each import stands where the thing is needed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from pytest_netmon.prober_process import ProberProcess

if TYPE_CHECKING:
    from argparse import Namespace

    from pytest_netmon.launching import Launch
    from pytest_netmon.plan import Plan

    from .signals import Ending

#: With these nothing is measured.
_NO_PROBER = frozenset(("-h", "--help", "--dry-run"))


def main(argv: list[str]) -> int:
    """Run `netmon check` and return its exit status.

    Raises UsageError, ConfigurationError, ArtifactError and CampaignError, all of them before any result.
    """
    prober = _started() if _NO_PROBER.isdisjoint(argv) else None
    try:
        return _check(argv, prober)
    finally:
        if prober is not None:
            prober.kill()
            prober.close()


def _started() -> ProberProcess | None:
    """A prober that waits for its job; where none can be started, who needs one will see why."""
    with contextlib.suppress(OSError):
        return ProberProcess()
    return None


def _check(argv: list[str], prober: ProberProcess | None) -> int:
    from pathlib import Path

    from pytest_netmon.config.load import load_plan

    from .check_arguments import parse, paths_and_targets
    from .outputs import Outputs

    options = parse(argv)
    paths, overrides = paths_and_targets(options)
    outputs = Outputs(options.output, options.junit, options.html)
    outputs.refuse_unwritable([*paths, *([Path(options.baseline)] if options.baseline else [])])
    plan = load_plan(paths, overrides, env=os.environ, base=Path())
    if options.dry_run:
        return _show_plan(plan, options)

    from .signals import Ending

    ending = Ending()
    with ending.on_signals(), contextlib.closing(_launched(plan, prober, ending)) as launch:
        from .check_run import Check

        return Check(plan, launch, ending, outputs, options).run()


def _launched(plan: Plan, prober: ProberProcess | None, ending: Ending) -> Launch:
    """Have the plan measured, if there is anything to measure. A signal reaches the prober too: what it failed with
    then is no news."""
    from pytest_netmon.launching import CampaignError, Launch

    launch = Launch(plan, [index for index, endpoint in enumerate(plan.endpoints) if endpoint.skip is None])
    try:
        if launch.selected:
            launch.start(prober)
    except CampaignError:
        if ending.signal is None:
            launch.close()
            raise
    return launch


def _show_plan(plan: Plan, options: Namespace) -> int:
    from pytest_netmon.reports.dry_run import dry_run_lines
    from pytest_netmon.safe import for_terminal

    from .arguments import MET
    from .screen import Screen

    addresses = None
    if options.resolve:
        from .resolving import resolve

        budget_s = max((endpoint.timeout_s for endpoint in plan.checked), default=0.0)
        addresses = resolve((endpoint.looked_up_host for endpoint in plan.checked), budget_s)
    screen = Screen(sys.stdout, sys.stderr, os.environ, options.color)
    for warning in plan.warnings:
        screen.remark(f"netmon check: warning: {for_terminal(warning)}")
    for line in dry_run_lines(plan, plan.endpoints, addresses):
        screen.line(line)
    return MET
