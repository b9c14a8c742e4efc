"""How much the engine does: checks a second on one core, the whole way to a written file, memory."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from bench import Bench
from ground import HERE, SERVER_PORTS, Ground, GroundError, path_endpoints
from peers import run_naive
from prober_runs import ProberRun, job, private_bytes
from table import Row, not_measured, spread

IN_FLIGHT = 64
PATH_ENDPOINTS = 1000
_ADDRESSES = 50
_ASYNCIO_RATIO, _LIMIT_RATIO = 4.0, 0.6
_WHOLE_WAY = 10_000
_IN_FLIGHT_BYTES, _FINISHED_BYTES = 1024, 32


def throughput_rows(bench: Bench) -> list[Row]:
    """The engine, asyncio and the limit in C in turn, each alone on the same core, all else on the other.

    Compared by CPU time: what others on this machine take then counts for none of them.
    """
    places = [_on_loopback(bench.ground)]
    if bench.ground.path is not None:
        places.append(_on_path())
    return [row for place in places for row in _throughput(bench, place)]


@dataclass(frozen=True)
class Place:
    """Where checks go: endpoints, and the same for the client in C (address, addresses, port, ports).

    interval_s: so short that more checks are due than can be made, as the others have always something to start.
    """

    name: str
    endpoints: list[tuple[str, int]]
    interval_s: float
    block: tuple[str, int, int, int]
    in_flight: int


def _on_loopback(ground: Ground) -> Place:
    block = ("127.0.1.1", _ADDRESSES, ground.first_port, SERVER_PORTS)
    return Place("loopback", _loopback(ground, IN_FLIGHT), 0, block, IN_FLIGHT)


def _on_path() -> Place:
    endpoints = path_endpoints(PATH_ENDPOINTS)
    host, port = endpoints[0]
    return Place("the path", endpoints, 0.02, (host, 240, port, 1), PATH_ENDPOINTS)


def _throughput(bench: Bench, place: Place) -> list[Row]:
    ground, checks = bench.ground, bench.fewer(12_000)
    cpu_us: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.some(10)):
        cpu_us["engine"].append(_cpu_us(_engine(ground, place, checks)))
        cpu_us["asyncio"].append(_cpu_us(_asyncio(ground, place, checks // 2, None)))
        cpu_us["asyncio pool"].append(_cpu_us(_asyncio(ground, place, checks // 2, min(place.in_flight, 500))))
        if ground.has_compiler:
            cpu_us["limit"].append(_cpu_us(_limit(ground, place, checks)))
    what = f"throughput of the engine on one core, {place.name}"
    pool = _ratios(cpu_us["asyncio pool"], cpu_us["engine"])
    beside = f"{_rates(cpu_us)}; with a pool of workers asyncio is {spread(pool, 2)} times slower than the engine"
    return [
        _ratio_row(f"{what} / asyncio, a task for each check", _ASYNCIO_RATIO, "asyncio", cpu_us, beside),
        _ratio_row(f"{what} / a C client of the same system calls", _LIMIT_RATIO, "limit", cpu_us, ""),
    ]


def _ratio_row(what: str, least: float, other: str, cpu_us: dict[str, list[float]], beside: str) -> Row:
    target = f">= {least}"
    if not cpu_us[other]:
        return not_measured(what, target, "no C compiler (gcc)")
    ratios = _ratios(cpu_us[other], cpu_us["engine"])
    return Row(what, target, spread(ratios, 2), statistics.median(ratios) >= least, beside, {"cpu_us": dict(cpu_us)})


def _ratios(theirs_us: list[float], ours_us: list[float]) -> list[float]:
    return [their / our for their, our in zip(theirs_us, ours_us, strict=True)]


def _rates(cpu_us: dict[str, list[float]]) -> str:
    rates = (f"{name} {1e6 / statistics.median(values):,.0f}" for name, values in cpu_us.items() if values)
    return f"checks a CPU second: {', '.join(rates)}"


def _cpu_us(said: dict[str, float]) -> float:
    return 1e6 * said["cpu_s"] / said["checks"]


def _loopback(ground: Ground, endpoints: int) -> list[tuple[str, int]]:
    return [(f"127.0.1.{i % _ADDRESSES + 1}", ground.first_port + i % SERVER_PORTS) for i in range(endpoints)]


def _engine(ground: Ground, place: Place, checks: int) -> dict[str, float]:
    count = checks // len(place.endpoints)
    command = [sys.executable, str(HERE / "engine_alone.py")]
    work = job(place.endpoints, count, place.interval_s)
    said = ground.run_json(command, cpu=ground.cpus[0], given=json.dumps(work) + "\n")
    if said["checks"] != said["samples"] or said["samples"] != count * len(place.endpoints):
        raise GroundError(f"{said['checks']} of {count * len(place.endpoints)} checks came to open")
    return said


def _asyncio(ground: Ground, place: Place, checks: int, pool: int | None) -> dict[str, float]:
    """As most write it, a task for each check, all at once; or a pool of workers."""
    endpoints, count = place.endpoints, checks // len(place.endpoints)
    plan = {"endpoints": endpoints * (1 if pool else count), "count": count if pool else 1, "interval_s": 0}
    return run_naive(ground, {**plan, "in_flight": pool}, ground.cpus[0])


def _limit(ground: Ground, place: Place, checks: int) -> dict[str, float]:
    arguments = [*place.block, checks, place.in_flight]
    return ground.run_json([*ground.program("client"), *map(str, arguments)], cpu=ground.cpus[0])


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
    """Private memory of a check in flight and of a finished sample, as the difference between few and many."""
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
    endpoints, count = 50, 1600  # fewer would tell of the allocator's pages, not of samples
    work = {"endpoints": _loopback(bench.ground, endpoints), "count": count}
    said = bench.ground.run_json([sys.executable, str(HERE / "campaign_memory.py")], given=json.dumps(work))
    few, many = said["at_half"], said["at_end"]
    parts = [(many[part] - few[part]) / (many["checks"] - few["checks"]) for part in ("prober", "parent")]
    beside = f"prober {parts[0]:.1f} B, parent {parts[1]:.1f} B, from {few['checks']:,} to {many['checks']:,} samples"
    return Row(what, target, f"{sum(parts):.1f} B", sum(parts) <= _FINISHED_BYTES, beside, said)
