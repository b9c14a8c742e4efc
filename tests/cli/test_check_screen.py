"""Where the lines of `netmon check` go: terminals and their width, colours, runners of CI."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from check_runs import InProcess, clean_environment, command
from hypothesis import given
from hypothesis import strategies as st
from servers import Servers

from pytest_netmon.cli.screen import Screen, wants_color
from pytest_netmon.reports.layout import width_of, wrapped

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")


class Terminal(io.StringIO):
    """A stream that says it is a terminal, of 80 columns for want of a descriptor."""

    def isatty(self) -> bool:
        return True


def screen(out: io.StringIO, err: io.StringIO, **env: str) -> Screen:
    return Screen(out, err, env)


def on_a_terminal(folder: Path, *arguments: str, columns: int = 80, **environment: str) -> str:
    """Run `netmon check` on a pseudo-terminal and return all that it wrote there."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = clean_environment(**{"TERM": "xterm", **environment})
    process = subprocess.Popen(
        command("check", *arguments), cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while chunk := _read(ours):
        written += chunk
    os.close(ours)
    process.wait(30)
    return written.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # EIO: the other end is closed
        return b""


@posix_only
def test_words_are_coloured_on_a_terminal(tmp_path: Path, servers: Servers) -> None:
    opened, closed = servers.open().target, servers.closed().target
    written = on_a_terminal(tmp_path, opened, closed)
    assert f"\x1b[32mPASS   \x1b[0m{opened}" in written
    assert f"\x1b[1;31mFAIL   \x1b[0m{closed}" in written
    assert "\x1b[36m    next:\x1b[0m" in written
    assert "\x1b[1;31m1 passed, 1 failed in " in written


@posix_only
def test_lines_are_broken_at_spaces_to_the_width_of_the_terminal(tmp_path: Path, servers: Servers) -> None:
    written = on_a_terminal(tmp_path, servers.closed().target, columns=60, NO_COLOR="1")
    lines = written.splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("    next: ") for line in lines)
    assert any(line.startswith("      ") for line in lines)
    assert "nothing listens" in " ".join(line.strip() for line in lines)


@posix_only
@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_are_left_out_where_they_are_not_wanted(
    tmp_path: Path, servers: Servers, settings: dict[str, str]
) -> None:
    assert "\x1b" not in on_a_terminal(tmp_path, servers.closed().target, **settings)


def test_no_colours_and_no_broken_lines_in_a_pipe(check: InProcess, servers: Servers) -> None:
    out = check(servers.closed().target).out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) > 80


def test_colours_can_be_asked_for(check: InProcess, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert check(servers.open().target, "--color", "always").out.startswith("\x1b[32mPASS   \x1b[0m")


def test_colours_can_be_refused() -> None:
    assert not wants_color(Terminal(), "never", {"TERM": "xterm"})
    assert wants_color(Terminal(), "auto", {"TERM": "xterm", "NO_COLOR": ""})
    assert not wants_color(io.StringIO(), "auto", {"TERM": "xterm"})


def test_progress_rewrites_one_line_of_a_terminal_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_netmon.cli.screen._QUIET_S", 0.0)
    monkeypatch.setattr("pytest_netmon.cli.screen._REWRITE_EVERY_S", 0.0)
    out, err = io.StringIO(), Terminal()
    shown = screen(out, err)
    shown.progress("netmon: 1 s")
    shown.progress("x" * 200)
    shown.line("PASS")
    erase = "\r\x1b[2K"
    assert err.getvalue() == f"{erase}netmon: 1 s{erase}{'x' * 74}...{erase}"
    assert out.getvalue() == "PASS\n"


def test_progress_can_be_left_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_netmon.cli.screen._QUIET_S", 0.0)
    monkeypatch.setattr("pytest_netmon.cli.screen._REWRITE_EVERY_S", 0.0)
    err = Terminal()
    shown = screen(io.StringIO(), err)
    shown.progress("netmon: waiting for db")
    shown.end_progress(keep=True)
    shown.end_progress()
    assert err.getvalue() == "\r\x1b[2Knetmon: waiting for db\n"


def test_progress_that_comes_too_often_is_passed_over() -> None:
    err = Terminal()
    shown = screen(io.StringIO(), err)
    for _ in range(1000):
        shown.progress("netmon: 0 s")
    assert err.getvalue() == ""


def test_a_runner_s_commands_are_broken() -> None:
    out = io.StringIO()
    shown = screen(out, io.StringIO(), GITHUB_ACTIONS="true")
    shown.line("ok ##[error]boo")
    shown.line("::set-output name=x::y")
    assert out.getvalue() == "ok ## [error]boo\n: :set-output name=x::y\n"


def test_wide_characters_count_twice_where_lines_are_broken() -> None:
    out = Terminal()
    screen(out, io.StringIO(), NO_COLOR="1").line(f"FAIL   {'界' * 30} {'x' * 30}")
    assert out.getvalue() == f"FAIL   {'界' * 30}\n  {'x' * 30}\n"


@given(st.text(st.sampled_from(" ab\u754c"), max_size=200), st.integers(10, 60))
def test_breaking_a_line_loses_nothing_and_keeps_to_the_width(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert " ".join(lines).split() == text.split()
    longest = max(map(width_of, text.split()), default=0)
    indent = len(text) - len(text.lstrip(" ")) + 2
    assert all(width_of(line.rstrip()) <= max(width, longest + indent) for line in lines)
