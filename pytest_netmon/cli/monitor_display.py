"""How the monitor shows its figures where output is no terminal, or is to be plain: the seed's block."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Protocol

from pytest_netmon.reports.block import block_lines

from .monitor_figures import Figures
from .screen import Screen

#: As often as the seed shows its block, in rounds.
EVERY_ROUNDS = 10


class Display(Protocol):
    """What shows the figures of a run until it ends."""

    def take(self) -> None:
        """Called after each record that the figures took in."""

    def tick(self) -> None:
        """Called many times a second."""

    def log(self, line: str) -> None:
        """Write a line of the log, its newline included."""

    def end(self) -> None:
        """Leave the screen to others; may be called twice."""


class Blocks:
    """Shows the block at once after the first round, then every 10 rounds. The last one of `count` rounds is
    left to the caller, who shows it when all is over.

    A round is over when every target had it; one that lags behind, waiting for a timeout, is not
    waited for longer than until another has the next one.
    """

    def __init__(
        self,
        screen: Screen,
        figures: Figures,
        started_at: Callable[[], datetime.datetime],
        write_log: Callable[[str], None],
        count: int | None,
    ) -> None:
        self._screen = screen
        self._figures = figures
        self._started_at = started_at
        self._write_log = write_log
        self._count = count
        self._due = 1

    def take(self) -> None:
        rounds = self._figures.most_rounds
        if rounds < self._due or not (rounds > self._due or self._figures.all_completed(self._due)):
            return
        is_last = self._due == self._count
        self._due = (rounds // EVERY_ROUNDS + 1) * EVERY_ROUNDS
        if not is_last:
            show_block(self._screen, self._figures, self._started_at())

    def tick(self) -> None:
        """Blocks come with the rounds."""

    def log(self, line: str) -> None:
        self._write_log(line)

    def end(self) -> None:
        """Nothing of it stays on the screen."""


def show_block(screen: Screen, figures: Figures, started_at: datetime.datetime) -> None:
    """Write the block as it is now, and an empty line behind it."""
    for line in [*block_lines(started_at, figures.hosts()), ""]:
        screen.line(line)
