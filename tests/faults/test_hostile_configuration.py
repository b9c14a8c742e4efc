"""A netmon.yaml that means harm ends as an error with its place: in less than a second, in less than 100 MB."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from check_runs import clean_environment

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="costs are asked for in /proc")

#: Processor time: half a second at the most (100,000 values) on an idle machine, up to twice that beside other work.
MOST_CPU_S = 2.0
MOST_KIB = 100 * 1024


def merge_bomb() -> bytes:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n  k{n}: v" for n in range(1, 12)]
    return "\n".join([*lines, "targets: [db:1]\n"]).encode()


def alias_bomb() -> bytes:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join([*lines, "targets: [db:1]\n"]).encode()


#: What a file holds, and where its error is told.
DOCUMENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a merge bomb": (merge_bomb, r"netmon\.yaml:1:1: "),
    "an alias bomb": (alias_bomb, r"netmon\.yaml:1:1: "),
    "an include circle": (lambda: b"include: [netmon.yaml]\ntargets: [db:1]\n", r"netmon\.yaml:1:11: "),
    "100 MB": (lambda: b"targets:\n" + b"  - db.internal:5432\n" * 5_000_000, r"netmon\.yaml: "),
    "a line of 100 MB": (lambda: b"targets: [" + b"a" * 100_000_000 + b"]", r"netmon\.yaml: "),
    "as many targets as fit": (lambda: b"targets:\n" + b"  - x\n" * 340_000, r"netmon\.yaml:\d+:5: "),
    "depth 10,000 in brackets": (lambda: b"targets: " + b"[" * 10_000, r"netmon\.yaml:1:\d+: "),
    "depth 10,000 by indentation": (
        lambda: b"targets:\n" + b"".join(b" " * n + b"-\n" for n in range(1, 1900)), r"netmon\.yaml:\d+:\d+: ",
    ),
    "NUL": (lambda: b"targets:\n  - d\0b:1\n", r"netmon\.yaml:2:6: "),
    "a lone surrogate": (lambda: b'targets:\n  - "\\ud800:1"\n', r"netmon\.yaml:2:8: "),
    "a lone surrogate in UTF-8": (lambda: b"targets:\n  - \xed\xa0\x80:1\n", r"netmon\.yaml:2:5: "),
    "UTF-16": (lambda: "targets: [db:1]\n".encode("utf-16"), r"netmon\.yaml: "),
    "duplicate keys": (lambda: b"targets: [db:1]\ntargets: [db:2]\n", r"netmon\.yaml:2:1: "),
    "a python tag": (lambda: b"targets: !!python/object/apply:os.system [touch owned]\n", r"netmon\.yaml:1:10: "),
    "a timeout of .inf": (lambda: b"defaults: {timeout: .inf}\ntargets: [db:1]\n", r"netmon\.yaml:1:21: "),
    "a timeout of .nan": (lambda: b"defaults: {timeout: .nan}\ntargets: [db:1]\n", r"netmon\.yaml:1:21: "),
    "a timeout of 10^400": (
        lambda: b"defaults: {timeout: 1" + b"0" * 400 + b"}\ntargets: [db:1]\n", r"netmon\.yaml:1:21: ",
    ),
    "a timeout of 1e400": (lambda: b"defaults: {timeout: 1e400}\ntargets: [db:1]\n", r"netmon\.yaml:1:21: "),
    "a count of 10^400": (
        lambda: b"targets:\n  - {host: db, ports: [1], count: 1" + b"0" * 400 + b"}\n", r"netmon\.yaml:2:\d+: ",
    ),
    "two million ports": (
        lambda: b"targets:\n  - {host: db, ports: [" + b", ".join([b"1-65535"] * 31) + b"]}\n", r"netmon\.yaml:2:\d+: ",
    ),
    "ten million hosts": (lambda: b"targets:\n  - {hosts: ['a[0-9999999]'], ports: [1]}\n", r"netmon\.yaml:2:\d+: "),
}  # fmt: skip

# The most memory that it held, and its processor time, are told by the process itself.
_MEASURED = """
import re, sys, time
from pytest_netmon.cli.main import main
status = main(sys.argv[1:])
print(status, time.process_time(), re.search(r"VmHWM:\\s*([0-9]+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.fault("yaml", "merge bomb, alias bomb, include circle", "an error with its line, in 1 s and 100 MB")
@pytest.mark.fault("yaml", "100 MB, depth 10,000, two million ports, ten million hosts", "an error in 1 s and 100 MB")
@pytest.mark.fault("yaml", "NUL, a lone surrogate, UTF-16, duplicate keys, tags", "an error with its line")
@pytest.mark.fault("yaml", "`.inf`, `.nan`, 10^400", "an error with its line")
@pytest.mark.parametrize("what", DOCUMENTS)
def test_a_hostile_file_is_an_error_with_its_place_and_costs_little(tmp_path: Path, what: str) -> None:
    document, place = DOCUMENTS[what]
    (tmp_path / "netmon.yaml").write_bytes(document())
    # A measurement of coverage takes its time too.
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "check", "--dry-run", "netmon.yaml"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    status, cpu_s, kib = done.stdout.split()[-3:]
    assert status == "2", done
    assert re.match(r"netmon check: " + place, done.stderr), done.stderr[:500]
    assert len(done.stderr) < 20_000
    assert int(kib) < MOST_KIB
    assert float(cpu_s) < MOST_CPU_S
    assert [path.name for path in tmp_path.iterdir()] == ["netmon.yaml"]
