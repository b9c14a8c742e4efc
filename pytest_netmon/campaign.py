"""A campaign: a plan run by a prober process, followed through its sample file, judged at the end."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .judging import Judge, run_of, started_at
from .launching import CampaignError, Launch
from .plan import Endpoint, Plan
from .prober_process import ProberProcess
from .recording import Recording
from .run import Result, Run
from .sample_folders import remove_left_behind
from .sample_lines import SampleFileError
from .samples import Record
from .vantage import LOCAL_VANTAGE

#: How often the sample file is looked at while something waits for it: each time a fiftieth of the time that has
#: passed since the start, but not sooner nor later than that. One look without anything new takes 30 us.
_LOOK_SOONEST_S, _LOOK_LATEST_S = 0.002, 0.005
_TICK_EVERY_S = 0.1
#: How long the prober may take to begin (it starts in 0.12 s).
_BEGIN_S = 30.0


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
    observe: called with each record that comes in (by `poll` and what waits). launch: one of the same plan and
    endpoints that measures already, in place of what else is said of measuring.
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
        launch: Launch | None = None,
    ) -> None:
        self.plan = plan
        self.selected = tuple(selected)
        self._launch = launch or Launch(plan, selected, sample_file=sample_file, refresh_s=refresh_s, kernel=kernel)
        self.recording = Recording(self._launch.sample_file, observe)
        self._judge = Judge(plan, self.recording, selected, os.environ)
        self._ended_s = time.monotonic()

    def start(self) -> None:
        """Start measuring, and wait until it has begun. Raises CampaignError where it does not begin."""
        if self._process is None:
            self._launch.start()
        remove_left_behind()
        while self.recording.header is None:
            if time.monotonic() - self._launch.started_s > _BEGIN_S:
                self.stop()
                raise CampaignError(f"the prober did not begin within {_BEGIN_S:.0f} s")
            self.poll()
            if self._judge.ended and self.recording.header is None:
                raise CampaignError(self._judge.fault or "the prober ended before it began")
            if self.recording.header is None:
                self._rest()

    @property
    def _process(self) -> ProberProcess | None:
        return self._launch.prober

    @property
    def _relay(self) -> ProberProcess | None:
        return self._launch.relay

    @property
    def progress(self) -> Progress:
        done = sum(1 for index in self.selected if index in self.recording.done)
        until_s = self._ended_s if self._judge.ended else time.monotonic()
        return Progress(done, len(self.selected), self.recording.checks, until_s - self._launch.started_s)

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
            for process in self._launch.processes:
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
        self._judge.over.update(self._launch.elsewhere)
        cut_off = self._relay is not None and not all(self.recording.is_over(name) for name in self._launch.elsewhere)
        if cut_off and self._judge.relay_fault is None:
            assert self._relay is not None
            self._judge.relay_fault = self._relay.last_words

    @property
    def is_whole(self) -> bool:
        """Whether all that measured came to an end of its own, so that what was written is whole."""
        return self.recording.end_reason is not None and all(map(self.recording.is_over, self._launch.elsewhere))

    def done(self, index: int) -> bool:
        """Whether the endpoint can be judged: all samples of it and of what its verdict depends on are in, or no
        more will come."""
        return self._judge.is_done(index)

    def wait(self, index: int, tick: Callable[[Progress], None] | None = None) -> None:
        """Block until the endpoint is done; `tick` is called about ten times a second."""
        self._wait_until(lambda: self.done(index), tick)

    def wait_all(
        self, tick: Callable[[Progress], None] | None = None, looked: Callable[[], None] | None = None
    ) -> None:
        """Block until the prober has ended; `looked` is called after each look at what has come in."""
        self._wait_until(lambda: self._judge.ended, tick, looked)

    def result(self, index: int) -> Result:
        """What came of an endpoint so far; judged as complete once it is done."""
        return self._judge.result(index)

    def stop(self) -> None:
        """End the prober, and the relay: by the end of their input, and by force if that takes too long."""
        self._launch.stop()
        self.poll()

    def run(self, instead: Mapping[int, Result] | None = None) -> Run:
        """Stop, and return everything judged; `instead` replaces results (a re-run test's)."""
        self.stop()
        results = {index: self.result(index) for index in self.selected}
        results.update(instead or {})
        # This process's clock stands still while the machine is suspended, the prober's goes on.
        elapsed_us = max((self._ended_s - self._launch.started_s) * 1e6, self.recording.last_us)
        elapsed = datetime.timedelta(microseconds=elapsed_us)
        started = started_at(self.recording) or datetime.datetime.now(datetime.timezone.utc).astimezone()
        fault = tuple(dict.fromkeys(each for each in (self._judge.fault, self._judge.relay_fault) if each))
        return run_of(self.plan, self.recording, results, started + elapsed, self._launch.machine, fault)

    def close(self) -> None:
        """Stop and forget: a sample file of our own is removed, one that was asked for stays."""
        self.stop()
        self.recording.close()
        self._launch.close()

    def _wait_until(
        self,
        over: Callable[[], bool],
        tick: Callable[[Progress], None] | None,
        looked: Callable[[], None] | None = None,
    ) -> None:
        next_tick_s = time.monotonic() + _TICK_EVERY_S
        self.poll()
        while not over():
            self._rest()
            self.poll()
            if looked is not None:
                looked()
            if tick is not None and time.monotonic() >= next_tick_s:
                next_tick_s = time.monotonic() + _TICK_EVERY_S
                tick(self.progress)

    def _rest(self) -> None:
        """Until there may be more to read."""
        passed_s = time.monotonic() - self._launch.started_s
        rest_s = min(max(_LOOK_SOONEST_S, passed_s / 50), _LOOK_LATEST_S)
        if self._process is None:
            time.sleep(rest_s)
        else:
            self._process.rest(rest_s)

    @property
    def last_words(self) -> str:
        """What to say of a prober that has exited before its time, or of the relay where only that has."""
        if self._process is None:
            return "the prober was not started"
        relay_failed = self._relay is not None and self._relay.failed and not self._process.failed
        return self._relay.last_words if self._relay is not None and relay_failed else self._process.last_words
