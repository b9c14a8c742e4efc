"""What the prober makes of its own process: descriptors, the garbage collector; and what it says of its limits."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest_prober import entry, job_of, records_of
from servers import Servers

from pytest_netmon import campaign, prober_process
from pytest_netmon.prober import kernel, samplefile, wait
from pytest_netmon.samples import Lateness, Lost, Sample, Warning_

Probe = Callable[..., "list[Sample]"]
LINUX = sys.platform.startswith("linux")
PROBER = str(Path(campaign.__file__).parent / "prober")

_TELLING = """
import gc, json, pathlib, resource
main_module = sys.modules["netmon_prober.main"]
run = main_module.Engine.run
def told(engine, *arguments):
    status = pathlib.Path("/proc/self/status").read_text()
    print(json.dumps({
        "frozen": gc.get_freeze_count(), "threshold": gc.get_threshold()[0],
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE), "most_open": engine._most_open,
        "table": int(status.partition("FDSize:")[2].split()[0]),
    }), flush=True)
    return run(engine, *arguments)
main_module.Engine.run = told
sys.exit(main())
"""


@pytest.mark.skipif(not LINUX, reason="/proc is Linux's")
def test_a_prober_takes_all_descriptors_that_it_may_and_keeps_the_collector_away(
    tmp_path: Path, servers: Servers
) -> None:
    server = servers.open()
    job = job_of(tmp_path / "samples.ndjson", [entry(server.host, server.port)], parent=os.getpid())
    program = prober_process.BOOTSTRAP.replace("sys.exit(main())", _TELLING)
    limits = 'ulimit -S -n 100; ulimit -H -n 600; exec "$0" -I -c "$1" "$2"'
    done = subprocess.run(
        ["sh", "-c", limits, sys.executable, program, PROBER],
        input=json.dumps(job).encode() + b"\n", stdout=subprocess.PIPE, check=True, timeout=60,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["limit"] == [600, 600]
    # Some are left for the sample file, pipes and the resolver's own sockets.
    assert told["most_open"] == 536
    # The kernel's table has room for them: to grow it stops a process with threads for milliseconds.
    assert told["table"] >= 536
    # The plan and the modules are in no collection, and collections are seldom.
    assert told["frozen"] > 1000
    assert told["threshold"] >= 10_000


def test_what_waits_for_a_descriptor_is_told_once_reported_as_late_and_not_asked_for_without_pause(
    probe: Probe, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = servers.silent()
    monkeypatch.setattr(kernel, "raise_descriptor_limit", lambda: 20)
    waits = 0
    waiting = wait.EpollWaiter.wait

    def counted(self: wait.EpollWaiter, timeout_s: float) -> list[tuple[int, int]]:
        nonlocal waits
        waits += 1
        return waiting(self, timeout_s)

    monkeypatch.setattr(wait.EpollWaiter, "wait", counted)
    changes = {"timeout_us": 150_000, "count": 2, "interval_us": 50_000}
    samples = probe(*(entry(server.host, server.port, **changes) for _ in range(40)))
    assert len(samples) == 80
    records = records_of(tmp_path / "samples-0.ndjson")
    warnings = [record.text for record in records if isinstance(record, Warning_)]
    assert warnings == ["at most 20 connects at once here (ulimit -n): some checks started late"]
    (lateness,) = [record for record in records if isinstance(record, Lateness)]
    assert lateness.max_us > 100_000
    # A loop that does not wait for an end makes thousands.
    assert waits < 1500


@pytest.mark.fault("disk", "full for samples, for longer than memory holds them", "how many are lost is told, exactly")
def test_what_a_full_disk_takes_beyond_what_memory_holds_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplefile, "MOST_WAITING_BYTES", 400)
    path, write = tmp_path / "samples.ndjson", os.write
    file = samplefile.SampleFile(str(path), {"netmon": 1, "started_unix_us": 0}, "{}")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def line_of(number: int) -> bytes:
        return b'[0,%d,500,"open",40,90,null,40,0,"127.0.0.1",null]\n' % number

    monkeypatch.setattr(os, "write", full)
    for number in range(1, 21):
        file.sample(line_of(number))
        file.flush(number)
    monkeypatch.setattr(os, "write", write)
    file.flush(1 << 62)
    file.sample(line_of(21))
    assert file.close()
    records = records_of(path)
    kept = [record.check for record in records if isinstance(record, Sample)]
    (lost,) = [record for record in records if isinstance(record, Lost)]
    assert kept == [*range(1, len(kept)), 21]
    assert 0 < lost.samples == 21 - len(kept)
    assert lost.text == "No space left on device"
