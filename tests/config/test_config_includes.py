from __future__ import annotations

import pytest
from written_config import Written

from pytest_netmon.config import files


def test_included_targets_come_first_with_their_own_defaults(written: Written) -> None:
    written.write("gate.yaml", "defaults: {timeout: 9s}\ninclude: [parts/db.yaml]\ntargets: [api:443]\n")
    written.write("parts/db.yaml", "include: more/cache.yaml\ntargets: [db:5432]\n")
    written.write("parts/more/cache.yaml", "defaults: {timeout: 1500ms}\ntargets: [cache:6379]\n")
    plan = written.load("gate.yaml")
    assert [(endpoint.id, endpoint.timeout_s) for endpoint in plan.endpoints] == [
        ("cache:6379", 1.5),
        ("db:5432", 3.0),
        ("api:443", 9.0),
    ]
    assert plan.files == ("gate.yaml", "parts/more/cache.yaml", "parts/db.yaml")
    assert plan.timeout_s == 9.0
    assert str(plan.endpoints[0].source) == "parts/more/cache.yaml:2:11"


def test_a_file_named_twice_is_read_once(written: Written) -> None:
    written.write("a.yaml", "include: [c.yaml]\ntargets: [a:1]\n")
    written.write("b.yaml", "include: [./x/../c.yaml]\ntargets: [b:1]\n")
    written.write("c.yaml", "targets: [c:1]\n")
    plan = written.load("a.yaml", "b.yaml", "c.yaml", "a.yaml")
    assert [endpoint.id for endpoint in plan.endpoints] == ["c:1", "a:1", "b:1"]
    assert plan.warnings == []


def test_a_circle_is_an_error_at_the_include_that_closes_it(written: Written) -> None:
    written.write("a.yaml", "include: [sub/b.yaml]\ntargets: [a:1]\n")
    written.write("sub/b.yaml", "include:\n  - ../a.yaml\n")
    assert written.lines("a.yaml") == [
        "sub/b.yaml:2:5: include[0]: expected no circle of files, got a.yaml -> sub/b.yaml -> "
        "a.yaml: remove one include"
    ]
    written.write("self.yaml", "include: self.yaml\ntargets: [a:1]\n")
    assert written.lines("self.yaml") == [
        "self.yaml:1:10: include: expected no circle of files, got self.yaml -> self.yaml: remove one include"
    ]


def test_a_circle_through_a_symbolic_link_is_seen(written: Written) -> None:
    written.write("a.yaml", "include: [link.yaml]\ntargets: [a:1]\n")
    (written.folder / "link.yaml").symlink_to("a.yaml")
    assert "expected no circle of files" in written.lines("a.yaml")[0]


@pytest.mark.parametrize(
    ("include", "line"),
    [
        ("nope.yaml", "expected a file, got 'nope.yaml': there is none of this name (looked for sub/nope.yaml)"),
        ("../sub", "expected a file, got '../sub': this is a folder (looked for sub)"),
        ("https://user:secret@host/x.yaml", "expected a file, got https://host: there is none of this name"),
    ],
)
def test_what_cannot_be_included_is_named_at_its_place(written: Written, include: str, line: str) -> None:
    written.write("sub/a.yaml", f"targets: [a:1]\ninclude: [{include}]\n")
    assert written.lines("sub/a.yaml") == [f"sub/a.yaml:2:11: include[0]: {line}"]


def test_problems_of_included_files_are_found_with_all_others(written: Written) -> None:
    written.write("a.yaml", "include: [b.yaml]\ntargets: [a]\n")
    written.write("b.yaml", "targets: [b]\n")
    assert [line.split(":")[0] for line in written.lines("a.yaml")] == ["b.yaml", "a.yaml"]


def test_includes_are_bounded(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        written.write(f"{number}.yaml", f"include: [{number + 1}.yaml]\ntargets: [h{number}:1]\n")
    written.write("12.yaml", "targets: [h12:1]\n")
    assert written.lines("0.yaml") == [
        "9.yaml:1:11: include[0]: expected at most 100 files and 10 levels of includes, got more"
    ]
    monkeypatch.setattr(files, "MOST_FILES", 2)
    assert "expected at most 2 files" in written.lines("0.yaml")[0]
    monkeypatch.setattr(files, "MOST_FILES", 100)
    monkeypatch.setattr(files, "MOST_BYTES_IN_ALL", 10)
    assert "all files together have more than" in written.lines("0.yaml")[0]


def test_files_outside_the_base_are_named_as_the_user_did(written: Written) -> None:
    written.write("a.yaml", "targets: [a:1]\n")
    assert files.shown_path(written.folder / "x" / ".." / "a.yaml", written.folder) == "a.yaml"
    assert files.shown_path(written.folder / "a.yaml", written.folder / "sub") == (written.folder / "a.yaml").as_posix()
