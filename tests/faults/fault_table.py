"""The table of faults: what the marks `fault` of all tests say. `python tests/faults/fault_table.py` writes README.md.

A test, or several, shows one row: `@pytest.mark.fault("outcomes", "packets are dropped", "timeout, never early")`. The
marks are read from the source, so that what is skipped here is in the table too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent.parent
README = Path(__file__).with_name("README.md")

GROUPS = {
    "outcomes": "Outcomes",
    "stages": "TLS and proxies",
    "loss": "Loss and delay",
    "fooled": "Never fooled",
    "own": "The checker's own faults",
    "names": "Names",
    "process": "Time and process",
    "vantages": "Vantages",
    "disk": "Disk",
    "yaml": "Hostile YAML",
    "results": "Hostile results and baselines",
    "text": "Hostile text",
    "manners": "Manners",
    "secrets": "Secrets",
    "fuzzing": "Fuzzing",
    "soak": "Soak",
}

INTRODUCTION = """\
# Faults

What may go wrong, what then has to come out, and the test that shows it. `python tests/faults/without_guards.py` takes
guards out one by one and sees that a test goes red each time. This page is made by `python tests/faults/fault_table.py`
from the marks `fault` of all tests, and a test holds it to them.

Real routers, lost packets and misbehaving name servers stand in network namespaces, which need root on Linux, `ip` and
`nft`. nginx, redis and PostgreSQL are those of Debian's packages. What cannot run somewhere is skipped there with its
reason: `pytest -rs tests/faults`. CI runs as root, and runs all of it but what takes long and has a command of its own:

| what | command |
|---|---|
| an hour of 100 endpoints with faults that come and go | `python tests/soak/soak.py` |
| property tests, 50 times as many examples | `NETMON_HYPOTHESIS=long pytest tests/unit tests/config tests/recording` |
| how often comparing with a baseline errs | `python tests/error_rates/simulated.py` |
| 50 kills at random of each command and its prober | `NETMON_KILLS=50 pytest tests/faults/test_killed_at_random.py` |
"""


@dataclass(frozen=True)
class Row:
    """One fault, what has to come of it, and the test: a path below `tests/` and a function."""

    group: str
    fault: str
    result: str
    file: str
    test: str


def rows() -> Iterator[Row]:
    """Yield the marks of all tests by file. Raises ValueError where one is not three texts or names no group."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                yield from _rows_of(function, path.relative_to(TESTS).as_posix())


def _rows_of(function: ast.FunctionDef, file: str) -> Iterator[Row]:
    for mark in function.decorator_list:
        if not isinstance(mark, ast.Call) or not ast.unparse(mark.func).endswith("mark.fault"):
            continue
        texts = [argument.value for argument in mark.args if isinstance(argument, ast.Constant)]
        if len(texts) != 3 or texts[0] not in GROUPS:
            raise ValueError(f"{file}:{mark.lineno}: expected fault(group, fault, result), group one of {[*GROUPS]}")
        yield Row(*texts, file, function.name)


def page() -> str:
    """The whole page."""
    found = [*rows()]
    parts = [INTRODUCTION]
    for group, title in GROUPS.items():
        told: dict[tuple[str, str], list[str]] = {}
        for row in found:
            if row.group == group:
                told.setdefault((row.fault, row.result), []).append(_link(row))
        lines = [
            f"| {_cell(fault)} | {_cell(result)} | {', '.join(links)} |" for (fault, result), links in told.items()
        ]
        parts.append("\n".join([f"## {title}", "", "| fault | required result | test |", "|---|---|---|", *lines, ""]))
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(row: Row) -> str:
    folder, _, name = row.file.partition("/")
    sentence = row.test.removeprefix("test_").replace("_", " ")
    return f"[{sentence}]({name if folder == 'faults' else f'../{row.file}'})"


if __name__ == "__main__":
    README.write_text(page(), "utf-8")
    sys.stdout.write(f"{README}: {sum(1 for _ in rows())} faults\n")
