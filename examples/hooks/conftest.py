"""Hooks: what is in maintenance is skipped, and each run adds a line for each endpoint to netmon-history.csv.

MAINTENANCE holds ids of endpoints, separated by commas: MAINTENANCE=cache.internal:6379
"""

from __future__ import annotations

import csv
import dataclasses
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_netmon import Plan, Run


@pytest.hookimpl(optionalhook=True)
def pytest_netmon_plan(plan: Plan) -> None:
    """Skip what is in maintenance: it gets no packet, and its test says why."""
    resting = os.environ.get("MAINTENANCE", "").split(",")
    plan.endpoints[:] = [
        dataclasses.replace(endpoint, skip="maintenance") if endpoint.id in resting else endpoint
        for endpoint in plan.endpoints
    ]


@pytest.hookimpl(optionalhook=True)
def pytest_netmon_run(config: pytest.Config, run: Run) -> None:
    """Keep a history of what was measured."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with (Path(config.rootpath) / "netmon-history.csv").open("a", newline="", encoding="utf-8") as file:
        for result in run.results:
            median_ms = result.statistics.connect.median_ms
            csv.writer(file).writerow([now, result.endpoint.id, result.verdict.status, median_ms])
