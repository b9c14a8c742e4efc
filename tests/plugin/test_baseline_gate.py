"""`--netmon-baseline`: tests of endpoints that got slower fail, in one process and in several."""

from __future__ import annotations

import jsonschema
import pytest
from made_runs import measured, opened, run_of

from pytest_netmon.gate.exchange import packed, unpacked
from pytest_netmon.plan import Plan
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.results import baseline_of
from pytest_netmon.tolerance import Tolerance

QUICK = {"count": 20, "interval": "10ms", "baseline": {"min_delta": "0ms"}}


def write_baseline(project, ms, *servers):
    probed = [(measured(server.host, server.port, count=20), [opened(ms)] * 20) for server in servers]
    project.write("old.json", "".join(json_chunks(run_of(probed))))


def target(server, **settings):
    return {"host": server.target, **QUICK, **settings}


def test_what_got_slower_fails_and_every_artifact_says_so(project, servers, results_schema):
    slow, well = servers.open(), servers.open()
    write_baseline(project, 0.001, slow, well)
    project.write_targets(target(slow), target(well, baseline={"min_delta": "10s"}))
    result = project.run("--netmon", "--netmon-baseline=old.json")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            f"{slow.target}: slower than its baseline",
            "  median 0.* ms, baseline 0.00 ms: +* % (+* ms), allowed +30 % and 0 ms; p = 1.5e-11 after Holm over 2",
            "  next: see what changed since then: *",
        ]
    )
    document = project.artifact()
    jsonschema.validate(document, results_schema)
    assert [each["baseline"]["state"] for each in document["endpoints"]] == ["slower", "kept"]
    assert document["monitoring_session"]["baseline"]["file"] == "old.json"
    junit = project.artifact("netmon-junit.xml")
    assert 'name="baseline_state" value="slower"' in junit
    assert 'name="baseline_p" value="1.45089e-11"' in junit
    html = project.artifact("netmon.html")
    assert "compared with" in html
    assert "median, baseline" in html


def test_an_item_waits_for_all_that_are_compared(project, servers):
    """The first one is done in a moment, the second in half a second: with it the first is judged."""
    first, second = servers.open(), servers.open()
    write_baseline(project, 1000.0, first, second)
    project.write_targets(target(first), target(second, interval="25ms"))
    project.write(
        "conftest.py",
        "def pytest_netmon_result(config, result):\n"
        "    baseline = result.verdict.baseline\n"
        "    print('told:', result.index, baseline.state, baseline.tests)\n",
    )
    result = project.run("--netmon", "--netmon-baseline=old.json", "-s")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*told: 0 faster 2", "*told: 1 faster 2"])


def test_faster_is_quiet_in_the_terminal(project, servers):
    server = servers.open()
    write_baseline(project, 1000.0, server)
    project.write_targets(target(server))
    result = project.run("--netmon", "--netmon-baseline=old.json")
    result.assert_outcomes(passed=1)
    assert "baseline" not in result.stdout.str().partition("= netmon =")[2]
    assert "faster: median" in project.artifact("netmon.html")


def test_a_rerun_is_compared_too(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    server = servers.open()
    write_baseline(project, 0.001, server)
    project.write_targets(target(server))
    result = project.run_apart("--netmon", "--netmon-baseline=old.json", "--reruns=1")
    assert result.parseoutcomes() == {"failed": 1, "rerun": 1}
    assert project.artifact()["endpoints"][0]["baseline"]["state"] == "slower"


def test_workers_of_xdist_compare_with_the_same_baseline(project, servers):
    pytest.importorskip("xdist")
    slow, well = servers.open(), servers.open()
    write_baseline(project, 0.001, slow, well)
    project.write_targets(target(slow), target(well, baseline={"min_delta": "10s"}))
    result = project.run_apart("--netmon", "--netmon-baseline=old.json", "-n2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*p = 1.5e-11 after Holm over 2"])
    assert [each["baseline"]["state"] for each in project.artifact()["endpoints"]] == ["slower", "kept"]


def test_a_baseline_that_cannot_be_read_ends_pytest_before_any_packet(project, servers):
    server = servers.open()
    project.write_targets(server.target)
    result = project.run("--netmon", "--netmon-baseline=none.json")
    assert (result.ret, server.connects) == (4, 0)
    result.stderr.fnmatch_lines(["ERROR: --netmon-baseline: cannot read none.json: No such file or directory (*)"])


def test_a_hook_may_say_how_an_endpoint_is_compared(project, servers):
    server = servers.open()
    write_baseline(project, 0.001, server)
    project.write_targets({"host": server.target, "count": 20, "interval": "5ms"})
    project.write(
        "conftest.py",
        "import dataclasses\n"
        "from pytest_netmon.tolerance import Tolerance\n"
        "def pytest_netmon_plan(config, plan):\n"
        "    assert plan.baseline.run.file == 'old.json'\n"
        "    tolerance = Tolerance(min_delta_ms=0.0)\n"
        "    plan.endpoints[:] = [dataclasses.replace(each, baseline=tolerance) for each in plan.endpoints]\n",
    )
    project.run("--netmon", "--netmon-baseline=old.json").assert_outcomes(failed=1)


@pytest.mark.parametrize("wrong", ["5", "Tolerance(missing='x')", "Tolerance(max_increase='1')"])
def test_a_hook_that_says_it_wrongly_is_told(project, servers, wrong):
    project.write_targets(servers.open().target)
    project.write(
        "conftest.py",
        "import dataclasses\n"
        "from pytest_netmon.tolerance import Tolerance\n"
        "def pytest_netmon_plan(config, plan):\n"
        f"    plan.endpoints[:] = [dataclasses.replace(e, baseline={wrong}) for e in plan.endpoints]\n",
    )
    result = project.run("--netmon")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: *expected * baseline, got *"])


def test_workers_get_all_of_a_baseline_however_large(monkeypatch):
    monkeypatch.setattr("pytest_netmon.baseline_record.MOST_KEPT_PAIRS", 0)
    endpoint = measured("db", 1, count=20, baseline=Tolerance())
    old = baseline_of(run_of([(endpoint, [opened(1.0)] * 20)]), "old.json")
    plan = unpacked(packed(Plan(endpoints=[endpoint], baseline=old)))
    assert plan.baseline.is_kept
    assert plan.baseline.references["local", "db:1"].phases["connect"].count == 20
