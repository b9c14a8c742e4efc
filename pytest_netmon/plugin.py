"""What pytest loads: options, fixtures and hook specifications, a table of contents.

It is imported by every pytest on a machine where the package is installed, so it imports pytest and
nothing else of weight. The gate itself is registered when one of its options is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .plan import Endpoint
    from .run import Result

GATE = "netmon-gate"
_OFF = "netmon is off: run `pytest --netmon` (or give any other --netmon-* option) to have endpoints probed"

#: Option, placeholder of its value, whether it may be repeated, help.
_OPTIONS = (
    ("config", "FILE", True, "targets and limits (default: netmon.yaml in the rootdir); repeatable"),
    ("target", "TARGET", True, "host:port, a host or a URL to check, in place of netmon.yaml; repeatable, or a,b"),
    ("port", "PORT", True, "port or range (8000-8010) for targets that name none; repeatable, or a,b"),
    ("count", "N", False, "checks of each endpoint"),
    ("interval", "TIME", False, "from one check of an endpoint to the next (250ms, 2s)"),
    ("timeout", "TIME", False, "how long a check may take (3s)"),
    ("wait", "TIME", False, "try until open, this long, before it is measured (60s)"),
    ("proxy", "PROXY", False, "check through http://host:port, socks5://host:port, or env: the environment's proxy"),
    ("family", "FAMILY", False, "any, 4, 6 (nothing else is tried) or both (each must pass)"),
    ("addresses", "WHICH", False, "any (the first that answers), first (no other) or all (each must pass)"),
    ("limit", "LIMIT", True, "what is allowed ('p95 < 50ms', 'success >= 99%%'); repeatable, or a,b"),
    ("baseline", "FILE", False, "the netmon.json of an earlier run: what got slower fails (30 %% and 20 ms)"),
    ("tag", "TAG", True, "check only targets with this tag; !TAG: only those without; repeatable (any), or a,b"),
    ("vantage", "NAME", True, "check only from this vantage (local: this machine); repeatable, or a,b"),
    (
        "report",
        "DIR",
        False,
        "folder for netmon.json, netmon-junit.xml, netmon.html (default: netmon-report; empty: none)",
    ),
    ("max-rate", "N", False, "checks a second, all endpoints together (2000)"),
    ("max-rate-per-host", "N", False, "checks a second to one host (200)"),
)
_ANNOTATIONS = "show failures at their lines of netmon.yaml in GitHub Actions and Azure Pipelines"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("netmon", "is everything reachable, fast enough? (netmon)")
    group.addoption("--netmon", action="store_true", help="check the endpoints of netmon.yaml, one test for each")
    for name, metavar, repeatable, text in _OPTIONS:
        action = "append" if repeatable else "store"
        group.addoption(f"--netmon-{name}", action=action, metavar=metavar, help=text)
    group.addoption("--netmon-annotations", action="store_true", help=_ANNOTATIONS)
    parser.addini("netmon_config", "files that --netmon reads, relative to this one", type="paths", default=[])


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True, specname="pytest_configure")
def pytest_configure_first(config: pytest.Config) -> None:
    """Keep the marks of the project's ini apart from those that plugins are about to add."""
    if _is_on(config):
        from .gate.tags import OWN_MARKERS

        config.stash[OWN_MARKERS] = list(config.getini("markers"))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "netmon: one endpoint checked by pytest-netmon")
    if _is_on(config):
        from .gate.distributed import gate_for

        config.pluginmanager.register(gate_for(config), GATE)


@pytest.fixture
def netmon_endpoint() -> Endpoint:
    """The endpoint (host, port, limits ...) that this test is about; a test asking for it runs once for each."""
    pytest.fail(_OFF, pytrace=False)  # where it is on, the gate has fixtures of these names (`gate/session.py`)


@pytest.fixture
def netmon_result() -> Result:
    """What was measured of the endpoint, and the verdict. Broken limits do not fail a test that asks for it."""
    pytest.fail(_OFF, pytrace=False)


def _is_on(config: pytest.Config) -> bool:
    return bool(config.option.netmon or config.option.netmon_annotations) or any(
        getattr(config.option, f"netmon_{name.replace('-', '_')}") is not None for name, *_ in _OPTIONS
    )
