"""Links of the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def headings(text: str, mark: str = "#+") -> list[str]:
    without_blocks = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(rf"^{mark} (.*)$", without_blocks, re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, punctuation left out, spaces to dashes."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_each_link_within_the_repository_leads_to_a_file_and_a_heading(name: str) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)\s]*)\)", (_ROOT / name).read_text("utf-8"))
    wrong = []
    for link in links:
        file, _, fragment = link.partition("#")
        target = _ROOT / (file or name)
        known = target.exists() and (not fragment or fragment in map(anchor, headings(target.read_text("utf-8"))))
        wrong += [] if known else [link]
    assert not wrong


def test_the_readme_names_each_of_its_sections_in_the_list_at_its_beginning() -> None:
    text = (_ROOT / "README.md").read_text("utf-8")
    listed = text.partition("What stands where:")[2].partition("\n## ")[0]
    before = {"Already use pytest?", "Keep a project's own tests, conftest and addopts out"}  # they follow at once
    missing = [
        heading for heading in headings(text, "##+") if f"(#{anchor(heading)})" not in listed and heading not in before
    ]
    assert not missing
