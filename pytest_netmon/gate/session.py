"""The gate as a pytest plugin: which hook does what, in the order in which a session comes to them.

`distributed.py` says what differs where pytest-xdist runs the tests in several processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.plan import Endpoint
from pytest_netmon.reports.failure import failure_text
from pytest_netmon.reports.junit_report import flat_properties
from pytest_netmon.reports.layout import placed_id
from pytest_netmon.reports.summary import header_lines, progress_line
from pytest_netmon.reports.waiting import waiting_line
from pytest_netmon.safe import for_terminal

from .closing import Closing, stale_lines
from .collecting import FIXTURE, endpoint_of, endpoints_of, parametrize, take_ids
from .coverage import Collected, Coverage
from .logs import for_log
from .measuring import Measuring, UnmeasuredError
from .planning import Planned
from .settings import report_folder
from .signals import Ending
from .tags import register_tags
from .waiting import waiting_display

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from pytest_netmon.campaign import Progress
    from pytest_netmon.reports.junit_report import Property
    from pytest_netmon.run import Result, Run

#: Whether the running test has had its result: asked for again in the same test, it is a re-run.
_HAD_RESULT = pytest.StashKey[bool]()
#: So many ids are named to someone who gave a wrong one.
_MOST_IDS = 5
_PROPERTIES = pytest.StashKey["list[Property]"]()


class Gate:
    """Registered by plugin.py where an option of netmon is on, for a session of one process."""

    #: How many other processes run the tests.
    _workers = 0

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ending = Ending()
        config.add_cleanup(self._ending.release)  # after all that other plugins do at the end
        self._measuring: Measuring | None = None
        self._coverage: Coverage | None = None
        self._pid = os.getpid()
        self._announced: set[int] = set()
        self._running: pytest.Item | None = None

    # As methods they need no `request`, which pytest 9 makes anew for each fixture that asks for it: with it the two
    # would cost as much as a tenth of a test.
    @pytest.fixture
    def netmon_endpoint(self) -> Endpoint:
        """The endpoint (host, port, limits ...) that this test is about; a test asking for it runs once for each."""
        return self._endpoint_of(self._item)

    @pytest.fixture
    def netmon_result(self, netmon_endpoint: Endpoint) -> Result:
        """What was measured of the endpoint, and the verdict. Broken limits do not fail a test that asks for it."""
        return self._result_for(self._item, self._endpoint_given(netmon_endpoint))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Make the plan before pytest's header, which shows it, and before any packet."""
        try:
            planned = self._planned()
            register_tags(self._config, planned.plan.endpoints)
        except pytest.UsageError as error:
            stale = stale_lines(self._config, report_folder(self._config))
            raise pytest.UsageError(*error.args, *stale) from error
        self._plan, self._modules = planned.plan, planned.modules
        self._closing = Closing(self._config, planned.settings.report_folder)

    def pytest_report_header(self) -> list[str]:
        lines = header_lines(self._plan, len(self._plan.endpoints), self._workers)
        return [for_log(line) for line in lines]

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        return self._modules.of_argument(file_path, parent)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result += self._modules.of_no_argument(collector)
        elif self._modules.is_passed_over(collector, report):
            report.result += collector.collect()
        return report

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        parametrize(metafunc, [endpoint for endpoint in self._plan.endpoints if not endpoint.control])

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        take_ids(item, self._plan.endpoints)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Probe while tests run; what a session only lists, or cannot run, gets no packet."""
        if only_lists(session):
            if session.config.option.collectonly:
                self._closing.list_plan(self._plan, endpoints_of(session.items))
            return (yield)
        try:
            self._begin(session)
            return (yield)
        except KeyboardInterrupt:
            if self._measuring:
                self._ending.interrupted()
            raise
        finally:
            if self._measuring and self._is_in_charge:
                self._measuring.stop()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._coverage:
            self._coverage.take(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Wait for the endpoint before pytest-timeout starts its clock: all tests share this time."""
        self._running = item
        endpoint = endpoint_of(item)
        if endpoint and self._measuring and endpoint in self._measuring:
            item.stash[_HAD_RESULT] = False
            self._wait_for(item, self._measuring, endpoint)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.excinfo and isinstance(call.excinfo.value, UnmeasuredError):
            report.longrepr = call.excinfo.getrepr(style="value")
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._is_in_charge:
            return
        self._ending.note_signals()
        run = self._measuring.finish() if self._measuring else None
        if run:
            try:
                for result in run.results:
                    self._announce(result)
            finally:
                self._closing.finish(run)
        if self._coverage:
            self._tell_coverage(self._coverage, run)
        self._ending.release_unless_ending()
        if self._closing.is_red and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.exitstatus = self._ending.exit_status or session.exitstatus

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._is_in_charge:
            self._closing.show_summary(terminalreporter)

    def pytest_unconfigure(self) -> None:
        """Show the summary that pytest leaves out after a signal, and forget the samples."""
        if not self._is_in_charge:
            return
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter and self._ending.signal:
            self._closing.show_summary(reporter)
        if self._measuring:
            self._measuring.close()
            self._measuring = None  # pytest is about to look through all that is left, more than once

    @property
    def _is_in_charge(self) -> bool:
        """False in a child that a test has forked and that came back from it: all here is the parent's business."""
        return os.getpid() == self._pid

    def _tell_coverage(self, coverage: Coverage, run: Run | None) -> None:
        if line := coverage.line(run):
            self._closing.note(line)
        for stale in [] if run else stale_lines(self._config, report_folder(self._config)):
            self._closing.note(stale)
        for trouble in coverage.troubles(run):
            self._closing.note_trouble(trouble)

    @property
    def _item(self) -> pytest.Item:
        """The test that runs."""
        assert self._running is not None, "a fixture belongs to a test that runs"
        return self._running

    def _endpoint_of(self, item: pytest.Item) -> Endpoint:
        callspec = getattr(item, "callspec", None)
        given: object = callspec.params.get(FIXTURE) if callspec else None
        if given is None:
            pytest.fail(
                f"{FIXTURE} has no endpoint here: name it among the test's arguments, "
                "so that the test runs once for each endpoint",
                pytrace=False,
            )
        return self._endpoint_given(given)

    def _result_for(self, item: pytest.Item, endpoint: Endpoint) -> Result:
        """Raises UnmeasuredError where nothing can be judged."""
        if self._measuring is None or endpoint not in self._measuring:
            raise UnmeasuredError(f"{placed_id(endpoint)} was not probed in this session")
        if item.stash.get(_HAD_RESULT, False):
            result = self._measuring.repeat(endpoint)
            self._tell_of(result)
        else:
            result = self._measuring.result(endpoint)
        item.stash[_HAD_RESULT] = True
        _set_properties(item, flat_properties(result))
        if result.verdict.status == "inconclusive":
            raise UnmeasuredError(for_log(failure_text(result)))
        return result

    def _endpoint_given(self, given: object) -> Endpoint:
        """A user's own parametrisation may hold anything."""
        if isinstance(given, Endpoint):
            return given
        known = ", ".join(endpoint.test_id for endpoint in self._plan.endpoints[:_MOST_IDS])
        more = ", ..." if len(self._plan.endpoints) > _MOST_IDS else ""
        pytest.fail(
            for_log(
                "netmon_endpoint: expected the id of an endpoint and indirect=True, got "
                f"{for_terminal(repr(given))}: @pytest.mark.parametrize('netmon_endpoint', [ID], indirect=True) "
                f"with ids of the plan ({for_terminal(known)}{more})"
            ),
            pytrace=False,
        )

    def _planned(self) -> Planned:
        return Planned(self._config)

    def _begin(self, session: pytest.Session) -> None:
        could_collect = not session.testsfailed or bool(session.config.option.continue_on_collection_errors)
        collected = Collected.of(session.items, will_run=could_collect)
        self._coverage = Coverage(self._plan, collected, could_collect=could_collect)
        if collected.wanted:
            self._measuring = Measuring(self._plan, collected.wanted)
            self._display = waiting_display(self._config)
            self._ending.end_tests_on_signals(session)
            self._measuring.start()

    def _wait_for(self, _: pytest.Item, measuring: Measuring, endpoint: Endpoint) -> None:
        try:
            measuring.wait(endpoint, lambda progress: self._display.show(progress_told(progress, measuring)))
            self._announce(measuring.result(endpoint))
        except UnmeasuredError:
            return  # the fixture will say so
        finally:
            self._display.end()

    def _announce(self, result: Result) -> None:
        """Tell hooks of an endpoint's first result; those of re-runs are told as they come."""
        if result.index not in self._announced:
            self._announced.add(result.index)
            self._tell_of(result)

    def _tell_of(self, result: Result) -> None:
        self._closing.announce_result(result)


def only_lists(session: pytest.Session) -> bool:
    """Whether `session` runs no test, whatever it collects."""
    return bool(session.config.option.collectonly or session.config.option.setupplan)


def progress_told(progress: Progress, measuring: Measuring) -> str:
    """What a user sees while something is waited for."""
    if pending := measuring.waiting:
        return waiting_line(pending, progress.endpoints, progress.elapsed_s)
    planned_s = measuring.planned_s
    return progress_line(progress.endpoints_done, progress.endpoints, progress.checks, progress.elapsed_s, planned_s)


def _set_properties(item: pytest.Item, properties: list[Property]) -> None:
    """Give the test's report the figures, in place of those of an earlier run of it."""
    earlier = item.stash.get(_PROPERTIES, [])
    item.user_properties[:] = [known for known in item.user_properties if known not in earlier]
    item.user_properties += properties
    item.stash[_PROPERTIES] = properties
