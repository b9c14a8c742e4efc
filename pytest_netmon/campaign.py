"""A campaign: a plan run by a prober process, followed through its sample file, judged at the end."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .jobs import JobError, by_vantage, endpoint_jobs, relay_job
from .judging import Judge, run_of, started_at
from .plan import Endpoint, Plan
from .plan_record import record_of
from .prober.protocol import VERSION
from .prober_process import ProberProcess
from .rates import rates_by_vantage
from .recording import Recording
from .relay_process import RelayProcess
from .run import Result, Run
from .sample_lines import SampleFileError
from .samples import Record
from .vantage import LOCAL_VANTAGE

#: How often the sample file is looked at while something waits for it.
_LOOK_EVERY_S = 0.005
_TICK_EVERY_S = 0.1
#: How long the prober may take to begin (it starts in 0.12 s).
_BEGIN_S = 30.0
#: A temporary folder, the file in it that names its process, and how long it stays once that was killed.
_FOLDER_PREFIX, _OWNER_FILE, _KEPT_S = "netmon-", "owner.pid", 24 * 3600.0


class CampaignError(Exception):
    """The prober could not be started or ended before its time; the text says why."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is: endpoints finished of all that are probed, checks made, seconds."""

    endpoints_done: int
    endpoints: int
    checks: int
    elapsed_s: float


class Campaign:
    """Runs the `selected` endpoints (indexes in the plan) of `plan`. Raises CampaignError where no
    temporary folder can be made.

    sample_file: where samples are recorded; a file in a temporary folder, removed by `close`, where
    not given. refresh_s: resolve names anew this often. kernel: False judges by our own clock.
    observe: called with each record that comes in (by `poll` and what waits).
    """

    def __init__(
        self,
        plan: Plan,
        selected: Sequence[int],
        *,
        sample_file: Path | None = None,
        refresh_s: float | None = None,
        kernel: bool = True,
        observe: Callable[[Record], None] | None = None,
    ) -> None:
        self.plan = plan
        self.selected = tuple(selected)
        self._machine = machine()  # now: tests may replace socket.gethostname later
        self._folder = temporary_folder()
        self.recording = Recording(sample_file or self._folder / "samples.ndjson", observe)
        self._refresh_s = refresh_s
        self._kernel = kernel
        self._process: ProberProcess | None = None
        self._relay: RelayProcess | None = None
        self._elsewhere = by_vantage(plan, selected)
        self._judge = Judge(plan, self.recording, selected, os.environ)
        self._started_s = self._ended_s = time.monotonic()

    def start(self) -> None:
        """Start the prober. Raises CampaignError where it does not begin."""
        self._started_s = time.monotonic()
        try:
            self._process = ProberProcess()
        except OSError as error:
            raise CampaignError(f"the prober could not be started: {error.strerror}: {sys.executable}") from error
        try:
            self._process.tell(json.dumps(self._job()).encode("ascii") + b"\n")
            if self._elsewhere:
                self._start_relay()
        except JobError as error:
            self.stop()
            raise CampaignError(str(error)) from None
        while self.recording.header is None:
            if time.monotonic() - self._started_s > _BEGIN_S:
                self.stop()
                raise CampaignError(f"the prober did not begin within {_BEGIN_S:.0f} s")
            time.sleep(_LOOK_EVERY_S)
            self.poll()
            if self._judge.ended and self.recording.header is None:
                raise CampaignError(self._judge.fault or "the prober ended before it began")
        self.recording.forget_context()  # all of it is known here

    def _start_relay(self) -> None:
        """Start the relay at the same time: it waits for the prober's first line."""
        try:
            self._relay = RelayProcess()
        except (OSError, ImportError) as error:
            self.stop()
            raise CampaignError(f"the relay to other vantages could not be started: {error}") from error
        job = relay_job(self.plan, self.selected, self.recording.path, self._refresh_s, kernel=self._kernel)
        self._relay.tell(json.dumps(job).encode("ascii") + b"\n")

    @property
    def progress(self) -> Progress:
        done = sum(1 for index in self.selected if index in self.recording.done)
        until_s = self._ended_s if self._judge.ended else time.monotonic()
        return Progress(done, len(self.selected), self.recording.checks, until_s - self._started_s)

    @property
    def waiting(self) -> list[tuple[Endpoint, str | None]]:
        """The endpoints that are still waited for, each with its latest outcome (None before the first)."""
        recording = self.recording
        waited_for = (index for index in self.selected if self.plan.endpoints[index].wait is not None)
        return [
            (self.plan.endpoints[index], recording.last[index].outcome if index in recording.last else None)
            for index in waited_for
            if index not in recording.waits and index not in recording.done
        ]

    @property
    def ended(self) -> bool:
        """Whether the prober has ended and everything that it wrote is in."""
        return self._judge.ended

    @property
    def has_exited(self) -> bool:
        """Whether the prober's process is gone, and the relay's. This and `last_words` may be asked from any thread."""
        return self._prober_has_exited and self._relay_has_exited

    @property
    def _prober_has_exited(self) -> bool:
        return self._process is None or self._process.has_exited

    @property
    def _relay_has_exited(self) -> bool:
        return self._relay is None or self._relay.has_exited

    @property
    def fault(self) -> str | None:
        """Why samples are missing that were still to come; None where nothing went wrong."""
        return self._judge.fault or self._judge.relay_fault

    def poll(self) -> None:
        """Take in what the prober has written since."""
        if self._judge.ended:
            return
        prober_gone, relay_gone = self._prober_has_exited, self._relay_has_exited
        try:
            self.recording.poll()
        except (SampleFileError, OSError) as error:
            self._judge.fault = f"the sample file cannot be read: {error}"
            self._judge.relay_fault = self._judge.fault
            for process in (self._process, self._relay):
                if process is not None:
                    process.kill()
            prober_gone = relay_gone = True
        if prober_gone:
            self._note_end_of_prober()
        if relay_gone:
            self._note_end_of_relay()
        if prober_gone and relay_gone:
            self._judge.ended = True
            self._ended_s = time.monotonic()

    def _note_end_of_prober(self) -> None:
        self._judge.over.add(LOCAL_VANTAGE)
        started = self._process is not None
        if started and self._judge.fault is None and self.recording.end_reason is None:
            self._judge.fault = self.last_words

    def _note_end_of_relay(self) -> None:
        self._judge.over.update(self._elsewhere)
        cut_off = self._relay is not None and not all(self.recording.is_over(name) for name in self._elsewhere)
        if cut_off and self._judge.relay_fault is None:
            assert self._relay is not None
            self._judge.relay_fault = self._relay.last_words

    @property
    def is_whole(self) -> bool:
        """Whether all that measured came to an end of its own, so that what was written is whole."""
        return self.recording.end_reason is not None and all(map(self.recording.is_over, self._elsewhere))

    def done(self, index: int) -> bool:
        """Whether the endpoint can be judged: all samples of it and of what its verdict depends on are in, or no
        more will come."""
        return self._judge.is_done(index)

    def wait(self, index: int, tick: Callable[[Progress], None] | None = None) -> None:
        """Block until the endpoint is done; `tick` is called about ten times a second."""
        self._wait_until(lambda: self.done(index), tick)

    def wait_all(self, tick: Callable[[Progress], None] | None = None) -> None:
        """Block until the prober has ended."""
        self._wait_until(lambda: self._judge.ended, tick)

    def result(self, index: int) -> Result:
        """What came of an endpoint so far; judged as complete once it is done."""
        return self._judge.result(index)

    def stop(self) -> None:
        """End the prober, and the relay: by the end of their input, and by force if that takes too long."""
        for process in (self._process, self._relay):
            if process is not None:
                process.close_input()
        for process in (self._process, self._relay):
            if process is not None:
                process.stop()
        self.poll()

    def run(self, instead: Mapping[int, Result] | None = None) -> Run:
        """Stop, and return everything judged; `instead` replaces results (a re-run test's)."""
        self.stop()
        results = {index: self.result(index) for index in self.selected}
        results.update(instead or {})
        # This process's clock stands still while the machine is suspended, the prober's goes on.
        elapsed_us = max((self._ended_s - self._started_s) * 1e6, self.recording.last_us)
        elapsed = datetime.timedelta(microseconds=elapsed_us)
        started = started_at(self.recording) or datetime.datetime.now(datetime.timezone.utc).astimezone()
        fault = tuple(dict.fromkeys(each for each in (self._judge.fault, self._judge.relay_fault) if each))
        return run_of(self.plan, self.recording, results, started + elapsed, self._machine, fault)

    def close(self) -> None:
        """Stop and forget: a sample file of our own is removed, one that was asked for stays."""
        self.stop()
        self.recording.close()
        for process in (self._process, self._relay):
            if process is not None:
                process.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until(self, over: Callable[[], bool], tick: Callable[[Progress], None] | None) -> None:
        next_tick_s = time.monotonic() + _TICK_EVERY_S
        self.poll()
        while not over():
            time.sleep(_LOOK_EVERY_S)
            self.poll()
            if tick is not None and time.monotonic() >= next_tick_s:
                next_tick_s = time.monotonic() + _TICK_EVERY_S
                tick(self.progress)

    @property
    def last_words(self) -> str:
        """What to say of a prober that has exited before its time, or of the relay where only that has."""
        if self._process is None:
            return "the prober was not started"
        relay_failed = self._relay is not None and self._relay.failed and not self._process.failed
        return self._relay.last_words if self._relay is not None and relay_failed else self._process.last_words

    def _job(self) -> dict[str, object]:
        here = [index for index in self.selected if self.plan.endpoints[index].is_local]
        rates = rates_by_vantage(self.plan, self.selected).get(LOCAL_VANTAGE)
        return {
            "netmon": VERSION,
            "sample_file": str(self.recording.path),
            "shared": bool(self._elsewhere),
            "parent": os.getpid(),
            "max_rate": rates.max_rate if rates else self.plan.max_rate,
            "host_rates": rates.host_rates if rates else {},
            "max_rate_per_host": self.plan.max_rate_per_host,
            "refresh_s": self._refresh_s,
            "kernel": self._kernel,
            "context": {"plan": record_of(self.plan), "selected": list(self.selected), "machine": self._machine},
            "endpoints": endpoint_jobs(self.plan, self.selected, here),
        }


def temporary_folder() -> Path:
    """Make a folder that names its owner, so that a later campaign can tell what a killed one has left.

    Raises CampaignError where none can be made.
    """
    try:
        _sweep(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
        (folder / _OWNER_FILE).write_text(str(os.getpid()), "ascii")
    except OSError as error:
        raise CampaignError(f"no temporary folder for samples can be made (TMPDIR?): {error}") from error
    return folder


def _sweep(temporary: Path) -> None:
    """Remove the folders of this user's campaigns that were killed more than a day ago; until then `netmon report`
    may recover their samples. Nothing is written to a folder any more of which every file is as old."""
    if os.name != "posix":
        return  # os.kill would end the process that it asks after
    oldest_s = time.time() - _KEPT_S
    for folder in temporary.glob(f"{_FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError, OverflowError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            owner = int((folder / _OWNER_FILE).read_text("ascii"))
            if max(file.stat().st_mtime for file in folder.iterdir()) < oldest_s and not _is_alive(owner):
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's
    except ProcessLookupError:
        return False
    return True


def machine() -> dict[str, str]:
    """Return what a report says of the machine that measured."""
    return {
        "host": socket.gethostname(),
        "system": platform.system(),
        "release": platform.release(),
        "python": platform.python_version(),
    }
