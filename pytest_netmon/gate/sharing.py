"""One campaign for the tests of several processes: the controller's side of it, and a worker's."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from pytest_netmon.judging import Judge
from pytest_netmon.recording import Recording
from pytest_netmon.sample_lines import SampleFileError
from pytest_netmon.vantage import LOCAL_VANTAGE

from .exchange import Repeated
from .measuring import Measuring, UnmeasuredError, probed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_netmon.campaign import Campaign, Progress
    from pytest_netmon.plan import Plan
    from pytest_netmon.run import Result

    from .collecting import Key
    from .exchange import Exchange

#: How often a worker looks at the sample file, and the controller at the prober's process.
_LOOK_EVERY_S = 0.02
#: How often the controller looks how far the campaign is.
_TICK_EVERY_S = 0.5


class CancelledError(Exception):
    """The session ends: what was waited for will not come."""


class SharedMeasuring(Measuring):
    """The controller's: it runs the campaign and tells workers how that ended.

    tick: called about twice a second, by another thread: xdist leaves the main one no time of its own.
    """

    def __init__(
        self, plan: Plan, wanted: Collection[Key], exchange: Exchange, tick: Callable[[Progress], None]
    ) -> None:
        super().__init__(plan, wanted, exchange.samples)
        self._exchange = exchange
        self._tick = tick
        self._polling = threading.Lock()  # held by the thread that looks at the campaign
        self._stopping = threading.Event()
        self._watching: threading.Thread | None = None

    def start(self) -> None:
        super().start()
        if self._fault or self._campaign is None:
            self._exchange.say_ended(self._fault or "nothing was probed")
        else:
            self._watching = threading.Thread(target=self._watch, args=[self._campaign], daemon=True)
            self._watching.start()

    def stop(self) -> None:
        """End the probing, and the waiting of all workers."""
        with contextlib.suppress(OSError):  # a full disk; that the prober ends tells workers too
            self._exchange.cancel()
        self._stopping.set()
        if self._watching:
            self._watching.join()
        super().stop()
        if self._campaign:
            self._say_ended(self._campaign)

    def results_without(self, known: set[int]) -> list[Result]:
        """The results of all endpoints that are done, but of those whose indexes are `known`."""
        if self._campaign is None or self._fault:
            return []
        with self._polling:
            self._campaign.poll()
            if len(self._campaign.recording.done) <= len(known):
                return []  # asked at each report of each test
            new = [index for index in sorted(self._campaign.recording.done - known) if self._campaign.done(index)]
            return [self._campaign.result(index) for index in new]

    def take_repeated(self) -> list[Result]:
        """Take what workers have measured anew since: the results of those endpoints from now on."""
        if self._source is None or self._fault:
            return []
        with self._polling:
            return [self._take(repeated) for repeated in self._exchange.take_repeated()]

    def _take(self, repeated: Repeated) -> Result:
        recording, fault = Recording(repeated.sample_file), repeated.fault
        try:
            recording.poll()
        except (SampleFileError, OSError) as error:
            fault = _unreadable(error)
        judge = Judge(self._plan, recording, _selected(recording), os.environ)
        judge.ended, judge.fault, judge.relay_fault = True, fault, fault
        return self._keep(judge.result(repeated.index), recording, recording.close)

    def _watch(self, campaign: Campaign) -> None:
        next_tick_s = time.monotonic() + _TICK_EVERY_S
        while not campaign.has_exited and not self._stopping.wait(_LOOK_EVERY_S):
            if time.monotonic() >= next_tick_s:
                next_tick_s = time.monotonic() + _TICK_EVERY_S
                with self._polling, contextlib.suppress(OSError, ValueError):  # nobody reads what pytest writes
                    campaign.poll()
                    self._tick(campaign.progress)
        if campaign.has_exited:
            self._say_ended(campaign)

    def _say_ended(self, campaign: Campaign) -> None:
        with contextlib.suppress(OSError):  # a full disk, or a folder that somebody has swept away
            self._exchange.say_ended(campaign.last_words)


class FollowedMeasuring(Measuring):
    """A worker's: it follows the controller's campaign, runs those of re-runs itself and tells the controller."""

    def __init__(self, plan: Plan, wanted: Collection[Key], exchange: Exchange) -> None:
        super().__init__(plan, wanted)
        self._exchange = exchange

    def start(self) -> None:
        """Begin to follow, be there something to follow yet or not."""
        self._source = _Followed(self._plan, self._exchange)

    def _probe_again(self, index: int) -> Campaign:
        sample_file = self._exchange.new_sample_file()
        campaign = probed(self._plan, self._with_controls([index]), index, sample_file, self._give_up)
        self._exchange.say_repeated(Repeated(sample_file, index, campaign.fault))
        return campaign

    def _give_up(self, _: Progress) -> None:
        if self._exchange.is_cancelled:
            raise UnmeasuredError("the session ended before the endpoint was probed again")


class _Followed:
    """The controller's campaign as a worker sees it: a `measuring.Source`."""

    def __init__(self, plan: Plan, exchange: Exchange) -> None:
        self.recording = Recording(exchange.samples)
        self._plan = plan
        self._exchange = exchange
        self._judge = Judge(plan, self.recording, ())

    def wait(self, index: int, _: Callable[[Progress], None]) -> None:
        """Block until the endpoint is done or no more will come. Raises CancelledError where the session ends."""
        self._poll()
        while not self._judge.has_all(index):
            if self._exchange.is_cancelled:
                raise CancelledError
            if self._judge.is_done(index):  # its vantage is lost, or all has ended
                return
            time.sleep(_LOOK_EVERY_S)
            self._poll()

    def result(self, index: int) -> Result:
        if self.recording.header is None:
            raise UnmeasuredError(self._judge.fault or "nothing was probed")
        return self._judge.result(index)

    def close(self) -> None:
        self.recording.close()

    def _poll(self) -> None:
        """Take in what is new. What the prober wrote stands in the file before anybody says that it has ended."""
        if self._judge.ended:
            return
        is_new, last_words = self.recording.header is None, self._exchange.ended()
        try:
            self.recording.poll()
        except (SampleFileError, OSError) as error:
            self._judge.fault, self._judge.ended = _unreadable(error), True
            return
        if is_new and self.recording.header:
            self._judge = Judge(self._plan, self.recording, _selected(self.recording), os.environ)
        is_over = self.recording.end_reason is not None
        self._judge.ended = last_words is not None or (is_over and not self._plan.vantages)
        if is_over:
            self._judge.over.add(LOCAL_VANTAGE)
        else:
            self._judge.fault = last_words
        self._judge.relay_fault = last_words


def _unreadable(error: Exception) -> str:
    return f"the sample file cannot be read: {error}"


def _selected(recording: Recording) -> list[int]:
    """What the controller, or a worker, has said in the header that it probes."""
    context: Any = recording.header.context if recording.header else {"selected": ()}
    return list(context["selected"])
