"""nginx, redis and PostgreSQL as Debian packages them, on loopback, each with a log of its own.

Nothing is installed here. Started by root they run as `nobody`, as PostgreSQL insists on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A cold start of PostgreSQL on a machine that is busy with other tests.
_READY_S = 60


@dataclass(frozen=True)
class RealServer:
    """A running server: 127.0.0.1 and its port. `end` stops it and returns what its log holds."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    stop_with: signal.Signals

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def end(self) -> str:
        """Stop it in good order, so that all is written that it has to say, and return its log."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_with)
            self.process.wait(_READY_S)
        return self.log.read_text("utf-8", "replace")


def program(name: str) -> str | None:
    """Where a program is: in PATH, in /usr/sbin, or where Debian has those of PostgreSQL."""
    path = os.pathsep.join(
        [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    )
    return shutil.which(name, path=path)


def missing(name: str) -> str | None:
    """Why a server cannot be started here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "servers are those of Debian's packages"
    return None if program(name) else f"{name} is not installed"


@contextlib.contextmanager
def nginx() -> Iterator[RealServer]:
    with _folder() as folder:
        port = _free_port()
        configuration = folder / "nginx.conf"
        # At level `info` nginx tells of connections that clients have reset.
        configuration.write_text(
            f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/log info;\n"
            f"events {{}}\nhttp {{ access_log off;\n"
            + "".join(
                f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f"server {{ listen 127.0.0.1:{port}; return 204; }} }}\n"
        )
        yield from _served(
            folder, port, [_found("nginx"), "-e", f"{folder}/log", "-c", str(configuration)], signal.SIGQUIT, "log"
        )


@contextlib.contextmanager
def redis() -> Iterator[RealServer]:
    with _folder() as folder:
        port = _free_port()
        options = {"bind": "127.0.0.1", "port": port, "save": "", "dir": folder, "loglevel": "verbose"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        yield from _served(folder, port, [_found("redis-server"), *words], signal.SIGTERM)


@contextlib.contextmanager
def postgresql() -> Iterator[RealServer]:
    with _folder() as folder:
        port, data = _free_port(), str(folder / "data")
        make = [_found("initdb"), "-D", data, "-A", "trust", "-N", "-E", "UTF8", "--locale", "C", "-U", "postgres"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **_as_nobody())
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        yield from _served(folder, port, [_found("postgres"), "-D", data, *words], signal.SIGINT)


def _served(
    folder: Path, port: int, command: list[str], stop_with: signal.Signals, log_name: str = "output"
) -> Iterator[RealServer]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **_as_nobody())
    server = RealServer(port, process, folder / log_name, stop_with)
    try:
        _wait_until_it_listens(server, folder)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait_until_it_listens(server: RealServer, folder: Path) -> None:
    """By looking at the kernel's table: a connect would stand in its log."""
    wanted = f"0100007F:{server.port:04X} 00000000:0000 0A"
    until_s = time.monotonic() + _READY_S
    while wanted not in Path("/proc/net/tcp").read_text():
        if server.process.poll() is not None or time.monotonic() > until_s:
            raise RuntimeError(f"it did not begin to listen: {(folder / 'output').read_text('utf-8', 'replace')}")
        time.sleep(0.02)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder of `nobody`'s, also below a temporary folder that only root may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="netmon-server-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield folder


def _as_nobody() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _found(name: str) -> str:
    path = program(name)
    assert path is not None, name
    return path


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
