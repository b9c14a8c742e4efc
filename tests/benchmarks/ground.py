"""The ground that the benchmarks stand on, and nothing of it outlives them.

Where the system allows it everything happens in namespaces of its own (network, mounts, processes):
no packet leaves, no file of the machine is touched, and with the first process all others end, also
on a kill. Inside stand a TUN path of a known delay, loopback servers and a resolver.
"""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import json
import os
import pty
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEVICE = "path0"
#: Addresses on the path: those up to 10.95 answer, those from 10.96 on never do (`native/path.c`).
PATH_NETWORK = "10.64.0.1/10"
DELAY_MS = 20.0
RESOLVER = "127.0.0.53"
DEAD_RESOLVER = "10.96.0.53"
#: For all alike: without it each row would feel the closed connections of the one before for 60 s.
MOST_TIME_WAIT = 2000
SERVER_PORTS = 4
_SPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


class GroundError(Exception):
    """A part of the ground cannot be had here; the text says which and why."""


def path_endpoints(count: int) -> list[tuple[str, int]]:
    """`count` addresses on the path, one port each."""
    return [(f"10.{64 + index // 62500}.{index // 250 % 250}.{index % 250 + 2}", 443) for index in range(count)]


def without_namespaces() -> str | None:
    """Why there are no namespaces of our own here, None where there are."""
    if not sys.platform.startswith("linux"):
        return "namespaces are Linux's"
    for tool in ("unshare", "setpriv", "ip"):
        if shutil.which(tool) is None:
            return f"the command {tool!r} is not installed (Debian: util-linux, iproute2)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "this user may not open /dev/net/tun: try root"
    tried = subprocess.run([*_in_namespaces(), "true"], capture_output=True, text=True, check=False)
    return f"no namespaces for this user, try root: {tried.stderr.strip()}" if tried.returncode else None


def run_in_namespaces(command: Sequence[str]) -> int:
    """Run a command in namespaces of its own and return its exit status.

    It ends with this process, however that ends. Ctrl-C reaches it too and is its own to handle; where
    this process is told to end in another way, everything in the namespaces is killed.
    """
    process = subprocess.Popen([*_in_namespaces(), *command])
    try:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()
    finally:
        process.kill()
        process.wait()


def _in_namespaces() -> list[str]:
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *own_user, *_SPACES]


@dataclass(frozen=True)
class Finished:
    """A command that has ended. cpu_s: of it and all that it waited for."""

    wall_s: float
    cpu_s: float
    output: str
    status: int


class Server:
    """A process that serves until its standard input ends."""

    def __init__(self, command: Sequence[str], cpu: int | None = None) -> None:
        self._process = subprocess.Popen(
            [*pinned(cpu), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            assert self._process.stderr is not None
            raise GroundError(f"{command[0]}: {self._process.stderr.read().strip()}")

    def ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        return reply

    def close(self) -> None:
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._process.kill()
        self._process.wait()


class Ground:
    """Everything that the rows need; a context manager.

    folder: for files. path: the TUN path, None where there is none (`without_path` says why).
    has_compiler: whether path, servers and the limit are C. first_port: of the loopback servers.
    cpus: (the measured one, the servers'), None each where there is only one.
    """

    def __init__(self, folder: Path, without_path: str | None) -> None:
        self.without_path = without_path
        self.folder = folder
        self.path: Server | None = None
        self.has_compiler = shutil.which("gcc") is not None
        available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self.cpus = (available[0], available[1]) if len(available) > 1 else (None, None)
        self.first_port = 7000
        self.environment = _environment(_installed(folder))
        self._servers = contextlib.ExitStack()

    def __enter__(self) -> Ground:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._servers.close()

    def endpoints(self, count: int) -> list[tuple[str, int]]:
        """`count` addresses that answer, one port each: on the path, or on loopback where there is none."""
        if self.path is not None:
            return path_endpoints(count)
        return [
            (f"127.{64 + index // 62500}.{index // 250 % 250}.{index % 250 + 2}", self.first_port)
            for index in range(count)
        ]

    def program(self, name: str) -> list[str]:
        """The command of a program in `native/`, compiled, or of its stand-in in Python."""
        if self.has_compiler:
            return [str(self.folder / name)]
        stand_ins = {"path": "path_server.py", "acceptor": "acceptor.py"}
        return [sys.executable, str(HERE / stand_ins[name])]

    def run(
        self, command: Sequence[str], *, timeout_s: float = 60.0, cpu: int | None = None, given: str | None = None,
        folder: Path | None = None,
    ) -> Finished:  # fmt: skip
        """Run a command to its end. Raises GroundError where it takes longer than `timeout_s`."""
        before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = subprocess.Popen(
            [*pinned(cpu), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.environment, cwd=folder or self.folder, start_new_session=True,
        )  # fmt: skip
        try:
            output, errors = process.communicate(given, timeout=timeout_s)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise GroundError(f"{command[0]}: not ended after {timeout_s:.0f} s") from None
            raise
        wall_s, after = time.monotonic() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Finished(wall_s, cpu_s, output or errors, process.returncode)

    def run_on_terminal(self, command: Sequence[str], *, timeout_s: float = 60.0) -> bytes:
        """Run a command on a terminal of its own, 100 columns wide; return all that it showed."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        environment = {**self.environment, "TERM": "xterm"}
        process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=environment, cwd=self.folder, start_new_session=True
        )
        os.close(its)
        killer = threading.Timer(timeout_s, process.kill)
        killer.start()
        shown = bytearray()
        try:
            with contextlib.suppress(OSError):  # EIO: all its ends are closed
                while data := os.read(ours, 65536):
                    shown += data
        finally:
            killer.cancel()
            process.kill()
            process.wait()
            os.close(ours)
        return bytes(shown)

    def run_json(self, command: Sequence[str], **how: Any) -> dict[str, Any]:
        """Run a command that prints one line of JSON."""
        finished = self.run(command, **how)
        try:
            said: dict[str, Any] = json.loads(finished.output)
        except ValueError:
            said_last = finished.output.strip().rsplit("\n", 1)[-1]
            raise GroundError(f"{command[0]}: status {finished.status}: {said_last}") from None
        return said

    @contextlib.contextmanager
    def resolver(self, delay_ms: float | None, answer: str, manner: str = "answers") -> Iterator[None]:
        """Names resolve to `answer` after `delay_ms` (None: never), by a resolver of that manner (see `dns_server`)."""
        address = RESOLVER if delay_ms is not None else DEAD_RESOLVER
        (self.folder / "resolv.conf").write_text(f"nameserver {address}\n")
        if delay_ms is None:
            yield
            return
        command = [sys.executable, str(HERE / "dns_server.py"), address, str(delay_ms), answer, manner]
        server = Server(command, self.cpus[1])
        try:
            yield
        finally:
            server.close()

    def _build(self) -> None:
        if self.has_compiler:
            self._compile()
        if self.without_path is None:
            self._lay_path()
            self._mask_names()
        else:
            self.first_port = _free_ports()
        acceptor = [*self.program("acceptor"), str(self.first_port), str(SERVER_PORTS)]
        self._serve(Server(acceptor, self.cpus[1]))

    def _serve(self, server: Server) -> Server:
        self._servers.callback(server.close)
        return server

    def _compile(self) -> None:
        for source in sorted((HERE / "native").glob("*.c")):
            command = ["gcc", "-O2", "-o", str(self.folder / source.stem), str(source)]
            made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            if made.returncode:  # no headers: the stand-ins do
                self.has_compiler = False
                return

    def _lay_path(self) -> None:
        self.path = self._serve(Server([*self.program("path"), DEVICE, str(round(DELAY_MS * 1000))], self.cpus[1]))
        for words in (
            ["link", "set", "lo", "up"],
            ["address", "add", PATH_NETWORK, "dev", DEVICE],
            ["link", "set", DEVICE, "txqueuelen", "20000", "up"],
        ):
            subprocess.run(["ip", *words], check=True, capture_output=True)
        with contextlib.suppress(OSError):
            Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text(str(MOST_TIME_WAIT))

    def _mask_names(self) -> None:
        """Have names resolved by our resolver alone: files of our own over the system's, in our mounts only."""
        (self.folder / "nsswitch.conf").write_text("hosts: files dns\n")
        (self.folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\n")
        for name in ("nsswitch.conf", "resolv.conf"):
            over = Path("/etc", name).resolve()
            if over.exists():
                subprocess.run(["mount", "--bind", str(self.folder / name), str(over)], check=True)
        if Path("/run/nscd").is_dir():
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/nscd"], check=True)


def pinned(cpu: int | None) -> list[str]:
    return ["taskset", "-c", str(cpu)] if cpu is not None and shutil.which("taskset") else []


def _installed(folder: Path) -> Path:
    """Put this tree's package there as pip would: a copy, compiled. Whole commands are timed, and a user's do not
    compile themselves anew, as they would in a tree that no bytecode is written to."""
    packages = folder / "packages"
    shutil.copytree(ROOT / "pytest_netmon", packages / "pytest_netmon", dirs_exist_ok=True)
    compileall.compile_dir(packages, quiet=1)
    return packages


def _environment(packages: Path) -> dict[str, str]:
    """As the user has it, but with that package first, and no colours or options of pytest from outside."""
    foreign = ("PYTEST_", "NETMON_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    paths = [str(packages), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}


def _free_ports() -> int:
    """The first of SERVER_PORTS ports in a row that nobody listens on."""
    for first in range(17000, 30000, SERVER_PORTS):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + SERVER_PORTS):
                sock = held.enter_context(socket.socket())
                sock.bind(("0.0.0.0", port))
            return first
    raise GroundError("no free ports for the loopback servers")
