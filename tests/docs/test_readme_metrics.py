"""What the README says of limits, beginnings and the action, against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pytest_netmon.cli.init import main as init
from pytest_netmon.limits import PHASES, STATS, least_count, parse_limit
from pytest_netmon.units import UNITS_S

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text("utf-8")
_ROWS = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", _README[_README.index("\n### Limits") :], re.MULTILINE)[
    :13
]
#: How values of each unit may be written.
_UNITS = {"ratio": ["%"], "ms": ["ms", "s"], "s": [*UNITS_S], "count": []}


def block(name):
    found = re.search(rf"<!-- test: {re.escape(name)} -->\n+```\w+\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no block after <!-- test: {name} -->"
    return found[1]


def works(text):
    try:
        parse_limit(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("limit", "units"), [row[:2] for row in _ROWS])
def test_the_units_of_a_metric_are_those_of_the_grammar(limit, units):
    metric = parse_limit(limit).metric
    assert re.findall(r"`([^`]+)`", units) == _UNITS[metric.unit]
    before = limit.rstrip("".join(_UNITS[metric.unit])) if metric.unit != "count" else limit
    assert [unit for unit in _UNITS[metric.unit] if not works(f"{before}{unit}")] == []


def test_the_table_of_limits_names_every_metric_that_can_be_measured():
    shown = {parse_limit(limit).metric for limit, _, _ in _ROWS}
    measured = {phase for phase in PHASES if works(f"{phase}.max < 1s")}
    assert {metric.phase for metric in shown} - {None} == measured
    figures = next(text for limit, _, text in _ROWS if limit.startswith("p95"))
    assert set(STATS) <= set(re.findall(r"`([^`]+)`", figures))
    plain = {metric.name for metric in shown if metric.phase is None and metric.outcome is None}
    known = {"success": "99%", "errors": "1", "consecutive_failures": "1", "outage": "1s", "syn_repeats": "1"}
    known["cert.expires_in"] = "14d"
    assert plain == {name for name, value in known.items() if works(f"{name} <= {value}")}
    assert any(metric.outcome for metric in shown)


def test_the_counts_that_figures_need_are_those_of_the_code():
    sentence = _README[_README.index("- Percentiles are nearest-rank") :].partition("\n- ")[0]
    needs = re.findall(r"(p[0-9.]+) needs ([0-9]+)", sentence)
    assert len(needs) == 5
    assert [(name, least_count(parse_limit(f"{name} < 1s"))) for name, _ in needs] == [(n, int(c)) for n, c in needs]
    assert "`stdev` and `jitter` need 2." in sentence
    assert [least_count(parse_limit(f"{name} < 1s")) for name in ("stdev", "jitter")] == [2, 2]


def test_the_commands_to_start_with_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("hosts.txt").write_text("db.internal 5432\n")
    Path(".env").write_text("REDIS_URL=redis://me:geheim@cache.internal/0\n")
    commands = re.findall(r"^netmon init ?(.*?) > netmon\.yaml", block("start"), re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        assert init(command.split()) == 0
        assert yaml.safe_load(capsys.readouterr().out)["targets"]


def test_the_action_has_the_inputs_and_outputs_that_are_told():
    action = yaml.safe_load((_ROOT / ".github/actions/netmon/action.yml").read_text("utf-8"))
    (step,) = yaml.safe_load(block("action"))
    assert set(step["with"]) <= set(action["inputs"])
    told = " ".join(_README[_README.index("Its inputs are") :].split("\n\n")[0].split())
    inputs, outputs = told.split("; ")
    assert re.findall(r"`(\w+)`", inputs) == [*action["inputs"]]
    assert re.findall(r"`(\w+)`", outputs.partition(", the folder")[0]) == [*action["outputs"]]


def test_every_tool_that_is_compared_has_both_its_sides():
    table = _README[_README.index("## Compared with other tools") :].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert [re.sub(r"\[(\w+)\].*", r"\1", row[0]) for row in rows] == [
        "a loop around `nc -z`",
        "wait4x",
        "goss",
        "netchecks",
        "blackbox_exporter",
    ]
    assert all(len(row) == 3 and all(row) for row in rows)
