"""Final files under real faults: the old file stays whole, nothing is left behind, the message says what to do."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pytest_netmon.files import ArtifactError, write_artifacts, write_whole
from pytest_netmon.sample_lines import SampleFileError

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def in_a_process_limited_by(limit: str, code: str, *arguments: Path) -> str:
    """Run `code` under a resource limit and return what it printed."""
    program = "import resource, sys\nfrom pathlib import Path\nfrom pytest_netmon.files import *\n" + textwrap.dedent(
        code
    )
    program = program.replace("LIMIT", f"resource.setrlimit(resource.{limit})")
    # A measurement of coverage would fail by the limit too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, timeout=60
    )
    assert not done.stderr
    return done.stdout


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_holds_all_chunks_in_utf8_and_newlines_stay_single(tmp_path):
    write_whole(tmp_path / "a.txt", ["one\n", "", "zwö\n"])
    assert (tmp_path / "a.txt").read_bytes() == "one\nzwö\n".encode()
    assert names_in(tmp_path) == ["a.txt"]


def test_a_lone_surrogate_is_written_as_an_escape(tmp_path):
    write_whole(tmp_path / "a.txt", ["\udc80"])
    assert (tmp_path / "a.txt").read_bytes() == b"\\udc80"


def test_an_old_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old and longer")
    write_whole(path, ["new"])
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="a folder cannot be synced there")
def test_the_new_file_is_on_the_disk_before_it_takes_the_old_ones_place_and_its_name_after(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    synced = []

    def fsync(descriptor, really=os.fsync):
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.read_text()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, ["new"])
    assert synced == [(False, "old"), (True, "new")]


def test_a_reader_who_has_the_old_file_open_keeps_it_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with path.open() as reader:
        write_whole(path, ["new"])
        assert reader.read() == "old"


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_of_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "a.txt", ["x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.txt"
    path.touch(mode=0o600)
    write_whole(path, ["x"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_as_long_as_a_file_system_takes_can_be_written(tmp_path):
    write_whole(tmp_path / ("n" * 255), ["x"])
    assert names_in(tmp_path) == ["n" * 255]


@pytest.mark.parametrize("error", [RuntimeError("the report broke"), KeyboardInterrupt()])
def test_when_the_chunks_break_off_the_old_file_stays_and_nothing_is_left_behind(tmp_path, error):
    def chunks():
        yield "half"
        raise error

    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(error)):
        write_whole(tmp_path / "a.txt", chunks())
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_samples_that_cannot_be_read_are_told_from_a_file_that_cannot_be_written(tmp_path):
    def chunks():
        yield "half"
        yield (tmp_path / "samples.ndjson").read_text()

    with pytest.raises(
        ArtifactError, match=r"a\.txt: what goes into it cannot be read: .*samples\.ndjson: No such file"
    ):
        write_whole(tmp_path / "a.txt", chunks())
    assert names_in(tmp_path) == []


def test_samples_that_were_damaged_are_told(tmp_path):
    def chunks():
        yield "half"
        raise SampleFileError("samples.ndjson: byte 7: expected an array")

    with pytest.raises(ArtifactError, match=r"a\.txt: what .* cannot be read: samples\.ndjson: byte 7"):
        write_whole(tmp_path / "a.txt", chunks())
    assert names_in(tmp_path) == []


@pytest.mark.fault("disk", "the output is a folder", "a clear message")
def test_a_folder_in_the_place_of_the_file_is_told(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(ArtifactError, match=r"a\.txt: Is a directory; a folder stands where the file should be"):
        write_whole(tmp_path / "a.txt", ["x"])
    assert names_in(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(ArtifactError, match="No such file or directory; make the folder first"):
        write_whole(tmp_path / "none" / "a.txt", ["x"])


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(ArtifactError, match="a file stands where the folder should be"):
        write_whole(tmp_path / "report" / "a.txt", ["x"])
    with pytest.raises(ArtifactError, match="report: File exists; a file stands where the folder should be"):
        write_artifacts(tmp_path / "report", {"a.txt": ["x"]})
    assert (tmp_path / "report").read_text() == "mine"


def test_a_path_with_a_nul_is_told(tmp_path):
    for write in (lambda: write_whole(tmp_path / "a\0b", ["x"]), lambda: write_artifacts(tmp_path / "a\0b", {})):
        with pytest.raises(ArtifactError, match=r"a\\x00b: a NUL in the path"):
            write()


def test_a_hostile_path_cannot_steer_the_terminal(tmp_path):
    with pytest.raises(ArtifactError) as caught:
        write_whole(tmp_path / "\x1b[2J" / "a", ["x"])
    assert "\x1b" not in str(caught.value)


@on_linux
def test_a_full_device_is_told():
    with pytest.raises(ArtifactError, match="cannot write /dev/full: No space left on device; the disk is full"):
        write_whole(Path("/dev/full"), ["x" * 100_000])
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@on_linux
@pytest.mark.fault("disk", "a full disk: results", "the old file stays whole, no other is left behind")
def test_a_full_disk_leaves_the_old_file_whole_and_no_other_behind(tiny_disk):
    (tiny_disk / "netmon.json").write_text("old" * 100)
    with pytest.raises(ArtifactError, match="No space left on device; the disk is full: free some space"):
        write_whole(tiny_disk / "netmon.json", ["x" * 8192] * 20)
    assert (tiny_disk / "netmon.json").read_text() == "old" * 100
    assert names_in(tiny_disk) == ["netmon.json"]


@on_linux
def test_on_a_full_disk_the_small_file_is_still_written_and_the_error_names_the_large_one(tiny_disk):
    with pytest.raises(ArtifactError) as caught:
        write_artifacts(tiny_disk / "report", {"large": ["x" * 8192] * 20, "small": ["y"]})
    assert str(caught.value).startswith(f"cannot write {tiny_disk}/report/large: No space left")
    assert caught.value.written == (tiny_disk / "report" / "small",)
    assert names_in(tiny_disk / "report") == [".gitignore", "small"]


@on_linux
@pytest.mark.fault("disk", "a read-only file system", "a clear message")
def test_a_read_only_file_system_is_told(tiny_disk):
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with pytest.raises(ArtifactError, match="Read-only file system; the file system is mounted read-only"):
        write_artifacts(tiny_disk / "report", {"a": ["x"]})


@on_linux
@pytest.mark.fault("disk", "quota, limit on file sizes (EFBIG): results", "the old file stays whole, a clear message")
def test_a_limit_on_file_sizes_leaves_the_old_file_whole(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    said = in_a_process_limited_by(
        "RLIMIT_FSIZE, (4096, 4096)",
        """
        LIMIT
        try:
            write_whole(Path(sys.argv[1]), ["x" * 1000] * 100)
        except ArtifactError as error:
            print(error)
        """,
        tmp_path / "a.txt",
    )
    assert said.endswith("a.txt: File too large; a limit on the size of files is in force: raise it (ulimit -f)\n")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


@on_linux
@pytest.mark.fault("own", "EMFILE while artifacts are written", "told; the other files are written")
def test_a_lack_of_descriptors_is_told(tmp_path):
    said = in_a_process_limited_by(
        "RLIMIT_NOFILE, (12, 12)",
        """
        LIMIT
        held = []
        try:
            while True:
                held.append(open("/dev/null"))
        except OSError:
            pass
        try:
            write_whole(Path(sys.argv[1]), ["x"])
        except ArtifactError as error:
            print(error)
        """,
        tmp_path / "a.txt",
    )
    assert said.endswith("a.txt: Too many open files; too few file descriptors: raise the limit (ulimit -n)\n")
    assert names_in(tmp_path) == []


@on_linux
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.fault("disk", "a folder of another user", "a clear message")
def test_a_folder_without_the_right_to_write_is_told(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(ArtifactError, match="Permission denied; give this user the right to write there"):
        as_somebody_else(lambda: write_whole(tmp_path / "a.txt", ["x"]))


def as_somebody_else(act):
    os.seteuid(65534)
    try:
        return act()
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
class TestALink:
    def test_to_a_file_stays_and_the_file_is_written(self, tmp_path):
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "real.txt").write_text("old")
        (tmp_path / "a.txt").symlink_to("there/real.txt")
        write_whole(tmp_path / "a.txt", ["new"])
        assert (tmp_path / "a.txt").is_symlink()
        assert (tmp_path / "there" / "real.txt").read_text() == "new"

    def test_that_leads_nowhere_yet_gets_its_file(self, tmp_path):
        (tmp_path / "a.txt").symlink_to("real.txt")
        write_whole(tmp_path / "a.txt", ["new"])
        assert (tmp_path / "real.txt").read_text() == "new"
        assert (tmp_path / "a.txt").is_symlink()

    def test_in_a_circle_is_told(self, tmp_path):
        (tmp_path / "a.txt").symlink_to("a.txt")
        with pytest.raises(ArtifactError, match="lead in a circle"):
            write_whole(tmp_path / "a.txt", ["new"])

    def test_to_a_pipe_is_written_to(self, tmp_path):
        read, write = os.pipe()
        try:
            (tmp_path / "a.txt").symlink_to(f"/dev/fd/{write}")
            write_whole(tmp_path / "a.txt", ["new"])
            assert os.read(read, 10) == b"new"
        finally:
            os.close(read)
            os.close(write)

    def test_that_another_user_has_planted_is_not_followed(self, tmp_path):
        if os.geteuid() != 0:
            pytest.skip("needs root to own a link by somebody else")
        (tmp_path / "precious").write_text("mine")
        (tmp_path / "a.txt").symlink_to("precious")
        os.chown(tmp_path / "a.txt", 65534, 65534, follow_symlinks=False)
        with pytest.raises(ArtifactError, match="a symbolic link that belongs to another user"):
            write_whole(tmp_path / "a.txt", ["new"])
        assert (tmp_path / "precious").read_text() == "mine"

    def test_to_a_folder_serves_as_the_folder(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "report").symlink_to("real")
        write_artifacts(tmp_path / "report", {"a.txt": ["x"]})
        assert names_in(tmp_path / "real") == ["a.txt"]

    def test_in_the_place_of_the_folder_that_leads_nowhere_is_told(self, tmp_path):
        (tmp_path / "report").symlink_to("none")
        with pytest.raises(ArtifactError, match="report: a symbolic link that leads nowhere; remove it"):
            write_artifacts(tmp_path / "report", {"a.txt": ["x"]})


def test_a_made_folder_keeps_itself_out_of_a_repository(tmp_path):
    folder = tmp_path / "deep" / "report"
    assert write_artifacts(folder, {"a": ["1"], "b": ["2"]}) == [folder / "a", folder / "b"]
    assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"


def test_a_folder_that_was_there_gets_only_the_files(tmp_path):
    write_artifacts(tmp_path, {"a": ["1"]})
    assert names_in(tmp_path) == ["a"]


def test_every_file_is_tried_and_every_failure_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "c").mkdir()
    with pytest.raises(ArtifactError) as caught:
        write_artifacts(tmp_path, {"a": ["1"], "b": ["2"], "c": ["3"]})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        f"cannot write {tmp_path}/a",
        f"cannot write {tmp_path}/c",
    ]
    assert caught.value.written == (tmp_path / "b",)
    assert (tmp_path / "b").read_text() == "2"
