"""The live table on a terminal: a row an endpoint, drawn in place at most twice a second.

It is drawn below what the log writes, so that this stays to be read. The prober measures in a process of
its own: drawing cannot disturb it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from pytest_netmon.reports.layout import counted, fitted, padded, width_of

from .live_rows import (
    ASCII_BLOCKS,
    ASCII_FAILED,
    BLOCKS,
    FAILED,
    Column,
    Row,
    clock_text,
    columns_for,
    counts_text,
    row_of,
    sparkline,
    worst_first,
)
from .monitor_figures import Figures, Pulse

#: Figures that change more often cannot be read.
_DRAW_EVERY_S = 0.5
#: A percentile costs a look at all values: not at each redraw.
_P95_EVERY_S = 2.0
#: Lines beside the rows: the title, the column heads, the last line, and the one where the cursor stands.
_OTHER_LINES = 4
_USUAL_SIZE = (80, 24)
_BAR_COLUMNS = 30
_CLEAR_ALL, _CLEAR_BELOW = "\x1b[2J\x1b[H", "\x1b[J"


class LiveTable:
    """Draws to the terminal `out` through `write`.

    p95_ms: of an endpoint, by its index. elapsed_s: since the start. planned_s: infinite without
    a last check. write_log: where lines of the log go; None: to this terminal, above the table.
    """

    def __init__(
        self,
        out: TextIO,
        write: Callable[[str], None],
        write_log: Callable[[str], None] | None,
        figures: Figures,
        *,
        p95_ms: Callable[[int], float | None],
        elapsed_s: Callable[[], float],
        planned_s: float,
    ) -> None:
        self._out = out
        self._write, self._write_log = write, write_log
        self._figures = figures
        self._p95_ms = p95_ms
        self._elapsed_s = elapsed_s
        self._planned_s = planned_s
        self._console = Console(file=out, highlight=False)
        self._has_unicode = (out.encoding or "").lower().startswith("utf")
        self._known_p95: dict[int, tuple[float, float | None]] = {}
        self._pending = ""
        self._drawn_lines = 0
        self._drawn_size: tuple[int, int] | None = None
        self._next_draw_s = 0.0

    def take(self) -> None:
        """The next redraw shows it."""

    def tick(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_draw_s:
            self._next_draw_s = now_s + _DRAW_EVERY_S
            self._draw()

    def log(self, line: str) -> None:
        """Write a line above the table, with the next redraw."""
        if self._write_log is None:
            self._pending += line
        else:
            self._write_log(line)

    def end(self) -> None:
        """Take the table away: what is written next stands in its place."""
        self._write(self._above() if self._drawn_lines or self._pending else "")
        self._drawn_lines = 0

    def _above(self) -> str:
        """Go to where the table starts; write there what the log has, in place of it."""
        start = f"\x1b[{self._drawn_lines}F" if self._drawn_lines else "\r"
        log, self._pending = self._pending, ""
        return f"{start}{_CLEAR_BELOW}{log}"

    def _draw(self) -> None:
        width, height = self._size()
        lines = self._rendered(self._lines(width - 1, height), width)
        # A terminal that was resized has wrapped or moved what stood there.
        resized = self._drawn_size not in (None, (width, height))
        start = _CLEAR_ALL if resized and self._drawn_lines else ""
        self._drawn_lines = 0 if start else self._drawn_lines
        self._write(start + self._above() + "".join(f"{line}\n" for line in lines))
        self._drawn_lines, self._drawn_size = len(lines), (width, height)

    def _size(self) -> tuple[int, int]:
        try:
            width, height = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            return _USUAL_SIZE
        return width or _USUAL_SIZE[0], height or _USUAL_SIZE[1]

    def _rendered(self, lines: Iterable[Text], width: int) -> list[str]:
        with self._console.capture() as capture:
            for line in lines:
                self._console.print(line, no_wrap=True, overflow="crop", crop=True, width=width, soft_wrap=True)
        return capture.get().splitlines()

    def _lines(self, width: int, height: int) -> list[Text]:
        pulses = list(self._figures.pulses.values())
        room = max(1, height - _OTHER_LINES)
        hidden: list[Pulse] = []
        if len(pulses) > room:
            pulses = worst_first(pulses, self._figures)
            pulses, hidden = pulses[: max(1, room - 1)], pulses[max(1, room - 1) :]
        rows = [row_of(pulse, self._figures, self._p95(pulse.index)) for pulse in pulses]
        columns = columns_for(rows, width)
        lines = [self._title(width), self._heads(columns), *(self._row(row, columns) for row in rows)]
        if hidden:
            lines.append(Text(fitted(f"and {len(hidden)} more: {counts_text(hidden)}", width), "dim"))
        lines = [*lines, self._last_line(width)][: max(1, height - 1)]
        for line in lines:
            line.truncate(width)
        return lines

    def _p95(self, index: int) -> float | None:
        now_s = time.monotonic()
        computed_s, value = self._known_p95.get(index, (-math.inf, None))
        if now_s - computed_s >= _P95_EVERY_S or value is None:
            value = self._p95_ms(index)
            self._known_p95[index] = now_s, value
        return value

    def _title(self, width: int) -> Text:
        elapsed_s = self._elapsed_s()
        told = f"  {clock_text(elapsed_s)}, round {self._figures.most_rounds}, times in ms"
        title = Text("Network Monitor", "bold").append(told, "not bold")
        if math.isfinite(self._planned_s):
            left = f"{clock_text(self._planned_s - elapsed_s)} left" if elapsed_s < self._planned_s else "nearly done"
            title.append(f", {left}  ", "not bold")
            share = min(1.0, elapsed_s / self._planned_s) if self._planned_s else 1.0
            title.append_text(self._bar(share, width - title.cell_len - len(" 100 %"))).append(f" {share * 100:.0f} %")
        return title

    def _bar(self, share: float, width: int) -> Text:
        width = max(0, min(width, _BAR_COLUMNS))
        full, empty = ("━", "─") if self._has_unicode else ("#", "-")
        filled = int(share * width)
        return Text(full * filled, "green").append(empty * (width - filled), "dim")

    def _heads(self, columns: list[Column]) -> Text:
        titles = (padded(column.title, column.width, right=column.is_figure) for column in columns)
        return Text(" ".join(titles).rstrip(), "dim")

    def _row(self, row: Row, columns: list[Column]) -> Text:
        line = Text()
        for column in columns:
            if column.key == "recent":
                line.append_text(self._recent(row, column.width))
            else:
                shown = fitted(row.cells[column.key], column.width)
                gap = " " * (column.width - width_of(shown))
                line.append(gap if column.is_figure else "").append(shown, _style_of(row, column.key))
                line.append("" if column.is_figure else gap)
            line.append(" ")
        return line

    def _recent(self, row: Row, width: int) -> Text:
        blocks, failed = (BLOCKS, FAILED) if self._has_unicode else (ASCII_BLOCKS, ASCII_FAILED)
        line = Text()
        for character in sparkline(row.recent_ms, width, blocks, failed):
            line.append(character, "cyan" if character != failed else "bold red" if row.has_failed else "dim")
        return line

    def _last_line(self, width: int) -> Text:
        pulses = self._figures.pulses.values()
        told = f"{counted(len(pulses), 'endpoint')}: {counts_text(pulses)}. Ctrl-C ends."
        return Text(fitted(told, width), "bold red" if any(pulse.is_failing for pulse in pulses) else "dim")


def _style_of(row: Row, key: str) -> str:
    """Failures stand out without colours too: in bold, and reversed."""
    if row.is_failing and key in ("name", "state"):
        return "bold red reverse" if key == "state" else "bold red"
    if row.has_failed and key in ("success", "worst"):
        return "yellow"
    return "green" if key == "state" else ""
