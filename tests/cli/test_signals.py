"""Which signal ends a command, and when another one ends it at once."""

from __future__ import annotations

import signal
import time

import pytest

from pytest_netmon.cli.signals import Ending


def test_a_signal_that_is_sent_to_a_process_and_to_its_group_is_one() -> None:
    """As timeout(1) does it: a command that is ended so still says what it has."""
    ending = Ending()
    ending._note(signal.SIGINT, None)
    ending._note(signal.SIGINT, None)
    assert ending.exit_status == 130


def test_a_second_signal_a_little_later_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = Ending()
    ending._note(signal.SIGINT, None)
    later_s = time.monotonic() + 0.1
    monkeypatch.setattr("pytest_netmon.cli.signals.time.monotonic", lambda: later_s)
    with pytest.raises(KeyboardInterrupt):
        ending._note(signal.SIGINT, None)


def test_another_signal_ends_at_once() -> None:
    ending = Ending()
    ending._note(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        ending._note(signal.SIGTERM, None)
