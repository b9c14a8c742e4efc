"""Two network namespaces joined by a cable: `near`, where the prober runs, and `far`, where the targets are.

Everything stays inside the two: no address of this machine is touched.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pytest_netmon import campaign, prober_process
from pytest_netmon.sample_lines import decode_line
from pytest_netmon.samples import Sample

NEAR, FAR = "10.77.0.1", "10.77.0.2"
NEAR6, FAR6 = "fd77::1", "fd77::2"


@functools.cache
def missing() -> str | None:
    """Why namespaces cannot be made here; None where they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nft"):
        if shutil.which(tool) is None:
            return f"the command {tool!r} is not installed (Debian: iproute2, nftables)"
    name = f"nmt-{uuid.uuid4().hex[:6]}"  # several test processes may ask at once
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"this machine makes no network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


class Cable:
    """The two namespaces; `near` and `far` are their names."""

    def __init__(self) -> None:
        mark = uuid.uuid4().hex[:6]
        self.near, self.far = f"nmn-{mark}", f"nmf-{mark}"
        self._ends = (f"n{mark}", f"f{mark}")
        self.far_end = self._ends[1]

    def __enter__(self) -> Cable:
        for name in (self.near, self.far):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            # Without it an interface answers no neighbour for its first second.
            no_dad = (
                "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad"
            )
            run("ip", "netns", "exec", name, "sh", "-c", no_dad)
        near_end, far_end = self._ends
        run("ip", "-n", self.near, "link", "add", near_end, "type", "veth", "peer", "name", far_end, "netns", self.far)
        for name, end, v4, v6 in ((self.near, near_end, NEAR, NEAR6), (self.far, far_end, FAR, FAR6)):
            run("ip", "-n", name, "address", "add", f"{v4}/24", "dev", end)
            run("ip", "-n", name, "address", "add", f"{v6}/64", "dev", end, "nodad")
            run("ip", "-n", name, "link", "set", end, "up")
        # The kernel raises a fresh link's carrier with a delay of its own.
        while not all(self._is_up(name, end) for name, end in zip((self.near, self.far), self._ends, strict=True)):
            time.sleep(0.01)
        return self

    @staticmethod
    def _is_up(name: str, end: str) -> bool:
        shown = subprocess.run(["ip", "-n", name, "link", "show", end], capture_output=True, text=True, check=True)
        return "state UP" in shown.stdout

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def route(self, *words: str) -> None:
        run("ip", "-n", self.near, "route", "add", *words)

    def firewall(self, rules: str) -> None:
        """Have `far` treat what comes in by these nft rules, one a line."""
        lines = "\n".join(f"    {rule}" for rule in rules.strip().splitlines())
        table = "table inet t {\n  set seen { type ipv4_addr . inet_service; flags dynamic; }\n"
        chain = f"  chain c {{\n    type filter hook input priority 0;\n{lines}\n  }}\n}}\n"
        subprocess.run(["ip", "netns", "exec", self.far, "nft", "-f", "-"], input=table + chain, text=True, check=True)

    def dropped(self) -> int:
        """How many packets the rule with a `counter` has dropped in `far`."""
        listed = subprocess.run(
            ["ip", "netns", "exec", self.far, "nft", "-j", "list", "table", "inet", "t"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        rules = [entry["rule"]["expr"] for entry in json.loads(listed.stdout)["nftables"] if "rule" in entry]
        return sum(int(part["counter"]["packets"]) for rule in rules for part in rule if "counter" in part)

    def in_near(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.near, *command]

    def listen(self, *ports: int) -> subprocess.Popen[str]:
        """Start a server in `far` that listens on those ports of both families; it ends when killed."""
        return self._listen(self.far, ports)

    def listen_near(self, *ports: int) -> subprocess.Popen[str]:
        """The same in `near`."""
        return self._listen(self.near, ports)

    @staticmethod
    def _listen(name: str, ports: tuple[int, ...]) -> subprocess.Popen[str]:
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-I", "-c", _LISTEN, *map(str, ports)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        return server


@contextlib.contextmanager
def slow_path(cable: Cable, delay_us: int) -> Iterator[str]:
    """An address that `near` reaches by a TUN device, whose far end answers each packet that much later."""
    device, script = "slow0", Path(__file__).parents[1] / "benchmarks" / "path_server.py"
    command = cable.in_near(sys.executable, "-I", str(script), device, str(delay_us))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as path:
        assert path.stdin is not None
        assert path.stdout is not None
        path.stdin.write(b"report\n")
        path.stdin.flush()
        path.stdout.readline()  # the device is there
        for words in (("address", "add", "10.88.0.1/24", "dev", device), ("link", "set", device, "up")):
            run("ip", "-n", cable.near, *words)
        yield "10.88.0.2"
        path.stdin.close()


_LISTEN = """
import select, socket, sys
both = {"family": socket.AF_INET6, "dualstack_ipv6": True}
listeners = [socket.create_server(("::", int(port)), **both) for port in sys.argv[1:]]
print("listening", flush=True)
while True:
    for ready in select.select(listeners, [], [])[0]:
        ready.accept()[0].close()
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def start(cable: Cable, job: dict[str, object]) -> subprocess.Popen[bytes]:
    """Start the prober in `near`; it ends with its job, or with its standard input."""
    prober = str(Path(campaign.__file__).parent / "prober")
    command = cable.in_near(sys.executable, "-I", "-c", prober_process.BOOTSTRAP, prober)
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    return process


def probe(
    cable: Cable,
    path: Path,
    targets: list[tuple[str, int]],
    timeout_us: int,
    *,
    count: int = 1,
    interval_us: int = 1000,
    refresh_s: float | None = None,
    stopped: tuple[float, float] | None = None,
) -> list[Sample]:
    """Check each target from `near`, once unless said otherwise; return the samples in the order of the targets.

    stopped: so many seconds after its begin the prober is stopped for so many seconds.
    """
    endpoints = [
        {"index": index, "host": host, "port": port, "count": count, "interval_us": interval_us,
         "timeout_us": timeout_us, "retry_on": None, "redact": False}
        for index, (host, port) in enumerate(targets)
    ]  # fmt: skip
    job = {"netmon": 1, "sample_file": str(path), "parent": None, "max_rate": 1e6, "max_rate_per_host": 1e6,
           "refresh_s": refresh_s, "kernel": True, "context": "{}", "endpoints": endpoints}  # fmt: skip
    process = start(cable, job)
    if stopped is not None:
        while not path.exists():
            time.sleep(0.01)
        time.sleep(stopped[0])
        process.send_signal(signal.SIGSTOP)
        time.sleep(stopped[1])
        process.send_signal(signal.SIGCONT)
    assert process.stdin is not None
    assert process.wait(60) == 0
    process.stdin.close()
    records = [decode_line(line) for line in path.read_bytes().splitlines()]
    return sorted((record for record in records if isinstance(record, Sample)), key=lambda sample: sample.endpoint)
