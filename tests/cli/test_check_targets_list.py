"""`--targets-from`: targets in a plain list."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.cli.targets_list import MOST_BYTES, read_targets, targets_in
from pytest_netmon.problems import ConfigurationError, Source


def plain(text: str) -> list[str]:
    return [target for target, _ in targets_in(text, "hosts.txt")]


def test_each_way_to_write_a_target_is_read() -> None:
    text = "db.internal 5432\ncache:6379\n\thttps://api.example.com/v1\n::1 22\n[::1]:23\n[::1] 24\n"
    assert plain(text) == [
        "db.internal:5432", "cache:6379", "https://api.example.com/v1", "[::1]:22", "[::1]:23", "[::1]:24",
    ]  # fmt: skip


def test_comments_and_blank_lines_say_nothing() -> None:
    assert plain("# ours\n\n  \n db:1 # main\n#x:1\n") == ["db:1"]


def test_a_hash_inside_a_url_is_no_comment() -> None:
    assert plain("https://api/#part # the api") == ["https://api/#part"]


def test_lines_keep_their_numbers() -> None:
    assert targets_in("# x\r\n\r\na 1\r\nb:2", "l.txt") == [
        ("a:1", Source("l.txt", 3)),
        ("b:2", Source("l.txt", 4)),
    ]


def test_what_is_no_target_is_left_for_the_configuration_to_judge() -> None:
    assert plain("a b c\nhttps://a b") == ["a b c", "https://a b"]


def test_a_mark_of_byte_order_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes(b"\xef\xbb\xbfdb 1\n")
    assert read_targets(str(path)) == [("db:1", Source(str(path), 1))]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"# nothing\n", "l.txt: expected targets, one a line"),
        (b"a 1\nb\xff 2\n", "l.txt:2: expected a list of targets in UTF-8, got a byte 0xff"),
        (b"a" * (MOST_BYTES + 1), "l.txt: expected a list of targets of at most 4 MiB, got more"),
    ],
)
def test_what_is_no_list_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("l.txt").write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_targets("l.txt")
    assert str(caught.value).startswith(told)


def test_a_missing_list_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere: cannot read this list of targets: No such file"):
        read_targets(str(tmp_path / "nowhere"))


@given(st.text())
def test_any_text_is_read_and_every_target_has_its_line(text: str) -> None:
    for target, place in targets_in(text, "l.txt"):
        assert target.strip() == target != ""
        assert 1 <= place.line <= text.count("\n") + 1
