"""What a user reads for each mistake: whole lines, since they are what the product is judged by."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from written_config import Written

from pytest_netmon.config.load import EXAMPLE, MOST_PROBLEMS, find_default
from pytest_netmon.problems import ConfigurationError


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (
            "- db.internal",
            "netmon.yaml:2:5: targets[0]: expected a target with a port, got 'db.internal': "
            "write db.internal:PORT, or give --netmon-port",
        ),
        (
            "- {host: db.internal}",
            "netmon.yaml:2:12: targets[0].host: expected a target with a port, got 'db.internal': "
            "add ports, or give --netmon-port",
        ),
        (
            '- "2001:db8::1:443"',
            "netmon.yaml:2:5: targets[0]: expected a target with a port, got '2001:db8::1:443': "
            'write "[2001:db8::1]:443" if 443 is the port, else "[2001:db8::1:443]:PORT", or give --netmon-port',
        ),
        ("- {host: db, ports: [0]}", "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535, got 0"),
        (
            "- {host: db, ports: [1, 70000]}",
            "netmon.yaml:2:27: targets[0].ports[1]: expected a port 1..65535, got 70000",
        ),
        ("- {host: db, ports: [65536]}", "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535, got 65536"),
        ("- {host: db, ports: [true]}", "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535, got true"),
        (
            "- {host: db, ports: [80x]}",
            "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535 or a range such as 8000-8010, got '80x'",
        ),
        (
            "- {host: db, ports: [22:30]}",
            "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535 or a range such as "
            "8000-8010, got '22:30': "
            "write 22-30 for a range",
        ),
        ("- {host: db, ports: [1e3]}", "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535, got 1e3"),
        (
            "- {host: db, ports: []}",
            "netmon.yaml:2:23: targets[0].ports: expected at least one port, got an empty list",
        ),
        (
            "- {host: 'db:1', ports: [1]}",
            "netmon.yaml:2:27: targets[0].ports: expected the port in host or under ports, got both: keep one of them",
        ),
        (
            '- "db\\0.internal:1"',
            "netmon.yaml:2:5: targets[0]: expected text without control characters, got something else: "
            "it holds U+0000",
        ),
        (
            "- db internal:1",
            "netmon.yaml:2:5: targets[0]: expected a host name or an IP address, got 'db internal:1': it holds a space",
        ),
        (
            "- db/internal:1",
            "netmon.yaml:2:5: targets[0]: expected a target such as db.internal:5432, [2001:db8::1]:443 or a URL, "
            "got 'db/internal:1': leave out what follows '/', or write the URL with its scheme",
        ),
        (
            "- {host: db/path, ports: [1]}",
            "netmon.yaml:2:12: targets[0].host: expected a target such as db.internal:5432, "
            "[2001:db8::1]:443 or a URL, "
            "got 'db/path': leave out what follows '/', or write the URL with its scheme",
        ),
        (
            "- db..internal:1",
            "netmon.yaml:2:5: targets[0]: expected a host name or an IP address, got 'db..internal:1': "
            "a part between its dots is empty",
        ),
        (
            f"- {'a' * 64}:1",
            f"netmon.yaml:2:5: targets[0]: expected a host name or an IP address, got '{'a' * 57}...': "
            "a part between its dots has 64 characters, 63 are allowed",
        ),
        (
            "- 1.2.3:1",
            "netmon.yaml:2:5: targets[0]: expected a host name or an IP address, got '1.2.3:1': it looks like an IPv4 "
            "address but is not; write four numbers 0..255, as in 127.0.0.1",
        ),
        (
            "- {host: 127.1, ports: [1]}",
            "netmon.yaml:2:12: targets[0].host: expected a target such as db.internal:5432, "
            "[2001:db8::1]:443 or a URL, "
            "got 127.1",
        ),
        (
            "- {host: '127.1', ports: [1]}",
            "netmon.yaml:2:12: targets[0].host: expected a host name or an IP address, got '127.1': it looks like an "
            "IPv4 address but is not; write four numbers 0..255, as in 127.0.0.1",
        ),
        (
            "- {host: 'db:1', interval: -1s}",
            "netmon.yaml:2:30: targets[0].interval: expected a duration from 1ms to 7d, such as 250ms or 2s, got '-1s'",
        ),
        (
            "- {host: 'db:1', timeout: 0}",
            "netmon.yaml:2:29: targets[0].timeout: expected a duration from 1ms to 1d, such as 250ms or 2s, got 0",
        ),
        (
            "- {host: 'db:1', timeout: 5 sec}",
            "netmon.yaml:2:29: targets[0].timeout: expected a duration from 1ms to 1d, such as 250ms "
            "or 2s, got '5 sec': "
            "did you mean 5s?",
        ),
        (
            "- {host: 'db:1', count: 0}",
            "netmon.yaml:2:27: targets[0].count: expected a whole number 1..1000000, got 0",
        ),
        ("- ${NOPE}", "netmon.yaml:2:5: targets[0]: the variable NOPE is not set: set it, or write ${NOPE:-default}"),
        ("- ${EMPTY}", "netmon.yaml:2:5: targets[0]: the variable EMPTY is empty: set it, or write ${EMPTY:-default}"),
        (
            "- {host: db, ports: ['${PORT}']}",
            "netmon.yaml:2:24: targets[0].ports[0]: expected a port 1..65535 or a range such as 8000-8010, "
            "got a value from ${PORT}",
        ),
        (
            "- {host: 'db:1', limits: [speed < 50ms]}",
            "netmon.yaml:2:29: targets[0].limits[0]: expected a metric such as success, p95, dns.avg or errors, "
            "found 'speed' in 'speed < 50ms'",
        ),
        (
            "- {host: 'db:1', limits: [success >= 99%, p95 < 50]}",
            "netmon.yaml:2:53: targets[0].limits[1]: expected a unit: write 50ms or 50s in 'p95 < 50'",
        ),
        (
            "- {host: 'db:1', limits: [{p95: 50ms}]}",
            "netmon.yaml:2:29: targets[0].limits[0]: expected a limit such as 'p95 < 50ms', got a mapping: "
            "write it as one text",
        ),
        (
            "- {host: 'db:1', count: 20, limits: [p99 < 50ms]}",
            "netmon.yaml:2:5: db:1: p99 < 50ms: p99 means nothing in 20 checks: use max, or count >= 100",
        ),
        (
            "- {host: 'db:1', expect: close}",
            "netmon.yaml:2:28: targets[0].expect: expected open, closed, refused or timeout, got 'close': "
            "did you mean 'closed'?",
        ),
        (
            "- {host: 'db:1', skip: no}",
            "netmon.yaml:2:26: targets[0].skip: expected true, false or a reason, got 'no': write false",
        ),
        (
            "- {host: 'db:1', redact: true}",
            "netmon.yaml:2:5: targets[0]: expected a name, which redact shows in place of the host, got none: add name",
        ),
        ("- {host: 'db:1', port: 5}", "netmon.yaml:2:20: targets[0]: unknown key 'port': did you mean 'ports'?"),
        (
            "- {host: 'db:1', udp: true}",
            "netmon.yaml:2:20: targets[0]: unknown key 'udp': expected one of host, hosts, name, "
            "ports, count, warmup, interval, timeout, wait, hold, tls, proxy, family, addresses, "
            "limits, warn, baseline, from, expect, close, skip, xfail, tags, redact",
        ),
        ("- {hots: 'db:1'}", "netmon.yaml:2:6: targets[0]: unknown key 'hots': did you mean 'hosts'?"),
        (
            "- {ports: [1]}",
            "netmon.yaml:2:5: targets[0]: expected host, a host name, an address or a URL, got a "
            "target without: add host",
        ),
        (
            "- {db:5432}",
            "netmon.yaml:2:5: targets[0]: expected a target, got a mapping with the key 'db:5432': "
            "leave out the braces or the ':' behind it",
        ),
        (
            "- db: 5432",
            "netmon.yaml:2:5: targets[0]: expected a target, got a mapping from 'db' to 5432: "
            "leave out the space after the ':'",
        ),
        (
            "- 5432",
            "netmon.yaml:2:5: targets[0]: expected a target such as db.internal:5432, "
            "[2001:db8::1]:443 or a URL, got 5432",
        ),
        (
            "- [2001:db8::1]",
            "netmon.yaml:2:5: targets[0]: expected a target such as db.internal:5432, [2001:db8::1]:443 or a URL, "
            "got a list: an IPv6 address in brackets needs quotes around it",
        ),
        (
            "- {host: db, ports: 1-65535}",
            "netmon.yaml:2:5: targets[0]: expected at most 20,000 endpoints in all, got more",
        ),
    ],
)
def test_a_faulty_target_is_named_in_one_line(written: Written, target: str, line: str) -> None:
    assert written.problems(f"targets:\n  {target}\n", env={"EMPTY": "", "PORT": "x"}) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("target: [a:1]", "netmon.yaml:1:1: unknown key 'target': did you mean 'targets'?"),
        ("- db:5432", "netmon.yaml:1:1: expected a mapping with targets, got a list: write 'targets:' above it"),
        ("db:5432", "netmon.yaml:1:1: expected a mapping with targets, got a text: write 'targets:' and a list"),
        (
            "targets: db:5432",
            "netmon.yaml:1:10: targets: expected a list of targets, got 'db:5432': write '- ' before each target",
        ),
        (
            "targets:",
            "netmon.yaml:1:9: targets: expected a list of targets, got nothing: write '- ' before each target",
        ),
        (
            "max_rate: 0\ntargets: [a:1]",
            "netmon.yaml:1:11: max_rate: expected checks a second, a number above 0 and up to 1000000, got 0",
        ),
        ("defaults: 5\ntargets: [a:1]", "netmon.yaml:1:11: defaults: expected a mapping, got 5"),
        (
            "defaults: {prots: [1]}\ntargets: [a:1]",
            "netmon.yaml:1:12: defaults: unknown key 'prots': did you mean 'ports'?",
        ),
        ("include: [5]\ntargets: [a:1]", "netmon.yaml:1:11: include[0]: expected text, got 5"),
    ],
)
def test_a_faulty_file_is_named_in_one_line(written: Written, text: str, line: str) -> None:
    assert written.problems(text) == [line]


def test_all_problems_of_all_files_come_at_once_in_their_order(written: Written) -> None:
    written.write("one.yaml", "max_rat: 1\ntargets:\n  - db\n  - {host: a b, ports: [0, 70000]}\n")
    written.write("two.yaml", "targets:\n  - ${NOPE}\n")
    assert [line.split(": ")[0] for line in written.lines("one.yaml", "two.yaml", count="x")] == [
        "--netmon-count",
        "one.yaml:1:1",
        "one.yaml:3:5",
        "one.yaml:4:12",
        "one.yaml:4:25",
        "one.yaml:4:28",
        "two.yaml:2:5",
    ]


def test_a_wrong_default_does_not_make_sound_targets_look_wrong(written: Written) -> None:
    text = "defaults: {count: ${N}}\ntargets:\n  - {host: 'db:1', limits: [p99 < 5ms]}\n"
    assert len(written.problems(text.replace("{count: ${N}}", "{count: x}"))) == 1
    assert len(written.problems(text.replace("{count: ${N}}", "{count: '${N}'}"))) == 1


def test_a_file_that_is_something_else_altogether_is_cut_short(written: Written) -> None:
    lines = written.problems("".join(f"key{number}: 1\n" for number in range(MOST_PROBLEMS + 50)))
    assert len(lines) == MOST_PROBLEMS + 1
    assert lines[-1] == f"netmon.yaml:{MOST_PROBLEMS + 1}:1: and 50 more problems from here on: is this the right file?"


def test_a_file_without_targets_shows_one_to_paste(written: Written) -> None:
    for text in ("defaults: {timeout: 1s}", "targets: []", "{}"):
        lines = written.problems(text)
        assert lines[0] == (
            "netmon.yaml: expected targets here or in --netmon-target=HOST:PORT, got none. A netmon.yaml to start from:"
        )
        assert lines[2:] == EXAMPLE.splitlines()


def test_neither_file_nor_target_shows_a_file_to_paste(written: Written) -> None:
    lines = written.lines()
    assert lines[0] == (
        "netmon.yaml: expected this file or --netmon-target=HOST:PORT, got neither. A netmon.yaml to start from:"
    )
    assert len(EXAMPLE.splitlines()) == 6
    assert lines[2:] == EXAMPLE.splitlines()


def test_the_file_to_paste_can_be_run(written: Written) -> None:
    plan = written.plan(EXAMPLE)
    assert [endpoint.id for endpoint in plan.endpoints] == [
        "db.internal:5432",
        "api.example.com:443",
        "cache.internal:6379",
    ]
    assert [endpoint.measured for endpoint in plan.endpoints] == [False, False, True]


def test_a_missing_file_and_a_folder_are_said_so(written: Written) -> None:
    (written.folder / "folder").mkdir()
    assert written.lines("nope.yaml") == ["nope.yaml: expected a file, but there is none of this name"]
    assert written.lines("folder") == ["folder: expected a file, but this is a folder"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_what_could_be_read_for_ever_is_not_read(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written.folder)  # the path of a socket has room for 100 characters
    (written.folder / "loop").symlink_to("loop")
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert written.lines("socket") == ["socket: expected a file, but this is a socket"]
    assert written.lines("pipe") == ["pipe: expected a file, but this is a pipe"]
    assert written.lines("/dev/zero") == ["/dev/zero: expected a file, but this is a device"]
    (line,) = written.lines("loop")
    assert line.startswith("loop: expected a file, but ")


def test_a_file_that_may_not_be_read_is_said_so(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    written.write("netmon.yaml", "targets: [a:1]")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # root, as in many containers, reads what it likes

    monkeypatch.setattr(Path, "open", refuse)
    assert written.lines("netmon.yaml") == ["netmon.yaml: expected a file, but reading it is not permitted"]


def test_a_file_that_is_not_utf_8_is_said_so(written: Written) -> None:
    assert written.problems(b"targets:\n  - b\xfccher:1\n") == [
        "netmon.yaml:2:6: expected a file in UTF-8, got the byte 0xFC: save it as UTF-8"
    ]


def test_an_option_is_named_as_it_was_written(written: Written) -> None:
    assert written.lines(targets=("db:1", "x"), ports=("http",), limits=("p95 < 5",), timeout="0", max_rate="-1") == [
        "--netmon-port: expected a port 1..65535 or a range such as 8000-8010, got 'http': did you mean 80?",
        "--netmon-timeout: expected a duration from 1ms to 1d, such as 250ms or 2s, got '0'",
        "--netmon-limit: expected a unit: write 5ms or 5s in 'p95 < 5'",
        "--netmon-max-rate: expected checks a second, a number above 0 and up to 1000000, got '-1'",
    ]
    assert written.lines(targets=("redis://u:secret",), prefix="--") == [
        "--target: expected a host and a port 1..65535 in the URL, got a URL: what follows the last ':' is no port"
    ]


def test_a_file_name_cannot_steer_the_terminal(written: Written) -> None:
    written.write("a\x1b[31m.yaml", "")
    assert written.lines("a\x1b[31m.yaml") == ["a\\x1b[31m.yaml: expected 'targets:' and a list, got an empty file"]


def test_both_default_names_are_one_too_many(tmp_path: Path) -> None:
    assert find_default(tmp_path) is None
    (tmp_path / "netmon.yml").write_text("")
    assert find_default(tmp_path) == tmp_path / "netmon.yml"
    (tmp_path / "netmon.yaml").write_text("")
    with pytest.raises(ConfigurationError) as raised:
        find_default(tmp_path)
    assert str(raised.value) == "netmon.yml: expected one of netmon.yaml and netmon.yml, got both: keep one of them"
