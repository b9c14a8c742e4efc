"""TLS: what a stage after the connect does to the connect times, and how true its own time is."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import Bench
from ground import DELAY_MS, HERE, Ground, GroundError, Server
from prober_runs import Sample, job, run_prober
from table import Row, quantile

_DEVICE, _ADDRESS, _PORT, _NAME = "path1", "10.128.0.1", 443, "netmon.test"
#: A second. Servers and path stand on one core: 1,000 handshakes at once would be a measure of that.
_RATE = 200.0
_UNCHANGED_MS = 0.1


def tls_rows(bench: Bench) -> list[Row]:
    """Connect times with and without a TLS handshake behind them, and the handshake's beside one made alone."""
    wanted = bench.fewer(1000)
    places = [(f"10.128.{1 + number // 250}.{number % 250 + 2}", _PORT) for number in range(wanted)]
    with _servers(bench.ground) as root:
        settings = {"server_name": _NAME, "verify": True, "ca_file": str(root), "min_version": None}
        plain = _run(bench.ground, places, None)
        tls = _run(bench.ground, places, settings)
        alone_ms = _alone(bench, root, places)
    return [_connect_row(plain, tls), _handshake_row(tls, alone_ms)]


def _connect_row(plain: list[Sample], tls: list[Sample]) -> Row:
    without_ms, with_ms = (statistics.median(_connects_ms(samples)) for samples in (plain, tls))
    apart_ms = abs(with_ms - without_ms)
    return Row(
        f"median connect time of {len(tls):,} endpoints ({DELAY_MS:.0f} ms) with a TLS handshake behind each",
        f"unchanged within {_UNCHANGED_MS} ms",
        f"{apart_ms:.3f} ms apart: {with_ms:.3f} with, {without_ms:.3f} without",
        apart_ms <= _UNCHANGED_MS,
    )


def _handshake_row(tls: list[Sample], alone_ms: list[float]) -> Row:
    """For information: in both the servers compute for each handshake, but for one at a time they do nothing else."""
    ours_ms = [sample.tls_us / 1000 for sample in tls if sample.tls_us is not None]
    return Row(
        f"TLS handshakes of {len(tls):,} endpoints, {_RATE:.0f} a second, by the stage's own time",
        "-",
        _figures(ours_ms),
        None,
        f"a client that makes one at a time: {_figures(alone_ms)}",
        {"ours_ms": ours_ms, "alone_ms": alone_ms},
    )


def _figures(values_ms: list[float]) -> str:
    return f"median {statistics.median(values_ms):.2f} ms, p95 {quantile(values_ms, 0.95):.2f} ms"


def _run(ground: Ground, places: list[tuple[str, int]], settings: dict[str, object] | None) -> list[Sample]:
    samples, _ = run_prober(ground, job(places, 1, 1.0, timeout_s=5.0, max_rate=_RATE, tls=settings))
    outcomes = {sample.outcome for sample in samples}
    if outcomes != {"open"} or len(samples) != len(places):
        raise GroundError(f"{len(samples)} of {len(places)} checks came to {', '.join(sorted(outcomes))}")
    return samples


def _connects_ms(samples: list[Sample]) -> list[float]:
    return [sample.connect_us / 1000 for sample in samples if sample.connect_us is not None]


def _alone(bench: Bench, root: Path, places: list[tuple[str, int]]) -> list[float]:
    shown = [f"{host}:{port}" for host, port in places]
    command = [sys.executable, str(HERE / "one_handshake.py"), str(root), _NAME, str(bench.fewer(60)), *shown]
    handshakes_ms: list[float] = bench.ground.run_json(command, cpu=bench.ground.cpus[0])["handshake_ms"]
    return handshakes_ms


@contextlib.contextmanager
def _servers(ground: Ground) -> Iterator[Path]:
    """TLS servers on a path of their own; yields the certificate to trust."""
    chain, key = _certificate(ground.folder)
    words = [_DEVICE, str(round(DELAY_MS * 1000)), _ADDRESS, str(_PORT), str(chain), str(key)]
    server = Server([sys.executable, str(HERE / "tls_path.py"), *words], ground.cpus[1])
    try:
        for each in (["address", "add", f"{_ADDRESS}/10", "dev", _DEVICE], ["link", "set", _DEVICE, "up"]):
            subprocess.run(["ip", *each], check=True, capture_output=True)
        server.ask("up")
        yield chain
    finally:
        server.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        raise GroundError("the command 'openssl' is not installed")
    chain, key = folder / "tls.pem", folder / "tls.key"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    about = ["-days", "2", "-subj", f"/CN={_NAME}", "-addext", f"subjectAltName=DNS:{_NAME}", "-out", str(chain)]
    made = subprocess.run(["openssl", "req", "-x509", *new_key, *about], capture_output=True, text=True, check=False)
    if made.returncode:
        raise GroundError(f"openssl: {made.stderr.strip()[-200:]}")
    return chain, key
