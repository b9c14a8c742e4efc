"""System calls that fail for want of descriptors or memory are this machine's fault, whoever is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import shortage
from check_runs import clean_environment, command
from servers import Servers

from pytest_netmon.prober import names

SCRIPT = str(Path(shortage.__file__))
ERRORS = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]
needs_seccomp = pytest.mark.skipif(shortage.missing() is not None, reason=str(shortage.missing()))


@needs_seccomp
@pytest.mark.fault("own", "EMFILE, ENFILE, ENOBUFS or ENOMEM from socket()", "`local_error`, inconclusive: exit 3")
@pytest.mark.fault("own", "the same from connect()", "`local_error`, inconclusive: exit 3")
@pytest.mark.fault("own", "the same within getaddrinfo()", "`local_error`, and no word about the resolver")
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["socket", "connect"])
def test_a_call_that_this_machine_cannot_make_is_blamed_on_no_target(
    servers: Servers, tmp_path: Path, call: str, error: str
) -> None:
    """For an address, a name of the hosts file and a name that a name server would have to know."""
    server = servers.open()
    targets = [server.target, f"localhost:{server.port}", f"nowhere.invalid:{server.port}"]
    done = subprocess.run(
        [sys.executable, SCRIPT, call, error, *command("check", *targets, "-o", "result.json")],
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.count(f"1 x {error}, no ") == 3, done.stdout
    assert done.stdout.splitlines()[-1].startswith("3 inconclusive in ")
    endpoints = json.loads((tmp_path / "result.json").read_text())["endpoints"]
    assert {endpoint["verdict"] for endpoint in endpoints} == {"inconclusive"}


_EXHAUSTED = """
import os, resource, sys
sys.path.insert(0, sys.argv[1])
from pytest_netmon.prober.names import resolve
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.dup(0)
except OSError:
    print([resolve(name)[2:4] for name in ("localhost", "nowhere.invalid")])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.fault("own", "no free descriptor at the very first resolution", "`local_error`; glibc says: no such name")
def test_a_name_that_could_not_be_looked_up_for_want_of_descriptors_is_not_called_unknown() -> None:
    root = str(Path(names.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", _EXHAUSTED, root], capture_output=True, text=True, check=True)
    assert done.stdout == "[('local_error', 'Too many open files'), ('local_error', 'Too many open files')]\n"
