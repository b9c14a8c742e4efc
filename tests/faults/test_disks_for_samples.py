"""What becomes of samples on a disk that is full, full for a while, or limited."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_runs import Ran, clean_environment, command
from processes import eventually, started
from servers import Servers

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="disks are made of tmpfs")
CHECKS = 300
EVERY = ["--count", str(CHECKS), "--interval", "5ms"]


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size at `folder`."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def checked(target: str, folder: Path, before: str = "") -> Ran:
    """`netmon check` with its samples in `folder`, started by a shell."""
    done = subprocess.run(
        ["sh", "-c", f'{before} exec "$@"', "sh", *command("check", target, *EVERY)],
        cwd=folder, env=clean_environment(TMPDIR=str(folder)), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.fault("disk", "full for samples, to the end", "inconclusive, with the reason and what was measured")
def test_a_disk_that_has_no_room_for_samples_makes_the_result_inconclusive(tmp_path: Path, servers: Servers) -> None:
    with disk(tmp_path / "disk", "16k") as folder:
        ran = checked(servers.open().target, folder)
    assert ran.status == 3
    assert "samples could not be recorded: No space left on device: " in ran.out
    assert "interrupted: " in ran.out


@pytest.mark.fault("disk", "quota, limit on file sizes (EFBIG): samples", "inconclusive, with the reason")
def test_a_limit_on_the_size_of_files_makes_the_result_inconclusive(tmp_path: Path, servers: Servers) -> None:
    ran = checked(servers.open().target, tmp_path, "ulimit -f 16;")
    assert ran.status == 3
    assert "samples could not be recorded: File too large: " in ran.out


@pytest.mark.fault("disk", "full for samples, freed again", "nothing is lost")
def test_samples_wait_for_a_disk_that_is_full_for_a_while(tmp_path: Path, servers: Servers) -> None:
    server = servers.open()
    with disk(tmp_path / "disk", "512k") as folder:
        filler = folder / "filler"
        with started(command("check", server.target, *EVERY), tmp_path,
                     env=clean_environment(TMPDIR=str(folder))) as process:  # fmt: skip
            eventually(lambda: server.connects > 20)
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            eventually(lambda: server.connects > 150)
            filler.unlink()
            said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert f"{CHECKS} of {CHECKS}" in said
