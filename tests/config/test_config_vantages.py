"""`vantages`, `from`, and the options that choose between them."""

from __future__ import annotations

import importlib.util

import pytest
from written_config import Written

from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.vantage import Vantage, VantageError, way_of

THREE = """\
vantages:
  app: {via: kubectl exec -i deploy/app --}
  node: {ssh: worker-1}
  paris: {execnet: 'socket=10.0.0.5:8888'}
targets:
"""


def ids(plan: Plan) -> list[str]:
    return [endpoint.test_id for endpoint in plan.endpoints]


def test_a_target_without_from_is_checked_from_here_and_from_all_vantages(written: Written) -> None:
    plan = written.plan(THREE + "  - db:5432\n")
    assert ids(plan) == ["db:5432", "app-db:5432", "node-db:5432", "paris-db:5432"]
    assert [endpoint.vantage for endpoint in plan.endpoints] == ["local", "app", "node", "paris"]
    assert {endpoint.id for endpoint in plan.endpoints} == {"db:5432"}
    assert list(plan.vantages) == ["app", "node", "paris"]


def test_from_names_the_vantages_of_a_target_and_defaults_those_of_all(written: Written) -> None:
    own = "  - {host: 'db:1', from: [node, local]}\n  - {host: 'web:2'}\n"
    assert ids(written.plan(THREE + own + "defaults: {from: app}\n")) == ["node-db:1", "db:1", "app-web:2"]


def test_a_vantage_that_no_target_needs_is_not_a_part_of_the_plan(written: Written) -> None:
    assert written.plan(THREE + "  - {host: 'db:1', from: local}\n").vantages == {}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("app",), ["app-db:1"]),
        (("app,local",), ["db:1", "app-db:1"]),
        (("node", "paris"), ["node-db:1", "paris-db:1"]),
    ],
)
def test_an_option_chooses_vantages(written: Written, chosen: tuple[str, ...], expected: list[str]) -> None:
    plan = written.plan(THREE + "  - db:1\n", vantages=chosen)
    assert ids(plan) == expected
    assert plan.elsewhere == 4 - len(expected)


def test_a_choice_that_leaves_nothing_is_refused(written: Written) -> None:
    lines = written.problems(THREE + "  - {host: 'db:1', from: app}\n", vantages=("node",))
    assert lines == ["--netmon-vantage: expected vantages that some target is checked from, got none of them"]


def test_an_unknown_vantage_is_named_with_what_was_meant(written: Written) -> None:
    assert written.problems(THREE + "  - {host: 'db:1', from: [ap]}\n") == [
        "netmon.yaml:6:27: targets[0].from[0]: expected one of local, app, node, paris, got 'ap': did you mean 'app'?"
    ]
    assert written.problems(THREE + "  - db:1\n", vantages=("nod",)) == [
        "--netmon-vantage: expected one of local, app, node, paris, got 'nod': did you mean 'node'?"
    ]
    assert written.problems("targets: ['db:1']\ndefaults: {from: app}\n") == [
        "netmon.yaml:2:18: defaults.from: expected local, or a name under vantages, got 'app'"
    ]


def test_every_target_is_checked_through_via_and_from_nowhere_else(written: Written) -> None:
    plan = written.plan(THREE + "  - {host: 'db:1', from: node}\n", vias=("docker exec -i web",))
    assert ids(plan) == ["via-db:1"]
    assert plan.vantages["via"].way == "docker exec -i web"
    two = written.plan("targets: ['db:1']\n", vias=("docker exec -i a", "docker exec -i b"), vantages=("local",))
    assert ids(two) == ["db:1", "via-db:1", "via2-db:1"]


def test_vantages_of_an_included_file_are_known_everywhere(written: Written) -> None:
    written.write("places.yaml", "vantages: {app: {via: cmd}}\n")
    plan = written.plan("include: places.yaml\ntargets: [{host: 'db:1', from: app}]\n")
    assert ids(plan) == ["app-db:1"]


def test_one_name_for_two_ways_is_refused(written: Written) -> None:
    written.write("places.yaml", "vantages: {app: {via: cmd}}\n")
    lines = written.problems("include: places.yaml\nvantages: {app: {ssh: x}}\ntargets: ['db:1']\n")
    assert lines == [
        "netmon.yaml:2:12: vantages: the vantage app leads elsewhere in places.yaml:1:12: give it another name"
    ]


@pytest.mark.parametrize(
    ("vantage", "told"),
    [
        ("{}", "expected one of via, ssh and execnet, got none of them"),
        ("{via: a, ssh: b}", "expected one of via, ssh and execnet, got via and ssh: keep one of them"),
        ("kubectl", "expected a mapping with via, ssh or execnet, got 'kubectl'"),
        ("{via: ''}", "expected a command such as kubectl exec -i deploy/app --, got ''"),
        (
            "{via: 'a \"b'}",
            "expected a command such as kubectl exec -i deploy/app --, with each quote closed, got 'a \"b'",
        ),
        ("{ssh: '-p 22'}", None),
        ("{ssh: -oProxyCommand=x}", "expected a host behind the options of ssh, got a connection string"),
        ("{execnet: 'socket=h'}", "expected socket=HOST:PORT and nothing else, got a connection string"),
        ("{execnet: 'popen//chdir=x'}", None),
        ("{execnet: 'id=x'}", None),
        ("{via: [a]}", None),
        ("{via: a, pyton: b}", None),
    ],
)
def test_a_faulty_way_is_told_in_one_line(written: Written, vantage: str, told: str | None) -> None:
    if told is None and vantage == "{ssh: '-p 22'}":
        assert written.plan(f"vantages: {{app: {vantage}}}\ntargets: ['db:1']\n")  # 22 is a host, as ssh takes it
        return
    (line,) = written.problems(f"vantages: {{app: {vantage}}}\ntargets: ['db:1']\n")
    assert line.startswith("netmon.yaml:1:")
    assert told is None or line.endswith(told)


def test_local_and_names_that_no_id_can_hold_are_refused(written: Written) -> None:
    for name in ("local", "a b", "1st", "a::b"):
        (line,) = written.problems(f"vantages: {{'{name}': {{via: a}}}}\ntargets: ['db:1']\n")
        assert "expected a name of letters" in line


def test_a_way_from_a_variable_is_never_shown(written: Written) -> None:
    lines = written.problems("vantages: {app: {via: '${X}'}}\ntargets: ['db:1']\n", env={"X": "run 'token=SECRET"})
    assert len(lines) == 1
    assert "SECRET" not in lines[0]
    plan = written.plan("vantages: {app: {via: '${X}'}}\ntargets: ['db:1']\n", env={"X": "run token=SECRET"})
    assert "SECRET" not in repr(plan)


def test_without_execnet_a_vantage_is_refused_with_what_to_install(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert written.problems(THREE + "  - {host: 'db:1', from: app}\n") == [
        "netmon.yaml:2:3: vantages: the vantage app needs execnet, which is not installed: "
        "pip install 'pytest-netmon[vantages]'"
    ]
    assert ids(written.plan(THREE + "  - {host: 'db:1', from: local}\n")) == ["db:1"]


def test_a_control_is_checked_where_targets_are(written: Written) -> None:
    plan = written.plan(THREE + "  - {host: 'db:1', from: app}\ncontrols: ['gw:2']\n")
    assert ids(plan) == ["app-gw:2", "app-db:1"]


def test_rates_are_those_of_all_vantages_together(written: Written) -> None:
    lines = written.problems(THREE + "  - {host: 'db:1', count: 9, interval: 10ms}\n")
    assert any("over max_rate_per_host 200" in line for line in lines)


def test_two_endpoints_that_would_share_an_id_are_refused(written: Written) -> None:
    lines = written.problems(THREE + "  - {host: 'db:1', from: app}\n  - {host: 'app-db:1', from: local}\n")
    assert len(lines) == 1
    assert "app-db:1" in lines[0]


def test_a_vantage_that_a_hook_made_up_is_refused() -> None:
    plan = Plan(endpoints=[Endpoint(host="db", port=1, vantage="mars")])
    assert [str(problem) for problem in validate_plan(plan)] == [
        "plan: mars-db:1: expected local for vantage, got 'mars'"
    ]


def test_words_of_a_command_are_taken_apart_without_a_shell() -> None:
    way = way_of(Vantage(name="a", kind="via", way="run 'a b' $HOME; rm"))
    assert way.command == ("run", "a b", "$HOME;", "rm")
    assert way.python == ("python3",)


def test_ssh_never_asks() -> None:
    way = way_of(Vantage(name="a", kind="ssh", way="-p 2222 deploy@worker-1"))
    assert way.command is not None
    assert way.command[:4] == ("ssh", "-T", "-o", "BatchMode=yes")
    assert way.command[-3:] == ("-p", "2222", "deploy@worker-1")


@pytest.mark.parametrize("text", ["", "popen//ssh=x", "socket=h:0", "socket=h:70000", "socket=h:1//python=x", "ssh="])
def test_a_specification_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(VantageError):
        way_of(Vantage(name="a", kind="execnet", way=text))


def test_from_windows_no_vantage_can_be_reached(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    (line,) = written.problems(THREE + "  - {host: 'db:1', from: app}\n")
    assert line.endswith("the vantage app cannot be reached from Windows: run this on Linux or macOS (WSL will do)")


@pytest.mark.parametrize(
    ("vantages", "told"),
    [
        ([], "plan: vantages: expected a mapping of names to Vantage, got list"),
        ({"app": "kubectl"}, "plan: vantages['app']: expected a Vantage of that name, got str"),
        (
            {"app": Vantage(name="app", kind="via", way="a 'b")},
            "plan: vantages['app']: expected a command such as kubectl exec -i deploy/app --, with each quote closed",
        ),
        (
            {"b": Vantage(name="app", kind="via", way="a")},
            "plan: vantages['b']: expected a Vantage of that name, got Vantage",
        ),
        ({"app": Vantage(name="app", kind="via", way=5)}, None),  # type: ignore[arg-type]
    ],
)
def test_what_a_hook_makes_of_vantages_is_looked_at(vantages: object, told: str | None) -> None:
    plan = Plan(endpoints=[Endpoint(host="db", port=1)], vantages=vantages)  # type: ignore[arg-type]
    (line,) = map(str, validate_plan(plan))
    assert told is None or line.startswith(told)
