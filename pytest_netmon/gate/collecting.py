"""From a plan to pytest's items: a module for each configuration file, a parametrised test for each endpoint.

A `pytest.Module` for the YAML file is the one way of collecting that keeps everything of pytest
working: exact node ids, --lf, --ff, -k, marks, fixtures, reports.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.plan import Endpoint
from pytest_netmon.safe import for_terminal

from .logs import for_log
from .settings import NO_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    from pytest_netmon.plan import Plan

    from .settings import Settings

#: The fixture through which a test is parametrised.
FIXTURE = "netmon_endpoint"
#: What no two endpoints of a plan share (`plan_checks.validate_plan`): vantage and id.
Key = tuple[str, str]


class NetmonModule(pytest.Module):
    """The tests of one configuration file, or of the command line's targets (`netmon`)."""

    endpoints: Sequence[Endpoint]

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, endpoints: Sequence[Endpoint]) -> NetmonModule:
        """`path` is absolute; for no file it is `netmon` in the rootdir, which need not exist."""
        name = _relative(path, parent.config.rootpath)
        module: NetmonModule = cls.from_parent(parent, path=path, nodeid=name)
        module.endpoints = endpoints
        return module

    def _getobj(self) -> ModuleType:
        from . import checks

        return checks

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        if not self.endpoints:
            return  # pytest makes a skipped test of an empty list of parameters
        for item in super().collect():
            if isinstance(item, pytest.Function):
                item.reportinfo = MethodType(_place, item)  # type: ignore[method-assign]
            yield item


class Modules:
    """The modules of a plan: one for each file, or one for none (`netmon`)."""

    def __init__(self, plan: Plan, settings: Settings, root: Path) -> None:
        """Raises pytest.UsageError for an id without a file that the plan has not."""
        if settings.files:
            self._endpoints = _by_file(plan, settings.files)
        else:
            self._endpoints = {root / NO_FILE: _chosen(plan, settings.bare_ids)}

    def of_argument(self, path: Path, parent: pytest.Collector) -> NetmonModule | None:
        """The module of a file that stands on pytest's command line, None for any other file."""
        if path not in self._endpoints or not parent.session.isinitpath(path):
            return None
        return NetmonModule.of(parent, path, self._endpoints[path])

    def of_no_argument(self, session: pytest.Session) -> list[NetmonModule]:
        """The modules that pytest would not come to by itself."""
        others = (path for path in self._endpoints if not session.isinitpath(path))
        return [NetmonModule.of(session, path, self._endpoints[path]) for path in others]

    @staticmethod
    def is_passed_over(collector: pytest.Collector, report: pytest.CollectReport) -> bool:
        """Whether --lf has taken a module without a file for a file in which nothing failed."""
        return isinstance(collector, NetmonModule) and not report.result and not collector.path.exists()


def parametrize(metafunc: pytest.Metafunc, endpoints: Sequence[Endpoint]) -> None:
    """Run the test function once for each endpoint, where it asks for one and says nothing else itself.

    A test in a `NetmonModule` gets the module's endpoints, a user's own test all `endpoints`.
    """
    if FIXTURE not in metafunc.fixturenames or _parametrizing(metafunc.definition):
        return
    module = metafunc.definition.getparent(NetmonModule)
    chosen = module.endpoints if module else endpoints
    parameters = [_parameter(endpoint, may_fail=module is not None) for endpoint in chosen]
    metafunc.parametrize(FIXTURE, parameters, indirect=True)


def take_ids(item: pytest.Item, endpoints: Iterable[Endpoint]) -> None:
    """Put the endpoint in place of its id, where a user's test chooses endpoints by their ids and `indirect=True`."""
    callspec = getattr(item, "callspec", None)
    chosen = callspec.params.get(FIXTURE) if callspec else None
    if callspec is None or not isinstance(chosen, str) or not any(_is_indirect(mark) for mark in _parametrizing(item)):
        return
    for endpoint in endpoints:
        if endpoint.test_id == chosen:
            callspec.params[FIXTURE] = endpoint
            for mark in _marks(endpoint):
                item.add_marker(mark)
            return


def endpoint_of(item: pytest.Item) -> Endpoint | None:
    """The endpoint that a test is about, None where it is about none."""
    callspec = getattr(item, "callspec", None)
    value = callspec.params.get(FIXTURE) if callspec else None
    return value if isinstance(value, Endpoint) else None


def endpoints_of(items: Iterable[pytest.Item]) -> list[Endpoint]:
    """What the tests are about, each once."""
    return list({key_of(endpoint): endpoint for item in items if (endpoint := endpoint_of(item))}.values())


def key_of(endpoint: Endpoint) -> Key:
    return endpoint.vantage, endpoint.id


def _parametrizing(item: pytest.Item) -> list[pytest.Mark]:
    """The marks with which a user says what the test's endpoints are."""
    return [mark for mark in item.iter_markers("parametrize") if FIXTURE in _argument_names(mark)]


def _argument_names(mark: pytest.Mark) -> Sequence[str]:
    names: str | Sequence[str] = mark.args[0] if mark.args else mark.kwargs.get("argnames", "")
    return names.replace(" ", "").split(",") if isinstance(names, str) else names


def _is_indirect(mark: pytest.Mark) -> bool:
    indirect = mark.args[2] if len(mark.args) > 2 else mark.kwargs.get("indirect", False)
    return indirect is True or (indirect is not False and FIXTURE in indirect)


def _parameter(endpoint: Endpoint, *, may_fail: bool) -> object:
    marks = _marks(endpoint)
    if may_fail and endpoint.xfail is not None:
        # Not for what the gate itself raises: an inconclusive check is no expected failure.
        expected = (pytest.fail.Exception, AssertionError)
        marks.append(pytest.mark.xfail(reason=for_log(for_terminal(endpoint.xfail)), raises=expected))
    return pytest.param(endpoint, id=endpoint.test_id, marks=marks)


def _marks(endpoint: Endpoint) -> list[pytest.MarkDecorator]:
    marks = [getattr(pytest.mark, tag) for tag in endpoint.tags]
    if endpoint.skip is not None:
        marks.append(pytest.mark.skip(reason=for_log(for_terminal(endpoint.skip))))
    return marks


def _place(item: pytest.Function) -> tuple[Path, int | None, str]:
    """What pytest calls `reportinfo`: where the user wrote the endpoint, its line counting from 0."""
    endpoint = endpoint_of(item)
    source = endpoint.source if endpoint else None
    if source is None or not source.line:
        return item.path, None, item.name
    return _file(item.config.invocation_params.dir, source.file), source.line - 1, item.name


@functools.lru_cache(maxsize=64)
def _file(folder: Path, name: str) -> Path:
    """Thousands of endpoints stand in a few files."""
    return folder / name


def _chosen(plan: Plan, ids: Sequence[str]) -> list[Endpoint]:
    """The endpoints that exact ids ask for; all of them where there are none."""
    test = f"{NO_FILE}::test_tcp"
    known = {f"{test}[{endpoint.test_id}]" for endpoint in plan.endpoints} | {test}
    if unknown := [name for name in ids if name not in known]:
        raise pytest.UsageError(*(f"not found: {name} (--collect-only -q lists the ids)" for name in unknown))
    whole = not ids or test in ids
    return [endpoint for endpoint in plan.endpoints if whole or f"{test}[{endpoint.test_id}]" in ids]


def _by_file(plan: Plan, files: Sequence[Path]) -> dict[Path, list[Endpoint]]:
    """An included target belongs to the file that was named, one of an option or a hook to the first."""
    endpoints: dict[Path, list[Endpoint]] = {path: [] for path in files}
    named = dict(zip(plan.files, files, strict=False))  # included files follow those that were named
    for endpoint in plan.endpoints:
        written_in = endpoint.source.file if endpoint.source else ""
        file = named.get(plan.included.get(written_in, written_in), files[0])
        endpoints[file].append(endpoint)
    return endpoints


def _relative(path: Path, root: Path) -> str:
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()
