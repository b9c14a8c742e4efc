"""The process: reads the job from standard input, runs the engine, ends with its input or its parent."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import threading
import time
from typing import Dict, List

from .engine import Engine
from .kernel import make_room_for_descriptors, now_ns, raise_descriptor_limit
from .protocol import VERSION
from .samplefile import SampleFile


def main() -> int:
    """Run the job on standard input. Returns the exit status: 0, or 1 where samples were lost.

    Ctrl-C and a hang-up reach the whole process group: they are the parent's to handle, which
    then closes our standard input. SIGTERM ends the run like that does.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # The plan and the modules live as long as the process: leave them to no collection (over 4
    # million objects one took 400 ms), and collect seldom.
    gc.set_threshold(50_000, 20, 100)
    line = _job_line()
    if not line.endswith(b"\n"):
        return 0  # the parent ended before it had written the job
    job = json.loads(line)
    if job.get("netmon") != VERSION:
        raise SystemExit(f"netmon prober: this is protocol {VERSION}, the job is of {job.get('netmon')!r}")
    return _run(job)


def _job_line() -> bytes:
    """The first line, and no more of the input than there is by then; in large pieces, as a plan takes some."""
    pieces: List[bytes] = []
    while not pieces or not pieces[-1].endswith(b"\n"):
        piece = os.read(0, 1 << 20)
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def _run(job: Dict[str, object]) -> int:
    make_room_for_descriptors(raise_descriptor_limit())
    engine = Engine(job)
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    gc.freeze()
    threading.Thread(target=_stop_at_end_of_input, args=(engine,), daemon=True, name="netmon-input").start()
    started_unix_us, base_ns = time.time_ns() // 1000, now_ns()  # all is prepared: the campaign begins
    header: Dict[str, object] = {"netmon": VERSION, "started_unix_us": started_unix_us, "base_ns": base_ns}
    try:
        sample_file = SampleFile(
            str(job["sample_file"]), header, str(job.get("context", "null")), shared=bool(job.get("shared"))
        )
    except OSError as error:
        sys.exit(f"samples cannot be recorded: {error.strerror}: {job['sample_file']}")
    engine.run(sample_file, base_ns)
    whole = sample_file.close()
    if not whole:
        with contextlib.suppress(OSError):  # on the same full disk
            sys.stderr.write(f"samples could not be recorded: {sample_file.trouble}: {job['sample_file']}\n")
            sys.stderr.flush()
    # Resolver threads may hang for many seconds more: nobody waits for them.
    os._exit(0 if whole else 1)


def _stop_at_end_of_input(engine: Engine) -> None:
    try:
        while os.read(0, 4096):
            pass
    except (OSError, ValueError):
        pass
    engine.stop()
