"""Runs commands in a network of their own: names, addresses and servers are made up, and no packet leaves it.

    unshare -n -m python private_network.py < SPEC > RESULTS

SPEC: {"names": {name: address}, "addresses": [...], "ports": [...], "folder": ..., "runs": {key: {"command": [...],
"until": text or null}}}. All commands run at once, each in a folder of its own; one with `until` gets a Ctrl-C
when that text stands in its output (standard output and errors). RESULTS: {key: {"status", "out", "err"}}.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_PATIENCE_S = 60


def make_network(names: dict[str, str], addresses: list[str], hosts: Path) -> None:
    """Give this network namespace its addresses, this mount namespace its /etc/hosts."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in {*names.values(), *addresses}:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in names.items()))
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)


def serve(ports: list[int]) -> None:
    """Accept on those ports of every address, and close when the client has."""
    selector = selectors.DefaultSelector()
    for port in ports:
        selector.register(socket.create_server(("", port), backlog=1024), selectors.EVENT_READ, "listener")
    while True:
        for key, _ in selector.select():
            sock: Any = key.fileobj
            if key.data == "listener":
                selector.register(sock.accept()[0], selectors.EVENT_READ, "client")
            elif not sock.recv(4096):
                selector.unregister(sock)
                sock.close()


class Run(threading.Thread):
    """One command, read as it goes; `result` once it has ended."""

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        super().__init__()
        folder.mkdir()
        self._until: str | None = spec["until"]
        self.result: dict[str, object] = {}
        self._texts = {"out": "", "err": ""}
        # As in a shell's foreground, Ctrl-C reaches the whole group.
        self._process = subprocess.Popen(
            spec["command"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, text=True, bufsize=1,
        )  # fmt: skip

    def run(self) -> None:
        readers = [
            threading.Thread(target=self._read, args=(name, stream))
            for name, stream in (("out", self._process.stdout), ("err", self._process.stderr))
        ]
        for reader in readers:
            reader.start()
        try:
            status = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            status = self._process.wait()
        for reader in readers:
            reader.join()
        self.result = {"status": status, **self._texts}

    def _read(self, name: str, stream: Any) -> None:
        for line in stream:
            self._texts[name] += line
            if self._until is not None and self._until in self._texts["out"] + self._texts["err"]:
                self._until = None
                os.killpg(self._process.pid, signal.SIGINT)


def main() -> None:
    spec = json.load(sys.stdin)
    make_network(spec["names"], spec["addresses"], Path(spec["folder"]) / "hosts")
    threading.Thread(target=serve, args=(spec["ports"],), daemon=True).start()
    runs = {key: Run(Path(spec["folder"]) / key, each) for key, each in spec["runs"].items()}
    for run in runs.values():
        run.start()
    for run in runs.values():
        run.join()
    json.dump({key: run.result for key, run in runs.items()}, sys.stdout)


if __name__ == "__main__":
    main()
