"""The verdicts of a `netmon.json`, as they stand there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, get_args

from .baseline import Comparison, State
from .limits import LimitError, Origin, parse_limit, parse_metric
from .safe import for_terminal
from .strict_json import Node
from .verdict import LimitResult, Status, Verdict


def verdict_of(node: Node) -> Verdict:
    status, reasons = node.needed("verdict").value, node.needed("reasons").texts()
    if status is None:  # watched without limits
        status = "inconclusive" if reasons else "passed"
    if status not in get_args(Status):
        node.needed("verdict").wrong(f"one of {', '.join(get_args(Status))}")
    return Verdict(
        status=cast(Status, status),
        limits=tuple(_limit_result(each) for each in node.needed("limits").items()),
        reasons=reasons,
        notes=node.needed("notes").texts(),
        warn=() if node.get("warn").value is None else tuple(_limit_result(each) for each in node.get("warn").items()),
        baseline=_comparison(node.get("baseline")),
        failed_controls=() if node.get("failed_controls").value is None else node.get("failed_controls").texts(),
    )


def _comparison(node: Node) -> Comparison | None:
    if node.value is None:
        return None
    state, metric = node.needed("state"), node.needed("metric")
    if state.text() not in get_args(State):
        state.wrong(f"one of {', '.join(get_args(State))}")
    try:
        known = parse_metric(metric.text())
    except LimitError as error:
        metric.refuse(for_terminal(str(error)))
    return Comparison(
        state=cast(State, state.value),
        ok=node.needed("ok").flag(),
        metric=known,
        value_ms=node.needed("value_ms").number_or_none(),
        baseline_ms=node.needed("baseline_ms").number_or_none(),
        samples=node.needed("samples").whole(),
        baseline_samples=node.needed("baseline_samples").whole(),
        p=node.needed("p").number_or_none(),
        tests=node.needed("tests").whole(),
        text=node.needed("text").text(),
    )


def _limit_result(node: Node) -> LimitResult:
    origin = cast(Origin, node.needed("origin").text())  # looked at with the endpoint
    try:
        limit = parse_limit(node.needed("limit").text(), origin)
    except LimitError as error:
        node.needed("limit").refuse(for_terminal(str(error)))
    return LimitResult(limit, node.needed("value").number_or_none(), node.needed("ok").flag())


def written_limits(node: Node) -> Iterator[tuple[str, str]]:
    """The endpoint's own limits: the built-in one comes back by itself."""
    for limit in node.items():
        origin = limit.needed("origin").text()
        if origin not in get_args(Origin):
            limit.needed("origin").wrong(f"one of {', '.join(get_args(Origin))}")
        if origin != "built-in":
            yield limit.needed("limit").text(), origin
