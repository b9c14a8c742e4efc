"""What measures, started: the prober, the relay where a plan has vantages, and where their samples go.

Knows nothing of samples and verdicts: a command starts it, and imports what follows and judges while it measures.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .jobs import JobError, by_vantage, endpoint_jobs, relay_job
from .plan import Plan
from .plan_record import record_of
from .prober.protocol import VERSION
from .prober_process import ProberProcess
from .rates import rates_by_vantage
from .sample_folders import remove, temporary_folder
from .vantage import LOCAL_VANTAGE


class CampaignError(Exception):
    """The prober could not be started or ended before its time; the text says why."""


class Launch:
    """The processes that measure the `selected` endpoints (indexes in the plan) of `plan`. Raises CampaignError where
    no temporary folder can be made.

    sample_file: where samples are recorded; a file in a temporary folder, removed by `close`, where not given.
    refresh_s: resolve names anew this often. kernel: False judges by our own clock.
    machine: what a report says of the machine that measures. elsewhere: indexes of endpoints that are not checked from
    here, by vantage. prober, relay: None before `start`, relay also without vantages. started_s: monotonic time.
    """

    def __init__(
        self,
        plan: Plan,
        selected: Sequence[int],
        *,
        sample_file: Path | None = None,
        refresh_s: float | None = None,
        kernel: bool = True,
    ) -> None:
        self.plan = plan
        self.selected = tuple(selected)
        self.machine = machine()  # now: tests may replace what it asks later
        self.elsewhere = by_vantage(plan, selected)
        self.prober: ProberProcess | None = None
        self.relay: ProberProcess | None = None
        self.started_s = time.monotonic()
        try:
            self._folder = temporary_folder()
        except OSError as error:
            raise CampaignError(str(error)) from error
        self.sample_file = sample_file or self._folder / "samples.ndjson"
        self._refresh_s = refresh_s
        self._kernel = kernel

    @property
    def processes(self) -> list[ProberProcess]:
        """Those that were started."""
        return [process for process in (self.prober, self.relay) if process is not None]

    def start(self, prober: ProberProcess | None = None) -> None:
        """Start the processes and tell them their jobs; `prober`: one that was started before and waits for its own.

        Raises CampaignError.
        """
        self.started_s = time.monotonic()
        try:
            self.prober = prober if prober is not None and not prober.has_exited else ProberProcess()
        except OSError as error:
            raise CampaignError(f"the prober could not be started: {error.strerror}: {sys.executable}") from error
        try:
            self.prober.tell(json.dumps(self.job()).encode("ascii") + b"\n")
            if self.elsewhere:
                self._start_relay()
        except JobError as error:
            self.stop()
            raise CampaignError(str(error)) from None

    def _start_relay(self) -> None:
        """Start the relay at the same time: it waits for the prober's first line."""
        from .relay_process import RelayProcess

        try:
            self.relay = RelayProcess()
        except (OSError, ImportError) as error:
            self.stop()
            raise CampaignError(f"the relay to other vantages could not be started: {error}") from error
        job = relay_job(self.plan, self.selected, self.sample_file, self._refresh_s, kernel=self._kernel)
        self.relay.tell(json.dumps(job).encode("ascii") + b"\n")

    def stop(self) -> None:
        """End the processes: by the end of their input, and by force if that takes too long."""
        for process in self.processes:
            process.close_input()
        for process in self.processes:
            process.stop()

    def close(self) -> None:
        """Stop and forget: a sample file of our own is removed, one that was asked for stays."""
        self.stop()
        for process in self.processes:
            process.close()
        remove(self._folder)

    def job(self) -> dict[str, object]:
        """What the prober is told (see `prober.protocol`). Raises JobError."""
        here = [index for index in self.selected if self.plan.endpoints[index].is_local]
        rates = rates_by_vantage(self.plan, self.selected).get(LOCAL_VANTAGE)
        return {
            "netmon": VERSION,
            "sample_file": str(self.sample_file),
            "shared": bool(self.elsewhere),
            "parent": os.getpid(),
            "max_rate": rates.max_rate if rates else self.plan.max_rate,
            "host_rates": rates.host_rates if rates else {},
            "max_rate_per_host": self.plan.max_rate_per_host,
            "refresh_s": self._refresh_s,
            "kernel": self._kernel,
            "context": json.dumps(self._context()),
            "endpoints": endpoint_jobs(self.plan, self.selected, here),
        }

    def _context(self) -> dict[str, object]:
        """What it takes to judge the samples later, without this process."""
        return {"plan": record_of(self.plan), "selected": list(self.selected), "machine": self.machine}


def machine() -> dict[str, str]:
    """Return what a report says of the machine that measured."""
    return {**_system(), "python": sys.version.split()[0]}


def _system() -> dict[str, str]:
    if sys.platform != "win32":
        this = os.uname()
        return {"host": this.nodename, "system": this.sysname, "release": this.release}
    import platform

    return {"host": platform.node(), "system": platform.system(), "release": platform.release()}
