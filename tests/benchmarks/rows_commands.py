"""Whole commands against whole commands: `netmon check` and `pytest --netmon`."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

from bench import Bench
from ground import DELAY_MS, Finished, GroundError
from peers import RUNNING, Came, Peer, block, peers
from rows_busy import pytest_command
from table import Row, spread

#: As it comes, and with the rate caps of a plan (2,000 checks a second, 200 a host) out of the way.
OURS, UNPACED = "netmon check", "netmon check without rate caps"
_HOSTS = 20
_NMAP_RATIO, _PYTEST_RATIO = 3.0, 1.6
_TESTS = 2000
# Written by the process itself, so that the CPU time of its children is not in it.
_CPU_PLUGIN = """\
import atexit, pathlib, time


@atexit.register
def tell():
    pathlib.Path("cpu-seconds").write_text(str(time.process_time()))
"""


def check_rows(bench: Bench) -> list[Row]:
    """`netmon check` on endpoints of the path, and every peer on the same, in turn."""
    wanted = len(block(_HOSTS))
    found: dict[str, list[Came]] = defaultdict(list)
    chosen = _installed(bench)
    for _ in range(bench.some(5)):
        found[OURS].append(_check(bench, wanted))
        found[UNPACED].append(_check(bench, wanted, "--max-rate", "100000", "--max-rate-per-host", "100000"))
        for peer in chosen:
            if not peer.is_slow:
                _try(bench, peer, wanted, found)
    for peer in chosen:
        if peer.is_slow and bench.quick:
            bench.leave_out(peer.name, "slow: not with --quick")
        elif peer.is_slow:
            _try(bench, peer, wanted, found)
    return _check_rows(found, wanted)


def _installed(bench: Bench) -> list[Peer]:
    everyone = peers(bench.ground, bench.peers_python)
    for peer in everyone:
        if peer.missing is not None:
            bench.leave_out(peer.name, peer.missing)
    return [peer for peer in everyone if peer.missing is None]


def _try(bench: Bench, peer: Peer, wanted: int, found: dict[str, list[Came]]) -> None:
    if peer.name in bench.left_out:
        return
    try:
        came = peer.run(_HOSTS)
    except (GroundError, OSError, ValueError) as error:
        bench.leave_out(peer.name, str(error))
        return
    if came.opened == wanted:
        found[peer.name].append(came)
    else:
        bench.leave_out(peer.name, f"found {came.opened} of {wanted} endpoints open")
        found.pop(peer.name, None)


def _check(bench: Bench, wanted: int, *options: str) -> Came:
    targets = [f"{host}:{port}" for host, port in block(_HOSTS)]
    done = bench.ground.run([sys.executable, "-m", "pytest_netmon", "check", *targets, *options])
    passed = sum(line.startswith("PASS") for line in done.output.splitlines())
    if done.status or passed != wanted:
        raise GroundError(f"netmon check: status {done.status}, {passed} of {wanted} passed: {done.output[-300:]}")
    return Came(done.wall_s, passed)


def _check_rows(found: dict[str, list[Came]], wanted: int) -> list[Row]:
    ours_s = [came.wall_s for came in found.pop(OURS)]
    middle_s = statistics.median(ours_s)
    theirs_s = {name: statistics.median(came.wall_s for came in cames) for name, cames in found.items()}
    shown = sorted(theirs_s, key=theirs_s.__getitem__)
    beside = "; ".join(_peer_text(name, theirs_s[name], middle_s, found[name]) for name in shown)
    what, measured = f"`netmon check` on {wanted} endpoints at {DELAY_MS:.0f} ms, whole process", spread(ours_s, 2, "s")
    others_s = [s for name, s in theirs_s.items() if name not in ("nmap -sT", RUNNING, UNPACED)]
    numbers = {"ours_s": ours_s, "peers": {n: [vars(came) for came in cames] for n, cames in found.items()}}
    faster = middle_s < min(others_s) if others_s else None
    rows = [Row(what, "faster than every peer but nmap (whole processes)", measured, faster, beside, numbers)]
    nmap_s = theirs_s.get("nmap -sT")
    if nmap_s is not None:
        ratio = middle_s / nmap_s
        rows.append(Row(f"{what} / nmap -sT", f"<= {_NMAP_RATIO:.0f}", f"{ratio:.2f}", ratio <= _NMAP_RATIO))
    return rows


def _peer_text(name: str, seconds: float, ours_s: float, cames: list[Came]) -> str:
    reported = [came.latency_ms for came in cames if came.latency_ms is not None]
    told = f", reports {statistics.median(reported):.1f} ms" if reported else ""
    return f"{name} {seconds:.2f} s (x {seconds / ours_s:.1f}{told})"


def pytest_rows(bench: Bench) -> list[Row]:
    """`pytest --netmon` against as many plain parametrised tests, by the CPU time of the pytest process alone: it
    waits for the campaign without using any, so that the wait is not counted."""
    tests = bench.fewer(_TESTS)
    endpoints = bench.ground.endpoints(tests)
    folders = {name: bench.ground.folder / name for name in ("gate", "plain")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
        (folder / "cpu_seconds_plugin.py").write_text(_CPU_PLUGIN)
    _write_gate(folders["gate"], endpoints)
    _write_plain(folders["plain"], endpoints)
    cpu_s: dict[str, list[float]] = {"gate": [], "plain": []}
    wall_s: dict[str, list[float]] = {"gate": [], "plain": []}
    for _ in range(bench.some(5)):
        for name, folder in folders.items():
            options = ["--netmon"] if name == "gate" else []
            command = [*pytest_command(), "-p", "cpu_seconds_plugin", "--rootdir=.", "-c", "/dev/null", *options]
            done = bench.ground.run(command, folder=folder, timeout_s=120)
            _expect_passed(done, tests)
            cpu_s[name].append(float((folder / "cpu-seconds").read_text()))
            wall_s[name].append(done.wall_s)
    ratios = [ours / theirs for ours, theirs in zip(cpu_s["gate"], cpu_s["plain"], strict=True)]
    beside = (
        f"CPU {spread(cpu_s['gate'], 2)} against {spread(cpu_s['plain'], 2, 's')}; "
        f"wall with the wait {spread(wall_s['gate'], 2)} against {spread(wall_s['plain'], 2, 's')}"
    )
    what = f"`pytest --netmon`, {tests:,} endpoints, / {tests:,} plain parametrised tests"
    reached = statistics.median(ratios) <= _PYTEST_RATIO
    return [Row(what, f"<= {_PYTEST_RATIO}", spread(ratios, 2), reached, beside, {"cpu_s": cpu_s, "wall_s": wall_s})]


def _write_gate(folder: Path, endpoints: list[tuple[str, int]]) -> None:
    targets = "".join(f"  - {host}:{port}\n" for host, port in endpoints)
    (folder / "netmon.yaml").write_text(f"max_rate: 50000\ntargets:\n{targets}")


def _write_plain(folder: Path, endpoints: list[tuple[str, int]]) -> None:
    ids = [f"{host}:{port}" for host, port in endpoints]
    test = f"@pytest.mark.parametrize('endpoint', {ids!r})\ndef test_plain(endpoint):\n    assert endpoint\n"
    (folder / "test_plain.py").write_text(f"import pytest\n\n\n{test}")


def _expect_passed(done: Finished, tests: int) -> None:
    if done.status or f"{tests} passed" not in done.output:
        raise GroundError(f"pytest: status {done.status}: {done.output[-300:]}")
