"""The loader, with libyaml's parser and with PyYAML's own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.config import document
from pytest_netmon.config.document import Document, read_document
from pytest_netmon.config.places import Place

Read = Callable[..., Document]


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Read:
    parser = getattr(yaml, request.param, None)
    if parser is None:
        pytest.skip("PyYAML without libyaml")
    monkeypatch.setattr(document, "_PARSER", parser)

    def read_text(text: str | bytes, **env: str) -> Document:
        return read_document(text.encode() if isinstance(text, str) else text, "netmon.yaml", env)

    return read_text


def plain(place: Place | None) -> object:
    assert place is not None
    if isinstance(place.value, list):
        return [plain(item) for item in place.value]
    if isinstance(place.value, dict):
        return {key: plain(item) for key, item in place.value.items()}
    return place.value


def lines(read_one: Document) -> list[str]:
    return [str(problem) for problem in read_one.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("22:30", "22:30"),
        ("on", "on"),
        ("no", "no"),
        ("017", "017"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("443", 443),
        ("-5", -5),
        ("0x50", 80),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("'443'", "443"),
        ('"true"', "true"),
        ("p95 < 50ms", "p95 < 50ms"),
        ("${PORT}", 443),
        ('"${PORT}"', "443"),
        ("${NOPE:-8000}", 8000),
        ("${NOPE:-}", None),
        ("$${PORT}", "${PORT}"),
        ("${TRAP}", "[1, 2]: &x !!int *y"),
    ],
)
def test_scalars_have_the_core_types_of_yaml_1_2(read: Read, text: str, value: object) -> None:
    loaded = read(f"key: {text}\n", PORT="443", TRAP="[1, 2]: &x !!int *y")
    assert not loaded.problems
    assert plain(loaded.root) == {"key": value}
    assert type(plain(loaded.root)["key"]) is type(value)  # type: ignore[index]


def test_places_count_lines_and_characters_from_1(read: Read) -> None:
    loaded = read("é:\n  - 'ü'\n  - {ß: x, y: [z]}\n")
    assert loaded.root is not None
    item = loaded.root.get("é").items()[1]  # type: ignore[union-attr]
    key, inner = item.get("ß"), item.get("y").items()[0]  # type: ignore[union-attr]
    assert (str(item.source), item.path) == ("netmon.yaml:3:5", "...[1]")
    assert (str(key.key), str(key.source)) == ("netmon.yaml:3:6", "netmon.yaml:3:9")  # type: ignore[union-attr]
    assert (str(inner.source), inner.path) == ("netmon.yaml:3:16", "...[1].y[0]")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2\n", "netmon.yaml:2:1: expected each key once, got 'a' again (first in line 1)"),
        ("a: &x 1\n", "netmon.yaml:1:4: a: expected a value, got an anchor ('&'): leave it out, or put text in quotes"),
        (
            "a: &x [1]\n",
            "netmon.yaml:1:4: a: expected a value, got an anchor ('&'): leave it out, or put text in quotes",
        ),
        ("a: !!str 1\n", "netmon.yaml:1:4: a: expected a value, got a tag ('!'): leave it out, or put text in quotes"),
        (
            "a: !!python/object/apply:os.system ['true']\n",
            "netmon.yaml:1:4: a: expected a value, got a tag ('!'): leave it out, or put text in quotes",
        ),
        ("a: .inf\n", "netmon.yaml:1:4: a: expected a finite number, got something else"),
        ("a: .NaN\n", "netmon.yaml:1:4: a: expected a finite number, got something else"),
        ("a: 1e999\n", "netmon.yaml:1:4: a: expected a finite number, got something else: this one is too large"),
        ("a: ${NOPE}\n", "netmon.yaml:1:4: a: the variable NOPE is not set: set it, or write ${NOPE:-default}"),
        (
            'a: "x\\0y"\n',
            "netmon.yaml:1:4: a: expected text without control characters, got something else: it holds U+0000",
        ),
        ("a: 1\n---\nb: 1\n", "netmon.yaml:2:1: expected one document, got another one after '---': make it a file"),
        (
            "{{ targets }}: 1\n",
            "netmon.yaml:1:1: expected a key, got something else: fill templates in first, or use ${NAME}",
        ),
        ("", "netmon.yaml: expected 'targets:' and a list, got an empty file"),
        ("# nothing\n", "netmon.yaml: expected 'targets:' and a list, got an empty file"),
    ],
)
def test_what_could_surprise_is_refused(read: Read, text: str, line: str) -> None:
    assert lines(read(text)) == [line]


@pytest.mark.fault("yaml", "merge keys and aliases", "an error with its place")
def test_merge_keys_and_aliases_are_refused(read: Read) -> None:
    assert lines(read("base: &base {a: 1}\nuse:\n  <<: *base\n")) == [
        "netmon.yaml:1:7: base: expected a value, got an anchor ('&'): leave it out, or put text in quotes",
        "netmon.yaml:3:3: use: expected a key, got '<<': merge keys are not read; write the settings out",
        "netmon.yaml:3:7: use.<<: expected a value, got an alias ('*'): write the value out, or put text in quotes",
    ]


_TRAPS = [
    (
        "limits:\n  - success: >= 99%\n",
        "netmon.yaml:2:15",
        "write a limit as one text without ':', as in - success >= 99%",
    ),
    (
        "limits: [p95: < 50ms, success: >= 9%]\n",
        "netmon.yaml:1:32",
        "write a limit as one text without ':', as in - success >= 99%",
    ),
    ("targets:\n  - [::1]:80\n", "netmon.yaml:2:6", 'put an IPv6 address in quotes, as in "[::1]:443"'),
    ("targets:\n  - [::1]\n", "netmon.yaml:2:6", 'put an IPv6 address in quotes, as in "[::1]:443"'),
    ("targets:\n  - [2001:db8::1]:443\n", "netmon.yaml:2:18", 'put an IPv6 address in quotes, as in "[::1]:443"'),
    ("ports: [${PORT}]\n", "netmon.yaml:1:10", 'inside [ ] and { } put a variable in quotes, as in ["${PORT}"]'),
    ("a:\n\tb: 1\n", "netmon.yaml:2:1", "indent with spaces"),
    ("a: @x\n", "netmon.yaml:1:4", "put it in quotes"),
    ("a: b: c\n", "netmon.yaml:1:5", "put text that holds ': ' in quotes"),
    ("- *.example.com:80\n", "netmon.yaml:1:4", "'*' starts an alias: put text that starts with it in quotes"),
    ("a: [1\n", "netmon.yaml:2:1", "a list in [ ] lacks a comma or its end"),
    ("a: {b: 1\n", "netmon.yaml:2:1", "a mapping in { } lacks a comma or its end"),
    ("a: |\n  x\n b\n", "netmon.yaml:3:2", "this line does not fit those above"),
    ('a: "\\q"\n', "netmon.yaml:1", "an unknown escape stands in double quotes"),
    ("a: 'x\n", "netmon.yaml", "a quote or a bracket is not closed"),
    (
        "[targets]\n- a:1\n",
        "netmon.yaml:2:1:",
        "what stands above this line is complete by itself",
    ),
    (
        "[targets]\na = b\n",
        "netmon.yaml:2:1:",
        "what stands above this line is complete by itself",
    ),
    ("%YAML 1.2\na: 1\n", "netmon.yaml:2:1:", "and lines with '%' are not read"),
    ("%x\n", "netmon.yaml:", "'%'"),
    ("a: 1\n%x: 2\n", "netmon.yaml:2:", "'%' at the start of a line starts a directive"),
]


@pytest.mark.parametrize(("text", "place", "words"), _TRAPS)
def test_a_syntax_error_has_its_place_and_says_what_to_do(read: Read, text: str, place: str, words: str) -> None:
    (line,) = lines(read(text))
    assert line.startswith(place)
    assert "this is not YAML: " in line
    assert words in line


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\xff\xfea\x00", "netmon.yaml: expected a file in UTF-8, got UTF-16: save it as UTF-8"),
        ("a: 1".encode("utf-16-be"), "netmon.yaml: expected a file in UTF-8, got UTF-16: save it as UTF-8"),
        (b"a: 1\nb: \xe4\n", "netmon.yaml:2:4: expected a file in UTF-8, got the byte 0xE4: save it as UTF-8"),
        (b"\xef\xbb\xbfa: \xe4\n", "netmon.yaml:1:4: expected a file in UTF-8, got the byte 0xE4: save it as UTF-8"),
        (b"a: \xed\xa0\x80\n", "netmon.yaml:1:4: expected a file in UTF-8, got the byte 0xED: save it as UTF-8"),
        (b"a: 1\nb:\x00\n", "netmon.yaml:2:3: expected text, got the control character U+0000: remove it"),
        (b"a: \x1b[31m\n", "netmon.yaml:1:4: expected text, got the control character U+001B: remove it"),
        (b"a" * (2 * 2**20 + 1), "netmon.yaml: expected at most 2 MiB, got more"),
    ],
)
def test_bytes_that_are_no_text_are_refused(read: Read, data: bytes, line: str) -> None:
    assert lines(read(data)) == [line]


@pytest.mark.fault("yaml", "a byte order mark", "UTF-8: no harm; UTF-16: an error")
def test_a_byte_order_mark_of_utf_8_does_no_harm(read: Read) -> None:
    assert plain(read(b"\xef\xbb\xbfa: 1\n").root) == {"a": 1}


@pytest.mark.fault("yaml", "a lone surrogate", "an error with its place")
def test_lone_surrogates_are_refused(read: Read) -> None:
    (line,) = lines(read('a: "\\ud800"\n'))
    assert "netmon.yaml:1:" in line
    assert lines(read("a: ${ODD}\n", ODD=os.fsdecode(b"\xe4"))) == [
        "netmon.yaml:1:4: a: expected text without control characters, got a value from ${ODD}"
    ]


@pytest.mark.parametrize("nest", ["[", "{a: ", "- "])
@pytest.mark.fault("yaml", "depth 10,000", "an error with its place")
def test_ten_thousand_levels_are_one_clean_error(read: Read, nest: str) -> None:
    started = time.process_time()
    (line,) = lines(read(nest * 10_000))
    assert line.endswith("expected at most 20 levels, got more")
    assert time.process_time() - started < 5  # takes milliseconds; a recursive loader would crash


def test_twenty_levels_are_enough_for_anyone(read: Read) -> None:
    assert not read("[" * 20 + "]" * 20).problems
    assert read("[" * 21 + "]" * 21).problems


@pytest.mark.parametrize("digits", ["9" * 401, "9" * 5000, "0x" + "f" * 5000, "1." + "0" * 5000])
def test_numbers_of_many_digits_are_refused(read: Read, digits: str) -> None:
    (line,) = lines(read(f"a: {digits}\n"))
    assert line.startswith("netmon.yaml:1:4: a: expected ")
    assert len(line) < 200


def test_too_many_values_and_too_long_texts_are_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_VALUES", 1_000)
    assert lines(read("a: [" + "1," * 1_000 + "]"))[0].endswith("expected at most 1,000 values in a file, got more")
    assert "expected at most 4096 characters" in lines(read(f"a: {'x' * 5000}"))[0]


def test_all_problems_of_a_file_are_found_at_once(read: Read) -> None:
    assert len(read("a: .inf\na: 1\nb: &x ${NOPE}\nc: *x\nd: ${NOPE}\n").problems) == 5


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    loaded = read_document(data, "netmon.yaml", {})
    assert loaded.root is not None or loaded.problems


@given(st.text(alphabet="[]{}:,-?&*!|>'\"%@`#~<= \n\tab1$.\\éx0", max_size=60))
def test_arbitrary_yaml_never_raises(text: str) -> None:
    for parser in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(document, "_PARSER", parser)
            loaded = read_document(text.encode(), "netmon.yaml", {})
        assert loaded.root is not None or loaded.problems
        for problem in loaded.problems:
            assert problem.source.file == "netmon.yaml"
            assert str(problem).count("\n") == 0


def test_what_yaml_cuts_off_a_url_at_a_comma_is_hidden(read: Read) -> None:
    loaded = read("a: [redis://:pa,secret,rest@db, x]\nb: {host: 'redis://:p,q@h', ports: 1}\n")
    assert loaded.root is not None
    items = loaded.root.get("a").items()  # type: ignore[union-attr]
    assert [item.hidden for item in items] == [False, True, True, True]
    assert items[1].found == "a text behind a URL (put a URL with a comma in quotes)"
    whole = read("[https://token@api.example.com,secret]").root
    assert whole is not None
    assert [item.hidden for item in whole.items()] == [False, True]
    settings = loaded.root.get("b")
    assert settings is not None
    assert not settings.get("ports").hidden  # type: ignore[union-attr]


def test_targets_beside_an_ordinary_url_are_shown(read: Read) -> None:
    loaded = read("a: [https://api.example.com, db]\n")
    assert loaded.root is not None
    assert [item.found for item in loaded.root.get("a").items()] == [  # type: ignore[union-attr]
        "https://api.example.com",
        "'db'",
    ]
