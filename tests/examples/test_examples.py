"""Every example does what it says: run against loopback servers, or valid for the system that it is for."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from certificates import HAS_OPENSSL, Authority
from example_runs import check_commands, netmon, place, put, pytest_run, verdicts
from schemas import EXAMPLES, complaints
from stage_servers import Talking, speaking_tls, tls_context

from pytest_netmon.cli.init_pipelines import gitlab_job
from pytest_netmon.config.load import Overrides, load_plan
from pytest_netmon.config.schema import SCHEMA_FILE

_CONFIGURATIONS = sorted(EXAMPLES.rglob("netmon.yaml"))
_MANIFESTS = sorted(EXAMPLES.glob("kubernetes/*.yaml"))
_JUNIT, _JSON, _HTML = "netmon-junit.xml", "netmon.json", "netmon.html"


def read(name):
    return (EXAMPLES / name).read_text("utf-8")


def name_of(path):
    return path.relative_to(EXAMPLES).as_posix()


@pytest.mark.parametrize("path", _CONFIGURATIONS, ids=name_of)
def test_an_editor_finds_the_schema_of_a_configuration(path):
    schema = re.search(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text("utf-8"), re.MULTILINE)[1]
    assert (path.parent / schema).resolve() == EXAMPLES.parent / "pytest_netmon" / "schemas" / SCHEMA_FILE.name


def test_the_list_of_examples_is_whole():
    linked = {link.split("/")[0] for link in re.findall(r"\]\(([^)]+)\)", read("README.md"))}
    assert linked == {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}


def pre_deploy(servers, folder, mail):
    database, api, redis = servers.open(), servers.open(), servers.open()
    place(
        "pre-deploy",
        folder,
        {
            "mail.example.com:587": mail.target,
            "host: db.internal": f"host: {database.host}",
            "[5432]": f"[{database.port}]",
            "interval: 100ms": "interval: 10ms",
            "https://api.example.com": f"http://{api.target}\n    interval: 10ms",
        },
    )
    return {"REDIS_URL": f"redis://me:geheim@{redis.target}/0"}


def test_the_gate_before_a_deployment_is_green(tmp_path, servers):
    env = pre_deploy(servers, tmp_path, servers.open())
    done = netmon(["check", "-o", _JSON], tmp_path, **env)
    assert (done.returncode, set(verdicts(tmp_path).values())) == (0, {"passed"})
    assert "geheim" not in done.stdout + done.stderr


def test_the_gate_before_a_deployment_is_red_where_something_is_down(tmp_path, servers):
    env = pre_deploy(servers, tmp_path, servers.closed())
    done = netmon(["check", "-o", _JSON], tmp_path, **env)
    assert (done.returncode, [*verdicts(tmp_path).values()].count("failed")) == (1, 1)
    assert "next: on the target: is the service up" in done.stdout


def egress(servers, folder, *, leak):
    allowed, time, web, resolver = servers.open(), servers.open(), servers.closed(), servers.closed()
    other = servers.open() if leak else servers.closed()
    place(
        "egress",
        folder,
        {
            "[packages.example.com, registry.example.com]": f"[{allowed.host}]",
            "ports: [443]": f"ports: [{allowed.port}]",
            "time.example.com": time.host,
            "[4460]": f"[{time.port}]",
            "www.example.org": web.host,
            "[80, 443]": f"[{web.port}]",
            "192.0.2.53": resolver.host,
            "[53, 853]": f"[{resolver.port}, {other.port}]",
        },
    )


def test_an_allow_list_holds_both_ways(tmp_path, servers):
    egress(servers, tmp_path, leak=False)
    assert netmon(["check"], tmp_path).returncode == 0
    done = netmon(["check", "--tag", "allowed"], tmp_path)
    assert done.returncode == 0
    assert "foreign resolver" not in done.stdout


def test_an_allow_list_with_a_hole_is_red(tmp_path, servers):
    egress(servers, tmp_path, leak=True)
    done = netmon(["check", "-o", _JSON], tmp_path)
    assert done.returncode == 1
    failed = [endpoint for endpoint, verdict in verdicts(tmp_path).items() if verdict == "failed"]
    assert [endpoint.partition(":")[0] for endpoint in failed] == ["foreign resolver"]


def not_reachable(servers, folder, control, database):
    ssh, web = servers.closed(), servers.closed()
    place(
        "not-reachable",
        folder,
        {
            "app.example.com:443": control.target,
            "app.example.com": control.host,
            "[5432]": f"[{database.port}]",
            "[22, 8080]": f"[{ssh.port}, {web.port}]",
        },
    )


def test_closed_ports_are_green_with_the_control(tmp_path, servers):
    not_reachable(servers, tmp_path, servers.open(), servers.closed())
    assert netmon(["check"], tmp_path).returncode == 0


def test_a_port_that_is_open_after_all_is_red(tmp_path, servers):
    not_reachable(servers, tmp_path, servers.open(), servers.open())
    assert netmon(["check"], tmp_path).returncode == 1


def test_closed_ports_are_not_green_without_the_control(tmp_path, servers):
    not_reachable(servers, tmp_path, servers.closed(), servers.closed())
    done = netmon(["check"], tmp_path)
    assert done.returncode not in (0, 2)
    assert "control" in done.stdout


@pytest.mark.skipif(not HAS_OPENSSL, reason="no openssl command on this machine")
@pytest.mark.parametrize(
    ("days", "status", "told"), [(60, 0, "3 of 3"), (20, 0, "warning: certificate"), (3, 1, ">= 14 d")]
)
def test_a_certificate_that_ends_soon_is_red_two_weeks_before(tmp_path, days, status, told):
    authority = Authority(tmp_path / "authority")
    with (
        Talking(speaking_tls(tls_context(authority.issue("DNS:localhost")))) as api,
        Talking(speaking_tls(tls_context(authority.issue("DNS:db.example.com", days=days)))) as database,
    ):
        place(
            "certificates",
            tmp_path,
            {
                "1s": "10ms",
                "500ms": "1m",
                "limits:": "tls: {ca_file: authority/root.pem}\n  limits:",
                "https://api.example.com": f"https://localhost:{api.port}",
                "10.0.3.7": database.host,
                "5433": str(database.port),
            },
        )
        done = netmon(["check"], tmp_path, INTERNAL_CA=str(authority.root))
    assert done.returncode == status, done.stdout + done.stderr
    assert told in done.stdout


def test_the_scheduled_check_holds_its_limits(tmp_path, servers):
    up = servers.open()
    place(
        "scheduled",
        tmp_path,
        {"[api.example.com, www.example.com]": f"[{up.host}]", "[443]": f"[{up.port}]", "500ms": "10ms"},
    )
    done = netmon(["check", "-o", _JSON], tmp_path)
    assert (done.returncode, up.connects) == (0, 60)
    assert "nothing is compared without an earlier run" in done.stderr

    (tmp_path / _JSON).rename(tmp_path / "baseline.json")
    again = netmon(["check", "--baseline", "baseline.json", "-o", _JSON], tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    (endpoint,) = json.loads((tmp_path / _JSON).read_text("utf-8"))["endpoints"]
    assert endpoint["baseline"]["state"] in ("kept", "faster")


@pytest.mark.skipif(os.name != "posix", reason="the script of a pipeline needs bash")
def test_the_scheduled_check_is_compared_from_the_second_run_on(tmp_path):
    steps = yaml.safe_load(read("scheduled/github.yml"))["jobs"]["check"]["steps"]
    script = next(step["run"] for step in steps if "netmon check" in step.get("run", ""))
    for tool, does in (("netmon", 'echo "$@"'), ("python", "")):
        (tmp_path / tool).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / tool).chmod(0o755)
    (tmp_path / "run.sh").write_text(script)

    def run():
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            ["bash", "-e", "run.sh"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "--baseline" not in run()
    (tmp_path / "baseline.json").touch()
    assert run().startswith("check netmon.yaml --baseline baseline.json -o netmon.json")


@pytest.mark.parametrize("name", ["pre-deploy/github.yml", "scheduled/github.yml"])
def test_a_workflow_is_valid(name):
    assert complaints("github-workflows", EXAMPLES / name) == ""


def test_the_pipeline_for_gitlab_is_valid_and_is_what_init_writes():
    assert complaints("gitlab-ci", EXAMPLES / "gitlab/gitlab-ci.yml") == ""
    written = yaml.safe_load(gitlab_job())
    assert yaml.safe_load(read("gitlab/gitlab-ci.yml"))["netmon"] == written["netmon"]


def collected(name):
    """The files that a pipeline collects."""
    return set(re.findall(r"netmon(?:-junit\.xml|\.json|\.html)", read(name)))


@pytest.mark.parametrize(
    "name", ["pre-deploy/github.yml", "scheduled/github.yml", "gitlab/gitlab-ci.yml", "jenkins/Jenkinsfile"]
)
def test_the_command_of_a_pipeline_runs_and_writes_what_is_collected(tmp_path, servers, name):
    (command,) = check_commands(read(name))
    command = [word for word in command if word != "$@"]  # no baseline yet
    path = tmp_path / next(word for word in command if word.endswith(".yaml"))
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"targets: ['{servers.open().target}']\n")
    done = netmon(command, tmp_path)
    assert (done.returncode, collected(name)) == (0, {_JSON, _JUNIT, _HTML})
    assert {_JSON, _JUNIT, _HTML} <= {path.name for path in tmp_path.iterdir()}


def test_the_pipeline_for_jenkins_has_its_stages_in_order_and_its_braces_closed():
    text = read("jenkins/Jenkinsfile")
    assert text.count("{") == text.count("}")
    assert text.count("'''") == 2
    assert re.findall(r"stage\('([^']+)'\)", text) == ["Reachable?", "Deploy"]


def documents(path):
    return {document["kind"]: document for document in yaml.safe_load_all(path.read_text("utf-8"))}


def pod_of(path):
    found = documents(path)
    return (found.get("Deployment") or found["Job"])["spec"]["template"]["spec"]


def netmon_container(path):
    pod = pod_of(path)
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    return next(container for container in containers if container["name"] == "netmon")


@pytest.mark.parametrize("path", _MANIFESTS, ids=name_of)
def test_a_manifest_mounts_the_configuration_that_it_defines(path):
    container, pod = netmon_container(path), pod_of(path)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    assert mounts["/etc/netmon"]["configMap"]["name"] == documents(path)["ConfigMap"]["metadata"]["name"]
    assert container["args"][:2] == ["check", "/etc/netmon/netmon.yaml"]
    assert mounts["/tmp"] == {"name": "samples", "emptyDir": {}}
    for document in documents(path).values():
        assert {"apiVersion", "kind", "metadata"} <= set(document)


def test_the_selector_of_the_deployment_is_that_of_its_pods():
    spec = documents(EXAMPLES / "kubernetes/init-container.yaml")["Deployment"]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert [container["name"] for container in spec["template"]["spec"]["initContainers"]] == ["netmon"]


def test_the_job_gives_one_answer():
    job = documents(EXAMPLES / "kubernetes/job.yaml")["Job"]["spec"]
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")


@pytest.mark.parametrize("path", _MANIFESTS, ids=name_of)
def test_a_container_has_no_rights(path):
    context = netmon_container(path)["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("path", _MANIFESTS, ids=name_of)
def test_the_configuration_in_a_manifest_can_be_loaded_with_its_variables(path, tmp_path):
    file = tmp_path / "netmon.yaml"
    file.write_text(documents(path)["ConfigMap"]["data"]["netmon.yaml"])
    env = {each["name"]: "postgres://me:geheim@db.internal/app" for each in netmon_container(path).get("env", [])}
    assert load_plan([file], Overrides(), env=env, base=tmp_path).endpoints


def test_the_init_container_waits_as_it_says(tmp_path, servers):
    path = EXAMPLES / "kubernetes/init-container.yaml"
    cache, api, database = servers.open(), servers.open(), servers.open()
    text = put(
        documents(path)["ConfigMap"]["data"]["netmon.yaml"],
        {"cache.default.svc.cluster.local:6379": cache.target, "https://api.example.com": f"http://{api.target}"},
    )
    (tmp_path / "netmon.yaml").write_text(text)
    _, _, *options = netmon_container(path)["args"]
    done = netmon(["check", "netmon.yaml", *options], tmp_path, DATABASE_URL=f"postgres://me:p@{database.target}/app")
    assert done.returncode == 0
    assert [each.connects for each in (cache, api, database)] == [1, 1, 1]


def instructions(name):
    text = re.sub(r"\\\n", " ", read(name))
    return [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_runs_the_command_as_nobody():
    found = dict(instructions("docker/Dockerfile"))
    assert (json.loads(found["ENTRYPOINT"]), json.loads(found["CMD"])) == (["netmon"], ["check"])
    assert found["USER"] == "65534:65534"
    assert [word for word, _ in instructions("docker/Dockerfile")].count("FROM") == 2


def test_the_image_is_built_from_what_the_build_needs_and_no_more():
    lines = read("docker/Dockerfile.dockerignore").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    project = (EXAMPLES.parent / "pyproject.toml").read_text("utf-8")
    assert "*" in lines
    assert kept == {"pyproject.toml", *re.findall(r'"(README\.md|LICENSE|pytest_netmon)"\]?$', project, re.MULTILINE)}


def hooks(servers, folder):
    database, cache = servers.open(), servers.closed()
    place(
        "hooks",
        folder,
        {"db.internal": database.host, "[5432]": f"[{database.port}]", "cache.internal:6379": cache.target},
    )
    return cache.target


def history(folder):
    with (folder / "netmon-history.csv").open(newline="") as file:
        return [(id_, status) for _, id_, status, _ in csv.reader(file)]


def test_the_hooks_keep_a_history(tmp_path, servers):
    down = hooks(servers, tmp_path)
    assert pytest_run(tmp_path).returncode == 1
    pytest_run(tmp_path)
    assert [status for _, status in history(tmp_path)] == ["passed", "failed"] * 2
    assert history(tmp_path)[1][0] == down


def test_the_hooks_skip_what_is_in_maintenance(tmp_path, servers):
    down = hooks(servers, tmp_path)
    done = pytest_run(tmp_path, "-rs", MAINTENANCE=down)
    assert done.returncode == 0
    assert "maintenance" in done.stdout
    assert [status for _, status in history(tmp_path)] == ["passed"]


@pytest.mark.skipif(sys.platform != "linux", reason="SYN repeats are known on Linux only")
def test_own_tests_run_once_for_each_endpoint(tmp_path, servers):
    database, api = servers.open(), servers.open()
    place(
        "own-tests",
        tmp_path,
        {
            "db.internal": database.host,
            "[5432]": f"[{database.port}]",
            "https://api.example.com": f"http://{api.target}",
        },
    )
    done = pytest_run(tmp_path)
    assert "7 passed, 1 skipped" in done.stdout
    assert (database.connects, api.connects) == (20, 20)
