"""The monitor's log: what changed by default, each check with -v, decisions with -vv; nothing steers a terminal."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from monitor_runs import sample, watched

from pytest_netmon.cli.log import LOGGER, logging_to
from pytest_netmon.cli.monitor_journal import Journal
from pytest_netmon.cli.screen import Screen
from pytest_netmon.files import ArtifactError
from pytest_netmon.proxying import Proxy
from pytest_netmon.samples import AddressChange, Done, End, Gap, Header, Lost, Record, Warning_

Logged = Callable[..., list[str]]


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged at the level of -vv: level and message."""
    written: list[str] = []
    with logging_to(written.append, verbosity=2, color=False, file=None):
        yield written


@pytest.fixture
def warned(lines: list[str]) -> Callable[..., list[str]]:
    """Give records to a journal, `finish` it, and return the warnings and errors, without their times."""

    def of(*records: Record, **endpoint: object) -> list[str]:
        journal = Journal({0: watched(**endpoint)})  # type: ignore[arg-type]
        for record in records:
            journal.take(record)
        journal.finish()
        return [text for text in map(_without_time, lines) if not text.startswith(("INFO", "DEBUG"))]

    return of


def _without_time(line: str) -> str:
    return line[len("2025-06-22 10:30:00,000 ") :].removesuffix("\n")


REFUSED = "refused (the machine answered but nothing listens on that port: service down, or wrong port)"
TIMEOUT = "timeout (no answer within 5 s: packets dropped on the way, a firewall?)"


def test_what_is_open_from_the_start_needs_no_word(warned: Logged) -> None:
    assert warned(sample(1), sample(2)) == []


def test_a_change_says_from_what_to_what_and_why(warned: Logged) -> None:
    assert warned(sample(1), sample(2, "refused"), sample(3, "timeout"), sample(4, "timeout")) == [
        f"WARNING db:80 (10.0.0.1): open -> {REFUSED}",
        f"WARNING db:80 (10.0.0.1): refused -> {TIMEOUT}",
    ]


def test_a_target_that_never_was_open_says_what_it_is(warned: Logged) -> None:
    assert warned(sample(1, "refused"), sample(2, "refused")) == [f"WARNING db:80 (10.0.0.1): {REFUSED}"]


def test_a_recovery_says_how_long_it_took_and_what_failed(warned: Logged) -> None:
    told = warned(sample(1), sample(2, "refused"), sample(3, "timeout"), sample(4, "timeout"), sample(5), sample(6))

    assert told[2:] == ["WARNING db:80 (10.0.0.1): open again after 3 s: 3 checks failed (timeout 2, refused 1)"]


def test_what_must_be_closed_is_told_when_it_is_open(warned: Logged) -> None:
    checks = [sample(1, "refused"), sample(2, "timeout"), sample(3), sample(4), sample(5, "refused")]

    assert warned(*checks, expect="closed") == [
        "WARNING db:80 (10.0.0.1): timeout -> open (it must not be reachable)",
        "WARNING db:80 (10.0.0.1): closed again after 2 s: 2 checks failed (open 2)",
    ]


def test_one_lost_check_that_ends_after_later_ones_is_told_in_its_place(warned: Logged) -> None:
    arrived = [sample(1), sample(3), sample(4), sample(2, "timeout"), sample(5)]

    assert warned(*arrived) == [
        f"WARNING db:80 (10.0.0.1): open -> {TIMEOUT}",
        "WARNING db:80 (10.0.0.1): open again after 1 s: 1 check failed (timeout 1)",
    ]


def test_a_check_that_never_comes_holds_the_others_back_no_longer_than_a_timeout(warned: Logged) -> None:
    journal_of_all = [sample(1), *(sample(check) for check in range(3, 9)), sample(9, "refused"), sample(10)]

    assert [line.split(": ")[1] for line in warned(*journal_of_all)] == [
        f"open -> {REFUSED}".split(": ")[0],
        "open again after 1 s",
    ]


def test_what_still_waits_is_told_at_the_end(warned: Logged) -> None:
    assert warned(sample(1), sample(3, "refused")) == [f"WARNING db:80 (10.0.0.1): open -> {REFUSED}"]


def test_addresses_gaps_losses_and_warnings_are_told(warned: Logged) -> None:
    assert warned(
        AddressChange("db", ("10.0.0.1", "10.0.0.2"), ("10.0.0.3",)),
        Gap(0, 12_340_000, "suspended", 24),
        Gap(0, 2_000_000, "stalled", 0),
        Lost(7, "No space left on device"),
        Warning_("at most 5 connects at once"),
    ) == [
        "WARNING db: address changed: 10.0.0.1, 10.0.0.2 -> 10.0.0.3",
        "WARNING this machine was suspended for 12.3s: 24 checks left out, nothing is held against the targets",
        "WARNING this machine stood still for 2s: no check left out, nothing is held against the targets",
        "ERROR   7 samples could not be recorded: No space left on device",
        "WARNING at most 5 connects at once",
    ]


def test_a_machine_that_is_too_busy_says_so_now_and_then(warned: Logged) -> None:
    late = [Gap(at_s * 1_000_000, 20_000, "late", 2) for at_s in (1, 2, 3, 12, 13)]

    assert warned(*late) == [
        f"WARNING this machine was too busy: {checks} checks left out, nothing is held against the targets"
        for checks in (2, 6, 2)
    ]


def test_each_check_and_each_decision_is_there_for_who_asks(lines: list[str]) -> None:
    journal = Journal({0: watched()})
    for record in (
        Header(1_782_000_000_000_000, {}),
        sample(1, ms=15.234, dns_ms=1.5, syn_repeats=2),
        sample(2, "dns_failed", clock_ms=None, address=None),
        Done(0),
        End("complete"),
    ):
        journal.take(record)

    told = [_without_time(line) for line in lines]
    assert told[0].startswith("DEBUG   the prober started at 2026-")
    assert told[1:3] == [
        "INFO    db:80 (10.0.0.1): check 1: open, 15.23 ms, 2 SYN repeats",
        "DEBUG   db:80: the name was resolved in 1.50 ms",
    ]
    assert told[3] == "INFO    db:80: check 2: dns_failed"
    assert told[-2:] == ["DEBUG   db:80: all checks were made", "DEBUG   the prober ended: complete"]


def test_a_check_through_a_proxy_tells_its_stages_and_no_address_of_the_proxy(lines: list[str]) -> None:
    journal = Journal({0: watched(proxy=Proxy("http", "proxy.internal", 3128))})
    journal.take(sample(1, proxy_ms=2.5, tls_ms=30.0))
    assert [_without_time(line) for line in lines] == [
        "INFO    db:80: check 1: open, 10.00 ms, proxy 2.50 ms, TLS 30.00 ms"
    ]


@pytest.mark.parametrize(
    ("verbosity", "levels"), [(0, {"WARNING"}), (1, {"WARNING", "INFO"}), (3, {"WARNING", "INFO", "DEBUG"})]
)
def test_v_says_how_much(tmp_path: Path, verbosity: int, levels: set[str]) -> None:
    written: list[str] = []
    with logging_to(written.append, verbosity=verbosity, color=False, file=tmp_path / "log.txt"):
        for level in (logging.WARNING, logging.INFO, logging.DEBUG):
            LOGGER.log(level, "text")

    assert {_without_time(line).split()[0] for line in written} == levels
    assert (tmp_path / "log.txt").read_text() == "".join(written)


def test_foreign_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    written: list[str] = []
    with logging_to(written.append, verbosity=0, color=False, file=tmp_path / "log.txt"):
        LOGGER.warning("%s", "evil\x1b[2J\nhost\u202e")

    assert written[0].endswith("WARNING evil\\x1b[2J\\nhost\\u202e\n")
    assert (tmp_path / "log.txt").read_text() == written[0]


def test_a_ci_runner_is_given_no_command() -> None:
    err = io.StringIO()
    screen = Screen(io.StringIO(), err, {"GITHUB_ACTIONS": "true"})
    with logging_to(screen.log, verbosity=0, color=False, file=None):
        LOGGER.warning("%s", "##[error]evil")

    assert err.getvalue().endswith("WARNING ## [error]evil\n")


def test_colours_are_for_the_terminal_alone(tmp_path: Path) -> None:
    written: list[str] = []
    with logging_to(written.append, verbosity=0, color=True, file=tmp_path / "log.txt"):
        LOGGER.warning("text")

    assert "\x1b[33mWARNING\x1b[0m text" in written[0]
    assert (tmp_path / "log.txt").read_text().endswith(" WARNING text\n")


def test_a_log_file_is_appended_to_and_a_new_one_begun_where_it_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("before\n")
    with logging_to(lambda _: None, verbosity=0, color=False, file=path):
        LOGGER.warning("one")
        path.rename(tmp_path / "log.1")
        LOGGER.warning("two")

    assert (tmp_path / "log.1").read_text().startswith("before\n")
    assert path.read_text().endswith("two\n")


def test_a_log_file_that_cannot_be_opened_is_said_so_in_one_line(tmp_path: Path) -> None:
    log = logging_to(lambda _: None, verbosity=0, color=False, file=tmp_path / "no" / "log.txt")
    with pytest.raises(ArtifactError, match=r"log\.txt: No such file or directory; name another file"), log:
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_log_file_that_takes_no_more_is_said_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    written: list[str] = []
    with logging_to(written.append, verbosity=0, color=False, file=Path("/dev/full")):
        LOGGER.warning("one")
        LOGGER.warning("two")

    assert [_without_time(line) for line in written] == [
        "WARNING one", "ERROR   the log file cannot be written: /dev/full", "WARNING two",
    ]  # fmt: skip
    assert capsys.readouterr().err == ""
