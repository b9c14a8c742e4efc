"""`netmon report` of results: rendered anew, put together, refused in words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from check_runs import Ran, clean_environment
from made_runs import MACHINE, failed, measured, opened, reached, run_of

from pytest_netmon.cli.main import main
from pytest_netmon.reports.json_report import json_chunks
from pytest_netmon.run import Run

REFUSED = failed("refused", clock_ms=0.2, errno="ECONNREFUSED")


class InProcess:
    """Runs `netmon report` in this process, in an empty folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        status = main(["report", *arguments])
        captured = self._capsys.readouterr()
        return Ran(status, captured.out, captured.err)


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InProcess:
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return InProcess(capsys)


def saved(run: Run, name: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json_chunks(run)))
    return name


def on(host: str, *probed: object) -> Run:
    return run_of(probed, machine={**MACHINE, "host": host})  # type: ignore[arg-type]


GREEN = (reached("db", 5432), [opened(1.5)])
RED = (reached("db", 5432), [REFUSED])


def test_a_run_is_shown_and_its_verdict_is_the_status(report: InProcess) -> None:
    assert report(saved(run_of([GREEN]), "g.json")).status == 0
    red = report(saved(run_of([RED, (reached("api", 443), [opened(2.0)])]), "r.json"))
    assert red.status == 1
    assert red.out.startswith("FAIL   db:5432 (10.0.3.7): refused, not reached in 1 try\n")
    assert red.out.endswith("\n1 of 2 endpoints failed\n")
    ours = report(saved(run_of([(reached(), [failed("local_error", errno="EMFILE")])]), "o.json"))
    assert ours.status == 3


def test_an_expected_failure_is_no_failure(report: InProcess) -> None:
    assert report(saved(run_of([(reached(xfail="pending"), [REFUSED])]), "x.json")).status == 0


def test_what_was_watched_without_limits_cannot_fail(report: InProcess) -> None:
    watched = measured("db", 1, count=None, watched=True)
    assert report(saved(run_of([(watched, [REFUSED] * 3)]), "w.json")).status == 0


def test_several_runs_become_one_with_a_place_for_each_machine(report: InProcess) -> None:
    saved(on("web-1", RED, (reached("api", 443), [opened(2.0)])), "a/netmon.json")
    saved(on("web-2", GREEN, (reached("api", 443), [opened(3.0)])), "b/netmon.json")
    ran = report(
        "a/netmon.json", "b/netmon.json", "--json", "all.json", "--junit", "all.xml", "--html", "all.html",
        "--markdown", "all.md", "--openmetrics", "all.prom",
    )  # fmt: skip
    assert ran.status == 1
    assert "db:5432   red from web-1 only  FAILED refused  1.50 ms\n" in ran.out
    assert "1 of 4 endpoints failed\n" in ran.out
    cases = {(case.get("classname"), case.get("name")) for case in ElementTree.parse("all.xml").iter("testcase")}
    assert cases == {(f"netmon.web-{at}", name) for at in (1, 2) for name in ("db:5432", "api:443")}
    assert "red from web-1 only" in Path("all.html").read_text()
    assert (
        "red from web&#45;1 only" in Path("all.md").read_text() or "red from web-1 only" in Path("all.md").read_text()
    )
    assert 'vantage="web-2"' in Path("all.prom").read_text()


def test_what_was_put_together_can_be_read_again_and_says_the_same(report: InProcess) -> None:
    saved(on("web-1", RED), "a.json")
    saved(on("web-2", GREEN), "b.json")
    report("a.json", "b.json", "--json", "all.json")
    assert report("all.json", "--json", "again.json").status == 1
    assert json.loads(Path("again.json").read_text()) == json.loads(Path("all.json").read_text())


def test_places_may_be_named_and_a_single_run_too(report: InProcess) -> None:
    saved(on("ci", RED), "a.json")
    saved(on("ci", GREEN), "b.json")
    ran = report("paris=a.json", "tokyo=b.json")
    assert "\ndb:5432   red from paris only  FAILED refused  1.50 ms\n" in ran.out
    assert report("paris=a.json").out.startswith("FAIL   db:5432 (10.0.3.7, from paris): ")
    assert "\ndb:5432   red from a only  FAILED refused  1.50 ms\n" in report("a.json", "b.json").out


def test_a_file_that_holds_an_equals_sign_is_a_file(report: InProcess) -> None:
    assert report(saved(on("ci", GREEN), "x=y.json")).out.count("from x") == 0


def test_a_sample_file_and_results_can_be_put_together(report: InProcess, tmp_path: Path) -> None:
    from test_report_samples import header_of, watched
    from test_report_samples import opened as line

    (tmp_path / "s.ndjson").write_text(header_of(watched("db", 5432)) + line(1))
    saved(on("web-1", GREEN), "a.json")
    assert "db:5432   15.23 ms  1.50 ms\n" in report("m=s.ndjson", "a.json").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.json", "./a.json"), "a.json is given twice: name each file once"),
        (("p=a.json", "p=b.json"), "db:5432 from p stands in several of the runs: give each file a label of its own"),
        (("a.json", "nothing.json"), "cannot read nothing.json: No such file or directory"),
        (("cut.json",), "cut.json: line 1, column 2: no JSON: "),
        (("other.json",), "other.json: the key monitoring_session is missing"),
        (("latin.json",), "latin.json: byte 7: no UTF-8"),
        (("a.json", "--json", "a.json"), "would be written over"),
        (("p=a.json", "--html", "a.json"), "would be written over"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(report: InProcess, arguments: tuple[str, ...], said: str) -> None:
    saved(on("ci", RED), "a.json")
    saved(on("ci", GREEN), "b.json")
    Path("cut.json").write_text("{")
    Path("other.json").write_text('{"targets": []}')
    Path("latin.json").write_bytes(b'{"a": "\xe4"}')
    ran = report(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err.splitlines()[0]
    assert ran.err.startswith("netmon report: ")


def test_names_in_a_file_cannot_steer_a_terminal(report: InProcess) -> None:
    run = run_of([RED], machine={"host": "\x1b[2J"}, warnings=("\x1b]0;x\x07",))
    ran = report(saved(run, "a.json"), saved(run_of([GREEN]), "b.json"))
    assert "\x1b" not in ran.out + ran.err
