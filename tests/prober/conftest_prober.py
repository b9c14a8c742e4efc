"""A job for the prober, run in this process or in one of its own, and its sample file read."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_netmon.prober import engine as engine_module
from pytest_netmon.prober.kernel import now_ns
from pytest_netmon.prober.names import Answer, Resolver
from pytest_netmon.prober.samplefile import SampleFile
from pytest_netmon.sample_lines import decode_line
from pytest_netmon.samples import Record, Sample


def entry(host: str, port: int, **changes: object) -> dict[str, object]:
    """One endpoint of a job: a single check with 5 s to answer, unless changed."""
    base: dict[str, object] = {
        "index": 0, "host": host, "port": port, "count": 1, "interval_us": 10_000, "timeout_us": 5_000_000,
        "retry_on": None, "redact": False,
    }  # fmt: skip
    return {**base, **changes}


def job_of(path: Path, entries: list[dict[str, object]], **changes: object) -> dict[str, object]:
    numbered = [{**entry, "index": index} for index, entry in enumerate(entries)]
    base: dict[str, object] = {
        "netmon": 1, "sample_file": str(path), "parent": None, "max_rate": 1e6, "max_rate_per_host": 1e6,
        "refresh_s": None, "kernel": True, "context": "{}", "endpoints": numbered,
    }  # fmt: skip
    return {**base, **changes}


def records_of(path: Path) -> list[Record]:
    return [decode_line(line) for line in path.read_bytes().splitlines()]


def samples_of(path: Path) -> list[Sample]:
    return [record for record in records_of(path) if isinstance(record, Sample)]


def _answering(resolve: Callable[..., Answer]) -> Callable[[str, int], Answer]:
    """Have `resolve(host)` or `resolve(host, family)` stand in for the system's resolver."""
    takes_family = len(inspect.signature(resolve).parameters) == 2
    return resolve if takes_family else lambda host, family: resolve(host)._replace(family=family)


@pytest.fixture
def probe(tmp_path: Path) -> Callable[..., list[Sample]]:
    """Run a job's entries through the engine in this process; return the samples in the order written.

    `resolve` stands in for the system's resolver. Other keywords change the job.
    """

    def run(
        *entries: dict[str, object],
        resolve: Callable[..., Answer] | None = None,
        stop_after_s: float | None = None,
        **changes: object,
    ) -> list[Sample]:
        path = tmp_path / f"samples-{len(list(tmp_path.iterdir()))}.ndjson"
        job = json.loads(json.dumps(job_of(path, list(entries), **changes)))
        sample_file = SampleFile(str(path), {"netmon": 1, "started_unix_us": 0}, "{}")
        make = None if resolve is None else lambda deliver: Resolver(deliver, _answering(resolve))
        engine = engine_module.Engine(job, make)
        if stop_after_s is not None:
            threading.Timer(stop_after_s, engine.stop).start()
        engine.run(sample_file, now_ns())
        assert sample_file.close()
        return samples_of(path)

    return run
