"""The arguments of `netmon monitor`: the seed's command line, and more beside it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_netmon import __version__
from pytest_netmon.config.schemes import port_of_scheme
from pytest_netmon.config.shown import shown_text
from pytest_netmon.problems import ConfigurationError, Problem, Source

from .arguments import Parser

#: The seed's defaults.
BUILT_IN_PORTS = (80, 443)
INTERVAL_S = 1.0
TIMEOUT_S = 5.0
#: Thirty years of one check a second.
_MOST_CHECKS = 10**9

_USAGE = "netmon monitor [OPTION]... TARGET..."
_DESCRIPTION = """\
Watch targets, for minutes or weeks: each port of each target is checked at the
interval by a timed TCP connect, until Ctrl-C or for -c checks. Statistics are
shown live, on a terminal as a table.

  TARGET   host name, IP address, host:port, [IPv6]:port or URL; -p is for those
           that name no port"""
_EPILOG = """\
examples:
  netmon monitor google.com cloudflare.com
  netmon monitor -t 192.168.1.1 -p 22 80 443 -i 2.5
  netmon monitor problematic-server.com -i 0.1 -c 1000 -o troubleshoot.json

A target with limits, but none on success, must succeed always. With -o FILE
samples are kept in FILE.samples.ndjson while they are measured: the next start
saves what a crash left there, and so does `netmon report`.

exit status: without limits 0, or 1 if no check at all was open; with limits
(--limit, --config) 0 met, 1 broken, 3 inconclusive; 2 usage or configuration.
With -c, if cut short: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 141 by a
closed pipe; files are written all the same. A second Ctrl-C ends it at once."""

_SEVERAL: dict[str, Any] = {"action": "extend", "nargs": "+", "default": []}
#: What nobody would take for a port, nor for a slip in one.
_LIKE_A_TARGET = re.compile(r"[A-Za-z.:\[]")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ports, times and limits stay texts.

    Raises UsageError, ConfigurationError for a target among the ports or a count that is none, and
    SystemExit after -h and --version.
    """
    parser = Parser("netmon monitor", _DESCRIPTION, _USAGE, _EPILOG)
    parser.add_argument("what", nargs="*", metavar="TARGET", help=argparse.SUPPRESS)
    _add_options(parser)
    options = parser.parse_intermixed_args(list(argv))
    _refuse_targets_among_ports(options.ports)
    options.count = _count(options.count)
    return options


def _add_options(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to watch")
    what.add_argument("-t", "--targets", metavar="TARGET", **_SEVERAL, help="more targets")
    what.add_argument("-p", "--ports", metavar="PORT", **_SEVERAL, help="for targets that name none (80 443)")
    what.add_argument("--config", metavar="FILE", type=Path, action="append", default=[], help="a netmon.yaml")
    places: dict[str, Any] = {"action": "append", "default": []}
    what.add_argument("--via", metavar="COMMAND", **places, help="watch from there: 'kubectl exec -i deploy/app --'")
    what.add_argument("--vantage", metavar="NAME", **places, help="only from this vantage of FILE (local: from here)")
    how = parser.add_argument_group("how to watch")
    how.add_argument("-i", "--interval", metavar="SECONDS", help="from one check of an endpoint to the next (1.0)")
    how.add_argument("-c", "--count", metavar="N", help="checks of each endpoint (until Ctrl-C)")
    how.add_argument("--timeout", metavar="SECONDS", help="how long a check may take (5.0)")
    how.add_argument("--proxy", metavar="PROXY", help="http://HOST:PORT, socks5://HOST:PORT, env, or none")
    how.add_argument("--limit", metavar="EXPR", action="append", default=[], help="allowed: 'p95 < 50ms' (repeatable)")
    how.add_argument("--dry-run", action="store_true", help="show what would be checked, and check nothing")
    output = parser.add_argument_group("output")
    output.add_argument("-o", "--output", metavar="FILE", help="save the results as JSON; - is stdout")
    output.add_argument("--junit", metavar="FILE", help="save the results as JUnit XML")
    output.add_argument("--html", metavar="FILE", help="save a report with charts, one HTML file")
    output.add_argument("-v", "--verbose", action="count", default=0, help="log each check; -vv: also decisions")
    output.add_argument("--log-file", metavar="FILE", type=Path, help="append the log to a file, too")
    output.add_argument("--plain", action="store_true", help="statistics as text, also on a terminal")
    output.add_argument("--version", action="version", version=f"netmon {__version__}")


def _refuse_targets_among_ports(ports: Sequence[str]) -> None:
    """`-p 80 443 google.com` hands the target to -p: say so, rather than that it is no port."""
    for at, text in enumerate(ports):
        if _LIKE_A_TARGET.search(text) and port_of_scheme(text.lower()) is None:
            before = " ".join(ports[:at]) or "80"
            hint = f"name targets before -p or behind -t: `netmon monitor {_shown(text)} -p {before}`"
            raise refusal("-p", f"expected a port 1..65535, got {shown_text(text)}: {hint}")


def _shown(text: str) -> str:
    return shown_text(text).strip("'\"")


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= _MOST_CHECKS:
        found = shown_text(text)
        raise refusal("-c", f"expected a whole number from 1, got {found}: leave it out to watch until Ctrl-C")
    return int(text)


def refusal(option: str, text: str) -> ConfigurationError:
    """Return the error for what one option says: one line."""
    return ConfigurationError([Problem(Source(option), "", text)])
