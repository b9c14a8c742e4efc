"""Hostile words of resolvers, of servers and of whoever wrote the file, in everything that is made of them."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from check_runs import netmon
from sealed_lines import line_of

from pytest_netmon.plan import Endpoint, Plan
from pytest_netmon.plan_record import record_of

HOSTILE = [
    "\x1b[2J\x1b[31mred", "\x1b]8;;http://evil.example\x07here\x1b]8;;\x07", "\x9b31m", "\u202egnp.exe", "a\u2066b",
    "one\ntwo\r\nthree", "::error file=a::owned", "\n::error::owned", "a ##[error]owned",
    "##vso[task.complete result=Failed;]", "x]]>y", "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)>", "$(id)`id`", "../../owned", "\ufffe\uffff", "\ud800", "a\u2028b\u2029c",
    "|a|b|\n|-|-|", "a\0b", "*bold* [link](http://evil.example)", "&amp;\"'", "x" * 10_000,
]  # fmt: skip
#: C0 but for newlines, DEL, C1; bidirectional controls; line and paragraph separators; what is no character.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufffe\uffff\ud800-\udfff]")
COMMAND = re.compile(r"(?m)^\s*::|##\[|##vso\[")


def samples_of(tmp_path: Path) -> Path:
    """A recording in which every text is hostile, one after another."""
    endpoints = [
        Endpoint(host=f"h{n}.internal", port=80, name=text[:80], measured=True, count=3, xfail=text if n % 3 else None)
        for n, text in enumerate(HOSTILE)
    ] + [Endpoint(host=text[:250], port=81) for text in HOSTILE]
    machine = {"host": HOSTILE[0], "system": HOSTILE[4], "release": HOSTILE[9], "python": HOSTILE[11]}
    plan = Plan(endpoints=endpoints, warnings=[*HOSTILE], files=tuple(HOSTILE))
    context = {"plan": record_of(plan), "selected": [*range(len(endpoints))], "machine": machine}
    lines: list[object] = [{"netmon": 1, "started_unix_us": 1_782_000_000_000_000, "context": context}]
    for index in range(len(endpoints)):
        text = HOSTILE[index % len(HOSTILE)]
        detail = {"errno": "EHOSTUNREACH", "icmp": [3, 1], "text": text, "attempts": [[text[:200], "timeout", 5]]}
        lines += [[index, n, n * 1000, "timeout", None, 900, 3, None, 1, text[:200], detail] for n in (1, 2)]
        lines += [
            [index, 3, 3000, "open", 900, 900, None, 40, 0, text[:200], {"attempts": [[text[:200], "refused", 5]]}]
        ]
        lines += [{"event": "done", "endpoint": index}]
    for text in HOSTILE:
        lines += [
            {"event": "warning", "text": text},
            {"event": "gap", "at_us": 1, "length_us": 2, "cause": text, "missed": 1},
            {"event": "lost", "samples": 1, "text": text},
            {"event": "address", "host": text, "old": [text[:200]], "new": [text[:200]]},
        ]  # fmt: skip
    path = tmp_path / "samples.ndjson"
    path.write_text("".join(map(line_of, lines)), "ascii")
    return path


class Tags(html.parser.HTMLParser):
    """The elements of a page and their attributes' names."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all reports; `out` holds what a terminal and a runner saw."""
    folder = tmp_path_factory.mktemp("hostile") / "inner"
    folder.mkdir()
    samples = samples_of(folder)
    reports = [
        "--json",
        "r.json",
        "--html",
        "r.html",
        "--junit",
        "r.xml",
        "--markdown",
        "r.md",
        "--openmetrics",
        "r.prom",
    ]
    ran = netmon("report", samples.name, *reports, cwd=folder, GITHUB_ACTIONS="true")
    assert ran.status in (1, 3), ran.err
    (folder / "out").write_text(ran.out + ran.err, "utf-8")
    return folder


@pytest.mark.fault("text", "ESC, OSC 8, U+009B, bidi, newlines, U+FFFE, NUL: terminal", "no raw control character")
@pytest.mark.fault("text", "the same: Markdown, OpenMetrics, JUnit, HTML", "no raw control character; they parse")
@pytest.mark.parametrize("report", ["out", "r.md", "r.prom", "r.xml", "r.html"])
def test_no_raw_control_character_is_in_anything_that_is_shown(made: Path, report: str) -> None:
    assert RAW.findall((made / report).read_text("utf-8")) == []


@pytest.mark.fault(
    "text", "`::error::`, `##[`, `##vso[`: everything that a runner reads", "no workflow command is forged"
)
def test_no_line_is_a_command_to_a_runner(made: Path) -> None:
    assert COMMAND.findall((made / "out").read_text("utf-8")) == []


@pytest.mark.fault("text", "`]]>`, `<script>`, quotes: XML and HTML", "they parse; no element that is not ours")
def test_xml_and_html_hold_no_element_of_others(made: Path) -> None:
    suites = ElementTree.parse(made / "r.xml")
    assert {element.tag for element in suites.iter()} <= {
        "testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped", "system-out",
        "system-err",
    }  # fmt: skip
    tags = Tags()
    tags.feed((made / "r.html").read_text("utf-8"))
    assert tags.seen.count("script") == 1
    assert not {"img", "iframe", "object"} & {*tags.seen}
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert not {"a"} & {*tags.seen} or "evil.example" not in re.findall(
        r'href="([^"]*)"', (made / "r.html").read_text("utf-8")
    )


@pytest.mark.fault("text", "`../` and absolute names: files", "no file leaves its folder")
def test_no_file_leaves_its_folder(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == {
        "samples.ndjson", "out", "r.json", "r.html", "r.xml", "r.md", "r.prom",
    }  # fmt: skip
    assert [path.name for path in made.parent.iterdir()] == ["inner"]


@pytest.mark.fault("text", "all of it: JSON", "no raw control character; it parses")
@pytest.mark.fault(
    "text", "a netmon.json made by hand with it", "refused with its place, by a message without any of it"
)
def test_json_is_whole_and_names_that_no_plan_may_have_are_refused(made: Path) -> None:
    text = (made / "r.json").read_bytes().decode("utf-8")
    assert len(json.loads(text)["endpoints"]) == 2 * len(HOSTILE)
    assert not re.search("[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    ran = netmon("report", "r.json", cwd=made)
    assert ran.status == 2
    assert ran.err.startswith("netmon report: r.json: endpoints[0]: expected a name of printable characters, got '")
    assert RAW.findall(ran.err) == []
