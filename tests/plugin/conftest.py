"""A user's project with a netmon.yaml, in which pytest runs with the plugin loaded as users load it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import pytest_netmon

# A pytest run in this process forgets what it imports, and PyYAML's C module cannot be loaded twice.
import pytest_netmon.config.files
import pytest_netmon.gate.distributed

_SOURCES = Path(pytest_netmon.__file__).parents[1]
_ENTRY_POINTS = "[pytest11]\nnetmon = pytest_netmon.plugin\n"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the path with which pytest finds the plugin, also where the tree is tested uninstalled."""
    folder = tmp_path_factory.mktemp("installed")
    if "netmon" not in entry_points(group="pytest11").names:
        info = folder / "pytest_netmon-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-netmon\nVersion: 0\n")
        (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    return folder


class Project:
    """The project's folder, and pytest run in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path = pytester.path
        self.write("pytest.ini", "[pytest]\naddopts = --strict-markers --strict-config -p no:cacheprovider\n")

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def write_targets(self, *targets: object, name: str = "netmon.yaml") -> Path:
        """Write a configuration; a target is a text or a mapping (YAML takes JSON)."""
        return self.write(name, "targets:\n" + "".join(f"  - {json.dumps(target)}\n" for target in targets))

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process: fast."""
        return self._pytester.runpytest_inprocess(*arguments)

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own: where modules, signals and the exit of a process matter."""
        return self._pytester.runpytest_subprocess(*arguments, timeout=60)

    def popen(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest", *arguments]
        return self._pytester.popen(command, **{"stdin": subprocess.DEVNULL, "text": True, **options})

    def artifact(self, name: str = "netmon.json", folder: str = "netmon-report") -> Any:
        """A written artifact: JSON parsed, else its text."""
        text = (self.path / folder / name).read_text("utf-8")
        return json.loads(text) if name.endswith(".json") else text

    @property
    def has_artifacts(self) -> bool:
        return (self.path / "netmon-report").exists()


@pytest.fixture
def project(pytester: pytest.Pytester, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    path = os.pathsep.join([str(installed), str(_SOURCES)])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(installed))
    runners = ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "TF_BUILD")
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "NO_COLOR", "FORCE_COLOR", *runners):
        monkeypatch.delenv(name, raising=False)
    return Project(pytester)


@pytest.fixture(scope="session")
def results_schema() -> Any:
    return json.loads((Path(pytest_netmon.__file__).parent / "schemas" / "results.schema.json").read_text("utf-8"))
