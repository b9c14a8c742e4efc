"""What a user sees: pytest, also with workers, `netmon check` and `netmon monitor`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
from gateway_runs import eventually
from servers import Servers

import pytest_netmon

PACKAGE = Path(pytest_netmon.__file__).parent
SCHEMA = json.loads((PACKAGE / "schemas" / "results.schema.json").read_text())
PYTEST = ("pytest", "--disable-plugin-autoload", "-p", "pytest_netmon.plugin", "-p", "no:cacheprovider", "--netmon")


def config_of(folder: Path, *targets: str, more: str = "") -> None:
    lines = [
        "vantages:",
        f"  app: {{via: env -i, python: {json.dumps(f'{sys.executable} -S -E')}}}",
        "  gone: {via: /nowhere/kubectl exec}",
        more,
        "targets:",
        *(f"  - {target}" for target in targets),
    ]
    (folder / "netmon.yaml").write_text("\n".join(lines) + "\n")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "COLUMNS": "150", "NO_COLOR": "1"}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def test_pytest_has_a_test_for_each_place_and_says_what_was_lost(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    config_of(tmp_path, server.target)
    ran = run(tmp_path, *PYTEST, "-v")
    assert ran.returncode == 1
    assert f"netmon.yaml::test_tcp[{server.target}] PASSED" in ran.stdout
    assert f"netmon.yaml::test_tcp[app-{server.target}] PASSED" in ran.stdout
    assert f"netmon.yaml::test_tcp[gone-{server.target}] ERROR" in ran.stdout
    assert re.search(r"unknown from gone .*INCONCLUSIVE vantage lost", ran.stdout)
    assert "the command /nowhere/kubectl was not found here" in ran.stdout
    report = json.loads((tmp_path / "netmon-report" / "netmon.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert report["vantages"]["gone"]["state"] == "lost"
    assert list(report["statistics"]) == ["127.0.0.1"]
    assert server.connects == 2


def test_an_exact_id_and_an_option_choose_one_place(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    config_of(tmp_path, server.target)
    ran = run(tmp_path, *PYTEST, f"netmon.yaml::test_tcp[app-{server.target}]")
    assert (ran.returncode, server.connects) == (0, 1)
    ran = run(tmp_path, *PYTEST, "--netmon-vantage=local,app")
    assert (ran.returncode, server.connects) == (0, 3)
    assert "1 more from vantages that were not chosen" in ran.stdout


def test_a_control_is_asked_only_from_where_a_test_runs(servers: Servers, tmp_path: Path) -> None:
    server, control = servers.open(), servers.open()
    config_of(tmp_path, server.target, more=f"controls: ['{control.target}']")
    ran = run(tmp_path, *PYTEST, f"netmon.yaml::test_tcp[app-{server.target}]")
    assert (ran.returncode, server.connects, control.connects) == (0, 1, 1), ran.stdout


def test_a_re_run_checks_anew_from_its_place_only(servers: Servers, tmp_path: Path) -> None:
    server, down = servers.open(), servers.closed()
    config_of(tmp_path, f"{{host: '{down.target}', from: [app]}}", f"{{host: '{server.target}', from: [local]}}")
    ran = run(tmp_path, *PYTEST, "-p", "pytest_rerunfailures", "--reruns=2")
    assert "1 failed, 1 passed, 2 rerun" in ran.stdout, ran.stdout + ran.stderr
    assert server.connects == 1


def test_workers_of_xdist_share_one_campaign_of_all_places(servers: Servers, tmp_path: Path) -> None:
    servers_of = [servers.open() for _ in range(4)]
    config_of(tmp_path, *(server.target for server in servers_of))
    ran = run(tmp_path, *PYTEST, "-p", "xdist.plugin", "-n2")
    assert re.search(r"8 passed, 4 errors", ran.stdout), ran.stdout + ran.stderr
    assert [server.connects for server in servers_of] == [2] * 4


def test_a_dry_run_starts_nothing(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    mark = tmp_path / "started"
    way = f"sh -c {shlex.quote(f'touch {mark}')}"
    ran = run(tmp_path, "pytest_netmon", "check", server.target, "--via", way, "--dry-run")
    assert ran.returncode == 0
    assert f"{server.target} from via" in ran.stdout
    config_of(tmp_path, server.target, more=f"  touch: {{via: {json.dumps(way)}}}")
    ran = run(tmp_path, *PYTEST, "--collect-only")
    assert f"test_tcp[touch-{server.target}]" in ran.stdout
    assert not mark.exists()
    assert server.connects == 0


def test_check_takes_a_command_and_has_the_exit_status_of_a_gate(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    ran = run(tmp_path, "pytest_netmon", "check", server.target, "--via", "env")
    assert (ran.returncode, server.connects) == (0, 1)
    assert re.match(rf"PASS   {server.target} \(from via\)  [0-9.]+ ms\n", ran.stdout)
    ran = run(tmp_path, "pytest_netmon", "check", server.target, "--via", "/nowhere", "--vantage", "local")
    assert ran.returncode == 3
    assert f"PASS   {server.target}  " in ran.stdout
    assert re.search(rf"ERROR  {server.target} \(from via\): inconclusive, the vantage via: the command", ran.stdout)
    assert re.search(rf"{server.target} +unknown from via +[0-9.]+ ms +INCONCLUSIVE vantage lost\n", ran.stdout)


def test_check_waits_there_as_it_does_here(servers: Servers, tmp_path: Path) -> None:
    server, down = servers.open(), servers.closed()
    targets = (server.target, down.target)
    ran = run(tmp_path, "pytest_netmon", "check", *targets, "--via", "env", "--wait", "1s")
    assert ran.returncode == 1
    assert f"PASS   {server.target} (from via)" in ran.stdout
    assert f"FAIL   {down.target} (from via)" in ran.stdout


def test_the_monitor_watches_from_there_until_it_is_interrupted(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    words = ["monitor", server.target, "-i", "0.05", "--via", "env", "--vantage", "local", "-o", "out.json", "-v"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_netmon", *words],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    samples = tmp_path / "out.json.samples.ndjson"
    try:
        eventually(lambda: samples.exists() and samples.read_bytes().count(b'"open"') > 40)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, out + errors
    report = json.loads((tmp_path / "out.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert report["monitoring_session"]["partial"] is False
    assert report["vantages"]["via"]["state"] == "ended"
    assert all(each["complete"] and each["statistics"]["checks"] > 3 for each in report["endpoints"])
    assert not samples.exists()  # all of it is in the results
    assert "checks from via have begun" in errors


def test_an_interrupted_gate_tells_what_it_has_and_leaves_nothing(servers: Servers, tmp_path: Path) -> None:
    server = servers.open()
    config_of(tmp_path, f"{{host: '{server.target}', count: 1000, interval: 50ms, from: [app, local]}}")
    process = subprocess.Popen(
        [sys.executable, "-m", *PYTEST],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        eventually(lambda: server.connects > 20)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 2
    report = json.loads((tmp_path / "netmon-report" / "netmon.json").read_text())
    assert report["monitoring_session"]["partial"] is True
    assert [each["complete"] for each in report["endpoints"]] == [False, False]
    assert all(each["statistics"]["checks"] > 0 for each in report["endpoints"])
    assert "the run was cut off" in out
