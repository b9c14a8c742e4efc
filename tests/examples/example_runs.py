"""Examples copied into a folder, with loopback servers in place of their placeholders, and run there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from schemas import EXAMPLES

import pytest_netmon

_SOURCES = str(Path(pytest_netmon.__file__).parents[1])
_MEDDLING = ("PROXY", "GITHUB_", "NO_COLOR", "PYTEST_", "TF_BUILD")
_CHECK = re.compile(r'netmon"? (check .*)$', re.MULTILINE)


def put(text, replaced):
    """Return a text with each placeholder replaced, every one of which must be there."""
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def place(example, folder, replaced):
    """Copy the folder of an example, its netmon.yaml with servers in place of placeholders."""
    shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "netmon.yaml"
    path.write_text(put(path.read_text("utf-8"), replaced), "utf-8")


def _run(arguments, folder, environment):
    env = {name: value for name, value in os.environ.items() if not any(part in name.upper() for part in _MEDDLING)}
    env |= {"PYTHONPATH": _SOURCES, **environment}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def netmon(arguments, folder, **environment):
    """Run `netmon ARGUMENT...` and return what came of it."""
    return _run(["pytest_netmon", *arguments], folder, environment)


def pytest_run(folder, *arguments, **environment):
    """Run `pytest --netmon ARGUMENT...` with no plugin but ours."""
    plain = ["--disable-plugin-autoload", "-p", "pytest_netmon.plugin", "-p", "no:cacheprovider", "--rootdir=."]
    return _run(["pytest", *plain, "-c", os.devnull, "--netmon", "-v", *arguments], folder, environment)


def verdicts(folder, name="netmon.json"):
    """Return the verdict of each endpoint in a result."""
    endpoints = json.loads((folder / name).read_text("utf-8"))["endpoints"]
    return {endpoint["id"]: endpoint["verdict"] for endpoint in endpoints}


def check_commands(script):
    """Return the arguments of each `netmon check` in a shell script."""
    return [shlex.split(line) for line in _CHECK.findall(script)]
