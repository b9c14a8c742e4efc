"""The gate where pytest-xdist runs the tests in several processes: one campaign, run by the controller.

Each worker writes down what its tests are about; once all have collected, the controller starts the campaign, and
workers follow its sample file. What was measured never passes through a worker, so that none is missed when it dies.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_netmon.safe import for_terminal

from .coverage import Collected, Coverage
from .exchange import Exchange, packed, unpacked
from .planning import Planned
from .session import Gate, only_lists, progress_told
from .sharing import CancelledError, FollowedMeasuring, SharedMeasuring
from .waiting import NoWaiting, waiting_display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_netmon.campaign import Progress
    from pytest_netmon.plan import Endpoint
    from pytest_netmon.run import Result

    from .measuring import Measuring

#: What a worker is given, in `workerinput`.
_GIVEN = "netmon"
_IS_CUT_OFF = pytest.StashKey[bool]()
#: How often a gateway is wanted: `2*popen`.
_TIMES = re.compile(r"^(\d+)\*")
#: Parts of a gateway's specification that leave it where it is.
_HARMLESS = ("popen", "id", "nice", "execmodel", "dont_write_bytecode")


def gate_for(config: pytest.Config) -> Gate:
    """Return the gate that this process needs.

    Raises pytest.UsageError where tests would be distributed in a way that it cannot follow.
    """
    if hasattr(config, "workerinput"):
        return WorkerGate(config)
    gateways = _gateways(config)
    return ControllerGate(config, gateways) if gateways else Gate(config)


class ControllerGate(Gate):
    """Plans, probes and reports. It runs no tests."""

    _exchange: Exchange | None = None
    _measuring: SharedMeasuring | None = None
    _session: pytest.Session | None = None
    _collections = 0

    def __init__(self, config: pytest.Config, gateways: Sequence[str]) -> None:
        super().__init__(config)
        self._workers = sum(_times(gateway) for gateway in gateways)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker what it needs: xdist's hook, called for those that replace dead ones too."""
        node.workerinput[_GIVEN] = {"plan": packed(self._plan), "folder": str(self._shared().folder)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Start probing once all workers know their tests; none runs any before that."""
        self._collections += 1
        session = self._session
        if self._coverage or session is None or self._collections < node.workerinput["workercount"]:
            return
        collected = self._shared().collected()
        self._coverage = Coverage(self._plan, collected)
        if collected.wanted and not (session.shouldfail or session.shouldstop):
            self._display = waiting_display(self._config, in_lines=True)
            self._measuring = SharedMeasuring(self._plan, collected.wanted, self._shared(), self._show)
            self._measuring.start()

    def pytest_runtest_logstart(self) -> None:
        """A worker has waited for an endpoint: its result is known here too."""
        self._announce_known()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let nobody wait any longer where this failure was the last one that -x or --maxfail allow."""
        super().pytest_runtest_logreport(report)
        self._announce_known()
        if self._measuring and self._session and (self._session.shouldfail or self._session.shouldstop):
            self._measuring.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._announce_known()
        no_worker_collected = self._session is not None and self._coverage is None
        if no_worker_collected and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:  # xdist: all have died
            self._coverage = Coverage(self._plan, Collected(), could_collect=False)
            self._closing.note_trouble("no worker came to its tests, so nothing is known to be reachable")
        super().pytest_sessionfinish(session)

    def pytest_unconfigure(self) -> None:
        super().pytest_unconfigure()
        if self._exchange and self._is_in_charge:
            self._exchange.remove()

    def _begin(self, session: pytest.Session) -> None:
        self._session = session
        self._ending.end_tests_on_signals(session)

    def _show(self, progress: Progress) -> None:
        if self._measuring:
            self._display.show(progress_told(progress, self._measuring))

    def _announce_known(self) -> None:
        if self._measuring:
            for result in self._measuring.results_without(self._announced):
                self._announce(result)
            for result in self._measuring.take_repeated():
                self._tell_of(result)

    def _shared(self) -> Exchange:
        if self._exchange is None:
            try:
                self._exchange = Exchange.make()
            except OSError as error:
                raise pytest.UsageError(str(error)) from error
        return self._exchange


class WorkerGate(Gate):
    """Collects and runs tests. It reports nothing: its plan and its results are the controller's."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the controller what tests are about, before xdist tells it that all is collected."""
        if only_lists(session):
            return
        # xdist runs the tests that it has, also where a file could not be collected.
        collected = Collected.of(session.items)
        self._exchange.say_collected(self._input["workerid"], collected)
        if collected.wanted:
            self._measuring = FollowedMeasuring(self._plan, collected.wanted, self._exchange)
            self._display = NoWaiting()

    @pytest.hookimpl(tryfirst=True, specname="pytest_runtest_protocol")
    def pytest_runtest_protocol_of_none(self, item: pytest.Item) -> bool | None:
        """Leave out a test whose endpoint could not be waited for because the session ends: it has not failed."""
        return item.stash.get(_IS_CUT_OFF, None)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """All that is to be said at the end is the controller's."""

    @property
    def _input(self) -> dict[str, Any]:
        given: dict[str, Any] = self._config.workerinput  # type: ignore[attr-defined]
        return given

    def _planned(self) -> Planned:
        given = self._input[_GIVEN]
        self._exchange = Exchange(Path(given["folder"]))
        return Planned(self._config, unpacked(given["plan"]))

    def _begin(self, _: pytest.Session) -> None:
        if self._measuring:
            self._measuring.start()

    def _wait_for(self, item: pytest.Item, measuring: Measuring, endpoint: Endpoint) -> None:
        try:
            super()._wait_for(item, measuring, endpoint)
        except CancelledError:
            item.stash[_IS_CUT_OFF] = True
            item.session.shouldstop = "the session ends"

    def _tell_of(self, result: Result) -> None:
        """The controller tells hooks."""


def _gateways(config: pytest.Config) -> Sequence[str]:
    """The processes to which pytest-xdist hands the tests (`popen`, `2*popen`), none where this one runs them.

    Raises pytest.UsageError where they would run elsewhere than here, or all of them several times.
    """
    option = config.option
    mode, gateways = getattr(option, "dist", "no"), getattr(option, "tx", None)
    if mode == "no" or not gateways or option.collectonly:
        return ()
    if mode == "each":
        raise pytest.UsageError(
            "netmon does not run under `--dist each`: that runs each test several times, and endpoints are probed "
            "once; choose another --dist (load, loadfile, loadgroup, loadscope, worksteal)"
        )
    if elsewhere := [gateway for gateway in gateways if not _runs_here(gateway)]:
        raise pytest.UsageError(
            f"netmon does not run under `--tx {for_terminal(elsewhere[0])}`: such a worker may run elsewhere, where "
            "its tests cannot read the samples; use -n N, or `--tx N*popen` (to check from elsewhere: vantages in "
            "netmon.yaml)"
        )
    return tuple(gateways)


def _runs_here(gateway: str) -> bool:
    """Whether an execnet gateway (`2*popen//nice=5`) is this Python in this folder on this machine."""
    keys = {part.partition("=")[0] for part in _TIMES.sub("", gateway).split("//")}
    return "popen" in keys and all(key in _HARMLESS or key.startswith("env:") for key in keys)


def _times(gateway: str) -> int:
    match = _TIMES.match(gateway)
    return int(match[1]) if match else 1
