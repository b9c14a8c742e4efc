"""`netmon-junit.xml`: a testcase for each endpoint, through the junit-xml package. Pure.

GitLab shows `classname` and reads a failure's text, Jenkins its message and only the first failure: both get all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

from junit_xml import TestCase, TestSuite, to_xml_report_string

from ..distributions import Distribution
from ..plan import Endpoint
from ..run import Result, Run
from ..safe import for_terminal, for_xml
from ..statistics import Statistics
from ..verdict import breach_text
from .evidence import evidence_of
from .failure import failure_text

Property = tuple[str, "str | float | int"]

#: Where the properties of a testcase go. As text it can be nothing else: no text of a run holds a bare `<`.
_PROPERTIES = "<properties />"
_CASE_INDENT = "    "
_MARKUP = {ord(character): text for character, text in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))}


def junit_xml(run: Run) -> str:
    """Return the JUnit document of a run, well-formed whatever the texts in it.

    One testcase for each endpoint that was probed and each that the configuration skips, in the order
    of the plan; deselected ones have none, as with pytest. A broken limit is a failure, an inconclusive
    verdict an error, a failure that was expected (xfail) is skipped with its reason, and so is an
    endpoint that was watched without limits. Endpoints of a run that was cut off which have no result
    are missing: the property `partial` says so.
    """
    results = {result.index: result for result in run.results}
    cases, probed = [], []
    for index, endpoint in enumerate(run.plan.endpoints):
        if index in results:
            probed.append(results[index])
            cases.append(_case_of(results[index]))
        elif endpoint.skip is not None:
            cases.append(_skipped_case(endpoint))
    suite = _Suite(
        "netmon",
        cases,
        hostname=_attribute(run.machine.get("host", "")) or None,
        timestamp=run.started_at.isoformat(timespec="seconds"),
        properties={_attribute(name): _attribute(value) for name, value in _suite_properties(run)},
    )
    document = to_xml_report_string([suite], prettyprint=False, encoding="utf-8")
    pieces = document.split(_PROPERTIES)
    properties = (_properties_text(flat_properties(result)) for result in probed)
    whole = "".join([pieces[0], *(text for pair in zip(properties, pieces[1:], strict=True) for text in pair)])
    return f'<?xml version="1.0" encoding="utf-8"?>\n{whole}\n'


def flat_properties(result: Result) -> list[Property]:
    """Return the figures of an endpoint as flat names and scalars, for JUnit and pytest's
    `user_properties`: milliseconds with 3 decimals, rates with 6; what was not measured is left out."""
    statistics, endpoint = result.statistics, result.endpoint
    found: list[tuple[str, str | float | int | None]] = [
        ("verdict", result.verdict.status if endpoint.is_judged else None),
        ("address", None if endpoint.redact else result.address),
        ("waited_s", _waited_s(result)),
        ("checks", statistics.checks),
        ("successful_checks", statistics.successful),
        ("success_rate", None if statistics.success_rate is None else round(statistics.success_rate, 6)),
        ("local_errors", statistics.local_errors or None),
        *((f"errors_{outcome}", times) for outcome, times in sorted(statistics.errors.items())),
        ("syn_repeats", statistics.syn_repeats),
        ("warnings", "; ".join(breach_text(each, statistics) for each in result.verdict.warn if not each.ok) or None),
        *_comparison(result),
    ]
    for name, phase in statistics.told_phases.items():
        found += _figures(name, phase)
    found.append(("cert_expires_in_s", statistics.cert_expires_in_s))
    found += [figure for name, part in statistics.parts.items() for figure in _part_figures(result, name, part)]
    return [each for each in found if each[1] is not None]  # type: ignore[misc]


def _part_figures(result: Result, name: str, part: Statistics) -> Iterable[tuple[str, str | float | int | None]]:
    """Of an address or a family that was judged by itself: `10.0.0.3_success_rate`."""
    verdict = result.verdict.parts.get(name)
    yield f"{name}_verdict", verdict.status if verdict and result.endpoint.is_judged else None
    yield f"{name}_checks", part.checks
    yield f"{name}_successful_checks", part.successful
    yield f"{name}_success_rate", None if part.success_rate is None else round(part.success_rate, 6)
    yield from ((f"{name}_{figure}", value) for figure, value in _figures("connect", part.connect))


def _waited_s(result: Result) -> float | None:
    took_s = result.waited.took_s if result.waited else None
    return None if took_s is None else round(took_s, 3)


def _comparison(result: Result) -> list[tuple[str, str | float | int | None]]:
    comparison = result.verdict.baseline
    if comparison is None:
        return []
    baseline_ms, increase = comparison.baseline_ms, comparison.increase
    return [
        ("baseline_state", comparison.state),
        ("baseline_metric", comparison.metric.name),
        ("baseline_ms", None if baseline_ms is None else round(baseline_ms, 3)),
        ("baseline_increase", None if increase is None else round(increase, 6)),
        ("baseline_p", None if comparison.p is None else float(f"{comparison.p:.6g}")),
        ("baseline_text", comparison.text),
    ]


def _figures(name: str, phase: Distribution) -> Iterator[tuple[str, float | None]]:
    figures_ms = (
        phase.min_ms,
        phase.avg_ms,
        phase.median_ms,
        phase.percentile_ms(95),
        phase.percentile_ms(99),
        phase.max_ms,
        phase.jitter_ms,
    )
    rounded_ms = [None if ms is None else round(ms, 3) for ms in figures_ms]
    return zip(_names_of_figures(name), rounded_ms, strict=True)


@functools.lru_cache(maxsize=64)
def _names_of_figures(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_{stat}_ms" for stat in ("min", "avg", "median", "p95", "p99", "max", "jitter"))


def _suite_properties(run: Run) -> Iterable[Property]:
    yield "tool", f"pytest-netmon {run.tool_version}"
    yield "partial", str(run.partial).lower()
    for name, value in run.machine.items():
        yield f"machine_{name}", value
    for name, state in run.vantages.items():
        yield f"vantage_{name}", ": ".join(filter(None, (state.state, state.text)))
    if run.baseline:
        yield "baseline", run.baseline.file
    if run.lost_samples:
        yield "lost_samples", run.lost_samples
    for number, warning in enumerate(run.warnings, 1):
        yield f"warning_{number}", warning


def _case_of(result: Result) -> Any:
    evidence = evidence_of(result)
    case = _case(result.endpoint, evidence.duration_s)
    case.has_properties = True
    verdict = result.verdict
    if not result.endpoint.is_judged:
        case.add_skipped_info("watched without limits: there is nothing to judge")
        return case
    if verdict.status == "passed":
        return case
    # A failure without message and text would count as passed.
    message = _attribute(verdict.reasons[0] if verdict.reasons else verdict.status)
    text = for_xml(failure_text(result, evidence))
    if verdict.status == "inconclusive":
        case.add_error_info(message, text, "inconclusive")
    elif result.endpoint.xfail is not None:
        case.add_skipped_info(_attribute(f"expected failure: {result.endpoint.xfail}: {message}"), text)
    else:
        case.add_failure_info(message, text, "limit")
    return case


def _skipped_case(endpoint: Endpoint) -> Any:
    case = _case(endpoint, 0.0)
    case.has_properties = False
    case.add_skipped_info(_attribute(endpoint.skip or "skipped"))
    return case


def _case(endpoint: Endpoint, duration_s: float) -> Any:
    source = endpoint.source
    return TestCase(
        _attribute(endpoint.id),
        classname=_shared_attribute(f"netmon.{endpoint.vantage}"),
        elapsed_sec=duration_s,
        file=_shared_attribute(source.file) if source else None,
        line=source.line or None if source else None,
    )


def _attribute(text: object) -> str:
    """Readers turn newlines and tabs in an attribute into spaces: they are shown too, as for a terminal."""
    return for_xml(for_terminal(str(text), None))


#: Of what many testcases have in common.
_shared_attribute = functools.lru_cache(maxsize=64)(_attribute)


class _Suite(TestSuite):  # type: ignore[misc]
    """junit-xml's suite with what it lacks: a time where it is 0, and a place for the properties of those testcases
    that have them. An element for each property would take as much memory as all else of a run, and twice the time."""

    def build_xml_doc(self, encoding: str | None = None) -> ET.Element:
        suite: ET.Element = super().build_xml_doc(encoding)
        for element, case in zip(suite.iter("testcase"), self.test_cases, strict=True):
            element.set("time", f"{case.elapsed_sec:.6f}")
            if case.has_properties:
                element.insert(0, ET.Element("properties"))
        # Here and not by the package, whose way through minidom takes three times as long.
        ET.indent(suite, level=1)
        return suite


def _properties_text(properties: Iterable[Property]) -> str:
    margin = f"\n{_CASE_INDENT}    "
    lines = [
        f'{margin}{_opened(name)}"{_quoted(value) if isinstance(value, str) else value}" />'
        for name, value in properties
    ]
    return f"<properties>{''.join(lines)}\n{_CASE_INDENT}  </properties>"


@functools.lru_cache(maxsize=256)
def _opened(name: str) -> str:
    """Names are few: those of figures."""
    return f'<property name="{_quoted(name)}" value='


def _quoted(text: str) -> str:
    return _attribute(text).translate(_MARKUP)
