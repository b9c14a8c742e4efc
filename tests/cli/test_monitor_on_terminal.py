"""`netmon monitor` on a real terminal (a pty): the table while it runs, the block when it ends."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("ptys are POSIX's", allow_module_level=True)

from monitor_runs import calm, report_of
from servers import Servers
from small_terminal import OnTerminal, Terminal, on_terminal

FAST = ("-i", "0.02")


def left_on(terminal: OnTerminal) -> list[str]:
    """What stands on the screen when all is over."""
    screen = Terminal()
    screen.feed(terminal.seen)
    return calm("\n".join(screen.lines)).split("\n")


def test_the_table_is_shown_while_it_runs_and_the_block_stays(tmp_path: Path, servers: Servers) -> None:
    opened, closed = servers.open().port, servers.closed().port
    arguments = ("monitor", "127.0.0.1", "-p", str(opened), str(closed), *FAST, "-o", "f.json")
    with on_terminal(tmp_path, *arguments) as terminal:
        terminal.read_until(lambda seen: "1 failing. Ctrl-C ends." in seen)
        terminal.interrupt()
        terminal.read_all()
        assert terminal.process.wait(30) == 0
    lines = left_on(terminal)

    assert "Network Monitor\x1b[0m  0:0" in terminal.seen
    assert f"127.0.0.1:{closed}: refused (" in lines[0]
    assert lines[1:3] == ["=" * 60, "Network Monitor - Live Statistics"]
    assert not any(line.startswith("endpoint") for line in lines)
    assert lines[-2:] == ["Results saved to f.json", ""]
    assert report_of(tmp_path / "f.json")["statistics"]


def test_a_counted_run_shows_what_is_left_and_ends_by_itself(tmp_path: Path, servers: Servers) -> None:
    with on_terminal(tmp_path, "monitor", servers.open().target, *FAST, "-c", "60") as terminal:
        terminal.read_all()
        assert terminal.process.wait(30) == 0

    assert re.search(r"round \d+, times in ms, 0:0\d left  ", terminal.seen)
    assert "  Total Checks: 60" in left_on(terminal)


@pytest.mark.parametrize(("arguments", "environment"), [(("--plain",), {}), ((), {"TERM": "dumb"})])
def test_where_no_table_is_wanted_or_possible_there_are_blocks(
    tmp_path: Path, servers: Servers, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    command = ("monitor", servers.open().target, servers.closed().target, *FAST, "-c", "10", *arguments)
    with on_terminal(tmp_path, *command, **environment) as terminal:
        terminal.read_all()
    colours = "\x1b[33mWARNING\x1b[0m" if not environment else "WARNING"

    assert terminal.seen.count("Network Monitor - Live Statistics") == 2
    assert f" {colours} " in terminal.seen
    assert "\x1b" not in terminal.seen.replace("\x1b[33mWARNING\x1b[0m", "")


def test_no_color_means_no_colour(tmp_path: Path, servers: Servers) -> None:
    with on_terminal(tmp_path, "monitor", servers.closed().target, *FAST, NO_COLOR="1") as terminal:
        terminal.read_until(lambda seen: "failing. Ctrl-C ends." in seen)

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.seen)
    assert "\x1b[1;7mrefused" in terminal.seen


def test_a_window_that_changes_its_size_is_followed(tmp_path: Path, servers: Servers) -> None:
    targets = [servers.open().target for _ in range(12)]
    with on_terminal(tmp_path, "monitor", *targets, "-i", "0.5", columns=100, rows=30) as terminal:
        terminal.read_until(lambda seen: "12 endpoints: 12 open" in seen)
        terminal.resize(40, 8)
        terminal.read_until(lambda seen: "more: " in seen)
        after = terminal.seen[terminal.seen.index("\x1b[2J") :]
        terminal.interrupt()

    assert max(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)) for line in after.splitlines()) < 40


def test_verbose_lines_stand_above_the_table(tmp_path: Path, servers: Servers) -> None:
    target = servers.open().target
    with on_terminal(tmp_path, "monitor", target, *FAST, "-v") as terminal:
        terminal.read_until(lambda seen: "check 30:" in seen)
        terminal.interrupt()
        terminal.read_all()
    lines = left_on(terminal)
    checks = [line for line in lines if " INFO " in line]

    assert [re.search(r"check (\d+)", line)[1] for line in checks][:30] == [str(number) for number in range(1, 31)]  # type: ignore[index]
    assert lines.index("=" * 60) == len(checks)
