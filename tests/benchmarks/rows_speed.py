"""How much the engine does: checks a second on one core, the whole way to a written file, memory."""

from __future__ import annotations

import json
import statistics
import sys
import time

from bench import Bench
from ground import HERE, SERVER_PORTS, Ground, GroundError
from peers import run_naive
from prober_runs import ProberRun, job, private_bytes
from table import Row, not_measured, spread

IN_FLIGHT = 64
_ADDRESSES = 50
_ASYNCIO_RATIO, _LIMIT_RATIO = 4.0, 0.6
_WHOLE_WAY = 10_000
_IN_FLIGHT_BYTES, _FINISHED_BYTES = 1024, 32


def throughput_rows(bench: Bench) -> list[Row]:
    """The engine, asyncio and the limit in C in turn, each alone on the same core, servers on the other.

    Compared by CPU time: what others on this machine take then counts for none of them.
    """
    rates: dict[str, list[float]] = {"engine": [], "asyncio": [], "limit": []}
    walls: dict[str, list[float]] = {"engine": [], "asyncio": [], "limit": []}
    checks = bench.fewer(24_000)
    for _ in range(bench.some(5)):
        for name, said in (
            ("engine", _engine(bench.ground, checks)),
            ("asyncio", _asyncio(bench.ground, checks // 4)),
            ("limit", _limit(bench.ground, checks * 2)),
        ):
            if said is not None:
                rates[name].append(said["checks"] / said["cpu_s"])
                walls[name].append(said["checks"] / said["wall_s"])
    if rates["limit"]:
        ratio = statistics.median(rates["limit"]) / statistics.median(rates["asyncio"])
        bench.notes.append(f"throughput: the C client itself does {ratio:.1f} times what asyncio does here")
    shown = f"{spread(rates['engine'], 0)} checks a CPU second"
    numbers = {"checks_per_cpu_s": rates, "checks_per_wall_s": walls}
    others = (
        ("asyncio open_connection", _ASYNCIO_RATIO, rates["asyncio"]),
        ("a C client of the same system calls", _LIMIT_RATIO, rates["limit"]),
    )
    return [_ratio_row(name, least, rates["engine"], theirs, shown, numbers) for name, least, theirs in others]


def _ratio_row(
    other: str, least: float, ours: list[float], theirs: list[float], shown: str, numbers: dict[str, object]
) -> Row:
    what, target = f"throughput of the engine on one core / {other}", f">= {least}"
    if not theirs:
        return not_measured(what, target, "no C compiler (gcc)")
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    beside = f"ours {shown}, theirs {spread(theirs, 0)}"
    return Row(what, target, spread(ratios, 2), statistics.median(ratios) >= least, beside, numbers)


def _loopback(ground: Ground, endpoints: int) -> list[tuple[str, int]]:
    return [(f"127.0.1.{i % _ADDRESSES + 1}", ground.first_port + i % SERVER_PORTS) for i in range(endpoints)]


def _engine(ground: Ground, checks: int) -> dict[str, float]:
    work = job(_loopback(ground, IN_FLIGHT), checks // IN_FLIGHT, 0)
    command = [sys.executable, str(HERE / "engine_alone.py")]
    said = ground.run_json(command, cpu=ground.cpus[0], given=json.dumps(work) + "\n")
    if said["checks"] != said["samples"] or said["samples"] != checks // IN_FLIGHT * IN_FLIGHT:
        raise GroundError(f"{said['checks']} of {checks} checks came to open")
    return said


def _asyncio(ground: Ground, checks: int) -> dict[str, float]:
    plan = {"endpoints": _loopback(ground, IN_FLIGHT), "count": checks // IN_FLIGHT, "interval_s": 0}
    return run_naive(ground, {**plan, "in_flight": IN_FLIGHT}, ground.cpus[0])


def _limit(ground: Ground, checks: int) -> dict[str, float] | None:
    if not ground.has_compiler:
        return None
    where = ["127.0.1.1", str(_ADDRESSES), str(ground.first_port), str(SERVER_PORTS)]
    return ground.run_json([*ground.program("client"), *where, str(checks), str(IN_FLIGHT)], cpu=ground.cpus[0])


def whole_way_rows(bench: Bench) -> list[Row]:
    """`netmon check FILE -o FILE`, from the command's start to its end: all samples judged and written."""
    endpoints, count = 50, bench.fewer(1000)
    folder = bench.ground.folder
    targets = "".join(f"  - {host}:{port}\n" for host, port in _loopback(bench.ground, endpoints))
    (folder / "whole-way.yaml").write_text(
        f"max_rate: 1000000\nmax_rate_per_host: 1000000\n"
        f"defaults: {{count: {count}, interval: 1ms}}\ntargets:\n{targets}"
    )
    command = [sys.executable, "-m", "pytest_netmon", "check", "whole-way.yaml", "-q", "-o", "whole-way.json"]
    rates = []
    for _ in range(bench.some(3)):
        done = bench.ground.run(command)
        if done.status:
            raise GroundError(f"netmon check: status {done.status}: {done.output[-300:]}")
        written = json.loads((folder / "whole-way.json").read_text())["raw_data"]
        samples = sum(len(samples) for ports in written.values() for samples in ports.values())
        if samples != endpoints * count:
            raise GroundError(f"{samples} of {endpoints * count} samples in the JSON")
        rates.append(samples / done.wall_s)
    what = f"the whole way: {endpoints * count:,} checks, `netmon check`, to statistics and JSON with raw data"
    middle = statistics.median(rates)
    return [Row(what, f">= {_WHOLE_WAY:,} checks/s", spread(rates, 0, "checks/s"), middle >= _WHOLE_WAY)]


def memory_rows(bench: Bench) -> list[Row]:
    """Private memory, as the difference between few and many."""
    return [_in_flight_row(bench), _finished_row(bench)]


def _in_flight_row(bench: Bench) -> Row:
    what, target = "memory of the prober per check in flight", f"<= {_IN_FLIGHT_BYTES} B"
    if bench.ground.path is None:
        return not_measured(what, target, str(bench.ground.without_path))
    few, many = (_with_in_flight(bench.ground, count) for count in (50, bench.fewer(400)))
    each = (many[1] - few[1]) / (many[0] - few[0])
    beside = f"{many[1] / 1e6:.1f} MB with {many[0]:,} in flight, {few[1] / 1e6:.1f} MB with {few[0]:,}"
    return Row(what, target, f"{each:,.0f} B", each <= _IN_FLIGHT_BYTES, beside, {"bytes": each})


def _with_in_flight(ground: Ground, count: int) -> tuple[int, int]:
    """Checks of ten endpoints that never answer, and the prober's memory once all of them are in flight."""
    endpoints = [(f"10.100.0.{last}", 443) for last in range(1, 11)]
    wanted = len(endpoints) * count
    with ProberRun(ground, job(endpoints, count, 0.002, timeout_s=60.0)) as run:
        until_s = time.monotonic() + 15
        while run.descriptors < wanted:
            if time.monotonic() > until_s:
                raise GroundError(f"{run.descriptors} of {wanted} checks in flight after 15 s")
            time.sleep(0.05)
        time.sleep(0.2)
        return wanted, private_bytes(run.pid)


def _finished_row(bench: Bench) -> Row:
    what, target = "memory per finished sample, prober and parent", f"<= {_FINISHED_BYTES} B"
    endpoints, count = 50, bench.fewer(1600)
    work = {"endpoints": _loopback(bench.ground, endpoints), "count": count}
    said = bench.ground.run_json([sys.executable, str(HERE / "campaign_memory.py")], given=json.dumps(work))
    few, many = said["at_half"], said["at_end"]
    parts = [(many[part] - few[part]) / (many["checks"] - few["checks"]) for part in ("prober", "parent")]
    beside = f"prober {parts[0]:.1f} B, parent {parts[1]:.1f} B, from {few['checks']:,} to {many['checks']:,} samples"
    return Row(what, target, f"{sum(parts):.1f} B", sum(parts) <= _FINISHED_BYTES, beside, said)
