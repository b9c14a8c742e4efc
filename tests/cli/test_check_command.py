"""`netmon check` against real servers: what is checked, said and written, and the exit status."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from check_runs import ROOT, InProcess, Ran, clean_environment, netmon
from sealed_lines import line_of
from servers import Servers

SCHEMA = json.loads((ROOT / "pytest_netmon/schemas/results.schema.json").read_text())

#: A prober that is killed as soon as it has begun.
KILLED = f"""
import json, os, signal, sys
def main():
    job = json.loads(sys.stdin.readline())
    with open(job["sample_file"], "w") as file:
        file.write({line_of({"netmon": 1, "started_unix_us": 0, "context": {}})!r})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_config(text: str) -> str:
    Path("netmon.yaml").write_text(text)
    return "netmon.yaml"


def words(out: str) -> list[str]:
    """The first word of each line about an endpoint."""
    return [line.split()[0] for line in out.splitlines()[:-1] if not line.startswith(" ")]


def test_an_open_target_passes(check: InProcess, servers: Servers) -> None:
    target = servers.open().target
    ran = check(target)
    assert (ran.status, ran.err) == (0, "")
    first, last = ran.out.splitlines()
    assert first.startswith(f"PASS   {target}  ")
    assert first.endswith(" ms")
    assert last.startswith("1 passed in 0.")


def test_a_refused_target_fails_with_cause_and_next_step(check: InProcess, servers: Servers) -> None:
    target = servers.closed().target
    ran = check(target)
    assert (ran.status, ran.err) == (1, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"FAIL   {target}: ")
    assert any("nothing listens on that port" in line for line in lines)
    assert any(line.startswith("    next: on the target: is the service up") for line in lines)
    assert lines[-1].startswith("1 failed in ")


def test_files_targets_urls_and_lists_are_checked_together(check: InProcess, servers: Servers) -> None:
    listed, named, by_url, in_file, by_port = (servers.open() for _ in range(5))
    Path("hosts.txt").write_text(f"# ours\n{listed.host} {listed.port}\n")
    config = write_config(f"targets: ['{in_file.target}']\n")
    ran = check(
        config, named.target, f"redis://user:geheim@{by_url.target}/0", "--targets-from", "hosts.txt",
        "127.0.0.1", "-p", str(by_port.port),
    )  # fmt: skip
    assert ran.status == 0, ran
    assert ran.out.splitlines()[-1].startswith("5 passed")
    assert "geheim" not in ran.out + ran.err
    assert [server.connects for server in (listed, named, by_url, in_file, by_port)] == [1] * 5


def test_a_list_may_come_from_standard_input(tmp_path: Path, servers: Servers) -> None:
    server = servers.open()
    ran = netmon("check", "--targets-from", "-", cwd=tmp_path, text=f"{server.host}\t{server.port}\n")
    assert (ran.status, ran.err) == (0, "")
    assert f"PASS   {server.target}" in ran.out


def test_netmon_yaml_here_is_the_default(check: InProcess, servers: Servers) -> None:
    server = servers.open()
    write_config(f"targets: ['{server.target}']\n")
    assert check().status == 0
    assert server.connects == 1


def test_named_targets_replace_the_default(check: InProcess, servers: Servers) -> None:
    server, other = servers.open(), servers.open()
    write_config(f"targets: ['{other.target}']\n")
    assert check(server.target).status == 0
    assert other.connects == 0


def test_nothing_to_check_shows_a_file_to_start_from(check: InProcess) -> None:
    ran = check()
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("netmon check: expected FILE.yaml, TARGET or a netmon.yaml here, got none of them")
    assert "\ntargets:\n  - db.internal:5432\n" in ran.err


def test_a_target_given_twice_is_checked_once_with_a_warning(check: InProcess, servers: Servers) -> None:
    server = servers.open()
    ran = check(server.target, server.target)
    assert ran.status == 0
    assert ran.err.startswith("netmon check: warning: argument 2: ")
    assert server.connects == 1


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_checked(check: InProcess, servers: Servers) -> None:
    server = servers.open()
    Path("hosts.txt").write_text(f"{server.target}\ndb 70000\n")
    ran = check(server.target, "db:http", "", "--targets-from", "hosts.txt", "--count", "0", "--limit", "p95 <")
    assert (ran.status, ran.out) == (2, "")
    starts = [line.split(": expected")[0] for line in ran.err.splitlines()]
    assert "netmon check: argument 2" in starts
    assert "netmon check: argument 3" in starts
    assert "netmon check: hosts.txt:2" in starts
    assert "netmon check: --count" in starts
    assert any(start.startswith("netmon check: --limit") for start in starts)
    assert server.connects == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--wiat", "5s", "db:1"], "unknown option --wiat: did you mean --wait?"),
        (["db:1", "--wait", "0"], "--wait: expected a duration from 1ms to 1d, such as 250ms or 2s, got '0'"),
        (["db:1", "--wait", "nan"], "--wait: expected a duration from 1ms to 1d, such as 250ms or 2s, got 'nan'"),
        (["db:1", "--color", "pink"], "argument --color: invalid choice: 'pink'"),
        (["db", "-p", "80", "443"], "443 is no target: write several ports as -p 80,443"),
        (["db:1", "--junit", "-"], "--junit: expected a file, got -: name one, or /dev/stdout"),
        (["nowhere.yaml"], "nowhere.yaml: "),
        (["db:1", "--interval", "1ms", "--count", "5"], "argument 1: 1 endpoint of db makes 1000 checks a second"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(check: InProcess, arguments: list[str], told: str) -> None:
    ran = check(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"netmon check: {told}"), ran.err


def test_options_may_stand_between_targets(check: InProcess, servers: Servers) -> None:
    one, two = servers.open(), servers.open()
    assert check(one.target, "--timeout", "2s", two.target).out.splitlines()[-1].startswith("2 passed")


def test_each_kind_of_end_has_its_word(check: InProcess, servers: Servers) -> None:
    opened, closed = servers.open(), servers.closed()
    skipped = servers.open()
    config = write_config(
        f"""
targets:
  - host: 127.0.0.1
    name: fine
    ports: [{opened.port}]
  - {{host: 127.0.0.1, name: off, ports: [{skipped.port}], skip: not here}}
  - {{host: 127.0.0.1, name: pending, ports: [{closed.port}], xfail: not yet}}
  - {{host: 127.0.0.1, name: early, ports: [{opened.port}], xfail: not yet}}
  - {{host: 127.0.0.1, name: shut, ports: [{closed.port}], expect: closed}}
"""
    )
    ran = check(config)
    assert ran.status == 0, ran
    assert sorted(words(ran.out)) == ["PASS", "PASS", "SKIP", "XFAIL", "XPASS"]
    assert ran.out.splitlines()[-1].startswith("2 passed, 1 xfailed, 1 xpassed, 1 skipped in ")
    assert skipped.connects == 0


def test_a_broken_limit_fails(check: InProcess, servers: Servers) -> None:
    ran = check(servers.open().target, "--count", "5", "--interval", "10ms", "--limit", "max < 0.001ms, min < 5s")
    assert ran.status == 1
    assert "1 limit broken in 5 checks" in ran.out
    assert "allowed < 0.001 ms" in ran.out


def test_what_is_skipped_as_a_whole_is_no_failure(check: InProcess, servers: Servers) -> None:
    server = servers.open()
    config = write_config(f"targets: [{{host: 127.0.0.1, ports: [{server.port}], skip: true}}]\n")
    ran = check(config, "-o", "out.json")
    assert (ran.status, server.connects) == (0, 0)
    assert ran.out.splitlines()[-1].startswith("1 skipped in ")
    jsonschema.validate(json.loads(Path("out.json").read_text()), SCHEMA)


def test_a_prober_that_ends_too_early_is_inconclusive(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Path("prober")
    broken.mkdir()
    broken.joinpath("__init__.py").touch()
    broken.joinpath("main.py").write_text(KILLED)
    monkeypatch.setattr("pytest_netmon.prober_process.__file__", str(Path("prober_process.py").absolute()))
    ran = check(servers.open().target)
    assert ran.status == 3
    assert ran.out.startswith("ERROR  ")
    assert "the prober ended too early (SIGKILL" in ran.out
    assert ran.out.splitlines()[-1].startswith("1 inconclusive in ")


def test_quiet_shows_failures_and_the_last_line_only(check: InProcess, servers: Servers) -> None:
    opened, closed = servers.open().target, servers.closed().target
    ran = check("-q", opened, closed, closed)
    assert (ran.status, ran.err) == (1, "")
    assert words(ran.out) == ["FAIL"]
    assert ran.out.splitlines()[-1].startswith("1 passed, 1 failed in ")


def test_quiet_and_green_says_nothing(check: InProcess, servers: Servers) -> None:
    target = servers.open().target
    assert check("-q", target, target) == Ran(0, "", "")


def test_results_are_written_as_json_and_junit(check: InProcess, servers: Servers) -> None:
    opened, closed = servers.open(), servers.closed()
    ran = check(opened.target, closed.target, "-o", "out.json", "--junit", "out.xml")
    assert ran.status == 1
    document = json.loads(Path("out.json").read_text())
    jsonschema.validate(document, SCHEMA)
    assert [endpoint["verdict"] for endpoint in document["endpoints"]] == ["passed", "failed"]
    suite = ElementTree.parse("out.xml").getroot()
    assert len(suite.findall(".//testcase")) == 2
    assert len(suite.findall(".//failure")) == 1


def test_json_on_standard_output_sends_all_else_to_standard_error(check: InProcess, servers: Servers) -> None:
    opened, closed = servers.open(), servers.closed()
    ran = check(opened.target, closed.target, closed.target, "-o", "-")
    assert ran.status == 1
    jsonschema.validate(json.loads(ran.out), SCHEMA)
    assert "PASS   " in ran.err
    assert "FAIL   " in ran.err
    assert "warning: argument 3" in ran.err


@pytest.mark.parametrize("option", ["-o", "--junit"])
def test_an_output_that_cannot_be_written_is_said_before_any_packet(
    check: InProcess, servers: Servers, option: str
) -> None:
    server = servers.open()
    ran = check(server.target, option, "nowhere/out")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(
        "netmon check: cannot write nowhere/out: No such file or directory; make the folder first"
    )
    assert server.connects == 0


def test_an_output_that_is_a_folder_is_refused(check: InProcess, servers: Servers) -> None:
    assert check(servers.open().target, "-o", ".").status == 2


def test_a_configuration_is_not_written_over(check: InProcess, servers: Servers) -> None:
    config = write_config(f"targets: ['{servers.open().target}']\n")
    before = Path(config).read_text()
    ran = check(config, "-o", "./netmon.yaml")
    assert ran.status == 2
    assert "netmon.yaml would be written over: name another file for the results" in ran.err
    assert Path(config).read_text() == before


def test_one_output_does_not_overwrite_the_other(check: InProcess, servers: Servers) -> None:
    assert "out would be written over" in check(servers.open().target, "-o", "out", "--junit", "./out").err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_results_that_cannot_be_written_turn_a_green_run_red(check: InProcess, servers: Servers) -> None:
    ran = check(servers.open().target, "-o", "/dev/full")
    assert ran.status == 2
    assert "1 passed" in ran.out
    assert "netmon check: cannot write /dev/full: No space left on device" in ran.err


def test_a_proxy_in_the_environment_is_mentioned_after_a_timeout(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:geheim@127.0.0.1:9")
    ran = check(servers.silent().target, "--count", "1", "--timeout", "100ms")
    assert ran.status == 1
    assert "    HTTPS_PROXY is set, but the check went direct" in ran.out
    assert "geheim" not in ran.out


def test_lines_come_in_the_order_of_decision(check: InProcess, servers: Servers) -> None:
    slow, quick = servers.silent(), servers.open()
    config = write_config(
        f"targets:\n  - {{host: 127.0.0.1, ports: [{slow.port}], count: 1, timeout: 400ms}}\n  - '{quick.target}'\n"
    )
    assert words(check(config).out) == ["PASS", "FAIL"]


def test_a_conftest_is_never_loaded_and_nothing_heavy_imported(tmp_path: Path, servers: Servers) -> None:
    (tmp_path / "conftest.py").write_text("raise SystemExit('loaded')\n")
    (tmp_path / "yaml.py").write_text("raise SystemExit('imported')\n")
    code = (
        "import sys; from pytest_netmon.cli.main import main\n"
        f"status = main(['check', {servers.open().target!r}])\n"
        "heavy = {'yaml', 'jsonschema', 'jinja2', 'rich', 'junit_xml', 'pytest', '_pytest', 'asyncio', 'ssl', 'http'}\n"
        "heavy |= {f'pytest_netmon.{name}' for name in ('baseline', 'reports.failure', 'reports.summary', 'runners')}\n"
        "print(status, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "0 []", done


def test_an_ipv6_target_is_read_and_shown_in_brackets(check: InProcess, servers: Servers) -> None:
    try:
        server = servers.open("::1")
    except OSError:
        pytest.skip("no IPv6 here")
    Path("l.txt").write_text(f"::1 {server.port}\n")
    assert f"PASS   [::1]:{server.port}  " in check("--targets-from", "l.txt").out


def test_a_name_that_does_not_exist_says_so(check: InProcess) -> None:
    ran = check("nowhere.invalid:80", "--timeout", "5s")
    assert ran.status == 1
    assert "FAIL   nowhere.invalid:80: " in ran.out
    assert "dns_" in ran.out


def test_an_address_family_that_this_machine_lacks_is_inconclusive(check: InProcess) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        if probe.connect_ex(("2001:db8::1", 9)) == 0:
            pytest.skip("this machine has an IPv6 route")
    ran = check("[2001:db8::1]:443")
    assert ran.status == 3
    assert ran.out.startswith("ERROR  [2001:db8::1]:443: inconclusive")
