from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.config import fields
from pytest_netmon.config.load import Overrides, load_plan
from pytest_netmon.config.ports import parse_ports
from pytest_netmon.config.variables import VariableError, expand
from pytest_netmon.problems import ConfigurationError
from pytest_netmon.unexpected import Unexpected


def refusal(reader: object, value: object) -> str:
    with pytest.raises(Unexpected) as raised:
        reader(value)  # type: ignore[operator]
    return raised.value.told("it")


@pytest.mark.parametrize(
    ("value", "ports"),
    [
        (443, [443]),
        ("443", [443]),
        (" 443 ", [443]),
        ("8000-8003", [8000, 8001, 8002, 8003]),
        ("8000 - 8001", [8000, 8001]),
        ("80, 443,8000-8001", [80, 443, 8000, 8001]),
        (1, [1]),
        (65535, [65535]),
        ("7-7", [7]),
    ],
)
def test_ports_are_numbers_ranges_and_lists(value: object, ports: list[int]) -> None:
    assert [port for some in parse_ports(value) for port in some] == ports


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (0, "expected a port 1..65535, got it"),
        (-1, "expected a port 1..65535, got it"),
        (65536, "expected a port 1..65535, got it"),
        (10**400, "expected a port 1..65535, got it"),
        (True, "expected a port 1..65535, got it"),
        (None, "expected a port 1..65535, got it"),
        (80.0, "expected a port 1..65535, got it"),
        ("9" * 5000, "expected a port 1..65535, got it"),
        ("80x", "expected a port 1..65535 or a range such as 8000-8010, got it"),
        ("٨٠", "expected a port 1..65535 or a range such as 8000-8010, got it"),
        ("22:30", "expected a port 1..65535 or a range such as 8000-8010, got it: write 22-30 for a range"),
        ("8000..8010", "expected a port 1..65535 or a range such as 8000-8010, got it: write 8000-8010 for a range"),
        ("http", "expected a port 1..65535 or a range such as 8000-8010, got it: did you mean 80?"),
        ("", "expected a port 1..65535 or a range such as 8000-8010, got it: there is nothing"),
        ("017", "expected a port 1..65535, got it: leave out the leading zero"),
        ("8010-8000", "expected a range that goes up, such as 8000-8010, got it"),
        ("0-80", "expected a port 1..65535 or a range such as 8000-8010, got it"),
    ],
)
def test_what_is_no_port_is_refused_in_these_words(value: object, line: str) -> None:
    assert refusal(parse_ports, value) == line


@pytest.mark.parametrize(("value", "seconds"), [(2, 2.0), (0.5, 0.5), ("2", 2.0), ("250ms", 0.25), ("1 m", 60.0)])
def test_durations_are_seconds_or_have_a_unit(value: int | float | str, seconds: float) -> None:
    assert fields.read_timeout(value) == seconds


@pytest.mark.parametrize(
    "value", [0, -1, "0s", "-2s", "0.1ms", "2d", True, None, [], "soon", "", 10**400, float("nan")]
)
def test_a_timeout_is_from_a_millisecond_to_a_day(value: object) -> None:
    assert refusal(fields.read_timeout, value) == ("expected a duration from 1ms to 1d, such as 250ms or 2s, got it")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("5 sec", "did you mean 5s?"),
        ("5MS", "the units are ms, s, m, h and d"),
        ("2min", "did you mean 2m?"),
        ("3 parsecs", "the units are ms, s, m, h and d"),
    ],
)
def test_a_misspelt_unit_is_named(value: str, hint: str) -> None:
    assert refusal(fields.read_interval, value).endswith(f": {hint}")


def test_an_interval_may_be_a_week() -> None:
    assert fields.read_interval("7d") == 7 * 86400
    assert "from 1ms to 7d" in refusal(fields.read_interval, "8d")


def test_counts_and_rates_may_stand_in_quotes() -> None:
    assert fields.read_count("40") == 40
    assert fields.read_rate("0.5") == 0.5
    for value in (0, -1, True, 1.5, "1e3", "x", None, 1_000_001, "1_000"):
        assert refusal(fields.read_count, value) == "expected a whole number 1..1000000, got it"
    for value in (0, -1, True, "x", None, float("inf"), 10**400):
        assert "expected checks a second, a number above 0" in refusal(fields.read_rate, value)


def test_skip_and_xfail_are_true_or_a_reason() -> None:
    assert fields.read_reason(True) == fields.read_reason("true") == "no reason given"
    assert fields.read_reason(False) is fields.read_reason("false") is None
    assert fields.read_reason("moved,\n  see https://tracker.example/7") == "moved, see https://tracker.example/7"


@pytest.mark.parametrize(("value", "meant"), [("no", "false"), ("off", "false"), ("yes", "true"), ("On", "true")])
def test_a_yaml_1_1_truth_value_is_no_reason_to_skip(value: str, meant: str) -> None:
    assert refusal(fields.read_reason, value) == f"expected true, false or a reason, got it: write {meant}"
    assert refusal(fields.read_flag, value) == f"expected true or false, got it: write {meant}"


def test_a_reason_holds_no_password() -> None:
    assert "leave user and password out" in refusal(fields.read_reason, "see https://user:pw@host/x")
    for value in ("", "  ", None, 5, []):
        assert refusal(fields.read_reason, value) == "expected true, false or a reason, got it"


@pytest.mark.parametrize("value", ["", " api", "a\nb", "a\u202eb", "x" * 81])
def test_a_name_is_short_and_printable(value: str) -> None:
    assert "expected a name of 1..80 printable characters" in refusal(fields.read_name, value)


def test_a_name_is_text_and_no_url() -> None:
    assert fields.read_name("payments database") == "payments database"
    assert "put it in quotes" in refusal(fields.read_name, 5)
    assert "a URL belongs under host" in refusal(fields.read_name, "redis://user:pw@host")
    for command in ("::error file=x::pwned", "##vso[task.setvariable]", "##[error]"):
        assert "expected a name without '::' and '##'" in refusal(fields.read_name, command)


def test_variables_are_replaced_as_in_the_shell() -> None:
    env = {"HOST": "db", "PORT": "5432", "EMPTY": "", "ODD": "${HOST}: [x"}
    assert expand("${HOST}:${PORT}", env).text == "db:5432"
    assert expand("${HOST}:${PORT}", env).variables == ("HOST", "PORT")
    assert expand("${NOPE:-a:-b}${EMPTY:-c}${NOPE:-}", env).text == "a:-bc"
    assert expand("$HOST $${HOST} $$", env).text == "$HOST ${HOST} $$"
    assert expand("${ODD}", env).text == "${HOST}: [x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${NOPE}", "the variable NOPE is not set: set it, or write ${NOPE:-default}"),
        ("${EMPTY}", "the variable EMPTY is empty: set it, or write ${EMPTY:-default}"),
        ("${HOST", "expected '}' after '${'"),
        ("${A:-${B}}", "expected '}' after '${'"),
        ("${}", "expected ${NAME} or ${NAME:-default}"),
        ("${HOST-x}", "expected ${NAME} or ${NAME:-default}"),
        ("${1}", "expected ${NAME} or ${NAME:-default}"),
        ("${LONG}" * 5, "more than 4096 characters"),
    ],
)
def test_a_variable_that_cannot_be_replaced_is_named(text: str, words: str) -> None:
    with pytest.raises(VariableError) as raised:
        expand(text, {"HOST": "db", "EMPTY": "", "LONG": "x" * 1000})
    assert words in str(raised.value)
    assert "xxx" not in str(raised.value)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({})


@pytest.mark.parametrize(
    "reader",
    [
        *(fields.read_count, fields.read_rate, fields.read_interval, fields.read_timeout, fields.read_name),
        *(fields.read_reason, fields.read_flag, fields.read_expect, parse_ports),
    ],
)
@given(value=_SCALARS)
def test_a_reader_gives_a_value_or_says_what_it_expected(reader: object, value: object) -> None:
    try:
        reader(value)  # type: ignore[operator]
    except Unexpected:
        pass


@given(st.text(), st.dictionaries(st.sampled_from(["A", "B"]), st.text()))
def test_what_a_variable_holds_is_never_in_a_message(text: str, env: dict[str, str]) -> None:
    marked = {name: f"MARK{value}" for name, value in env.items()}
    with pytest.raises(VariableError) as raised:
        expand(f"{text}${{A}}${{B}}${{C", marked)
    assert "MARK" not in str(raised.value)


def test_how_connections_are_closed_is_fin_unless_reset_is_asked_for(tmp_path):
    file = tmp_path / "netmon.yaml"
    file.write_text("targets:\n  - {host: db, ports: [1], close: reset}\n  - db:2\n")
    plan = load_plan([file], Overrides(), env={}, base=tmp_path)
    assert [endpoint.close for endpoint in plan.endpoints] == ["reset", "fin"]


def test_another_way_to_close_is_refused_with_what_was_meant(tmp_path):
    file = tmp_path / "netmon.yaml"
    file.write_text("targets:\n  - {host: db, ports: [1], close: rst}\n")
    with pytest.raises(ConfigurationError, match=r"netmon.yaml:2:35: targets\[0\].close: expected fin or reset"):
        load_plan([file], Overrides(), env={}, base=tmp_path)
