"""`netmon` run in this process or in one of its own, and what a reader sees of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import pytest_netmon
from pytest_netmon.cli.main import main

ROOT = Path(pytest_netmon.__file__).parent.parent
#: What changes the output where it is set.
_MEDDLING = ("PROXY", "NO_COLOR", "GITHUB_", "TF_BUILD", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")


@dataclass(frozen=True)
class Ran:
    """status: the exit status. out, err: what was written."""

    status: int
    out: str
    err: str


def clean_environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not any(part in name.upper() for part in _MEDDLING)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **changes}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest_netmon", *arguments]


def pytest_command(*arguments: str) -> list[str]:
    """pytest in a process of its own, with the plugin also where the tree is tested uninstalled."""
    installed = any(each.value == "pytest_netmon.plugin" for each in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "pytest_netmon.plugin"]
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *arguments]


def netmon(*arguments: str, cwd: Path, text: str | None = None, **environment: str) -> Ran:
    """Run `netmon` in a process of its own; `text` is its standard input."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=clean_environment(**environment),
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class InProcess:
    """Runs `netmon check` in this process, in an empty folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        status = main(["check", *arguments])
        captured = self._capsys.readouterr()
        return Ran(status, captured.out, captured.err)


class LatePort:
    """A port that refuses until it is told to listen."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def listen(self) -> None:
        self._socket.listen(64)

    def close(self) -> None:
        self._socket.close()
