from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import jsonschema
import pytest
import yaml
from test_config_plan import PRODUCT
from written_config import Written

from pytest_netmon.config import fields
from pytest_netmon.config.load import EXAMPLE
from pytest_netmon.config.schema import SCHEMA_FILE
from pytest_netmon.plan import (
    DEFAULT_INTERVAL_S,
    DEFAULT_MAX_RATE,
    DEFAULT_MAX_RATE_PER_HOST,
    DEFAULT_TIMEOUT_S,
    MEASURED_COUNT,
)
from pytest_netmon.units import show_duration

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def resolved(schema: dict) -> dict:
    reference = schema.get("$ref")
    return {**SCHEMA["$defs"][reference.rpartition("/")[2]], **schema} if reference else schema


def keys() -> Iterator[tuple[str, dict]]:
    for owner, schema in (
        ("", SCHEMA),
        ("defaults.", SCHEMA["properties"]["defaults"]),
        ("target.", SCHEMA["$defs"]["target"]),
    ):
        for key, value in schema["properties"].items():
            yield f"{owner}{key}", resolved(value)


def test_the_schema_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("name", "schema"), list(keys()), ids=[name for name, _ in keys()])
def test_every_key_has_what_an_editor_and_the_manual_show(name: str, schema: dict) -> None:
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema["examples"]
    for example in schema["examples"]:
        jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **schema}).validate(example)


def test_the_defaults_in_the_schema_are_the_built_in_values() -> None:
    assert SCHEMA["properties"]["max_rate"]["default"] == DEFAULT_MAX_RATE
    assert SCHEMA["properties"]["max_rate_per_host"]["default"] == DEFAULT_MAX_RATE_PER_HOST
    assert SCHEMA["$defs"]["interval"]["default"] == show_duration(DEFAULT_INTERVAL_S)
    assert SCHEMA["$defs"]["timeout"]["default"] == show_duration(DEFAULT_TIMEOUT_S)
    assert SCHEMA["$defs"]["count"]["default"] == MEASURED_COUNT


def test_the_bounds_in_the_schema_are_those_of_the_readers() -> None:
    assert SCHEMA["$defs"]["count"]["maximum"] == fields.MOST_CHECKS
    assert SCHEMA["$defs"]["rate"]["maximum"] == fields.MOST_CHECKS_A_SECOND
    assert SCHEMA["$defs"]["target"]["properties"]["name"]["maxLength"] == fields.LONGEST_NAME


@pytest.mark.parametrize("text", [PRODUCT, EXAMPLE])
def test_an_editor_accepts_a_file_as_it_is_written_before_variables_are_replaced(text: str) -> None:
    VALIDATOR.validate(yaml.safe_load(text))


def test_an_editor_accepts_a_variable_for_every_value() -> None:
    settings = dict.fromkeys(("count", "warmup", "interval", "timeout", "wait", "ports", "limits", "warn"), "${X}")
    target = {
        "host": "${X}",
        "name": "${X}",
        "expect": "open",
        "skip": "${X}",
        "xfail": "${X}",
        "redact": "${X}",
        "tags": ["${X}"],
        **settings,
    }
    several = {"hosts": ["${X}", "web-[01-20]"], "tags": "${X}"}
    VALIDATOR.validate(
        {"max_rate": "${X}", "max_rate_per_host": "${X}", "defaults": settings, "targets": [target, several, "${X}"]}
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("count", value) for value in (0, -1, "0", "x", 1.5, True, None, [], 1_000_001)),
        *(("wait", value) for value in (0, "5 sec", "", True, None, [], {}, {"stable": 3}, {"timeout": 0})),
        *(("warmup", value) for value in (-1, "-1", "x", 1.5, True, None, [], 1_000_001)),
        *(("warn", value) for value in ([], [5], {}, [{}], "", [""], None, True)),
        *(("timeout", value) for value in (0, -1, "-1s", "5 sec", "", True, None, [])),
        *(("interval", value) for value in (0, -1, "-1s", "5 sec", "", True, None, [])),
        *(("ports", value) for value in (0, 65536, "80x", [], [0], [70000], ["22:30"], [True], [[1]], {}, True, None)),
        *(("limits", value) for value in ([], [5], {}, [{}], "", [""], None, True)),
        *(("expect", value) for value in ("close", True, None, 5)),
        *(("skip", value) for value in ("", None, 5, [])),
        *(("xfail", value) for value in ("", None, 5, [])),
        *(("redact", value) for value in ("yes", None, 5, [])),
        *(("name", value) for value in ("", "x" * 81, None, 5, True)),
        *(("host", value) for value in ("", None, 5, [])),
        *(("tags", value) for value in ("", [], [""], "a b", "1a", "!a", None, 5, [5], {}, "x" * 41)),
    ],
)
def test_schema_and_readers_refuse_the_same_and_say_it_once(written: Written, key: str, value: object) -> None:
    target = {"host": "db", "ports": [1], key: value}
    assert not VALIDATOR.is_valid({"targets": [target]})
    assert len(written.problems(json.dumps({"targets": [target]}))) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("count", value) for value in (1, "40", 1_000_000)),
        *(("warmup", value) for value in (0, "0")),
        *(("wait", value) for value in (60, "60s", {"timeout": "60s"}, {"timeout": 5, "interval": 1, "stable": "3"})),
        *(("warn", value) for value in ("max < 1s", ["max < 1s", "success >= 9%"])),
        *(("timeout", value) for value in (1, 0.5, "250ms", "2", ".5s", "1 m", "1d")),
        *(("ports", value) for value in (1, "1-3", [1, "2-3", "4"], "1, 2")),
        *(("limits", value) for value in ("max < 1s", ["max < 1s", "success >= 9%"])),
        *(("skip", value) for value in (True, False, "why")),
        *(("redact", value) for value in (False, "false")),
        *(("tags", value) for value in ("db", ["db", "prod-2.x"])),
    ],
)
def test_schema_and_readers_accept_the_same(written: Written, key: str, value: object) -> None:
    target = {"host": "db", "ports": [1], key: value}
    assert VALIDATOR.is_valid({"targets": [target]})
    assert written.plan(json.dumps({"targets": [target]})).endpoints


_ITEMS = ("db:1", "", 5432, 1.5, True, None, [], ["db:1"], {}, {"host": "db:1"}, {"prot": 1})
_RATES = (1, 0.5, 2000, 1e9, "2000", 0, -1, 10**9, 1e300, True, None, "x", [], {})
_DOCUMENTS = [
    *({"targets": ["a:1", item]} for item in _ITEMS),
    *({"targets": ["a:1"], "controls": [item]} for item in _ITEMS),
    *({"targets": ["a:1"], key: rate} for key in ("max_rate", "max_rate_per_host") for rate in _RATES),
    *({"targets": targets} for targets in ("a:1", None, 5, {}, {"a": 1}, [], ["a:1"])),
    *({"targets": ["a:1"], key: value} for key in ("include", "defaults", "vantages", "target") for value in (None, 5)),
    {"max_rate": 5},
]


@pytest.mark.parametrize("document", _DOCUMENTS, ids=json.dumps)
def test_the_schema_is_asked_wherever_it_could_have_a_word_to_say(written: Written, document: dict) -> None:
    """A file of plain targets is not validated by it, nor are such targets among others."""
    text = json.dumps(document)
    if not VALIDATOR.is_valid(document):
        assert written.problems(text)
    elif document != {"targets": []} and document.get("targets"):
        assert written.plan(text).endpoints


def test_a_file_of_plain_targets_does_without_jsonschema(written: Written) -> None:
    written.write("netmon.yaml", "max_rate: 50\ntargets:\n  - db:5432\n  - https://api.example.com\n")
    script = (
        "import sys, pathlib\nfrom pytest_netmon.config.load import Overrides, load_plan\n"
        "plan = load_plan([pathlib.Path('netmon.yaml')], Overrides(), env={}, base=pathlib.Path())\n"
        "print(len(plan.endpoints), 'jsonschema' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=written.folder, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.split() == ["2", "False"]
