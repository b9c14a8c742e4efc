"""`netmon init`: what it writes is what our own loader takes, and runs."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
import yaml
from check_runs import Ran, netmon
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.cli.init_file import config_text
from pytest_netmon.cli.init_targets import find_targets
from pytest_netmon.cli.main import main
from pytest_netmon.cli.targets_list import lines_in
from pytest_netmon.config.load import Overrides, load_plan
from pytest_netmon.config.schema import SCHEMA_FILE
from pytest_netmon.plan import Plan
from pytest_netmon.problems import ConfigurationError

_SCHEMA = json.loads(SCHEMA_FILE.read_text("utf-8"))
#: Keys that stand in place of another or need one beside them.
_INSTEAD_OF_HOST, _NEEDS_NAME, _NEEDS_COUNT, _NEEDS_VANTAGES = "hosts", "redact", "warmup", "from"


def loaded(folder: Path, text: str, **environment: str) -> Plan:
    path = folder / "netmon.yaml"
    path.write_text(text, "utf-8")
    return load_plan([path], Overrides(), env=environment, base=folder)


def init(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    status = main(["init", *arguments])
    captured = capsys.readouterr()
    return Ran(status, captured.out, captured.err)


def listed(tmp_path: Path, text: str) -> str:
    path = tmp_path / "list"
    path.write_text(text, "utf-8")
    return str(path)


def targets(text: str) -> list[str]:
    return list(find_targets(lines_in(text, "list")).targets)


def test_the_file_is_one_that_can_be_checked_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = init(capsys)
    plan = loaded(tmp_path, ran.out)
    assert [endpoint.id for endpoint in plan.endpoints] == ["db.internal:5432", "api.example.com:443"]
    assert (ran.status, ran.err, plan.warnings) == (0, "", [])


def test_the_file_can_be_written_in_any_encoding() -> None:
    assert config_text().isascii()


def keys_shown(text: str, indent: str) -> dict[str, str]:
    """Keys behind a '#', each with its example."""
    return dict(re.findall(rf"^{indent}#(?:- |  )?(\w+): ?(.*)$", text, re.MULTILINE))


def test_every_key_is_shown_in_the_words_of_the_schema() -> None:
    text = config_text()
    prose = " ".join(re.findall(r"^ *# (.*)$", text, re.MULTILINE))
    others = [name for name in _SCHEMA["properties"] if name != "targets"]
    assert [*keys_shown(text, "  ")] == [*_SCHEMA["$defs"]["target"]["properties"]]
    assert set(keys_shown(text, "")) == {*others, *_SCHEMA["properties"]["defaults"]["properties"]}
    for name, key in _SCHEMA["$defs"]["target"]["properties"].items():
        shared = _SCHEMA["$defs"][key["$ref"].rpartition("/")[2]] if "$ref" in key else {}
        assert {**shared, **key}["description"] in prose, name


@pytest.mark.parametrize("name", keys_shown(config_text(), "  "))
def test_each_key_of_a_target_works_as_shown(tmp_path: Path, name: str) -> None:
    shown = keys_shown(config_text(), "  ")
    keys = {"host": shown["host"], "ports": "[443]", name: shown[name]}
    if name == _INSTEAD_OF_HOST:
        del keys["host"]
    if name == _NEEDS_NAME:
        keys["name"] = shown["name"]
    if name == _NEEDS_COUNT:
        keys["count"] = shown["count"]
    mapping = "\n    ".join(f"{key}: {value}" for key, value in keys.items())
    vantages = "vantages: {app: {via: kubectl exec -i deploy/app --}}\n" if name == _NEEDS_VANTAGES else ""
    assert loaded(tmp_path, f"{vantages}targets:\n  - {mapping}\n").endpoints


def test_all_keys_beside_the_targets_work_as_shown(tmp_path: Path) -> None:
    lines = config_text().splitlines()
    (tmp_path / "shared").mkdir()
    for name in ("project/databases.yaml", "shared/egress.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"targets: [{Path(name).stem}:1]\n")
    text = "\n".join(re.sub(r"^#(?! )|^#(?=  \w)", "", line) for line in lines)
    plan = loaded(tmp_path / "project", text)
    assert {endpoint.vantage for endpoint in plan.endpoints} == {"local", *plan.vantages}
    targets = [endpoint for endpoint in plan.endpoints if not endpoint.control and endpoint.is_local]
    assert [endpoint.id for endpoint in targets][:2] == ["databases:1", "egress:1"]
    assert targets[2].measured
    assert any(endpoint.control for endpoint in plan.endpoints)
    assert (targets[2].count, plan.max_rate, plan.max_rate_per_host) == (40, 2000, 200)


def test_a_list_becomes_a_gate_that_runs(tmp_path: Path, servers) -> None:  # type: ignore[no-untyped-def]
    up, other, down = servers.open(), servers.open(), servers.closed()
    text = f"# ours\n{up.host} {up.port}\nhttp://me:geheim@{other.target}/x?token=geheim\n{down.target}\n"
    made = netmon("init", "--from", "-", cwd=tmp_path, text=text)
    (tmp_path / "netmon.yaml").write_text(made.out)
    ran = netmon("check", "-o", "result.json", cwd=tmp_path)
    verdicts = [each["verdict"] for each in json.loads((tmp_path / "result.json").read_text())["endpoints"]]
    assert (made.status, ran.status, verdicts) == (0, 1, ["passed", "passed", "failed"])
    assert "geheim" not in made.out + made.err
    assert (up.connects, other.connects) == (1, 1)


def test_each_way_to_write_a_target_is_taken() -> None:
    assert targets("db.internal 5432\ncache:6379\n::1 22\n[::1]:23\nhttps://API.example.com/v1\nhttps://b:8443\n") == [
        "db.internal:5432", "cache:6379", "[::1]:22", "[::1]:23", "https://api.example.com", "https://b:8443",
    ]  # fmt: skip


def test_a_url_of_several_hosts_becomes_several_targets() -> None:
    assert targets("mongodb://u:p@a,b:27018/db") == ["mongodb://a", "mongodb://b:27018"]


def test_a_scheme_that_nobody_knows_is_not_copied() -> None:
    assert targets("geheim://db:1") == ["db:1"]


def test_a_target_named_twice_stands_once() -> None:
    assert targets("a:1\nA 1\n") == ["a:1"]


def test_references_in_a_list_stay_references() -> None:
    assert targets("${REDIS_URL}\n${DB_HOST} 5432\n") == ["${REDIS_URL}", "${DB_HOST}:5432"]


def test_all_that_is_no_target_is_told_at_once_without_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list").write_text("db\na:70000\nTOKEN=geheim\nredis://u:geheim\n${A\n${U:-redis://u:geheim@h}\n")
    ran = init(capsys, "--from", "list")
    assert (ran.status, ran.out) == (2, "")
    assert [line.partition(": expected")[0] for line in ran.err.splitlines()] == [
        f"netmon init: list:{number}" for number in range(1, 7)
    ]
    assert "add the port" in ran.err
    assert "geheim" not in ran.err


_ENV = """\
# the application's
export REDIS_URL="redis://me:geheim@127.0.0.1:{port}/0"
DEBUG=1
API_KEY='geheim'
DB_HOST=127.0.0.1
DB_PORT={port}
DB_URL=postgres://me:geheim@${{DB_HOST}}:${{DB_PORT}}/db
BROKERS=127.0.0.1:{port},127.0.0.1:{port}
LONELY_HOST=db.internal
SQLITE=sqlite:///var/geheim.db
NEVER=${{NOT_SET}}
KEY="-----BEGIN geheim-----
MIIgeheim==
-----END geheim-----"
"""


def test_of_a_env_file_only_names_are_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = init(capsys, "--from", listed(tmp_path, _ENV.format(port=6379)))
    document = yaml.safe_load(ran.out)
    assert document == {"targets": ["${REDIS_URL}", "${DB_HOST}:${DB_PORT}", "${DB_URL}", "${BROKERS}"]}
    assert ran.err == "netmon init: lines left out, with no URL and no host:port: 8\n"
    for secret in ("geheim", "127.0.0.1", "6379"):
        assert secret not in ran.out + ran.err


def test_what_it_made_of_a_env_file_runs_as_its_comment_says(tmp_path: Path, servers) -> None:  # type: ignore[no-untyped-def]
    up = servers.open()
    env = _ENV.format(port=up.port)
    text = netmon("init", "--from", "-", cwd=tmp_path, text=env).out
    (tmp_path / "netmon.yaml").write_text(text)
    values = {
        "REDIS_URL": f"redis://me:geheim@{up.target}/0",
        "DB_HOST": up.host,
        "DB_PORT": str(up.port),
        "DB_URL": f"postgres://me:geheim@{up.target}/db",
        "BROKERS": f"{up.target},{up.target}",
    }
    ran = netmon("check", cwd=tmp_path, **values)
    assert (ran.status, up.connects) == (0, 1)
    assert "set -a; . ./.env; set +a" in text
    assert "geheim" not in ran.out + ran.err


def test_a_env_file_with_nothing_to_connect_to_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = init(capsys, "--from", listed(tmp_path, "DEBUG=1\nTOKEN=geheim\n"))
    assert (ran.status, ran.out) == (2, "")
    assert "expected variables that hold a URL, host:port, or a host and its port (DB_HOST, DB_PORT)" in ran.err
    assert "geheim" not in ran.err


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1), st.integers(1, 65535))
def test_every_list_comes_back_from_the_file_that_is_made_of_it(names: list[str], port: int) -> None:
    found = targets("".join(f"{name} {port}\n" for name in names))
    assert yaml.safe_load(config_text(found))["targets"] == [f"{name}:{port}" for name in dict.fromkeys(names)]


@given(st.text())
def test_any_text_is_a_list_or_told_to_be_none(text: str) -> None:
    lines = lines_in(text, "list")
    if not lines:
        return
    with contextlib.suppress(ConfigurationError):
        found = find_targets(lines)
        assert yaml.safe_load(config_text(found.targets))["targets"] == list(found.targets)


def test_the_steps_for_github_take_secrets_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = yaml.safe_load(init(capsys, "--github", "--from", listed(tmp_path, "A_URL=redis://u:geheim@h/0\n")).out)
    assert steps[1]["env"] == {"A_URL": "${{ secrets.A_URL }}"}
    assert "netmon check netmon.yaml" in steps[1]["run"]
    assert [step["uses"].partition("@")[0] for step in (steps[0], steps[2])] == [
        "actions/setup-python",
        "actions/upload-artifact",
    ]
    assert steps[2]["if"] == "always()"


def test_the_job_for_gitlab_names_the_variables_that_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = init(capsys, "--gitlab", "--from", listed(tmp_path, "A_URL=redis://u:geheim@h/0\n")).out
    assert "# It needs these CI/CD variables of the project: A_URL\n" in text
    assert yaml.safe_load(text)["netmon"]["artifacts"]["reports"] == {"junit": "netmon-junit.xml"}
    assert "geheim" not in text


@pytest.mark.parametrize("option", ["--github", "--gitlab"])
def test_a_pipeline_without_variables_is_yaml_too(capsys: pytest.CaptureFixture[str], option: str) -> None:
    text = init(capsys, option).out
    assert yaml.safe_load(text)
    assert "secrets" not in text


def test_one_pipeline_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    ran = init(capsys, "--github", "--gitlab")
    assert (ran.status, ran.out) == (2, "")
    assert "not allowed with" in ran.err


def test_help_shows_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert "netmon init --from .env > netmon.yaml" in init(capsys, "-h").out
