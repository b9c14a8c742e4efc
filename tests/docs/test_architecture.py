"""ARCHITECTURE.md lists every module once, each after those that it uses."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest_netmon

_PACKAGE = Path(pytest_netmon.__file__).parent
_PAGE = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text("utf-8")
_LISTED = re.findall(r"^\| `([\w/]+\.py)` \| \S.* \|$", _PAGE, re.MULTILINE)
_MODULES = {path.relative_to(_PACKAGE).as_posix(): path for path in _PACKAGE.rglob("*.py") if path.stem != "__init__"}


def _imports(name):
    """The modules of ours that a module imports, wherever in it."""
    package = ["pytest_netmon", *name.split("/")[:-1]]
    for node in ast.walk(ast.parse(_MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            parts = [*base, *(node.module or "").split(".")] if node.module else base
            for found in (parts, *([*parts, alias.name] for alias in node.names)):
                module = "/".join(found[1:]) + ".py"
                if module in _MODULES and found[0] == "pytest_netmon":
                    yield module


def test_every_module_is_listed_once_and_no_other():
    assert sorted(_LISTED) == sorted(_MODULES)


def test_each_module_stands_below_those_that_it_uses():
    above = {name: _LISTED[:at] for at, name in enumerate(_LISTED)}
    wrong = [f"{name} uses {used}" for name in _LISTED for used in _imports(name) if used not in above[name]]
    assert not wrong


def test_the_imports_that_order_the_list_are_found():
    assert {"prober/engine.py", "prober/protocol.py"} <= set(_imports("prober/main.py"))
    assert "gate/distributed.py" in _imports("plugin.py")
