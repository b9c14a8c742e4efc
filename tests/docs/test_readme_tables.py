"""The README's tables hold what the code holds, row by row."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import pytest_netmon
from pytest_netmon.limits import parse_limit
from pytest_netmon.outcomes import OUTCOMES, next_step_of
from pytest_netmon.plugin import pytest_addoption

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text("utf-8")
_SCHEMAS = Path(pytest_netmon.__file__).parent / "schemas"
_SCHEMA = json.loads((_SCHEMAS / "config.schema.json").read_text("utf-8"))


class _Options:
    """Takes what pytest's parser and its option group take, and keeps the options."""

    def __init__(self):
        self.rows = []
        self.ini = []

    def getgroup(self, *_):
        return self

    def addoption(self, name, *, help, metavar=None, **_):  # noqa: A002
        shown = f"{name}={metavar}" if metavar else name
        self.rows.append(f"| `{shown}` | {help.replace('%%', '%')} |")

    def addini(self, name, *_, **__):
        self.ini.append(name)


def _declared():
    options = _Options()
    pytest_addoption(options)
    return options


def _key_rows(properties):
    for name, own in properties.items():
        shared = _SCHEMA["$defs"][own["$ref"].rpartition("/")[2]] if "$ref" in own else {}
        key = {**shared, **own}
        built_in = "true" if key.get("default") is True else key.get("default")
        default = "" if built_in in ([], {}, False, None) else f"`{built_in}`"
        yield f"| `{name}` | {default} | {key['description']} |"


def _outcome_rows():
    for outcome in OUTCOMES.values():
        cause = outcome.cause.replace("{timeout}", "the timeout")
        yield f"| `{outcome.name}` | {cause} | {next_step_of(outcome.name)} |"


def _table_after(heading):
    """The rows of the first table under a heading or a line that starts so."""
    lines = _README[_README.index(f"\n{heading}") :].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            return rows
        rows.append(line)
    return rows


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("## Outcomes", [*_outcome_rows()]),
        ("### Options", _declared().rows),
        ("Of the file:", [*_key_rows(_SCHEMA["properties"])]),
        ("Of a target that is a mapping:", [*_key_rows(_SCHEMA["$defs"]["target"]["properties"])]),
        ("Of `tls` that is a mapping:", [*_key_rows(_SCHEMA["$defs"]["tls"]["properties"])]),
    ],
    ids=["outcomes", "options", "keys of the file", "keys of a target", "keys of tls"],
)
def test_a_table_is_that_of_the_code(heading, rows):
    assert _table_after(heading) == rows


def test_the_keys_of_defaults_are_those_of_the_schema():
    sentence = re.search(r"^Of `defaults`: (.*), for targets", _README, re.MULTILINE)[1]
    assert re.findall(r"`(\w+)`", sentence) == [*_SCHEMA["properties"]["defaults"]["properties"]]


def test_each_limit_shown_is_one():
    limits = re.findall(r"^\| `([^`]+)`", "\n".join(_table_after("### Limits")), re.MULTILINE)
    assert [parse_limit(limit).text for limit in limits] == limits
    assert len(limits) == 13


def test_no_option_is_named_that_does_not_exist():
    declared = {re.match(r"\| `(--netmon[a-z-]*)", row)[1] for row in _declared().rows}
    assert set(re.findall(r"--netmon(?:-[a-z]+)*", _README)) <= declared
    assert re.findall(r"`(netmon_config)`", _README)
    assert _declared().ini == ["netmon_config"]


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    text = (_ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        packaged = link.removeprefix("pytest_netmon/")
        found = (_SCHEMAS.parent / packaged) if packaged != link else (_ROOT / link)
        assert found.exists(), f"{page}: {link}"
