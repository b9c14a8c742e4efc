"""The grammar of limits: one everywhere (YAML, option, command line). Pure.

    limit  = metric op value          op = < <= > >= ==
    metric = success | [phase "."] stat | errors ["." outcome] | consecutive_failures
           | outage | syn_repeats | cert.expires_in
    phase  = connect (when left out) | dns | rtt | tls | proxy | total
    stat   = min | avg | median | max | pNN[.N] | stdev | jitter

A value has the unit of its metric: `99%`, `50ms`, `14d`; counts have none.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .outcomes import LOCAL_ERROR, OPEN, OUTCOMES
from .units import UNITS_S

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

Op = Literal["<", "<=", ">", ">=", "=="]
Unit = Literal["ratio", "ms", "s", "count"]
Origin = Literal["option", "target", "defaults", "built-in"]

PHASES = ("connect", "dns", "rtt", "tls", "proxy", "total")
STATS = ("min", "avg", "median", "max", "stdev", "jitter")
#: Two values make the first difference: with one there is neither a deviation nor a jitter.
_LEAST_FOR_A_DIFFERENCE = 2

_OPS: dict[str, Op] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=="}
_MEANT_OPS = {"=": "==", "=<": "<=", "=>": ">=", "≤": "<=", "≥": ">="}
_MEANT_STATS = {"mean": "avg", "average": "avg", "std": "stdev", "stddev": "stdev", "mdev": "stdev"}
_MEANT_UNITS = {"msec": "ms", "millis": "ms", "milliseconds": "ms", "sec": "s", "secs": "s", "seconds": "s"}
_MEANT_UNITS |= {"min": "m", "mins": "m", "minutes": "m", "hours": "h", "days": "d", "percent": "%"}
_COMMON_PERCENTILES = ("p50", "p90", "p95", "p99")
_ERROR_OUTCOMES = tuple(name for name in OUTCOMES if name not in (OPEN, LOCAL_ERROR))
_EXPECTED_METRIC = "expected a metric such as success, p95, dns.avg or errors"
#: Far more than any limit needs; keeps hostile text cheap.
_LONGEST_TEXT = 200
_MOST_DIGITS = 15

_SHAPE = re.compile(r"\s*(?P<metric>[^\s<>=!≤≥]*)\s*(?P<op>[<>=!≤≥]*)\s*(?P<value>.*)", re.DOTALL)
_PERCENTILE = re.compile(r"p(?P<number>[0-9]{1,3}(?:\.[0-9]{1,6})?)\Z")
_VALUE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(?P<unit>.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a limit speaks of.

    name: canonical text, unique for the metric (`success`, `connect.p95`, `dns.avg`,
        `errors`, `errors.timeout`, `consecutive_failures`, `outage`, `syn_repeats`).
    unit: of the limit's value and of what is measured: `ratio` (0..1), `ms`, `s` or `count`.
    phase, stat: for timing metrics. percentile: 0 < p <= 100 where stat is pNN.
    outcome: for `errors.outcome`.
    """

    name: str
    unit: Unit
    phase: str | None = None
    stat: str | None = None
    percentile: float | None = None
    outcome: str | None = None

    @property
    def shown_name(self) -> str:
        """As people write it: `p95` for `connect.p95`."""
        return self.name.removeprefix("connect.")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: `metric op value`, the value in the metric's unit. `text` is its normal form as
    people write it (`p95 < 50ms`, `success >= 99%`); `origin` says where it came from."""

    metric: Metric
    op: Op
    value: float
    text: str
    origin: Origin = "target"


class LimitError(ValueError):
    """A text that is no limit. `args[0]` says what was expected; `offset` counts characters."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def parse_limit(text: str, origin: Origin = "target") -> Limit:
    """Return the limit that `text` says: `p95 < 50ms`.

    Raises LimitError: what was expected, what was found, where, and what may have been meant.
    """
    if len(text) > _LONGEST_TEXT:
        raise LimitError(f"expected a limit such as 'p95 < 50ms', found {len(text)} characters")
    match = _SHAPE.match(text.rstrip())
    assert match is not None  # every part of the pattern may be empty
    if not match["metric"]:
        raise LimitError(f"expected a limit such as 'p95 < 50ms', found {_found(text.strip())}", match.start("metric"))
    metric = _parse_metric(match["metric"], match.start("metric"))
    op = _parse_op(match)
    value, written = _parse_value(metric, match["value"], match.start("value"))
    shown = f"{metric.shown_name} {op} {written}"
    if _never_holds(metric, op, value):
        raise LimitError(f"'{shown}' can never hold", match.start("op"))
    return Limit(metric, op, value, shown, origin)


def parse_metric(text: str) -> Metric:
    """Return the metric that `text` names: `p95`. Raises LimitError."""
    if len(text) > _LONGEST_TEXT:
        raise LimitError(f"{_EXPECTED_METRIC}, found {len(text)} characters")
    return _parse_metric(text.strip(), 0)


def merge_limits(inherited: tuple[Limit, ...], own: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Return what is in force: the inherited limits that no own one replaces, then the own ones.

    An own limit replaces the inherited ones of the same metric and direction (`<` and `<=` are one,
    `>` and `>=` the other). `==` bounds both directions: an own one replaces all of its metric, an
    inherited one gives way to any own limit of its metric. Own limits never replace each other.
    """
    kept = (limit for limit in inherited if not any(_replaces(mine, limit) for mine in own))
    return (*kept, *own)


def asks_for_success(limit: Limit) -> bool:
    """Say whether a limit demands that checks succeed; an upper bound on success demands that they fail."""
    return limit.metric.name == "success" and limit.op in (">=", ">", "==")


def least_count(limit: Limit) -> int | None:
    """Return the least number of checks with which the limit's metric can mean something.

    For a percentile: with which its nearest rank, ceil(p / 100 * n), is not the last one, so that it
    is not the maximum (p50 2, p95 20, p99 100, p99.9 1000); for stdev and jitter 2. None where any
    count will do, and for p100, which is the maximum.
    """
    percentile = limit.metric.percentile
    if percentile is None:
        return _LEAST_FOR_A_DIFFERENCE if limit.metric.stat in ("stdev", "jitter") else None
    from fractions import Fraction

    exact = Fraction(str(percentile))
    return None if exact == 100 else math.ceil(100 / (100 - exact))


def holds(limit: Limit, value: float) -> bool:
    """Say whether a measured value keeps the limit.

    Comparing floats is exact here: both sides are the float nearest to an exact fraction (37/40,
    99/100, whole microseconds / 1000), so equal fractions are equal floats, and rounding never swaps
    two numbers. Only fractions closer than 1e-15 of their size could be taken for equal.
    """
    if limit.op == "<":
        return value < limit.value
    if limit.op == "<=":
        return value <= limit.value
    if limit.op == ">":
        return value > limit.value
    if limit.op == ">=":
        return value >= limit.value
    return value == limit.value


def shown_value(metric: Metric, value: float | None, digits: int = 2) -> str:
    """Return a measured value for people: `92.50 %`, `1034.20 ms`, `3`, `12.5 s`, `3.2 d`, `no samples`.

    A rate that is not quite 0 or 1 gets the decimals that it takes to show so.
    """
    if value is None:
        return "no samples"
    if metric.unit == "ratio":
        while 0 < value < 1 and round(value, digits + 2) in (0, 1) and digits < _MOST_DIGITS:
            digits += 1
        return f"{round(value, digits + 2) * 100:.{digits}f} %"
    if metric.unit == "ms":
        return f"{value:.{digits}f} ms"
    if metric.unit == "s":
        unit = _shown_unit(metric, value)
        number = f"{value / UNITS_S[unit]:.{digits}f}"
        return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"
    return f"{value:.0f}"


def shown_measured(limit: Limit, value: float | None) -> str:
    """Return `shown_value` with the decimals that it takes to see on which side of the limit the
    value is: `50.001 ms` for `max <= 50ms`, not `50.00 ms`."""
    if value is None:
        return shown_value(limit.metric, None)
    digits = 2
    extra = 2 if limit.metric.unit == "ratio" else 0
    size = UNITS_S[_shown_unit(limit.metric, value)]
    while holds(limit, round(value / size, digits + extra) * size) != holds(limit, value) and digits < _MOST_DIGITS:
        digits += 1
    return shown_value(limit.metric, value, digits)


def shown_validity(expires_in_s: float) -> str:
    """Return how long a certificate is still valid: `expires in 3.2 d`, `expired 12 h ago`."""
    shown = shown_value(_PLAIN_METRICS["cert.expires_in"], abs(expires_in_s), digits=1)
    return f"expires in {shown}" if expires_in_s >= 0 else f"expired {shown} ago"


def _shown_unit(metric: Metric, value: float) -> str:
    """The unit to show seconds in: those of a certificate are days mostly."""
    if metric.name != "cert.expires_in":
        return "s"
    return next((unit for unit in ("d", "h", "m") if abs(value) >= UNITS_S[unit]), "s")


def shown_limit(limit: Limit) -> str:
    """Return what is allowed, for people, without the metric: `>= 99 %`, `< 50 ms`, `<= 3`."""
    allowed = limit.text.partition(" ")[2]
    return re.sub(r"(?<=[0-9])(?=[a-z%])", " ", allowed)


def _parse_metric(text: str, offset: int) -> Metric:
    if text in _PLAIN_METRICS:
        return _PLAIN_METRICS[text]
    head, dot, rest = text.partition(".")
    if not dot or _PERCENTILE.match(text):
        if text in PHASES:
            raise LimitError(f"expected a statistic of {text}, such as {text}.p95", offset)
        return _timing("connect", text, offset)
    if head in PHASES:
        plain = rest.partition(".")[0]
        if rest in _PLAIN_METRICS or plain == "errors":
            raise LimitError(f"{plain} takes no phase: leave '{head}.' out", offset)
        return _timing(head, rest, offset + len(head) + 1)
    if head == "errors":
        return _errors(rest, offset + len(head) + 1)
    if head in _PLAIN_METRICS:
        raise LimitError(f"expected {head} alone, found {_found(text)}", offset)
    phases = (*PHASES, "errors") if rest.isprintable() else ()
    meant = _hint(text, (*_PLAIN_METRICS, *(f"{phase}.{rest}" for phase in phases)))
    raise LimitError(f"{_EXPECTED_METRIC}, found {_found(text)}{meant}", offset)


def _timing(phase: str, stat: str, offset: int) -> Metric:
    match = _PERCENTILE.match(stat)
    if match:
        number = _decimal(match["number"])
        if not 0 < number <= 100:
            raise LimitError(f"expected a percentile above p0 and up to p100, found {_found(stat)}", offset)
        return Metric(f"{phase}.p{_plain(number)}", "ms", phase=phase, stat="pNN", percentile=float(number))
    if stat in STATS:
        return Metric(f"{phase}.{stat}", "ms", phase=phase, stat=stat)
    choices = (*STATS, *_COMMON_PERCENTILES)
    if phase == "connect":
        meant = _hint(stat, (*choices, *_PLAIN_METRICS, *PHASES), _MEANT_STATS)
        raise LimitError(
            f"expected a metric such as success, p95, dns.avg or errors, found {_found(stat)}{meant}", offset
        )
    meant = _hint(stat, choices, _MEANT_STATS)
    raise LimitError(f"expected one of {', '.join(STATS)} or pNN after '{phase}.', found {_found(stat)}{meant}", offset)


def _errors(outcome: str, offset: int) -> Metric:
    if outcome in _ERROR_OUTCOMES:
        return Metric(f"errors.{outcome}", "count", outcome=outcome)
    if outcome == LOCAL_ERROR:
        raise LimitError("local_error is this machine's own fault, left out of all limits", offset)
    meant = _hint(outcome, _ERROR_OUTCOMES)
    raise LimitError(
        f"expected one of {', '.join(_ERROR_OUTCOMES)} after 'errors.', found {_found(outcome)}{meant}", offset
    )


def _parse_op(match: re.Match[str]) -> Op:
    written = match["op"]
    if written in _OPS:
        return _OPS[written]
    found = _found(written or match["value"])
    meant = f" (did you mean {_MEANT_OPS[written]}?)" if written in _MEANT_OPS else ""
    raise LimitError(
        f"expected one of {' '.join(_OPS)} after {match['metric']!r}, found {found}{meant}", match.start("op")
    )


def _parse_value(metric: Metric, text: str, offset: int) -> tuple[float, str]:
    """Return the value in the metric's unit, and its normal form."""
    from fractions import Fraction

    expected = _EXAMPLES[metric.unit]
    match = _VALUE.match(text)
    if match is None or len(match["number"]) > _MOST_DIGITS:
        raise LimitError(f"expected {expected} for {metric.shown_name}, found {_found(text)}", offset)
    number, unit, unit_offset = _decimal(match["number"]), match["unit"], offset + match.start("unit")
    if metric.unit == "count":
        if unit:
            raise LimitError(f"{metric.shown_name} is a count and takes no unit, found {_found(unit)}", unit_offset)
        if number % 1:
            raise LimitError(f"expected {expected} for {metric.shown_name}, found {_found(text)}", offset)
        return float(number), _plain(number)
    written = _plain(number)
    _check_unit(metric, written, unit, unit_offset)
    if metric.unit == "ratio":
        if number > 100:
            raise LimitError(f"expected a percentage from 0% to 100%, found {_found(text)}", offset)
        return float(Fraction(number) / 100), f"{written}%"
    per_second = 1000 if metric.unit == "ms" else 1
    return float(Fraction(number) * Fraction(str(UNITS_S[unit])) * per_second), f"{written}{unit}"


def _check_unit(metric: Metric, number: str, unit: str, offset: int) -> None:
    units = ("%",) if metric.unit == "ratio" else tuple(UNITS_S)
    if unit in units:
        return
    usual = {"ratio": ("%",), "ms": ("ms", "s"), "s": ("s", "m")}[metric.unit]
    if metric.name == "cert.expires_in":
        usual = ("d",)
    if not unit:
        raise LimitError(f"expected a unit: write {' or '.join(number + each for each in usual)}", offset)
    one_of = "the unit %" if metric.unit == "ratio" else f"one of the units {', '.join(units)}"
    meant = _hint(unit.lower(), units, _MEANT_UNITS)
    raise LimitError(f"expected {one_of} for {metric.shown_name}, found {_found(unit)}{meant}", offset)


def _never_holds(metric: Metric, op: Op, value: float) -> bool:
    if metric.name == "cert.expires_in":
        return False  # an expired one has a negative time left
    return (op == "<" and value == 0) or (op == ">" and metric.unit == "ratio" and value == 1)


def _replaces(own: Limit, inherited: Limit) -> bool:
    if own.metric.name != inherited.metric.name:
        return False
    return "==" in (own.op, inherited.op) or own.op[0] == inherited.op[0]


def _decimal(text: str) -> Decimal:
    from decimal import Decimal  # here: most plans have no limits

    return Decimal(text)


def _plain(number: Decimal) -> str:
    """`50.0` and `050` -> `50`, `.50` -> `0.5`, never an exponent."""
    text = f"{number:f}"
    whole, dot, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    return f"{int(whole or '0')}{dot if decimals else ''}{decimals}"


def _found(text: str) -> str:
    """What stands there, harmless and short: repr() escapes what cannot be printed."""
    return (repr(text) if len(text) <= 40 else f"{text[:40]!r}...") if text else "nothing"


def _hint(text: str, choices: Iterable[str], meant: dict[str, str] | None = None) -> str:
    if meant and text in meant:
        return f" (did you mean {meant[text]}?)"
    from difflib import get_close_matches

    close = get_close_matches(text, tuple(choices), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


_EXAMPLES: dict[Unit, str] = {
    "ratio": "a percentage such as 99%",
    "ms": "a duration such as 50ms or 1.5s",
    "s": "a duration such as 30s or 14d",
    "count": "a whole number such as 0 or 3",
}

_PLAIN_METRICS = {
    "success": Metric("success", "ratio"),
    "errors": Metric("errors", "count"),
    "consecutive_failures": Metric("consecutive_failures", "count"),
    "outage": Metric("outage", "s"),
    "syn_repeats": Metric("syn_repeats", "count"),
    "cert.expires_in": Metric("cert.expires_in", "s"),
}
