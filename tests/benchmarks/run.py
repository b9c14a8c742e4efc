"""The benchmarks: every figure that this project promises, measured beside its peers in one run.

    python tests/benchmarks/run.py [--quick] [--only NAME]... [--markdown | --json] [--peers-python PYTHON]

Prints one table: what was promised, what was measured, and what others came to beside it. Exit status 0 where all was
reached, 1 where something was not, 2 where there is no ground to measure on.

Brings its own ground: namespaces with a path of a known delay, name servers and servers on loopback. Nothing of it
stays, and no packet leaves. Needs Linux; the path needs root, or user namespaces and /dev/net/tun. gcc makes path,
servers and the limit. What cannot be had is named, and so is what was not measured for want of it. Peers are used
where they are installed and named where they are not (Debian: nmap, prometheus-blackbox-exporter,
monitoring-plugins-basic; PyPI: tcp-latency, pytest-testinfra, netcheck, wait-for-it).
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shlex
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from bench import Bench
from ground import DELAY_MS, MOST_TIME_WAIT, ROOT, Ground, GroundError, run_in_namespaces, without_namespaces
from rows_busy import busy_rows
from rows_commands import check_rows, pytest_rows
from rows_names import names_rows
from rows_speed import memory_rows, throughput_rows, whole_way_rows
from rows_tls import tls_rows
from rows_truth import loss_rows, truth_rows
from table import Row, Table, as_json, as_markdown, as_text, not_measured

#: Name -> (rows, whether they need the path or its namespaces).
BENCHMARKS: dict[str, tuple[Callable[[Bench], list[Row]], bool]] = {
    "truth": (truth_rows, True),
    "busy": (busy_rows, True),
    "throughput": (throughput_rows, False),
    "whole-way": (whole_way_rows, False),
    "memory": (memory_rows, False),
    "names": (names_rows, True),
    "check": (check_rows, True),
    "pytest": (pytest_rows, False),
    "loss": (loss_rows, True),
    "tls": (tls_rows, True),
}
#: The whole run: what is not measured by then is left out.
MOST_S, MOST_QUICK_S = 360.0, 90.0


class OutOfTimeError(Exception):
    """The run has taken all the time that it may."""


def main(argv: list[str]) -> int:
    """Run what the options name and print the table. Returns 0 when all figures were reached, 1 when one was not."""
    options = _parse(argv)
    if options.inside is not None:
        return _run(options, argv, options.inside, None)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(143))
    why = without_namespaces()
    with tempfile.TemporaryDirectory(prefix="netmon-benchmarks-", ignore_cleanup_errors=True) as folder:
        if why is not None:
            return _run(options, argv, Path(folder), why)
        return run_in_namespaces([sys.executable, __file__, *argv, "--inside", folder])


def _run(options: argparse.Namespace, argv: list[str], folder: Path, without_path: str | None) -> int:
    try:
        with Ground(folder, without_path) as ground:
            table = _measure(Bench(ground, options.quick, options.peers_python), options.only, argv)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except GroundError as error:
        print(f"no ground to measure on: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(as_json(table))
    elif options.markdown:
        print(as_markdown(table))
    else:
        print(as_text(table, shutil.get_terminal_size((120, 50)).columns))
    return 0 if all(row.reached is not False for row in table.rows) else 1


def _parse(argv: list[str]) -> argparse.Namespace:
    assert __doc__ is not None
    description, _, ground = __doc__.split("\n\n", 2)
    parser = argparse.ArgumentParser(
        description=description,
        epilog=f"{ground.strip()}\n\n{_told_of_rows()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="small numbers, one round: about a minute")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help="some; may be given again")
    shown_as = parser.add_mutually_exclusive_group()
    shown_as.add_argument("--markdown", action="store_true", help="show the table as Markdown, for the README")
    shown_as.add_argument("--json", action="store_true", help="show the table as JSON, with all raw figures")
    parser.add_argument("--peers-python", default=sys.executable, metavar="PYTHON", help="has the peers of PyPI")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _told_of_rows() -> str:
    lines = ["what --only can name:"]
    for name, (measure, _) in BENCHMARKS.items():
        told = " ".join((measure.__doc__ or "").split())
        lines += textwrap.wrap(told, 110, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14)
    return "\n".join(lines)


def _measure(bench: Bench, only: list[str] | None, argv: list[str]) -> Table:
    rows: list[Row] = []
    load = os.getloadavg()[0]
    end_s = time.monotonic() + (MOST_QUICK_S if bench.quick else MOST_S)
    signal.signal(signal.SIGALRM, _out_of_time)
    for name in only or BENCHMARKS:
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        rows += _rows_of(bench, name, end_s - began_s)
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return Table(rows, _about(bench, argv, load), _notes(bench))


def _rows_of(bench: Bench, name: str, left_s: float) -> list[Row]:
    measure, needs_path = BENCHMARKS[name]
    if needs_path and bench.ground.path is None:
        return [not_measured(name, "-", str(bench.ground.without_path))]
    try:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left_s))
        try:
            return measure(bench)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except OutOfTimeError:
        return [not_measured(name, "-", "the run had taken all the time that it may")]
    except (GroundError, OSError) as error:
        return [not_measured(name, "-", str(error))]


def _out_of_time(*_: object) -> None:
    raise OutOfTimeError


def _about(bench: Bench, argv: list[str], load: float) -> dict[str, str]:
    cores = f"{os.cpu_count()} cores" if (os.cpu_count() or 1) > 1 else "1 core"
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    return {
        "command": shlex.join(["python", str(Path(__file__).resolve().relative_to(ROOT)), *_shown(argv)]),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {cores}, {kernel}, Python {platform.python_version()}, load {load:.1f} before",
    }


def _shown(argv: list[str]) -> list[str]:
    """The options that change what is measured; paths of this machine are left out."""
    options = _parse(argv)
    return [*(["--quick"] if options.quick else []), *(f"--only={name}" for name in options.only or [])]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _notes(bench: Bench) -> list[str]:
    made_of = "C" if bench.ground.has_compiler else "Python (no gcc): later than in C"
    notes = ["each value is a median over rounds (least-most); pairs were measured in turn"]
    if bench.ground.path is not None:
        notes.append(
            f"path of {DELAY_MS:.0f} ms: a TUN device, its far end in {made_of}; closed connections (TIME_WAIT) kept: "
            f"{MOST_TIME_WAIT:,} at most, for all alike"
        )
    else:
        notes.append(f"no path: {bench.ground.without_path}")
    notes += bench.notes
    for where, late in bench.path_late.items():
        notes.append(
            f"the path was late by p50 {late['p50']} us, p99 {late['p99']} us, max {late['max']} us with {where} "
            f"({late['most_queued']:,} answers on their way)"
        )
    notes += [f"left out: {name}: {why}" for name, why in bench.left_out.items()]
    return notes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
