"""What a user would pick instead: each as fast as its options let it be, on the same endpoints.

Endpoints are a block: hosts 10.64.200.1 to .N, ports 8000 to 8009 each, so that those tools which take
ranges can be given ranges.
"""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ground import HERE, Ground, GroundError

#: No whole process: a service that was started before.
RUNNING = "blackbox_exporter, already running"
PORTS = range(8000, 8010)
_NETWORK = "10.64.200"
_CHECK_TCP = "/usr/lib/nagios/plugins/check_tcp"
_BLACKBOX_AT = ("127.0.0.1", 9115)
_BLACKBOX_MODULES = "modules:\n  tcp_connect:\n    prober: tcp\n    timeout: 5s\n"


@dataclass(frozen=True)
class Came:
    """What became of one go. latency_ms: the median of what the tool itself reported, None where it reports none."""

    wall_s: float
    opened: int
    latency_ms: float | None = None


@dataclass(frozen=True)
class Peer:
    """A tool. is_slow: takes seconds where others take tenths, and is run once."""

    name: str
    is_slow: bool
    missing: str | None
    run: Callable[[int], Came]


def block(hosts: int) -> list[tuple[str, int]]:
    """The endpoints of `hosts` hosts."""
    return [(f"{_NETWORK}.{host}", port) for host in range(1, hosts + 1) for port in PORTS]


def peers(ground: Ground, python: str) -> list[Peer]:
    """All peers, those that are not installed with the reason. python: the one that has those from PyPI."""
    tools = _Tools(ground, python)
    beside = Path(python).parent
    wait_for_it = shutil.which(str(beside / "wait-for-it")) or shutil.which("wait-for-it")
    netcheck = shutil.which(str(beside / "netcheck")) or shutil.which("netcheck")
    return [
        Peer("nmap -sT", False, _unless(shutil.which("nmap")), tools.nmap),
        Peer("nping --tcp-connect", False, _unless(shutil.which("nping")), tools.nping),
        Peer("blackbox_exporter and its start", False, _unless(_blackbox()), tools.blackbox),
        Peer(RUNNING, False, _unless(_blackbox()), tools.running_blackbox),
        Peer(
            "xargs -P50 check_tcp", False, _unless(shutil.which(_CHECK_TCP) and shutil.which("xargs")), tools.check_tcp
        ),
        Peer("asyncio open_connection", False, None, tools.naive_asyncio),
        Peer("wait-for-it -p", False, _unless(wait_for_it), lambda hosts: tools.wait_for_it(str(wait_for_it), hosts)),
        Peer("netcheck", True, _unless(netcheck), lambda hosts: tools.netcheck(str(netcheck), hosts)),
        Peer("tcp-latency", True, tools.lacks_module("tcp_latency"), tools.tcp_latency),
        Peer("testinfra is_reachable", True, tools.lacks_module("testinfra"), tools.testinfra),
    ]


def _unless(found: str | None) -> str | None:
    return None if found else "not installed"


def _blackbox() -> str | None:
    return shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")


class _Tools:
    """How each tool is run."""

    def __init__(self, ground: Ground, python: str) -> None:
        self._ground = ground
        self._python = python

    def lacks_module(self, name: str) -> str | None:
        tried = self._ground.run([self._python, "-c", f"import {name}"])
        return "not installed" if tried.status else None

    def nmap(self, hosts: int) -> Came:
        ports = f"{PORTS[0]}-{PORTS[-1]}"
        done = self._ground.run(["nmap", "-sT", "-Pn", "-n", "-p", ports, "-oG", "-", f"{_NETWORK}.1-{hosts}"])
        return Came(done.wall_s, done.output.count("/open/tcp"))

    def nping(self, hosts: int) -> Came:
        ports = f"{PORTS[0]}-{PORTS[-1]}"
        command = ["nping", "--tcp-connect", "-p", ports, "-c", "1", "--delay", "1ms", f"{_NETWORK}.1-{hosts}"]
        done = self._ground.run(command)
        opened = re.search(r"Successful connections: (\d+)", done.output)
        averages = [float(ms) for ms in re.findall(r"Avg rtt: ([\d.]+)ms", done.output)]
        latency_ms = statistics.median(averages) if averages else None
        return Came(done.wall_s, int(opened[1]) if opened else 0, latency_ms)

    def check_tcp(self, hosts: int) -> Came:
        given = "".join(f"-H {host} -p {port}\n" for host, port in block(hosts))
        done = self._ground.run(["xargs", "-P50", "-L1", _CHECK_TCP], given=given)
        times_ms = [float(s) * 1000 for s in re.findall(r"TCP OK - ([\d.]+) second", done.output)]
        return Came(done.wall_s, len(times_ms), statistics.median(times_ms) if times_ms else None)

    def naive_asyncio(self, hosts: int) -> Came:
        plan = {"endpoints": block(hosts), "count": 1, "interval_s": 0, "in_flight": None}
        began_s = time.monotonic()
        said = run_naive(self._ground, plan)
        wall_s = time.monotonic() - began_s
        return Came(wall_s, said["checks"], statistics.median(said["times_ms"]) if said["times_ms"] else None)

    def wait_for_it(self, command: str, hosts: int) -> Came:
        services = [word for host, port in block(hosts) for word in ("-s", f"{host}:{port}")]
        done = self._ground.run([command, "-p", "-t", "10", *services])
        return Came(done.wall_s, done.output.count(" is available after "))

    def netcheck(self, command: str, hosts: int) -> Came:
        rules = [{"type": "tcp", "host": host, "port": port} for host, port in block(hosts)]
        config = self._ground.folder / "netcheck.json"
        config.write_text(json.dumps({"assertions": [{"name": "all", "rules": rules}]}))
        done = self._ground.run([command, "run", "--config", str(config)])
        return Came(done.wall_s, done.output.count('"status": "pass"'))

    def tcp_latency(self, hosts: int) -> Came:
        text = (
            "import json, sys\nfrom tcp_latency import measure_latency\nfound = []\n"
            "for host, port in json.load(sys.stdin):\n    found += measure_latency(host, port, runs=1, wait=0)\n"
            "print(json.dumps([ms for ms in found if ms]))"
        )
        done = self._ground.run([self._python, "-c", text], given=json.dumps(block(hosts)))
        times_ms = json.loads(done.output)
        return Came(done.wall_s, len(times_ms), statistics.median(times_ms) if times_ms else None)

    def testinfra(self, hosts: int) -> Came:
        text = (
            "import json, sys, testinfra\nhost = testinfra.get_host('local://')\n"
            "print(sum(host.addr(name).port(port).is_reachable for name, port in json.load(sys.stdin)))"
        )
        done = self._ground.run([self._python, "-c", text], given=json.dumps(block(hosts)))
        return Came(done.wall_s, int(done.output))

    def blackbox(self, hosts: int) -> Came:
        began_s = time.monotonic()
        with blackbox_exporter(self._ground) as exporter:
            came = exporter.probe_all(block(hosts))
            return Came(time.monotonic() - began_s, came.opened, came.latency_ms)

    def running_blackbox(self, hosts: int) -> Came:
        with blackbox_exporter(self._ground) as exporter:
            return exporter.probe_all(block(hosts))


def run_naive(ground: Ground, plan: dict[str, object], cpu: int | None = None) -> dict[str, object]:
    """Run `naive_asyncio.py`; returns what it prints."""
    file = ground.folder / "naive.json"
    file.write_text(json.dumps(plan))
    return ground.run_json([sys.executable, "-I", str(HERE / "naive_asyncio.py"), str(file)], cpu=cpu)


class BlackboxExporter:
    """A running blackbox_exporter, asked for all endpoints at once."""

    def probe_all(self, endpoints: Sequence[tuple[str, int]]) -> Came:
        """Send a request for each endpoint, then read all replies; the exporter's own start is not counted."""
        began_s = time.monotonic()
        replies = list(_replies(endpoints))
        wall_s = time.monotonic() - began_s
        good = [reply for reply in replies if "\nprobe_success 1" in reply]
        times_ms = [float(s) * 1000 for reply in good for s in re.findall(r"\nprobe_duration_seconds (\S+)", reply)]
        return Came(wall_s, len(good), statistics.median(times_ms) if times_ms else None)


@contextlib.contextmanager
def blackbox_exporter(ground: Ground) -> Iterator[BlackboxExporter]:
    """A blackbox_exporter that has been asked once. Raises GroundError where it is not installed or does not start."""
    command = _blackbox()
    if command is None:
        raise GroundError("not installed")
    config = ground.folder / "blackbox.yml"
    config.write_text(_BLACKBOX_MODULES)
    listen = f"--web.listen-address={_BLACKBOX_AT[0]}:{_BLACKBOX_AT[1]}"
    process = subprocess.Popen(
        [command, f"--config.file={config}", listen, "--log.level=error"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        _wait_for(_BLACKBOX_AT)
        yield BlackboxExporter()
    finally:
        process.kill()
        process.wait()


def _wait_for(address: tuple[str, int]) -> None:
    for _ in range(1000):
        with contextlib.suppress(OSError):
            socket.create_connection(address, 1).close()
            return
        time.sleep(0.01)
    raise GroundError(f"nothing listens on {address[0]}:{address[1]} after 10 s")


def _replies(endpoints: Sequence[tuple[str, int]]) -> Iterator[str]:
    selector = selectors.DefaultSelector()
    for host, port in endpoints:
        sock = socket.create_connection(_BLACKBOX_AT)
        request = f"GET /probe?module=tcp_connect&target={host}:{port} HTTP/1.0\r\nHost: localhost\r\n\r\n"
        sock.sendall(request.encode())
        selector.register(sock, selectors.EVENT_READ, bytearray())
    until_s = time.monotonic() + 30
    while selector.get_map() and time.monotonic() < until_s:
        for key, _ in selector.select(1.0):
            assert isinstance(key.fileobj, socket.socket)
            data = key.fileobj.recv(65536)
            key.data.extend(data)
            if not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                yield key.data.decode("utf-8", "replace")
