"""What pytest --netmon leaves with the CI system that it runs under."""

from __future__ import annotations

import pytest


@pytest.fixture
def on_github(project, monkeypatch):
    """The runner's variables; returns the file of the job summary."""
    summary = project.path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return summary


@pytest.fixture
def on_azure(project, monkeypatch):
    folder = project.path / "agent"
    folder.mkdir()
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("AGENT_TEMPDIRECTORY", str(folder))
    return folder


def commands_of(result):
    return [line for line in result.outlines if line.startswith(("::", "##"))]


def test_the_html_report_stands_beside_the_others(project, servers):
    project.write_targets(servers.open().target, servers.closed().target)
    result = project.run("--netmon")
    result.stdout.fnmatch_lines(["written: netmon-report/netmon-junit.xml", "written: netmon-report/netmon.html"])
    page = project.artifact("netmon.html")
    assert page.startswith("<!doctype html>")
    assert "1 of 2 endpoints failed" in page
    assert page.rstrip().endswith("</html>")


def test_without_artifacts_there_is_no_html_and_no_jinja2(project, servers):
    project.write_targets(servers.open().target)
    project.write("conftest.py", "import sys\ndef pytest_unconfigure(): print('jinja2:', 'jinja2' in sys.modules)\n")
    result = project.run_apart("--netmon", "--netmon-report=")
    result.stdout.fnmatch_lines(["jinja2: False"])
    assert not project.has_artifacts


def test_a_job_summary_is_added_to_what_is_there(project, servers, on_github):
    on_github.write_text("# of another step\n\n", "utf-8")
    project.write_targets(servers.closed().target)
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = on_github.read_text("utf-8")
    assert text.startswith("# of another step\n\n## ❌ netmon: 1 of 1 endpoint failed\n")
    assert commands_of(result) == []


def test_a_job_summary_that_cannot_be_written_is_said_and_fails_nothing(project, servers, on_github, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "none" / "summary.md"))
    project.write_targets(servers.open().target)
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["no job summary: cannot write *summary.md: No such file*"])


def test_a_job_summary_without_room_is_said(project, servers, on_github):
    on_github.write_text("x" * 1024 * 1020, "utf-8")
    project.write_targets(servers.open().target)
    result = project.run("--netmon")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["no job summary: other steps' words have used up its room (1,024 KiB)"])
    assert on_github.stat().st_size == 1024 * 1020


def test_without_a_runner_nothing_is_left(project, servers, monkeypatch):
    for name in ("GITHUB_STEP_SUMMARY", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    project.write_targets(servers.closed().target)
    assert commands_of(project.run("--netmon")) == []


def test_annotations_stand_at_the_line_of_the_file(project, servers, on_github):
    closed = servers.closed()
    project.write_targets(servers.open().target, closed.target, name="deploy/netmon.yaml")
    result = project.run("--netmon-config=deploy/netmon.yaml", "--netmon-annotations")
    (command,) = commands_of(result)
    assert command.startswith(f"::error file=deploy/netmon.yaml,line=3,col=5,title=127.0.0.1%3A{closed.port} failed::")
    assert "%0A  refused (" in command


def test_annotations_alone_turn_netmon_on(project, servers, on_github):
    project.write_targets(servers.closed().target)
    assert len(commands_of(project.run("--netmon-annotations"))) == 1


def test_annotations_are_not_made_twice(project, servers, on_github):
    project.write("pytest_github_actions_annotate_failures.py", "")
    project.write_targets(servers.closed().target)
    result = project.run("--netmon", "--netmon-annotations", "-p", "pytest_github_actions_annotate_failures")
    assert commands_of(result) == []


def test_azure_gets_a_summary_of_its_own_and_annotations_in_its_words(project, servers, on_azure):
    project.write_targets(servers.closed().target)
    result = project.run("--netmon", "--netmon-annotations")
    upload, issue = commands_of(result)
    (summary,) = on_azure.iterdir()
    assert upload == f"##vso[task.uploadsummary]{summary}"
    assert summary.read_text("utf-8").startswith("## ❌ netmon: 1 of 1 endpoint failed\n")
    assert issue.startswith("##vso[task.logissue type=error;sourcepath=netmon.yaml;linenumber=2;columnnumber=5;]")
