"""The arguments of `netmon check`, read as far as it takes to load a plan."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_netmon.config.load import DEFAULT_NAMES, EXAMPLE, find_default
from pytest_netmon.config.options import Overrides
from pytest_netmon.problems import Source

from .arguments import Parser, UsageError
from .targets_list import read_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

_YAML = (".yaml", ".yml")
_USAGE = "netmon check [OPTION]... [FILE.yaml | TARGET]..."
_REPEATED: dict[str, Any] = {"action": "append", "default": []}
_DESCRIPTION = """\
Can this machine reach everything, fast enough? The gate without pytest: the
same files, limits and verdicts. Without FILE and TARGET: ./netmon.yaml.

  FILE.yaml  targets and limits
  TARGET     host:port, [IPv6]:port, a URL, or a host with -p"""
_EPILOG = """\
examples:
  netmon check deploy/netmon.yaml
  netmon check db.internal:5432 "$REDIS_URL" --wait 60s
  netmon check api.example.com -p 443 --limit 'p95 < 50ms' -o result.json

exit status: 0 limits met, 1 broken, 2 usage or configuration,
  3 inconclusive (the fault of this machine), 130 interrupted"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Raises UsageError, and SystemExit after -h."""
    parser = Parser("netmon check", _DESCRIPTION, _USAGE, _EPILOG)
    parser.add_argument("what", nargs="*", metavar="FILE.yaml | TARGET", help=argparse.SUPPRESS)
    what = parser.add_argument_group("what to check")
    what.add_argument("--targets-from", metavar="FILE", **_REPEATED, help="targets, one a line (host port); - is stdin")
    what.add_argument("-p", "--port", **_REPEATED, help="for targets that name none: 80,8000-8010")
    what.add_argument("--tag", **_REPEATED, help="only targets with this tag; !TAG: only those without; several: any")
    what.add_argument("--via", metavar="COMMAND", **_REPEATED, help="check from there: 'kubectl exec -i deploy/app --'")
    what.add_argument("--vantage", metavar="NAME", **_REPEATED, help="check only from this vantage (local: from here)")
    what.add_argument("--config", metavar="FILE", **_REPEATED, help="the same as FILE.yaml, whatever its name")
    how = parser.add_argument_group("how to check")
    how.add_argument("--count", metavar="N", help="checks of each endpoint (3 tries to reach it, 20 with limits)")
    how.add_argument("--interval", metavar="TIME", help="from one check of an endpoint to the next (250ms)")
    how.add_argument("--timeout", metavar="TIME", help="how long a check may take (3s)")
    how.add_argument("--proxy", metavar="PROXY", help="http://HOST:PORT, socks5://HOST:PORT, env, or none: go direct")
    how.add_argument("--limit", **_REPEATED, help="what is allowed: 'p95 < 50ms', 'success >= 99%%'")
    how.add_argument(
        "--baseline", metavar="FILE", help="the JSON of an earlier run: what got slower than there is broken"
    )
    how.add_argument("--max-rate", metavar="N", help="checks a second, all endpoints together (2000)")
    how.add_argument("--max-rate-per-host", metavar="N", help="checks a second to one host (200)")
    how.add_argument("--wait", metavar="TIME", help="keep trying what is not open yet, this long (60s)")
    how.add_argument("--family", metavar="FAMILY", help="any, 4, 6 (nothing else is tried) or both (each must pass)")
    how.add_argument("-4", dest="family", action="store_const", const="4", help="the same as --family 4")
    how.add_argument("-6", dest="family", action="store_const", const="6", help="the same as --family 6")
    how.add_argument("--addresses", metavar="WHICH", help="any (the first that answers), first (no other) or all")
    how.add_argument("--dry-run", action="store_true", help="show what would be checked, and send nothing")
    how.add_argument("--resolve", action="store_true", help="with --dry-run: look names up and show their addresses")
    output = parser.add_argument_group("output")
    output.add_argument("-q", "--quiet", action="store_true", help="show nothing but failures")
    output.add_argument("-o", "--output", metavar="FILE", help="write the results as JSON; - is stdout")
    output.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML")
    output.add_argument("--html", metavar="FILE", help="write the results as one HTML page with charts")
    output.add_argument("--annotations", action="store_true", help="show failures at their lines of FILE.yaml in CI")
    colors = output.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    colors.help = "auto: on a terminal, unless NO_COLOR is set"
    options = parser.parse_intermixed_args(list(argv))
    if options.resolve and not options.dry_run:
        raise UsageError("--resolve: expected --dry-run with it: a check resolves names in any case")
    return options


def paths_and_targets(options: argparse.Namespace) -> tuple[list[Path], Overrides]:
    """Return the files to read and what goes before what they say.

    Raises UsageError where there is nothing to check, ConfigurationError where a list cannot be read.
    """
    paths = [*map(Path, options.config), *(Path(argument) for argument in options.what if _is_file(argument))]
    targets = _named_targets(options)
    for name in dict.fromkeys(options.targets_from):
        targets += read_targets(name)
    if not paths and not targets:
        paths = [_default()]
    overrides = Overrides(
        placed_targets=tuple(targets),
        ports=tuple(options.port),
        count=options.count,
        interval=options.interval,
        timeout=options.timeout,
        wait=options.wait,
        proxy=options.proxy,
        family=options.family,
        addresses=options.addresses,
        limits=tuple(options.limit),
        max_rate=options.max_rate,
        max_rate_per_host=options.max_rate_per_host,
        tags=tuple(options.tag),
        baseline=options.baseline,
        vantages=tuple(options.vantage),
        vias=tuple(options.via),
        prefix="--",
        target_hint="an argument HOST:PORT",
    )
    return paths, overrides


def _is_file(argument: str) -> bool:
    """A URL is a target whatever it ends in; a path is a file by its ending, or because it is there."""
    if "://" in argument:
        return False
    return argument.endswith(_YAML) or (_holds_separator(argument) and Path(argument).exists())


def _holds_separator(argument: str) -> bool:
    return any(separator and separator in argument for separator in (os.sep, os.altsep))


def _named_targets(options: argparse.Namespace) -> list[tuple[str, Source]]:
    targets = []
    for number, argument in enumerate(options.what, 1):
        if options.port and argument.isdecimal():
            ports = ",".join([*options.port, argument])
            raise UsageError(f"{argument} is no target: write several ports as -p {ports}")
        if not _is_file(argument):
            targets.append((argument, Source(f"argument {number}")))
    return targets


def _default() -> Path:
    found = find_default(Path())
    if found is None:
        raise UsageError(
            f"expected FILE.yaml, TARGET or a {DEFAULT_NAMES[0]} here, got none of them: "
            f"write `netmon check HOST:PORT`, or start from this {DEFAULT_NAMES[0]}:\n\n{EXAMPLE}\n"
        )
    return found
