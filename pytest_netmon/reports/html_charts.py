"""The two charts of an endpoint as paths and places: connect times over time, and how they are distributed. Pure.

Heights are pixels; across, a chart is 1,000 units wide, which the page stretches to the room that there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..distributions import Distribution
from ..limits import shown_limit
from ..verdict import LimitResult, Verdict
from .html_scale import Scale, scale_of, shown_tick
from .html_series import Point, Series, Stretches

WIDTH = 1000
#: Room for what stands above the plot, the plot, the strip of failed checks, and the times under it.
TOP, PLOT, STRIP, FOOT = 20, 140, 20, 18
BOTTOM = TOP + PLOT
_MARGIN = 8
_BINS = 25
#: A distribution of fewer values says no more than the points do.
_LEAST_FOR_DISTRIBUTION = 5
#: Limits farther from what was measured than this are named at the edge, not drawn: they would flatten the rest.
_FAR = 10
_LABEL_HEIGHT = 13


@dataclass(frozen=True, slots=True)
class Tick:
    y: int
    label: str


@dataclass(frozen=True, slots=True)
class ShownLimit:
    """state: `kept`, `broken`, or `warning` for a broken one that fails nothing."""

    result: LimitResult
    state: str

    @property
    def value(self) -> float:
        return self.result.limit.value


@dataclass(frozen=True, slots=True)
class LimitLine:
    """y: of the line, None where it is out of the chart (`label` says which way). label_y: its text's baseline.
    state: as in `ShownLimit`."""

    y: int | None
    label_y: int
    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Axis:
    scale: Scale
    ticks: tuple[Tick, ...]
    limits: tuple[LimitLine, ...]


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Paths, empty where there is nothing to draw. dots: open checks one by one; bars: of stretches, from the fastest
    to the slowest; rings: where a SYN was repeated; failed, left_out: ticks in the strip. bar_width: in units.
    gaps: (x, width) of when the checker stood still. stretch_us: None where each mark is one check."""

    dots: str
    bars: str
    bar_width: int
    rings: str
    failed: str
    left_out: str
    gaps: tuple[tuple[int, int], ...]
    stretch_us: int | None

    @property
    def has_strip(self) -> bool:
        return bool(self.failed or self.left_out)

    @property
    def height(self) -> int:
        return BOTTOM + (STRIP if self.has_strip else 0) + FOOT


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often which connect time was seen: a path of bars from low_ms on the left to high_ms on the right, the
    highest for `most` values. limits: (x, state) of those in between."""

    bars: str
    most: int
    low_ms: float
    high_ms: float
    is_log: bool
    limits: tuple[tuple[int, str], ...]


def shown_limits(verdict: Verdict) -> tuple[ShownLimit, ...]:
    """Return all limits of an endpoint, those that fail nothing last."""
    judged = [ShownLimit(each, "kept" if each.ok else "broken") for each in verdict.limits]
    return (*judged, *(ShownLimit(each, "kept" if each.ok else "warning") for each in verdict.warn))


def axis_of(connect: Distribution, limits: Iterable[ShownLimit]) -> Axis | None:
    """Return the vertical axis of the time line; None where nothing was open."""
    if connect.min_ms is None or connect.max_ms is None:
        return None
    of_connect = _of_connect(limits)
    least, most = connect.min_ms / _FAR, max(connect.max_ms, 0.1) * _FAR
    near = [limit.value for limit in of_connect if least <= limit.value <= most]
    scale = scale_of([connect.min_ms, connect.max_ms, *near])
    ticks = tuple(Tick(_y(scale, tick), shown_tick(tick)) for tick in scale.ticks_ms)
    return Axis(scale, ticks, tuple(_limit_lines(of_connect, scale, near)))


def time_line_of(series: Series, scale: Scale, gaps: Iterable[tuple[int, int]]) -> TimeLine:
    """Return the chart of all checks; `gaps` are (start, length) in microseconds since the start of the run."""
    across = _Across(series.evidence.first_us or 0, series.last_start_us or 0)
    seen = tuple(across.span(at_us, length_us) for at_us, length_us in gaps if across.meets(at_us, length_us))
    if series.stretches is not None:
        return _time_line_of_stretches(series.stretches, scale, across, seen)
    return _time_line_of_points(series.points or [], scale, across, seen)


def histogram_of(connect: Distribution, limits: Iterable[ShownLimit]) -> Histogram | None:
    """Return how the connect times are distributed between the fastest and the slowest; None where there are fewer
    than five, or all are the same."""
    low, high = connect.min_ms, connect.max_ms
    if connect.count < _LEAST_FOR_DISTRIBUTION or low is None or high is None or low == high:
        return None
    scale = Scale(low, high, is_log=scale_of([low, high]).is_log)
    bins = [0] * _BINS
    for value_us, times in connect.counts_us.items():
        bins[min(_BINS - 1, int(scale.share_of(value_us / 1000) * _BINS))] += times
    inside = (each for each in _of_connect(limits) if low <= each.value <= high)
    return Histogram(
        bars=_bars(bins),
        most=max(bins),
        low_ms=low,
        high_ms=high,
        is_log=scale.is_log,
        limits=tuple((round(scale.share_of(each.value) * WIDTH), each.state) for each in inside),
    )


def _bars(bins: Sequence[int]) -> str:
    width, most = WIDTH // len(bins), max(bins)
    return "".join(
        f"M{number * width + 3} {BOTTOM}v-{max(1, round(times / most * PLOT))}h{width - 6}V{BOTTOM}z"
        for number, times in enumerate(bins)
        if times
    )


class _Across:
    """From times to units across."""

    def __init__(self, from_us: int, to_us: int) -> None:
        self._from_us, self._to_us = from_us, to_us

    def x(self, at_us: float) -> int:
        span_us = self._to_us - self._from_us
        share = (at_us - self._from_us) / span_us if span_us else 0.5
        return round(_MARGIN + min(1.0, max(0.0, share)) * (WIDTH - 2 * _MARGIN))

    def meets(self, at_us: int, length_us: int) -> bool:
        return at_us <= self._to_us and at_us + length_us >= self._from_us

    def span(self, at_us: int, length_us: int) -> tuple[int, int]:
        start = self.x(at_us)
        return start, max(2, self.x(at_us + length_us) - start)


def _time_line_of_points(
    points: Sequence[Point], scale: Scale, across: _Across, gaps: tuple[tuple[int, int], ...]
) -> TimeLine:
    opened = [(across.x(point.at_us), point) for point in points if point.connect_ms is not None]
    dots = [(x, _y(scale, point.connect_ms or 0.0), point.is_repeated) for x, point in opened]
    lost = [(across.x(point.at_us), point.is_left_out) for point in points if point.connect_ms is None]
    return TimeLine(
        dots=_dots((x, y) for x, y, _ in dots),
        bars="",
        bar_width=0,
        rings=_dots((x, y) for x, y, is_repeated in dots if is_repeated),
        failed=_strip_ticks((x, 1.0) for x, is_left_out in lost if not is_left_out),
        left_out=_strip_ticks((x, 1.0) for x, is_left_out in lost if is_left_out),
        gaps=gaps,
        stretch_us=None,
    )


def _time_line_of_stretches(
    stretches: Stretches, scale: Scale, across: _Across, gaps: tuple[tuple[int, int], ...]
) -> TimeLine:
    bars, rings, failed, left_out = [], [], [], []
    for from_us, stretch in stretches.in_order():
        x = across.x(from_us + stretches.width_us / 2)
        if stretch.low_ms is not None and stretch.high_ms is not None:
            high_y = _y(scale, stretch.high_ms)
            bars.append(f"M{x} {high_y - 1}V{_y(scale, stretch.low_ms) + 1}")
            rings += [(x, high_y)] if stretch.repeated else []
        made = stretch.opened + stretch.failed
        failed += [(x, stretch.failed / made)] if stretch.failed else []
        left_out += [(x, 1.0)] if stretch.left_out else []
    width = across.x(stretches.from_us + stretches.width_us) - across.x(stretches.from_us)
    return TimeLine(
        dots="",
        bars="".join(bars),
        bar_width=max(2, width - 2),
        rings=_dots(rings),
        failed=_strip_ticks(failed),
        left_out=_strip_ticks(left_out),
        gaps=gaps,
        stretch_us=stretches.width_us,
    )


def _y(scale: Scale, value_ms: float) -> int:
    return round(TOP + (1 - scale.share_of(value_ms)) * PLOT)


def _dots(places: Iterable[tuple[int, int]]) -> str:
    """Lines without length: with round ends they are dots, however a chart is stretched."""
    return "".join(f"M{x} {y}h0" for x, y in dict.fromkeys(places))


def _strip_ticks(places: Iterable[tuple[int, float]]) -> str:
    """Ticks that stand on the strip's floor, as high as the share says, so that one in many can still be seen."""
    floor, most = BOTTOM + STRIP - 2, STRIP - 5
    return "".join(f"M{x} {floor}v-{max(5, round(share * most))}" for x, share in dict.fromkeys(places))


def _of_connect(limits: Iterable[ShownLimit]) -> list[ShownLimit]:
    """The limits on how long a connect may take, without those on how much that may vary."""
    metrics = [(each, each.result.limit.metric) for each in limits]
    return [each for each, metric in metrics if metric.phase == "connect" and metric.stat not in ("stdev", "jitter")]


def _limit_lines(limits: Sequence[ShownLimit], scale: Scale, near: Sequence[float]) -> Iterable[LimitLine]:
    """Lines from the top down, their labels one under the other where they would meet."""
    free_from = TOP - 6
    for each in sorted(limits, key=lambda each: -each.value):
        label = f"{each.result.limit.metric.shown_name} {shown_limit(each.result.limit)}"
        y = _y(scale, each.value) if each.value in near else None
        if y is None:
            label = f"{'↑' if scale.share_of(each.value) == 1.0 else '↓'} {label}"
        beside = y if y is not None else TOP + 4 if label.startswith("↑") else BOTTOM
        label_y = max(beside - 4, free_from)
        free_from = label_y + _LABEL_HEIGHT
        yield LimitLine(y, label_y, label, each.state)
