"""Foreign text: what no sink may ever get, over all of Unicode."""

from __future__ import annotations

import json
import re
import unicodedata
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netmon.safe import FILE_NAME_LIMIT, for_file_name, for_json, for_terminal, for_workflow, for_xml

EVERY_CHARACTER = "".join(map(chr, range(0x110000)))
awkward = st.sampled_from("\x1b\x9b\u202e\ud800\ufffe:#[]vso\n\r\t \u200b\ufe0f\x85")
anything = st.text(st.characters(categories=None) | awkward)


@pytest.mark.fault("text", "control, format, bidi characters: terminal", "visible escapes")
def test_every_control_format_and_surrogate_character_of_unicode_is_shown_to_a_terminal_as_an_escape():
    shown = for_terminal(EVERY_CHARACTER, None)
    left = {character for character in shown if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert left == set()


def test_letters_of_every_script_reach_a_terminal_unchanged():
    kept = "".join(c for c in EVERY_CHARACTER if unicodedata.category(c)[0] in "LNPSM")
    assert for_terminal(kept, None) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("pay\u202elap", "pay\\u202elap"),
        ("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"),
        ("a\u2028b", "a\\u2028b"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
        (r"C:\temp", r"C:\temp"),
        ("müller.example", "müller.example"),
    ],
)
def test_a_terminal_gets_visible_escapes(text, shown):
    assert for_terminal(text) == shown


def test_newlines_stay_where_lines_are_allowed_and_nothing_else_does():
    assert for_terminal("one\ntwo\r\n\x1bthree", lines=True) == "one\ntwo\\r\n\\x1bthree"


@given(anything, st.integers(0, 40))
def test_a_text_is_never_longer_than_its_limit(text, limit):
    assert len(for_terminal(text, limit)) <= limit


@given(anything, st.integers(3, 40))
def test_a_cut_text_ends_in_an_ellipsis_and_keeps_its_start(text, limit):
    whole, cut = for_terminal(text, None), for_terminal(text, limit)
    assert cut == whole or (cut.endswith("...") and whole.startswith(cut[:-3]))
    assert (cut == whole) == (len(whole) <= limit)


def test_an_escape_is_never_cut_in_two():
    assert for_terminal("ab\u202ecd", 9) == "ab..."
    assert for_terminal("ab\u202ecd", 10) == "ab\\u202ecd"


@given(anything)
def test_what_is_harmless_stays_as_it_is(text):
    for make_harmless in (for_terminal, for_xml, for_json, for_workflow, for_file_name):
        once = make_harmless(text)
        assert make_harmless(once) == once


@given(anything)
@pytest.mark.fault("text", "any text: XML", "parses, and reads back the same")
def test_xml_reads_back_what_was_written(text):
    element = ET.Element("failure")
    element.text = for_xml(text)
    document = ET.tostring(element, encoding="utf-8").decode()
    assert (ET.fromstring(document).text or "") == for_xml(text)


def test_every_character_that_xml_does_not_allow_is_shown_and_so_are_c1_controls():
    shown = for_xml(EVERY_CHARACTER)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", shown)
    assert "\t\n" in shown
    ET.fromstring(f"<text>{shown.replace('&', '').replace('<', '')}</text>")


@given(anything)
def test_json_holds_no_lone_surrogate(text):
    json.loads(json.dumps(for_json(text))).encode("utf-8")


def without_the_invisible(line: str) -> str:
    """What a culture-sensitive comparison sees of a line."""
    return re.sub("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]", "", line).lstrip()


@given(anything)
@pytest.mark.fault("text", "`::error::`, `##[`: a CI runner's log", "no line is a command")
def test_no_line_of_a_log_is_a_command_to_a_runner(text):
    for line in re.split(r"[\n\r\v\f\x85\u2028\u2029]", for_workflow(text)):
        visible = without_the_invisible(line)
        assert not visible.startswith("::")
        assert not re.search(r"##(vso)?\[", visible, re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::gone", ": :error::gone"),
        ("  ::set-output name=x::1", "  : :set-output name=x::1"),
        ("one\n\u00a0::error::two", "one\n\u00a0: :error::two"),
        (":\ufe0f:error::x", ": \ufe0f:error::x"),
        ("so ##[group]x", "so ## [group]x"),
        ("##vso[task.complete]", "## vso[task.complete]"),
        ("##VSO[task.complete]", "## VSO[task.complete]"),
        ("###[x", "### [x"),
        ("db::5432 # [1]", "db::5432 # [1]"),
    ],
)
def test_a_runner_command_is_broken_by_a_visible_space(text, shown):
    assert for_workflow(text) == shown


@given(anything)
@pytest.mark.fault("text", "`../`, reserved names: file names", "no file leaves its folder")
def test_a_file_name_is_one_that_every_system_takes(text):
    name = for_file_name(text)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
    assert len(name) <= FILE_NAME_LIMIT
    assert name[0] not in ".-"
    assert name[-1] != "."
    assert name.partition(".")[0].lower() not in {"con", "nul", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("db:5432", "db_5432"),
        ("[::1]:80", "_1_80"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("", "_"),
        ("nul.txt", "_nul.txt"),
        ("..", "_"),
    ],
)
def test_a_file_name_keeps_what_it_can(text, name):
    assert for_file_name(text) == name
