"""What the README tells users to write, taken from it and run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from certificates import HAS_OPENSSL, Authority

from pytest_netmon.config.load import Overrides, load_plan
from pytest_netmon.proxying import PASSWORD_VARIABLE, USER_VARIABLE, VARIABLES, Proxy
from pytest_netmon.stages import Tls
from pytest_netmon.waits import Wait

_README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def block(name):
    """The fenced block after `<!-- test: NAME -->`."""
    found = re.search(rf"<!-- test: {re.escape(name)} -->\n+```\w+\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no block after <!-- test: {name} -->"
    return found[1]


def test_the_configuration_can_be_run(project):
    path = project.write("netmon.yaml", block("netmon.yaml"))
    plan = load_plan([path], Overrides(), env={"REDIS_URL": "redis://me:secret@cache.internal/0"}, base=project.path)
    assert [endpoint.id for endpoint in plan.endpoints] == [
        "db.internal:5432",
        "[2001:db8::1]:443",
        "cache.internal:6379",
        "api.example.com:443",
        *(f"api:{port}" for port in (443, 8000, 8001, 8002, 8003)),
        "admin.example.com:22",
    ]
    assert [endpoint.measured for endpoint in plan.endpoints] == [False] * 4 + [True] * 5 + [False]
    assert (plan.warnings, plan.endpoints[-1].expect) == ([], "closed")


def test_other_places_are_as_shown(project):
    path = project.write("netmon.yaml", block("vantages"))
    plan = load_plan([path], Overrides(), env={}, base=project.path)
    assert [endpoint.test_id for endpoint in plan.endpoints] == [
        *(f"{place}db.internal:5432" for place in ("", "app-", "node-", "paris-")),
        *(f"{place}cache.internal:6379" for place in ("app-", "node-")),
    ]


def test_hosts_and_tags_are_as_shown(project):
    path = project.write("netmon.yaml", block("tags"))
    plan = load_plan([path], Overrides(tags=("web", "!db")), env={}, base=project.path)
    assert len(plan.endpoints) == 22
    assert (plan.endpoints[2].id, plan.deselected) == ("web-01.internal:443", 1)


def test_warmup_and_warn_are_as_shown(project):
    path = project.write("netmon.yaml", block("warn"))
    (endpoint,) = load_plan([path], Overrides(), env={}, base=project.path).endpoints
    assert (endpoint.count, endpoint.warmup) == (40, 2)
    assert [limit.text for limit in endpoint.warn] == ["p95 < 50ms", "syn_repeats == 0"]


def test_controls_are_as_shown(project):
    path = project.write("netmon.yaml", block("controls"))
    plan = load_plan([path], Overrides(), env={}, base=project.path)
    assert [(endpoint.id, endpoint.control) for endpoint in plan.endpoints] == [
        ("gateway.internal:443", True),
        ("db.internal:5432", False),
        ("admin.example.com:22", False),
    ]


def test_a_hold_is_as_shown(project):
    path = project.write("netmon.yaml", block("hold"))
    (endpoint,) = load_plan([path], Overrides(), env={}, base=project.path).endpoints
    assert endpoint.hold_s == 1.0


@pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")
def test_tls_is_as_shown(project, tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates") / "authority")
    project.write("internal-ca.pem", authority.root.read_text())
    path = project.write("netmon.yaml", block("tls"))
    api, database = load_plan([path], Overrides(), env={}, base=project.path).endpoints
    assert (api.id, api.tls) == ("api.example.com:443", Tls())
    ca_file = str(project.path / "internal-ca.pem")
    assert database.tls == Tls(server_name="db.example.com", ca_file=ca_file, min_version="1.3")
    assert [limit.text for limit in (*database.limits, *database.warn)] == [
        "tls.p95 < 100ms",
        "cert.expires_in >= 14d",
        "cert.expires_in >= 30d",
    ]


def test_proxies_are_as_shown(project):
    path = project.write("netmon.yaml", block("proxy"))
    env = {"HTTPS_PROXY": "http://me:geheim@proxy.internal:3128", "NO_PROXY": ".internal"}
    plan = load_plan([path], Overrides(), env=env, base=project.path)
    assert [endpoint.proxy for endpoint in plan.endpoints] == [
        Proxy("http", "proxy.internal", 3128, "HTTPS_PROXY"),
        None,
        Proxy("socks5", "jump.internal", 1080),
    ]


def test_the_variables_that_name_a_proxy_are_all_told():
    table = _README[_README.index("| variable | meaning |") :].partition("\n\n")[0]
    assert all(f"`{name}`" in table for name in (*VARIABLES, USER_VARIABLE, PASSWORD_VARIABLE, "no_proxy", "NO_PROXY"))


def test_a_wait_is_as_shown(project):
    path = project.write("netmon.yaml", block("wait"))
    (endpoint,) = load_plan([path], Overrides(), env={}, base=project.path).endpoints
    assert endpoint.wait == Wait(60.0, 1.0, 3)


def test_addresses_are_as_shown(project):
    path = project.write("netmon.yaml", block("addresses"))
    every, both = load_plan([path], Overrides(), env={}, base=project.path).endpoints
    assert (every.addresses, every.family, both.addresses, both.family) == ("all", "any", "any", "both")


def test_the_mistakes_are_told_as_shown(project):
    wrong, told = block("mistakes.yaml"), block("mistakes")
    project.write("netmon.yaml", wrong)
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == told.splitlines()


def test_the_fixtures_work_as_shown(project, servers):
    project.write_targets({"host": "127.0.0.1", "ports": [servers.open().port], "count": 2, "interval": "10ms"})
    project.write("test_own.py", block("fixtures"))
    project.run("--netmon").assert_outcomes(passed=3)


def test_the_hooks_work_as_shown(project, servers):
    up, down = servers.open(), servers.closed()
    project.write_targets(up.target, {"host": down.host, "ports": [down.port], "name": "down"})
    project.write("conftest.py", block("hooks"))
    result = project.run("--netmon", "-s")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"*{up.target} passed", f"*down:{down.port} failed", "*1 of 2 failed"])
    assert {endpoint["settings"]["timeout_s"] for endpoint in project.artifact()["endpoints"]} == {6.0}


def test_the_hooks_do_not_mind_that_the_package_is_missing(project):
    project.write("conftest.py", block("hooks"))
    project.write("test_own.py", "def test_own(): pass\n")
    project.run("-p", "no:netmon").assert_outcomes(passed=1)


def run_where_the_application_is_in_the_way(project, servers, command):
    """Return the names of the files that a command wrote in a project whose conftest and addopts break pytest."""
    project.write("pytest.ini", "[pytest]\naddopts = --no-such-option\n")
    for folder in ("", "deploy/"):
        project.write(f"{folder}conftest.py", "raise RuntimeError('the application is not here')\n")
    project.write("deploy/test_own.py", "def test_own(): raise AssertionError\n")
    project.write_targets(servers.open().target, name="deploy/netmon.yaml")
    before = set(project.path.rglob("*"))
    ended = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {path.name for path in set(project.path.rglob("*")) - before}


@pytest.mark.parametrize("more", ["", "--disable-plugin-autoload -p pytest_netmon.plugin"])
def test_a_projects_conftest_addopts_and_tests_stay_out(project, servers, more):
    assert more in _README
    _python, *arguments = shlex.split(f"{block('alone').strip()} {more}")
    written = run_where_the_application_is_in_the_way(project, servers, [sys.executable, *arguments])
    assert written == {"netmon-report", ".gitignore", "netmon.json", "netmon-junit.xml", "netmon.html"}


def test_the_command_needs_no_pytest_for_that(project, servers):
    assert "\nnetmon check deploy/netmon.yaml\n" in _README
    command = [sys.executable, "-m", "pytest_netmon", "check", "deploy/netmon.yaml"]
    assert run_where_the_application_is_in_the_way(project, servers, command) == set()


def test_the_pipeline_step_is_a_list_of_steps():
    steps = yaml.safe_load(block("pipeline"))
    assert [sorted(set(step) & {"uses", "run"}) for step in steps] == [["uses"], ["run"], ["uses"]]
    assert "pytest --netmon" in steps[1]["run"]
