"""`baseline`: how much slower a target may get, and the file to compare with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_runs import measured, opened, run_of
from written_config import Written

from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.tolerance import Tolerance, read_metric


def tolerance_of(written: Written, settings: str, defaults: str = "", **options: object) -> Tolerance | None:
    head = f"defaults: {{baseline: {defaults}}}\n" if defaults else ""
    return written.endpoint(f"{head}targets: [{{host: 'db:1'{settings}}}]", **options).baseline


def saved(written: Written, name: str = "old.json") -> str:
    run = run_of([(measured("db", 1, count=20), [opened(1.0)] * 20)])
    written.write(name, "".join(json_chunks(run)))
    return name


@pytest.mark.parametrize(
    ("settings", "defaults", "expected"),
    [
        ("", "", None),
        (", baseline: {}", "", Tolerance()),
        ("", "{}", Tolerance()),
        (
            ", baseline: {metric: p95, max_increase: 12.5%, min_delta: 1.5s, missing: skip}",
            "",
            Tolerance(read_metric("p95"), 0.125, 1500.0, "skip"),
        ),
        (", baseline: {max_increase: 50%}", "{metric: avg}", Tolerance(read_metric("avg"), 0.5)),
        (", baseline: {metric: dns.median}", "{metric: avg}", Tolerance(read_metric("dns.median"))),
        (", baseline: false", "{}", None),
        (", baseline: {}", "false", Tolerance()),
        ("", "false", None),
        (", baseline: 'false'", "{}", None),
        (", expect: closed", "{}", None),
    ],
)  # fmt: skip
def test_a_target_goes_before_the_defaults_key_by_key(
    written: Written, settings: str, defaults: str, expected: Tolerance | None
) -> None:
    assert tolerance_of(written, settings, defaults) == expected


def test_what_is_compared_is_measured(written: Written) -> None:
    endpoint = written.endpoint("targets: [{host: 'db:1', baseline: {}}]")
    assert (endpoint.measured, endpoint.count, endpoint.is_compared) == (True, 20, True)


def test_values_may_come_from_variables(written: Written) -> None:
    env = {"MORE": "70%", "METRIC": "p95", "OFF": "false"}
    settings = ", baseline: {max_increase: '${MORE}', metric: '${METRIC}'}"
    assert tolerance_of(written, settings, env=env) == Tolerance(read_metric("p95"), 0.7)
    assert tolerance_of(written, ", baseline: '${OFF}'", "{}", env=env) is None


def test_without_a_file_it_has_no_effect_and_says_so(written: Written) -> None:
    plan = written.plan("targets: [{host: 'db:1', baseline: {}}]")
    assert plan.baseline is None
    assert (
        "nothing is compared without an earlier run, whatever baseline says: give --netmon-baseline=FILE"
        in plan.warnings
    )


def test_a_file_is_read_and_all_that_can_be_compared_is(written: Written) -> None:
    plan = written.plan(
        "controls: ['gw:1']\ntargets: ['db:1', {host: 'api:2', baseline: false}, {host: 'x:3', expect: closed}]",
        baseline=saved(written),
    )
    assert {endpoint.id: endpoint.is_compared for endpoint in plan.endpoints} == {
        "gw:1": False, "db:1": True, "api:2": False, "x:3": False,
    }  # fmt: skip
    assert plan.endpoints[1].baseline == Tolerance()
    assert plan.baseline is not None
    assert (plan.baseline.run.file, plan.baseline.run.host) == ("old.json", "runner-7")
    assert list(plan.baseline.references) == [("local", "db:1")]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("true", "netmon.yaml:1:36: targets[0].baseline: expected a mapping such as {max_increase: 30%}, or false"),
        ("yes", "targets[0].baseline: expected a mapping such as {max_increase: 30%}, or false, got 'yes'"),
        ("[median]", "targets[0].baseline: expected a mapping such as"),
        ("{metrik: median}", "targets[0].baseline: unknown key 'metrik': did you mean 'metric'?"),
        ("{metric: max}", "baseline.metric: expected median, avg or a percentile such as p95 or dns.p95, got 'max'"),
        ("{metric: 5}", "targets[0].baseline.metric: expected median, avg or a percentile such as p95, got 5"),
        ("{max_increase: 30}", "baseline.max_increase: expected a percentage such as 30%, got 30: write 30%"),
        ("{max_increase: -3%}", "targets[0].baseline.max_increase: expected a percentage such as 30%, got '-3%'"),
        ("{min_delta: 20}", "targets[0].baseline.min_delta: expected a duration such as 20ms, got 20: write the unit"),
        ("{min_delta: 5 sec}", "targets[0].baseline.min_delta: expected a duration such as 20ms, got '5 sec'"),
        ("{missing: skipp}", "targets[0].baseline.missing: expected fail or skip, got 'skipp': did you mean 'skip'?"),
        ("{file: old.json}", "baseline: unknown key 'file': expected one of metric, max_increase, min_delta, missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_and_where(written: Written, value: str, told: str) -> None:
    (line,) = written.problems(f"targets: [{{host: 'db:1', baseline: {value}}}]")
    assert told in line


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("count: 10, baseline: {metric: p95}", "baseline: p95 means nothing in 10 checks: use median, or count >= 20"),
        ("baseline: {metric: dns.median}", "baseline: the host is an address, so that no name is resolved"),
        ("baseline: {metric: tls.median}", "baseline: the check ends with the TCP connect: add tls: true"),
    ],
)
def test_a_metric_that_nothing_can_be_measured_of_is_refused(written: Written, settings: str, told: str) -> None:
    lines = written.problems(f"targets: [{{host: '10.0.0.1:1', {settings}}}]")
    assert any(told in line for line in lines)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("none.json", None, "--netmon-baseline: cannot read none.json: No such file or directory"),
        ("folder", None, "--netmon-baseline: cannot read folder: Is a directory"),
        ("", None, "--netmon-baseline: cannot read a file without a name: Is a directory"),
        ("a\0b", None, "--netmon-baseline: a\\x00b: embedded null byte"),
        ("x.json", "{}", "--netmon-baseline: x.json: the key monitoring_session is missing"),
        ("x.json", "\x1b[2J", "--netmon-baseline: x.json: line 1, column 1: no JSON: "),
        ("x.json", b"\xff\xfe", "--netmon-baseline: x.json: byte 0: no UTF-8"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(
    written: Written, name: str, text: str | bytes | None, told: str
) -> None:
    (written.folder / "folder").mkdir()
    if text is not None:
        written.write(name, text)
    (line,) = written.problems("targets: ['db:1']", baseline=name)
    assert line.startswith(told)
    assert line.endswith("(expected a baseline: the netmon.json of an earlier run)")
    assert line.isprintable()


@pytest.mark.fault("results", "a baseline without its raw data", "an error with its path, before any packet")
def test_raw_data_are_needed_and_that_is_said(written: Written) -> None:
    document = json.loads((written.folder / saved(written)).read_text("utf-8"))
    del document["raw_data"]["db"]
    written.write("old.json", json.dumps(document))
    (line,) = written.problems("targets: ['db:1']", baseline="old.json")
    assert "endpoints[0].statistics.checks: 20 here, but 0 in raw_data: all samples are needed there" in line


def test_problems_of_the_file_and_of_the_baseline_are_told_together(written: Written) -> None:
    lines = written.problems("targets: [{host: 'db:1', count: x}]", baseline="none.json")
    assert len(lines) == 2


def test_a_gate_in_which_nothing_would_be_compared_is_refused(written: Written) -> None:
    (line,) = written.problems("targets: [{host: 'db:1', baseline: false}]", baseline=saved(written))
    assert line == (
        "--netmon-baseline: expected a target to compare with it, one that is to be open and no control, got none"
    )


def test_the_same_target_with_another_baseline_needs_another_name(written: Written) -> None:
    (line,) = written.problems("targets: ['db:1', {host: 'db:1', count: 20, baseline: {}}]", count=20)
    assert "with another baseline: give them different names, or remove one" in line


def test_the_schema_tells_the_built_in_values() -> None:
    schema = json.loads((Path(__file__).parents[2] / "pytest_netmon/schemas/config.schema.json").read_text("utf-8"))
    keys = schema["$defs"]["baseline"]["properties"]
    built_in = Tolerance()
    assert keys["metric"]["default"] == built_in.metric.shown_name
    assert keys["max_increase"]["default"] == f"{built_in.max_increase * 100:.0f}%"
    assert keys["min_delta"]["default"] == f"{built_in.min_delta_ms:.0f}ms"
    assert keys["missing"]["default"] == built_in.missing
