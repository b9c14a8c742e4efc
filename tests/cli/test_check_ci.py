"""What `netmon check` leaves with the CI system that it runs under, and its HTML page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from check_runs import InProcess, netmon
from servers import Servers


def commands_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("::", "##"))]


def test_the_html_page_is_written_where_it_is_asked_for(check: InProcess, servers: Servers) -> None:
    ran = check(servers.open().target, servers.closed().target, "--html", "page.html")
    page = Path("page.html").read_text("utf-8")
    assert ran.status == 1
    assert "<h1>1 of 2 endpoints failed</h1>" in page


@pytest.mark.parametrize("name", ["-", "."])
def test_an_html_page_that_cannot_be_written_is_said_before_any_check(
    check: InProcess, servers: Servers, name: str
) -> None:
    server = servers.open()
    ran = check(server.target, "--html", name)
    assert (ran.status, ran.out, server.connects) == (2, "", 0)
    assert "--html: expected a file, got -" in ran.err or "a folder stands where the file should be" in ran.err


def test_the_page_may_not_overwrite_the_results(check: InProcess, servers: Servers) -> None:
    ran = check(servers.open().target, "-o", "same", "--html", "same")
    assert (ran.status, "would be written over" in ran.err) == (2, True)


def test_a_job_summary_is_added(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    for _ in range(2):
        ran = check("-q", servers.closed().target)
    text = (tmp_path / "summary.md").read_text("utf-8")
    assert (ran.status, commands_of(ran.out + ran.err)) == (1, [])
    assert text.count("## ❌ netmon: 1 of 1 endpoint failed") == 2


def test_a_job_summary_that_cannot_be_written_changes_no_status(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    ran = check(servers.open().target)
    assert ran.status == 0
    assert ran.err.startswith(f"netmon check: no job summary: cannot write {tmp_path}: ")


def test_annotations_are_commands_that_screens_do_not_break(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = servers.closed()
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "netmon.yaml").write_text(f"targets:\n  - {closed.target}\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "deploy")
    ran = check("netmon.yaml", "--annotations")
    (command,) = commands_of(ran.out)
    assert ran.status == 1
    assert command.startswith(f"::error file=deploy/netmon.yaml,line=2,col=5,title=127.0.0.1%3A{closed.port} failed::")


def test_annotations_stay_out_of_json_on_standard_output(check: InProcess, servers: Servers) -> None:
    ran = check(servers.closed().target, "--annotations", "-o", "-")
    assert json.loads(ran.out)["endpoints"][0]["verdict"] == "failed"
    assert len(commands_of(ran.err)) == 1


def test_azure_gets_a_summary_and_annotations_in_its_words(
    check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("AGENT_TEMPDIRECTORY", str(folder))
    ran = check(servers.closed().target, "--annotations")
    upload, issue = commands_of(ran.out)
    (summary,) = folder.iterdir()
    assert upload == f"##vso[task.uploadsummary]{summary}"
    assert issue.startswith("##vso[task.logissue type=error;]127.0.0.1:")
    assert ran.status == 1


def test_a_plain_check_imports_nothing_for_pages_and_runners(tmp_path: Path, servers: Servers) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "def tell():\n"
        "    found = [name for name in ('jinja2', 'pytest_netmon.runners') if name in sys.modules]\n"
        "    open('imported.txt', 'w').write(' '.join(found))\n"
        "atexit.register(tell)\n"
    )
    root = Path(__file__).parents[2]
    ran = netmon("check", servers.open().target, cwd=tmp_path, PYTHONPATH=f"{tmp_path}:{root}")
    assert ran.status == 0
    assert (tmp_path / "imported.txt").read_text() == ""
