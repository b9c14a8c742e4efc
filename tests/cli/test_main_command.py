"""The command `netmon` itself: its subcommands, help, version and what it says to anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from check_runs import clean_environment, netmon

import pytest_netmon
from pytest_netmon.cli.arguments import Parser, UsageError
from pytest_netmon.cli.main import COMMANDS, main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("word", ["-h", "--help", "help"])
def test_help_names_every_command(capsys: pytest.CaptureFixture[str], word: str) -> None:
    status, out, err = run(capsys, word)
    assert (status, err) == (0, "")
    for name in COMMANDS:
        assert f"  {name} " in out


def test_no_command_shows_the_usage_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys)
    assert (status, out) == (2, "")
    assert err.startswith("usage: netmon COMMAND")


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"netmon {pytest_netmon.__version__}\n", "")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("chek", "did you mean `netmon check`?"),
        ("monitr", "did you mean `netmon monitor`?"),
        ("db.internal:5432", "did you mean `netmon check db.internal:5432`?"),
        ("deploy/netmon.yaml", "did you mean `netmon check deploy/netmon.yaml`?"),
        ("zzz", "`netmon -h` shows the commands"),
    ],
)
def test_an_unknown_word_gets_a_suggestion(capsys: pytest.CaptureFixture[str], word: str, meant: str) -> None:
    status, out, err = run(capsys, word)
    assert (status, out) == (2, "")
    assert err == f"netmon: expected one of check, monitor, report, init, got {word}: {meant}\n"


def test_a_url_in_place_of_a_command_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "redis://user:geheim@cache:6379/0")
    assert "geheim" not in err
    assert "did you mean `netmon check` with it?" in err


def test_an_unknown_word_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "\x1b[2Jx")
    assert "\x1b" not in err
    assert "\\x1b[2Jx" in err


def test_python_m_is_the_command(tmp_path: Path) -> None:
    assert netmon("--version", cwd=tmp_path).out == f"netmon {pytest_netmon.__version__}\n"


def test_a_command_imports_only_its_own_module(tmp_path: Path) -> None:
    code = "import sys; from pytest_netmon.cli.main import main; main(['--version']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f"pytest_netmon.cli.{name}" not in done.stdout
    assert "'argparse'" in done.stdout


def test_an_unknown_option_gets_a_suggestion_and_its_value_is_not_shown() -> None:
    parser = Parser("netmon check", "Checks.")
    parser.add_argument("--wait")
    with pytest.raises(UsageError, match=r"^unknown option --wiat: did you mean --wait\?$"):
        parser.parse_args(["--wiat=geheim"])


def test_options_are_not_abbreviated() -> None:
    parser = Parser("netmon check", "Checks.")
    parser.add_argument("--wait")
    with pytest.raises(UsageError, match="unknown option --wai: did you mean --wait"):
        parser.parse_args(["--wai", "5s"])
