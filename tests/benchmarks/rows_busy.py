"""Whether bustle bends the reported times: a CPU-bound test in pytest, a live table."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from bench import Bench
from ground import DELAY_MS, GroundError, path_endpoints
from table import Row, spread

ENDPOINTS = 100
INTERVAL_S = 0.25
_BEND_MS = 0.1
_TESTS = {
    "busy": "    end_s = time.monotonic() + {}\n    while time.monotonic() < end_s:\n        sum(range(1000))\n",
    "idle": "    time.sleep({})\n",
}


def busy_rows(bench: Bench) -> list[Row]:
    """Connect times while a test keeps the processor busy or a live table draws, against rest, in turn."""
    pytest_ms: dict[str, list[float]] = {"idle": [], "busy": []}
    table_ms: dict[str, list[float]] = {"idle": [], "busy": []}
    clock_ms: dict[str, list[float]] = {"idle": [], "busy": []}
    for _ in range(bench.some(3)):
        for kind in ("idle", "busy"):
            connect, clock = _in_pytest(bench, kind)
            pytest_ms[kind].append(connect)
            clock_ms[kind].append(clock)
        for kind in ("idle", "busy"):
            table_ms[kind].append(_in_monitor(bench, kind))
    beside = f"our own clock went from {spread(clock_ms['idle'], 3)} to {spread(clock_ms['busy'], 3, 'ms')}"
    return [
        _row("a CPU-bound test running in pytest", pytest_ms, beside),
        _row("a live table drawing (`netmon monitor`)", table_ms, ""),
    ]


def _row(bustle: str, median_ms: dict[str, list[float]], beside: str) -> Row:
    bend_ms = abs(statistics.median(median_ms["busy"]) - statistics.median(median_ms["idle"]))
    return Row(
        f"median connect time of {ENDPOINTS} endpoints ({DELAY_MS:.0f} ms) with {bustle}",
        f"unchanged within {_BEND_MS} ms",
        f"{bend_ms:.3f} ms apart: {spread(median_ms['busy'], 3)} busy, {spread(median_ms['idle'], 3)} idle",
        bend_ms <= _BEND_MS,
        beside,
        {"median_ms": median_ms},
    )


def _in_pytest(bench: Bench, kind: str) -> tuple[float, float]:
    """Medians of connect time and of our clock, as netmon.json has them, milliseconds."""
    count, folder = _count(bench), bench.ground.folder / f"pytest-{kind}"
    folder.mkdir(exist_ok=True)
    targets = [f"  - {{host: {host}, ports: [{port}]}}" for host, port in path_endpoints(ENDPOINTS)]
    (folder / "netmon.yaml").write_text(
        f"defaults: {{count: {count}, interval: {INTERVAL_S}s}}\nmax_rate: 5000\ntargets:\n" + "\n".join(targets)
    )
    test = _TESTS[kind].format(count * INTERVAL_S + 0.5)
    (folder / "test_beside.py").write_text(f"import time\n\n\ndef test_beside():\n{test}")
    done = bench.ground.run([*pytest_command(), "--netmon", "--rootdir=.", "-c", "/dev/null"], folder=folder)
    if done.status:
        raise GroundError(f"pytest ended with status {done.status}: {done.output[-300:]}")
    samples = _samples(folder / "netmon-report" / "netmon.json", ENDPOINTS * count)
    return statistics.median(s["connect_ms"] for s in samples), statistics.median(s["clock_ms"] for s in samples)


def pytest_command() -> list[str]:
    """pytest with our plugin and no other, whether the package is installed or not."""
    plugins = ["--disable-plugin-autoload", "-p", "pytest_netmon.plugin", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", "-q", *plugins]


def _count(bench: Bench) -> int:
    return 4 if bench.quick else 10


def _in_monitor(bench: Bench, kind: str) -> float:
    """`netmon monitor` on a terminal: with its live table, or plain into a file."""
    ground, count = bench.ground, _count(bench)
    written = ground.folder / f"monitor-{kind}.json"
    written.unlink(missing_ok=True)
    hosts = [host for host, _ in path_endpoints(ENDPOINTS)]
    port = str(path_endpoints(1)[0][1])
    command = [sys.executable, "-m", "pytest_netmon", "monitor", "-t", *hosts, "-p", port]
    command += ["-i", str(INTERVAL_S), "-c", str(count), "-o", str(written)]
    if kind == "busy":
        shown = ground.run_on_terminal(command)
        if b"\x1b[" not in shown:
            raise GroundError("netmon monitor drew no table")
    else:
        ground.run([*command, "--plain"])
    return statistics.median(sample["connect_ms"] for sample in _samples(written, ENDPOINTS * count))


def _samples(file: Path, expected: int) -> list[dict[str, float]]:
    raw_data = json.loads(file.read_text())["raw_data"]
    samples = [sample for ports in raw_data.values() for samples in ports.values() for sample in samples]
    if len(samples) != expected:
        raise GroundError(f"{len(samples)} samples in {file.name}, expected {expected}")
    return samples


def _count(bench: Bench) -> int:
    return 4 if bench.quick else 10
