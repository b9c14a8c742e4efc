"""A real sshd on loopback, with keys made for the test."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gateway_runs import eventually, measured, plan_of, reasons_of, result_at
from servers import Servers

from pytest_netmon.plan import Endpoint
from pytest_netmon.run import Run
from pytest_netmon.vantage import Vantage

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
TOOLS = [tool for tool in ("ssh", "ssh-keygen") if shutil.which(tool) is None] + ([] if SSHD else ["sshd"])
pytestmark = pytest.mark.skipif(bool(TOOLS), reason=f"not installed (Debian: openssh-server): {', '.join(TOOLS)}")


@dataclass
class Sshd:
    port: int
    folder: Path

    def options(self, key: str, known: str) -> str:
        """What stands before the host, behind `ssh`: nothing of this user's own."""
        settings = {
            "IdentityFile": self.folder / key,
            "UserKnownHostsFile": self.folder / known,
            "GlobalKnownHostsFile": os.devnull,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
        }
        words = " ".join(f"-o {name}={value}" for name, value in settings.items())
        return f"-F {os.devnull} -p {self.port} {words}"

    def vantage(self, key: str = "key", known: str = "known_hosts", host: str = "127.0.0.1") -> Vantage:
        way = f"{self.options(key, known)} {getpass.getuser()}@{host}"
        return Vantage(name="node", kind="ssh", way=way, python=sys.executable)


def made_key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return Path(f"{path}.pub").read_text()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("sshd")
    folder.chmod(0o700)
    host_key = made_key(folder / "host")
    (folder / "authorized").write_text(made_key(folder / "key"))
    made_key(folder / "stranger")
    (folder / "nobody_known").write_text("")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "KbdInteractiveAuthentication": "no",
        "PasswordAuthentication": "yes",
        "PermitRootLogin": "yes",
    }
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    log = (folder / "log").open("wb")
    process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        eventually(lambda: "listening" in (folder / "log").read_text() or process.poll() is not None)
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {(folder / 'log').read_text().strip()}")
        yield Sshd(port, folder)
    finally:
        process.kill()
        process.wait()
        log.close()


def run_from(servers: Servers, vantage: Vantage) -> Run:
    server = servers.open()
    endpoints = [
        Endpoint(host="127.0.0.1", port=server.port, vantage=name, measured=True, count=3, interval_s=0.02)
        for name in ("local", "node")
    ]
    run = measured(plan_of([vantage], *endpoints))
    assert result_at(run, "local").verdict.status == "passed"
    return run


def test_checks_run_over_ssh(servers: Servers, sshd: Sshd) -> None:
    run = run_from(servers, sshd.vantage())
    assert result_at(run, "node").verdict.status == "passed"
    assert result_at(run, "node").statistics.checks == 3


def test_execnets_own_notation_leads_there_too(servers: Servers, sshd: Sshd) -> None:
    config = sshd.folder / "ssh_config"
    config.write_text(
        f"Host node\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {getpass.getuser()}\n  IdentityAgent none\n"
        f"  IdentityFile {sshd.folder / 'key'}\n  UserKnownHostsFile {sshd.folder / 'known_hosts'}\n"
    )
    way = f"ssh=node//ssh_config={config}//python={sys.executable}"
    run = run_from(servers, Vantage(name="node", kind="execnet", way=way))
    assert result_at(run, "node").verdict.status == "passed"


@pytest.mark.fault(
    "vantages",
    "ssh is refused, would ask for a password, does not know the host",
    "inconclusive with ssh's words, and never a question",
)
def test_a_host_that_would_ask_for_a_password_is_a_reason(servers: Servers, sshd: Sshd) -> None:
    (reason,) = reasons_of(run_from(servers, sshd.vantage(key="stranger")), "node")
    assert reason.startswith("the vantage node: no Python began there: ")
    assert "Permission denied (publickey,password)" in reason
    assert reason.endswith("ssh must let this user in without a question: a key, or an agent")


@pytest.mark.fault(
    "vantages",
    "ssh is refused, would ask for a password, does not know the host",
    "inconclusive with ssh's words, and never a question",
)
def test_a_host_that_is_not_known_is_a_reason(servers: Servers, sshd: Sshd) -> None:
    (reason,) = reasons_of(run_from(servers, sshd.vantage(known="nobody_known")), "node")
    assert reason == (
        'the vantage node: no Python began there: "Host key verification failed.": '
        "connect once by hand, to accept the key of that host"
    )


@pytest.mark.fault(
    "vantages",
    "ssh is refused, would ask for a password, does not know the host",
    "inconclusive with ssh's words, and never a question",
)
def test_a_host_without_an_sshd_is_a_reason(servers: Servers, sshd: Sshd) -> None:
    way = f"-F {os.devnull} -p {servers.closed().port} 127.0.0.1"
    (reason,) = reasons_of(run_from(servers, Vantage(name="node", kind="ssh", way=way)), "node")
    assert "Connection refused" in reason
    assert reason.endswith("see that its sshd runs")


def test_a_python_that_is_not_there_is_a_reason(servers: Servers, sshd: Sshd) -> None:
    vantage = Vantage(name="node", kind="ssh", way=sshd.vantage().way, python="/nowhere/python3")
    (reason,) = reasons_of(run_from(servers, vantage), "node")
    assert reason.endswith("is there a `/nowhere/python3`? Else name one with `python:`")
