"""How true the reported times are, and how long a campaign takes against its ideal.

The measured process has a core to itself and the far end the other, as it would be another machine: where they share
one, what is read is how the scheduler divides it.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench import Bench
from ground import DELAY_MS, GroundError, path_endpoints
from peers import blackbox_exporter, run_naive
from prober_runs import AT_ONCE, Sample, job, run_prober
from table import Row, not_measured, quantile, spread

LOSS_PERMILLE = 100


@dataclass(frozen=True)
class Size:
    """A campaign on the path. error_ms: how far the median may be off; clock_p99_ms: our clock's 99th percentile,
    past the truth; wall: over the ideal. None where nothing is asked."""

    endpoints: int
    count: int
    interval_s: float
    error_ms: float
    clock_p99_ms: float | None = None
    wall: float | None = None


SIZES = (
    Size(1, 40, 0.05, 0.3),
    Size(100, 3, 0.5, 0.1),
    Size(1000, 3, 1.0, 0.1, 1.0, 1.03),
    Size(5000, 3, 1.0, 0.1, 10.0, 1.10),
)


@dataclass
class Measured:
    """Of each round one value: milliseconds past the truth, and wall time over the ideal."""

    kernel: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)
    clock_p99: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    asyncio: list[float] = field(default_factory=list)
    asyncio_p99: list[float] = field(default_factory=list)
    asyncio_wall: list[float] = field(default_factory=list)
    blackbox: list[float] = field(default_factory=list)


def truth_rows(bench: Bench) -> list[Row]:
    """Reported connect times on the path at each size: by the kernel, by our clock, by others."""
    found: dict[int, Measured] = defaultdict(Measured)
    _note_limit(bench)
    for _ in range(bench.some(3)):
        for size in SIZES:
            _measure(bench, size, found[size.endpoints])
            _measure_others(bench, size, found[size.endpoints])
    rows = [_error_row(size, found[size.endpoints]) for size in SIZES]
    rows += [_clock_row(size, found[size.endpoints]) for size in SIZES if size.clock_p99_ms is not None]
    rows += [_wall_row(size, found[size.endpoints]) for size in SIZES if size.wall is not None]
    return rows


def _note_limit(bench: Bench) -> None:
    """What the kernel says to a client in C that makes one connect at a time: the path as it is."""
    if not bench.ground.has_compiler:
        return
    host, port = path_endpoints(1)[0]
    said = bench.ground.run_json([*bench.ground.program("client"), host, "1", str(port), "1", "25", "1"])
    times_ms = ", ".join(f"{name} {us / 1000:.2f} ms" for name, us in said["rtt_us"].items())
    bench.notes.append(f"the path itself, by the kernel's figure for a C client with one connect at a time: {times_ms}")


def _measure(bench: Bench, size: Size, found: Measured) -> None:
    ground, endpoints = bench.ground, path_endpoints(size.endpoints)
    for kernel in (True, False):
        work = job(endpoints, size.count, size.interval_s, max_rate=AT_ONCE, kernel=kernel)
        samples, wall_s = run_prober(ground, work, cpu=ground.cpus[0])
        past_ms = past_truth(samples, size.endpoints * size.count)
        if kernel:
            found.kernel.append(statistics.median(past_ms))
            slowest_ms = max(past_ms) + DELAY_MS
            found.wall.append(wall_s / ((size.count - 1) * size.interval_s + slowest_ms / 1000))
        else:
            found.clock.append(statistics.median(past_ms))
            found.clock_p99.append(quantile(past_ms, 0.99))
        bench.note_path(_endpoints(size))


def _measure_others(bench: Bench, size: Size, found: Measured) -> None:
    """asyncio, and blackbox_exporter where it can be asked for so many at once; with --quick not for most."""
    if bench.quick and size.endpoints > 1000:
        return
    ground, endpoints = bench.ground, path_endpoints(size.endpoints)
    ideal_s = (size.count - 1) * size.interval_s + DELAY_MS / 1000
    plan = {"endpoints": endpoints, "count": size.count, "interval_s": size.interval_s, "in_flight": None}
    said = run_naive(ground, plan, ground.cpus[0])
    past_ms = [ms - DELAY_MS for ms in said["times_ms"]]
    found.asyncio.append(statistics.median(past_ms))
    found.asyncio_p99.append(quantile(past_ms, 0.99))
    found.asyncio_wall.append(said["wall_s"] / ideal_s)
    if size.endpoints <= 1000 and "blackbox_exporter" not in bench.left_out:
        try:
            with blackbox_exporter(ground) as exporter:
                came = exporter.probe_all(endpoints)
                found.blackbox += [] if came.latency_ms is None else [came.latency_ms - DELAY_MS]
        except GroundError as error:
            bench.leave_out("blackbox_exporter", str(error))
    bench.note_path(None)


def past_truth(samples: Iterable[Sample], expected: int) -> list[float]:
    """How far each reported connect time is past the path's delay, in milliseconds."""
    past_ms = [sample.connect_us / 1000 - DELAY_MS for sample in samples if sample.connect_us is not None]
    if len(past_ms) != expected:
        raise GroundError(f"{len(past_ms)} of {expected} checks came to open")
    return past_ms


def _error_row(size: Size, found: Measured) -> Row:
    worst = statistics.median(map(abs, found.kernel))
    beside = f"our clock {_ms(found.clock)}"
    if found.asyncio:
        beside += f"; asyncio {_ms(found.asyncio)}"
    if found.blackbox:
        beside += f"; blackbox_exporter {_ms(found.blackbox)}"
    return Row(
        f"reported connect time, {_endpoints(size)}: median past the truth ({DELAY_MS:.0f} ms)",
        f"<= {size.error_ms} ms",
        _ms(found.kernel, 3),
        worst <= size.error_ms,
        beside,
        vars(found),
    )


def _clock_row(size: Size, found: Measured) -> Row:
    assert size.clock_p99_ms is not None
    return Row(
        f"the same by our own clock alone, {_endpoints(size)}: p99 past the truth",
        f"<= {size.clock_p99_ms:.0f} ms",
        _ms(found.clock_p99),
        statistics.median(found.clock_p99) <= size.clock_p99_ms,
        f"asyncio {_ms(found.asyncio_p99)}" if found.asyncio_p99 else "",
        {"clock_p99": found.clock_p99},
    )


def _wall_row(size: Size, found: Measured) -> Row:
    assert size.wall is not None
    return Row(
        f"wall time of a campaign / ideal, {_endpoints(size)} x {size.count}",
        f"<= {size.wall}",
        spread(found.wall, 3),
        statistics.median(found.wall) <= size.wall,
        f"asyncio {spread(found.asyncio_wall, 3)}" if found.asyncio_wall else "",
        {"wall": found.wall},
    )


def loss_rows(bench: Bench) -> list[Row]:
    """SYN repeats that samples tell of, against SYNs that the path dropped."""
    ground, count = bench.ground, bench.fewer(2000)
    what, target = f"detected SYN repeats at {LOSS_PERMILLE / 10:.0f} % SYN loss", "equal to what the path dropped"
    assert ground.path is not None
    ground.path.ask("report")
    ground.path.ask(f"loss {LOSS_PERMILLE}")
    try:
        # Four SYNs in a row are lost once in ten thousand checks: 10 s are room for nine.
        samples, _ = run_prober(ground, job(path_endpoints(count), 1, 1.0, timeout_s=10.0, max_rate=AT_ONCE))
    finally:
        ground.path.ask("loss 0")
    said = ground.path.ask("report")
    detected = sum(sample.syn_repeats or 0 for sample in samples)
    opened = sum(sample.outcome == "open" for sample in samples)
    if opened != count:
        return [not_measured(what, target, f"{opened} of {count} checks came to open")]
    slow = sum((sample.connect_us or 0) > 500_000 for sample in samples)
    measured = f"{detected:,} detected, {said['dropped']:,} of {said['syns']:,} SYNs dropped"
    beside = f"{slow:,} checks took a second or more"
    return [Row(what, target, measured, detected == said["dropped"], beside, {"detected": detected, **said})]


def _endpoints(size: Size) -> str:
    return "1 endpoint" if size.endpoints == 1 else f"{size.endpoints:,} endpoints"


def _ms(values: list[float], digits: int = 2) -> str:
    return spread(values, digits, "ms")
