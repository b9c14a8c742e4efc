"""What a session of several processes has in common with one of a single process."""

from __future__ import annotations

import pytest

pytest.importorskip("xdist")


def measured(server, **settings):
    return {"host": server.host, "ports": [server.port], "count": 2, "interval": "50ms", **settings}


def told(result):
    return sorted(line.partition("told: ")[2] for line in result.outlines if "told: " in line)


@pytest.mark.parametrize(
    "arguments", [["-k", "wanted"], ["-m", "chosen"], ["--netmon-tag=chosen"], ["--deselect=netmon.yaml::test_tcp[{}]"]]
)
def test_what_is_deselected_or_skipped_gets_no_packet(project, servers, arguments):
    wanted, deselected, skipped = servers.open(), servers.open(), servers.open()
    project.write_targets(
        measured(wanted, name="wanted", tags=["chosen"]),
        measured(deselected, name="other"),
        measured(skipped, name="wanted-not", skip="later", tags=["chosen"]),
    )
    arguments = [argument.format(f"other:{deselected.port}") for argument in arguments]
    project.run_apart("--netmon", "-n2", *arguments).assert_outcomes(passed=1, skipped=1)
    assert (wanted.connects, deselected.connects, skipped.connects) == (2, 0, 0)
    measured_ones = [each["name"] for each in project.artifact()["endpoints"] if each["verdict"]]
    assert measured_ones == ["wanted"]


def test_what_failed_last_is_probed_alone(project, servers):
    up, down = servers.open(), servers.closed()
    project.write("pytest.ini", "[pytest]\n")
    project.write_targets(measured(up), measured(down))
    project.run_apart("--netmon", "-n2").assert_outcomes(passed=1, failed=1)
    result = project.run_apart("--netmon", "-n2", "--lf")
    result.assert_outcomes(failed=1)
    assert up.connects == 2
    result.stdout.fnmatch_lines(["1 of 2 endpoints checked (1 deselected)"])


@pytest.mark.parametrize("arguments", [["-k", "nothing"], ["--collect-only"], ["--setup-plan"]])
def test_without_a_test_to_run_nothing_is_probed(project, servers, arguments):
    server = servers.open()
    project.write_targets(server.target)
    project.run_apart("--netmon", "-n2", *arguments)
    assert (server.connects, project.has_artifacts) == (0, False)


def test_an_expected_failure_is_one(project, servers):
    project.write_targets(measured(servers.closed(), xfail="soon"), measured(servers.open()))
    result = project.run_apart("--netmon", "-n2")
    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == 0


def test_targets_of_options_are_probed_and_ids_without_a_file_chosen(project, servers):
    first, second = servers.open(), servers.open()
    chosen = f"netmon::test_tcp[{first.target}]"
    options = (f"--netmon-target={first.target}", f"--netmon-target={second.target}")
    project.run_apart(*options, "-n2", chosen).assert_outcomes(passed=1)
    assert (first.connects, second.connects) == (1, 0)


PLAN_WITHOUT_ORDER = """
import dataclasses, os

def pytest_netmon_plan(plan):
    print("told: plan", flush=True)
    plan.endpoints[0] = dataclasses.replace(plan.endpoints[0], name=f"made-by-{os.getpid()}", tags=("made",))

def pytest_netmon_result(config, result):
    print("told: result", result.endpoint.port, result.complete, hasattr(config, "workerinput"), flush=True)

def pytest_netmon_run(config, run):
    print("told: run", len(run.results), hasattr(config, "workerinput"), flush=True)
"""


def test_hooks_are_called_by_the_controller_alone_and_workers_have_its_plan(project, servers):
    up, down = servers.open(), servers.closed()
    project.write_targets(measured(up), measured(down))
    project.write("conftest.py", PLAN_WITHOUT_ORDER)
    result = project.run_apart("--netmon", "-n2", "-s")
    result.assert_outcomes(passed=1, failed=1)
    results = [f"result {port} True False" for port in sorted((up.port, down.port), key=str)]
    assert told(result) == ["plan", *results, "run 2 False"]


def test_a_worker_knows_a_redacted_host(project, servers):
    server = servers.open()
    project.write_targets(measured(server, name="secret", redact=True))
    project.write("test_mine.py", f"def test_mine(netmon_endpoint): assert netmon_endpoint.host == '{server.host}'\n")
    project.run_apart("--netmon", "-n2").assert_outcomes(passed=2)
    assert server.host not in project.artifact("netmon-junit.xml").replace("hostname", "")


def test_figures_reach_pytests_own_junit(project, servers):
    server = servers.open()
    project.write_targets(measured(server))
    project.run_apart("--netmon", "-n2", "--junitxml=junit.xml").assert_outcomes(passed=1)
    junit = (project.path / "junit.xml").read_text()
    assert "connect_" in junit
    assert "property" in junit


def test_where_a_file_cannot_be_collected_the_other_tests_are_probed_as_xdist_runs_them(project, servers):
    server = servers.open()
    project.write_targets(measured(server))
    project.write("test_own.py", "raise ValueError\n")
    project.run_apart("--netmon", "-n2").assert_outcomes(passed=1, errors=2)
    assert server.connects == 2


@pytest.mark.parametrize("keeps_from_telling", ["pytest.skip('not today')", "pytest.xfail('not today')"])
def test_a_failure_that_no_test_tells_of_is_red(project, servers, keeps_from_telling):
    down = servers.closed()
    project.write_targets(measured(down), measured(servers.open()))
    project.write("conftest.py", f"import pytest\ndef pytest_runtest_setup(): {keeps_from_telling}\n")
    result = project.run_apart("--netmon", "-n2")
    is_told = "xfail" in keeps_from_telling
    assert result.ret == (pytest.ExitCode.OK if is_told else pytest.ExitCode.TESTS_FAILED)
    lines = [line for line in result.outlines if line.startswith(f"{down.target} failed, and no test says so")]
    assert len(lines) == (0 if is_told else 1)


FAILS_ONCE = """
import os

def test_fails_once(netmon_result):
    try:
        os.mkdir("failed-once")
    except FileExistsError:
        return
    raise AssertionError
"""


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_a_rerun_probes_again_and_its_result_counts(project, servers, processes):
    pytest.importorskip("pytest_rerunfailures")
    server, other = servers.open(), servers.open()
    project.write_targets(measured(server), measured(other))
    project.write("test_own.py", FAILS_ONCE)
    project.write("conftest.py", "def pytest_netmon_result(result): print('told:', len(result.samples), flush=True)\n")
    result = project.run_apart("--netmon", processes, "--reruns=1", "-s")
    assert result.parseoutcomes() == {"passed": 4, "rerun": 1}
    assert sorted([server.connects, other.connects]) == [2, 4]
    assert told(result) == ["2", "2", "2"]
    samples = [endpoint["statistics"]["checks"] for endpoint in project.artifact()["endpoints"]]
    assert samples == [2, 2]


def test_a_rerun_that_finds_another_state_replaces_the_failure(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    server = servers.open()
    project.write_targets(measured(server, expect="closed"))
    project.write("conftest.py", OTHER_STATE_FOR_RERUNS)
    assert project.run_apart("--netmon", "-n2", "--reruns=1").parseoutcomes() == {"passed": 1, "rerun": 1}
    assert [endpoint["verdict"] for endpoint in project.artifact()["endpoints"]] == ["passed"]
    assert server.connects == 2


SPOILS_SAMPLES = """
from pytest_netmon.gate.exchange import Exchange

real = Exchange.say_repeated

def say_repeated(self, repeated):
    repeated.sample_file.write_bytes(repeated.sample_file.read_bytes().partition(b"\\n")[0] + b"\\n{no line}\\n")
    real(self, repeated)

Exchange.say_repeated = say_repeated
"""


@pytest.mark.fault("disk", "samples of a re-run are damaged, under pytest-xdist", "inconclusive, with the reason")
def test_a_rerun_whose_samples_cannot_be_read_spoils_nothing_else(project, servers):
    pytest.importorskip("pytest_rerunfailures")
    server, other = servers.closed(), servers.open()
    project.write_targets(measured(server, name="again"), measured(other, name="other"))
    project.write("conftest.py", SPOILS_SAMPLES)
    result = project.run_apart("--netmon", "-n2", "--reruns=1")
    assert "INTERNALERROR" not in result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    endpoints = {each["name"]: each for each in project.artifact()["endpoints"]}
    assert endpoints["other"]["verdict"] == "passed"
    assert endpoints["again"]["verdict"] == "inconclusive"


#: A further campaign, of a re-run, probes a port that is closed.
OTHER_STATE_FOR_RERUNS = """
import dataclasses, socket
from pytest_netmon.gate import sharing

real = sharing.probed

def probed(plan, selected, index, *rest):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        plan = dataclasses.replace(plan, endpoints=list(plan.endpoints))
        plan.endpoints[index] = dataclasses.replace(plan.endpoints[index], port=closed.getsockname()[1])
        return real(plan, selected, index, *rest)

sharing.probed = probed
"""


@pytest.mark.parametrize("arguments", [["-n2"], ["-n", "1"], ["-d", "--tx=2*popen"], ["--tx=popen//nice=1", "-d"]])
def test_every_way_to_ask_for_processes_here_works(project, servers, arguments):
    server = servers.open()
    project.write_targets(server.target)
    project.run_apart("--netmon", *arguments).assert_outcomes(passed=1)
    assert server.connects == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dist=each", "--tx=2*popen"],
        ["-d", "--tx=ssh=elsewhere"],
        ["-d", "--tx=popen", "--tx=socket=10.0.0.5:8888"],
        ["-d", "--tx=popen//chdir=sub"],
        ["-d", "--tx=2*popen//python=python3"],
        ["-d", "--px=id=over//popen", "--tx=popen//via=over"],
    ],
)
def test_what_would_run_tests_elsewhere_or_several_times_is_refused(project, servers, arguments):
    server = servers.open()
    project.write_targets(server.target)
    result = project.run_apart("--netmon", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: netmon does not run under `--*"])
    assert server.connects == 0


def test_a_control_is_probed_once_and_its_failure_reaches_all_workers(project, servers):
    up, down = servers.open(), servers.closed()
    project.write(
        "netmon.yaml",
        f"controls: ['{servers.closed().target}']\ntargets: ['{up.target}', '{down.target}']\n",
    )
    project.run_apart("--netmon", "-n2").assert_outcomes(passed=1, errors=2)
    assert up.connects == 1


def test_controls_warm_up_soft_limits_and_waits_mean_the_same(project, servers):
    control, warm, never = servers.open(), servers.open(), servers.closed()
    project.write_targets(
        measured(warm, name="warm", count=3, warmup=2, warn=["p50 < 0.001ms"]),
        {"host": never.host, "ports": [never.port], "name": "never", "wait": "1s"},
    )
    with (project.path / "netmon.yaml").open("a", encoding="utf-8") as file:
        file.write(f"controls: ['{control.target}']\n")
    result = project.run_apart("--netmon", "-n2")
    result.assert_outcomes(passed=2, failed=1)
    assert (control.connects, warm.connects) == (1, 5)
    result.stdout.fnmatch_lines([f"warm:{warm.port}: warning: *allowed < 0.001 ms"])
    checks = {each["name"]: each["statistics"]["checks"] for each in project.artifact()["endpoints"]}
    assert checks["warm"] == 3
    assert checks["never"] > 3
