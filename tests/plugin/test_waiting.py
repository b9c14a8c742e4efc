"""While a test waits for its endpoint: a progress line, and nobody's clock runs."""

from __future__ import annotations

import os
import re
import sys

import pytest

#: What a wait of some seconds would look like, without the seconds: the clock of the display jumps at each look.
FAST_CLOCK = """
import itertools
from pytest_netmon.gate import waiting

clock = itertools.count(step={step})
waiting.time = type("Clock", (), {{"monotonic": staticmethod(lambda: next(clock))}})
"""


def slow(server, **settings):
    """A target for which a test waits a second: some ticks of the display."""
    return {"host": server.host, "ports": [server.port], "count": 11, "interval": "100ms", "name": "slow", **settings}


def test_the_shared_wait_is_not_counted_against_a_tests_timeout(project, servers):
    pytest.importorskip("pytest_timeout")
    project.write_targets(slow(servers.open(), count=21))
    project.run("--netmon", "--timeout=1.5").assert_outcomes(passed=1)


def test_a_log_gets_a_line_every_few_seconds(project, servers):
    project.write_targets(slow(servers.open()))
    project.write("conftest.py", FAST_CLOCK.format(step=3))
    result = project.run_apart("--netmon")
    result.stdout.fnmatch_lines(["netmon: 0 of 1 endpoint, *", "netmon.yaml . *"])
    assert "\x1b" not in result.stdout.str()


def test_lines_stand_apart_from_the_dots_of_workers(project, servers):
    pytest.importorskip("xdist")
    project.write("test_own.py", "def test_own(): pass\n")
    project.write_targets(slow(servers.open(), count=21))
    project.write("conftest.py", FAST_CLOCK.format(step=3))
    result = project.run_apart("--netmon", "-n2")
    result.stdout.fnmatch_lines([".", "netmon: 0 of 1 endpoint, *", ".*"])


def test_a_short_wait_writes_no_line_into_a_log(project, servers):
    project.write_targets(slow(servers.open()))
    result = project.run_apart("--netmon")
    result.stdout.fnmatch_lines(["netmon.yaml . *"])
    result.stdout.no_fnmatch_line("netmon: 0 of*")


def test_quiet_writes_no_line(project, servers):
    project.write_targets(slow(servers.open()))
    project.write("conftest.py", FAST_CLOCK.format(step=3))
    project.run_apart("--netmon", "-q").stdout.no_fnmatch_line("netmon: 0 of*")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_a_line_below_the_dots_and_gets_the_cursor_back(project, servers):
    project.write("test_own.py", "def test_own(): pass\n")
    project.write_targets(slow(servers.open(), count=2, name="first"), slow(servers.open()))
    project.write("conftest.py", FAST_CLOCK.format(step=1))
    shown = screen_of(on_terminal(project, "--netmon"))
    assert any(line.startswith("netmon.yaml ..") and line.endswith("[100%]") for line in shown)
    assert not any(line.startswith("netmon: ") and "endpoints," in line for line in shown)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_sees_progress_while_it_waits(project, servers):
    project.write_targets(slow(servers.open()))
    project.write("conftest.py", FAST_CLOCK.format(step=1))
    assert "netmon: 0 of 1 endpoint, " in on_terminal(project, "--netmon")


def on_terminal(project, *arguments):
    """Run pytest on a pseudo-terminal of its own and return all that it wrote."""
    import pty

    master, slave = pty.openpty()
    process = project.popen(*arguments, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    written = b""
    while piece := _read(master):
        written += piece
    process.wait(60)
    os.close(master)
    return written.decode()


def _read(master):
    try:
        return os.read(master, 65536)
    except OSError:  # Linux says EIO at the end
        return b""


_PIECES = re.compile(r"(\r|\n|\x1b\[(?:\d|;)*[A-Za-z])|([^\r\n\x1b]+)")


def screen_of(written):
    """What a terminal without an end shows, as far as this output needs one."""
    rows, row, column = [""], 0, 0
    for control, text in _PIECES.findall(written):
        if control == "\r":
            column = 0
        elif control == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif control.endswith("K"):
            rows[row] = ""
        elif control.endswith("A"):
            row -= int(control[2:-1] or 1)
        elif control.endswith("C"):
            column += int(control[2:-1] or 1)
        else:
            line = rows[row].ljust(column)
            rows[row] = line[:column] + text + line[column + len(text) :]
            column += len(text)
    return rows
