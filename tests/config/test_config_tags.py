"""`tags` and what selects by them; `hosts`, the plural of host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_config import Written

from pytest_netmon.config.host_ranges import expand_ranges
from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_checks import validate_plan
from pytest_netmon.unexpected import Unexpected

TAGGED = """\
targets:
  - {host: 'db:1', tags: [db, prod]}
  - {host: 'cache:2', tags: prod}
  - {host: 'test-db:3', tags: [db, test]}
  - web:4
"""


def ids(plan: Plan) -> list[str]:
    return [endpoint.id for endpoint in plan.endpoints]


def refusal(text: str) -> str:
    with pytest.raises(Unexpected) as raised:
        expand_ranges(text)
    return raised.value.told("it")


def test_a_target_has_its_tags_each_once(written: Written) -> None:
    assert written.endpoint("targets: [{host: 'db:1', tags: [db, prod, db]}]").tags == ("db", "prod")
    assert written.endpoint("targets: ['db:1']").tags == ()


@pytest.mark.parametrize(
    ("tags", "selected"),
    [
        (("db",), ["db:1", "test-db:3"]),
        (("db", "prod"), ["db:1", "cache:2", "test-db:3"]),
        (("db,prod",), ["db:1", "cache:2", "test-db:3"]),
        (("!test",), ["db:1", "cache:2", "web:4"]),
        (("db", "!test"), ["db:1"]),
        (("!db, !prod",), ["web:4"]),
        ((), ["db:1", "cache:2", "test-db:3", "web:4"]),
    ],
)
def test_tags_select(written: Written, tags: tuple[str, ...], selected: list[str]) -> None:
    plan = written.plan(TAGGED, tags=tags)
    assert ids(plan) == selected
    assert plan.deselected == 4 - len(selected)


@pytest.mark.parametrize(
    ("tags", "lines"),
    [
        (
            ("dbs",),
            ["--netmon-tag: expected a tag of some target (db, prod, test), got 'dbs': did you mean 'db'?"],
        ),
        (
            ("db", "!proud"),
            ["--netmon-tag: expected a tag of some target (db, prod, test), got 'proud': did you mean 'prod'?"],
        ),
        (("prod", "!prod"), ["--netmon-tag: expected tags that leave a target to check, got none left"]),
        (("d b",), ["--netmon-tag: expected a tag of letters, digits, '_', '.' and '-', a letter first, got 'd b'"]),
        (("!",), ["--netmon-tag: expected a tag of letters, digits, '_', '.' and '-', a letter first, got ''"]),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused(written: Written, tags: tuple[str, ...], lines: list[str]) -> None:
    assert written.problems(TAGGED, tags=tags) == lines


def test_a_tag_where_no_target_has_one_is_refused(written: Written) -> None:
    assert written.problems("targets: ['db:1']", tags=("db",)) == [
        "--netmon-tag: expected a tag, but no target has any, got 'db'"
    ]


@pytest.mark.parametrize("word", ["skip", "xfail", "and", "not", "netmon", "parametrize"])
def test_a_word_that_pytest_has_a_use_for_is_no_tag(written: Written, word: str) -> None:
    assert written.problems(f"targets:\n  - host: 'db:1'\n    tags: [{word}]\n") == [
        f"netmon.yaml:3:12: targets[0].tags[0]: expected a tag of letters, digits, '_', '.' and '-', a letter first, "
        f"got '{word}': pytest has its own use for this word"
    ]


def test_the_same_endpoint_with_other_tags_is_refused_and_with_the_same_ones_is_not(written: Written) -> None:
    assert written.problems("targets: [{host: 'db:1', tags: a}, 'db:1']") == [
        "netmon.yaml:1:36: db:1 stands already in netmon.yaml:1:11 with another set of tags: give them different "
        "names, or remove one"
    ]
    assert len(written.plan("targets: [{host: 'db:1', tags: [a, b]}, {host: 'db:1', tags: [b, a]}]").endpoints) == 1


def test_a_tag_that_a_hook_made_up_is_refused() -> None:
    problems = validate_plan(Plan(endpoints=[Endpoint(host="db", port=1, tags=("a b",))]))
    assert [problem.text for problem in problems] == ["expected a tag of letters, digits, '_', '.' and '-', got 'a b'"]


def test_several_hosts_share_their_settings(written: Written) -> None:
    plan = written.plan("targets: [{hosts: [a, 'web-[08-10].internal'], ports: [80, 443]}]")
    assert ids(plan) == [
        *("a:80", "a:443"),
        *(f"web-{number}.internal:{port}" for number in ("08", "09", "10") for port in (80, 443)),
    ]


def test_several_hosts_may_hold_their_ports_and_be_urls(written: Written) -> None:
    plan = written.plan("targets: [{hosts: ['a:1', 'redis://user:x[1-2]y@b', '[::1]:3', 'c-[1-2]:4']}]")
    assert ids(plan) == ["a:1", "b:6379", "[::1]:3", "c-1:4", "c-2:4"]


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("{host: a, hosts: [b], ports: [1]}", "1:11: targets[0]: expected host or hosts, got both: keep one of them"),
        ("{hosts: [], ports: [1]}", "1:19: targets[0].hosts: expected at least one host, got an empty list"),
        ("{hosts: [5], ports: [1]}", "1:20: targets[0].hosts[0]: expected a host, or several as in web-[01-20], got 5"),
        (
            "{hosts: [a, b]}",
            "1:19: targets[0].hosts: expected a target with a port, got a list: add ports, or give --netmon-port",
        ),
        (
            "{hosts: ['a:1'], ports: [1]}",
            "1:35: targets[0].ports: expected the port in host or under ports, got both: keep one of them",
        ),
        (
            "{hosts: ['w[2-1]'], ports: [1]}",
            "1:20: targets[0].hosts[0]: expected a range that goes up, such as web-[01-20], got 'w[2-1]'",
        ),
        (
            "{hosts: [a, b], name: x, ports: [1]}",
            "1:11: x:1 stands already here for another host: give each host a name of its own",
        ),
    ],
)
def test_hosts_that_cannot_be_meant_are_refused(written: Written, target: str, line: str) -> None:
    assert written.problems(f"targets: [{target}]") == [f"netmon.yaml:{line}"]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("web", ["web"]),
        ("web-[1-3]", ["web-1", "web-2", "web-3"]),
        ("web-[9-11]", ["web-9", "web-10", "web-11"]),
        ("web-[009-011].x", ["web-009.x", "web-010.x", "web-011.x"]),
        ("[1-2]-[1-2]", ["1-1", "1-2", "2-1", "2-2"]),
        ("[::1]:80", ["[::1]:80"]),
        ("https://a[1-2]", ["https://a[1-2]"]),
    ],
)
def test_a_range_makes_a_host_of_each_number(text: str, hosts: list[str]) -> None:
    assert expand_ranges(text) == hosts


def test_ranges_that_are_slips_are_refused() -> None:
    assert refusal("w[1-1001]") == "expected at most 1000 hosts in one text, got it: these are 1001"
    assert refusal("w[1-999999999]").endswith("these are 999999999")
    assert refusal("w[1-100]-[1-100]") == "expected at most 1000 hosts in one text, got it: these are 10000"
    assert refusal("w[01-200]") == "expected a range with as many digits at both ends, such as web-[01-20], got it"


@given(st.integers(0, 99_900), st.integers(0, 50), st.integers(5, 8))
def test_every_number_of_a_range_is_there_once_and_as_wide_as_its_first(first: int, more: int, width: int) -> None:
    hosts = expand_ranges(f"w[{first:0{width}}-{first + more:0{width}}]")
    assert [int(host[1:]) for host in hosts] == list(range(first, first + more + 1))
    assert {len(host) for host in hosts} == {width + 1}
