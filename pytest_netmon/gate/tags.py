"""Tags as marks, but none that pytest or a plugin acts on: `tags: [flaky]` must not re-run a gate until it is green."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pytest_netmon.safe import for_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_netmon.plan import Endpoint

#: What the project's own ini says of marks, noted before plugins add theirs.
OWN_MARKERS = pytest.StashKey["list[str]"]()


def register_tags(config: pytest.Config, endpoints: Iterable[Endpoint]) -> None:
    """Tell pytest of the marks that tags are: --strict-markers refuses others.

    A mark that the project's ini names is a label and may be a tag too. Raises pytest.UsageError for a tag
    that is a mark of pytest, of another plugin or of a conftest.py.
    """
    lines = config.getini("markers")
    own: list[str] = config.stash.get(OWN_MARKERS, [])
    known = Counter(map(_name, lines))
    known.subtract(map(_name, own))
    tagged: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        for tag in endpoint.tags:
            tagged.setdefault(tag, endpoint)
    clashes = [tag for tag in tagged if known[tag] > 0]
    if clashes:
        raise pytest.UsageError(*(_clash(tag, tagged[tag], lines) for tag in clashes))
    for tag in tagged:
        if tag not in known:
            config.addinivalue_line("markers", f"{tag}: a tag of targets in netmon.yaml")


def _name(line: str) -> str:
    return line.partition(":")[0].partition("(")[0].strip()


def _clash(tag: str, endpoint: Endpoint, lines: Iterable[str]) -> str:
    meaning = next(line for line in reversed(list(lines)) if _name(line) == tag)
    where = f"{for_terminal(str(endpoint.source))}: " if endpoint.source else ""
    return (
        f"{where}tags: {tag!r} of {for_terminal(endpoint.id)} is also a mark that pytest, a plugin or a conftest.py "
        f"acts on ({for_terminal(meaning, 80)}): rename the tag, such as {f'{tag}-target'!r}"
    )
