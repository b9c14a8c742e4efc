"""What must not be known of a target stands nowhere: in no file, in no word of any command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_runs import clean_environment, command, pytest_command
from namespaces import Cable, missing
from processes import eventually, samples_in, started
from servers import Servers

HOST, ADDRESS = "top-secret-host.example", "127.77.66.55"
SECRETS = ("s3cr3t-user", "s3cr3t-word", "s3cr3t-path", "s3cr3t-query")
URL = f"redis://{SECRETS[0]}:{SECRETS[1]}@127.0.0.1:{{port}}/{SECRETS[2]}?q={SECRETS[3]}#{SECRETS[2]}"

PYTEST = pytest_command("-vv", "--netmon")
LOUD = ["--junitxml=all.xml", "--log-file=all.log", "--log-file-level=DEBUG", "-o", "junit_logging=all"]
REPORTS = ["-o", "r.json", "--junit", "r.xml", "--html", "r.html"]
RUNS = {
    "pytest": [*PYTEST, *LOUD],
    "pytest, nothing but collecting": [*PYTEST, "--collect-only"],
    "check": [*command("check", "netmon.yaml"), *REPORTS],
    "check, a dry run": command("check", "--dry-run", "netmon.yaml"),
    "monitor": [*command("monitor", "--config", "netmon.yaml", "-c", "2", "-i", "0.05", "-v"), "--log-file", "m.log",
                "-o", "r.json", "--html", "r.html"],
}  # fmt: skip


def everything(folder: Path, said: bytes) -> bytes:
    """All that a run has left, file names among it, but for the configuration."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "netmon.yaml"]
    return said + b"".join(str(path).encode() + path.read_bytes() for path in files)


def run(folder: Path, words: list[str], before: list[str] | None = None, **environment: str) -> bytes:
    done = subprocess.run(
        [*(before or []), *words], cwd=folder, env=clean_environment(TMPDIR=str(folder), **environment),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )  # fmt: skip
    return everything(folder, done.stdout)


@pytest.fixture(scope="module")
def behind_a_name() -> Iterator[list[str]]:
    """What to put before a command so that the name leads to the address: a namespace with a hosts file of its own."""
    if missing() is not None:
        pytest.skip(str(missing()))
    with Cable() as cable, contextlib.ExitStack() as stack:
        folder = Path("/etc/netns") / cable.near
        folder.mkdir(parents=True)
        stack.callback(folder.rmdir)
        for file, text in (("hosts", f"127.0.0.1 localhost\n{ADDRESS} {HOST}\n"), ("resolv.conf", "")):
            (folder / file).write_text(text)
            stack.callback((folder / file).unlink)
        server = cable.listen_near(81)
        yield cable.in_near()
        server.kill()
        server.communicate()


@pytest.mark.namespace
@pytest.mark.fault(
    "secrets", "`redact: true`: open, refused, unknown, too slow", "host and address in no file, no output"
)
@pytest.mark.parametrize("what", RUNS)
def test_no_redacted_host_or_address_is_left_by_any_command(
    tmp_path: Path, behind_a_name: list[str], what: str
) -> None:
    shared = f"host: {HOST}, redact: true, count: 2, interval: 20ms"
    (tmp_path / "netmon.yaml").write_text(
        "targets:\n"
        f"  - {{name: open, ports: [81], {shared}}}\n"
        f"  - {{name: refused, ports: [82], {shared}}}\n"
        f"  - {{name: slow, ports: [81], {shared}, limits: [max < 0.0001ms]}}\n"
        f"  - {{name: literal, host: {ADDRESS}, ports: [82], redact: true}}\n"
        f"  - {{name: unknown, host: no.{HOST}, ports: [82], redact: true, timeout: 200ms}}\n"
    )
    left = run(tmp_path, RUNS[what], behind_a_name)
    for name in (b"open", b"refused", b"literal"):
        assert name in left, left[-2000:]
    for secret in (HOST, ADDRESS, "top-secret"):
        assert secret.encode() not in left


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
@pytest.mark.fault(
    "secrets", "`redact: true`: SIGKILL in mid-run", "host and address not in the sample file that is left"
)
def test_no_redacted_address_is_in_the_samples_that_a_killed_run_leaves(tmp_path: Path, servers: Servers) -> None:
    server = servers.open(ADDRESS)
    (tmp_path / "netmon.yaml").write_text(
        f"targets:\n  - {{name: db, host: {ADDRESS}, ports: [{server.port}], redact: true, count: 999, interval: 5ms}}"
    )
    with started(command("check", "netmon.yaml"), tmp_path, env=clean_environment(TMPDIR=str(tmp_path))) as process:
        eventually(lambda: b"[0,3," in samples_in(tmp_path))
        os.kill(process.pid, signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    left = everything(tmp_path, said.encode())
    assert b'"name": "db"' in left or b'"name":"db"' in left
    assert ADDRESS.encode() not in left


@pytest.mark.fault("secrets", "user, password, path and query of a URL", "in no file, no output, redacted or not")
@pytest.mark.parametrize(("what", "redact"), [("pytest", False), ("monitor", False), ("check", True)])
def test_no_secret_of_a_url_is_left_by_any_command(tmp_path: Path, servers: Servers, what: str, redact: bool) -> None:
    more = ", redact: true, name: cache" if redact else ""
    (tmp_path / "netmon.yaml").write_text(
        f"targets:\n  - {{host: '${{CACHE_URL}}', count: 2, interval: 20ms, limits: [max < 0.0001ms]{more}}}\n"
        "  - '${OTHER_URL}'\n"
    )
    closed = servers.closed()
    urls = {"CACHE_URL": URL.format(port=servers.open().port), "OTHER_URL": URL.format(port=closed.port)}
    left = run(tmp_path, RUNS[what], **urls)
    assert str(closed.port).encode() in left, left[-2000:]
    for secret in SECRETS:
        assert secret.encode() not in left
