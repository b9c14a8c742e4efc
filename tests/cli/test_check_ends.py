"""How `netmon check` ends before its time: signals, closed pipes; what is written all the same."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from check_runs import clean_environment, command
from servers import Servers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@contextlib.contextmanager
def running(folder: Path, *arguments: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """`netmon check` in a process group of its own, as a shell starts it."""
    process = subprocess.Popen(
        command("check", *arguments),
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **settings,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def long_and_short(folder: Path, servers: Servers) -> str:
    """A configuration of one endpoint that is decided at once and one that takes for ever."""
    quick, slow = servers.open(), servers.open()
    text = f"targets: ['{quick.target}', {{host: 127.0.0.1, name: slow, ports: [{slow.port}], count: 100000}}]\n"
    (folder / "netmon.yaml").write_text(text)
    return "netmon.yaml"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.fault("process", "SIGINT, SIGTERM, SIGHUP: `netmon check`", "valid files, marked partial")
def test_a_signal_leaves_what_was_measured_marked_partial(
    tmp_path: Path, servers: Servers, number: signal.Signals, status: int
) -> None:
    config = long_and_short(tmp_path, servers)
    with running(tmp_path, config, "-o", "out.json", "--junit", "out.xml") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("PASS   ")
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (status, "")
    assert out.startswith(f"interrupted by {number.name}: 1 passed, 1 not finished in ")
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["monitoring_session"]["partial"] is True
    assert [endpoint["verdict"] for endpoint in document["endpoints"]] == ["passed", "inconclusive"]
    assert len(document["raw_data"]["127.0.0.1"]) == 2
    assert len(ElementTree.parse(tmp_path / "out.xml").findall(".//testcase")) == 2
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]


def test_a_signal_before_anything_was_measured_writes_an_empty_partial_result(tmp_path: Path, servers: Servers) -> None:
    target = servers.silent().target
    with running(tmp_path, target, "--wait", "600s", "--timeout", "600s", "-o", "out.json") as process:
        while process.poll() is None and not started(process):
            os.sched_yield()
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert json.loads((tmp_path / "out.json").read_text())["monitoring_session"]["partial"] is True


def started(process: subprocess.Popen[str]) -> bool:
    """Whether it catches SIGTERM (proc(5): SigCgt)."""
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> signal.SIGTERM - 1 & 1)


def ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.fault("process", "started in the background with SIGINT ignored", "it stays ignored")
def test_an_ignored_ctrl_c_stays_ignored(tmp_path: Path, servers: Servers) -> None:
    """`command &` in a script inherits that."""
    target = servers.open().target
    settings = ("--count", "20", "--interval", "20ms")
    with running(tmp_path, target, *settings, preexec_fn=ignore_ctrl_c) as process:
        while process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out


@pytest.mark.fault("process", "`netmon check ... | head -1`", "quiet; the verdict stands")
def test_a_closed_pipe_is_quiet_and_the_verdict_stands(tmp_path: Path, servers: Servers) -> None:
    opened, closed = servers.open(), servers.closed()
    late = f"{{host: 127.0.0.1, name: late, ports: [{closed.port}], count: 5, interval: 100ms}}"
    text = f"targets: ['{opened.target}', {late}]"
    (tmp_path / "netmon.yaml").write_text(text)
    with running(tmp_path, "-o", "out.json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("PASS   ")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1
    assert json.loads((tmp_path / "out.json").read_text())["monitoring_session"]["partial"] is False


def test_a_closed_pipe_under_the_json_is_quiet_too(tmp_path: Path, servers: Servers) -> None:
    with running(tmp_path, servers.open().target, "-q", "-o", "-") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [(), ("-o", "-")])
@pytest.mark.fault("disk", "standard output on a full disk", "said; not exit 0")
def test_standard_output_on_a_full_disk_is_said(tmp_path: Path, servers: Servers, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command("check", servers.open().target, *arguments),
            cwd=tmp_path, env=clean_environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert "netmon check: cannot write to <stdout>: No space left on device" in done.stderr


def test_a_standard_output_that_is_closed_from_the_start_is_no_failure(tmp_path: Path, servers: Servers) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", *command("check", servers.open().target)],
        cwd=tmp_path, env=clean_environment(), timeout=60,
    )  # fmt: skip
    assert done.returncode == 0


def test_nothing_is_left_behind(tmp_path: Path, servers: Servers) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    subprocess.run(
        command("check", servers.open().target, servers.closed().target),
        cwd=tmp_path, env=clean_environment(TMPDIR=str(temporary)), capture_output=True, timeout=60,
    )  # fmt: skip
    assert list(temporary.iterdir()) == []
