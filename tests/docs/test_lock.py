"""The locked test environment is one that pyproject.toml asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / ".ci" / "requirements.txt"
pytestmark = pytest.mark.skipif(not LOCK.exists(), reason="the lock is not beside the tests")


def locked() -> list[Requirement]:
    return [Requirement(line.rstrip(" \\")) for line in LOCK.read_text().splitlines() if re.match(r"[a-z0-9]", line)]


def wanted() -> list[Requirement]:
    """What pyproject.toml names: the dependencies and those of the extras, itself left out."""
    text = (ROOT / "pyproject.toml").read_text()
    lists = re.findall(r"(?m)^(?:dependencies|test|dev|vantages) = \[\n((?:  \".*\n)*)\]", text)
    named = [Requirement(quoted) for block in lists for quoted in re.findall(r'^  "(.*)",$', block, re.M)]
    return [requirement for requirement in named if requirement.name != "pytest-netmon"]


def test_all_that_the_project_asks_for_is_locked_in_a_version_that_it_allows() -> None:
    versions: dict[str, list[str]] = {}
    for each in locked():
        versions.setdefault(canonicalize_name(each.name), []).extend(pin.version for pin in each.specifier)
    assert len(wanted()) > 15
    for requirement in wanted():
        found = versions.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement.name} is not locked: see the first lines of {LOCK.name}"
        assert all(requirement.specifier.contains(version) for version in found), (requirement, found)


def test_every_file_has_its_hash() -> None:
    entries = re.split(r"(?m)^(?=[a-z0-9])", LOCK.read_text())[1:]
    assert len(entries) == len(locked())
    assert all("--hash=sha256:" in entry for entry in entries)
