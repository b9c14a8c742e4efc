"""A run as OpenMetrics text, for the textfile collector of Prometheus' node exporter. Pure.

The collector itself reads the older text format, so only what both formats read alike is used: gauges and summaries,
no timestamps, the unit in each name. A file says what the last run measured, so nothing in it counts up over runs.
What was not measured is left out, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..distributions import Distribution
from ..run import Result, Run
from ..safe import for_terminal
from ..verdict import LimitResult
from .standings import tally_of

#: Quantile, and the percentile that it is; the lowest is the minimum, which is no percentile.
_QUANTILES = (("0", None), ("0.5", 50), ("0.9", 90), ("0.95", 95), ("0.99", 99), ("1", 100))
_VERDICTS = ("passed", "failed", "inconclusive")

_Labels = tuple[tuple[str, str], ...]
_Sample = tuple[str, _Labels, float]


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric: samples have the suffix that goes behind the name, labels and a value."""

    name: str
    kind: Literal["gauge", "summary"]
    unit: str
    help: str
    samples: Iterable[_Sample]


def openmetrics_text(run: Run) -> str:
    """Return the metrics of a run, one line each, the last one `# EOF`.

    Labels of an endpoint: `endpoint` (its id), `host`, `port` and `vantage`; a redacted one has its name for a host.
    """
    lines = [line for family in _families(run) for line in _lines_of(family)]
    return "\n".join([*lines, "# EOF", ""])


def _families(run: Run) -> Iterator[_Family]:
    yield from _of_the_run(run)
    labels = {result.index: _labels_of(result) for result in run.results}
    for name, unit, text, value_of in _GAUGES:
        yield _Family(name, "gauge", unit, text, _gauge(run.results, labels, value_of))
    yield _Family(
        "netmon_failed_checks",
        "gauge",
        "",
        "Checks that failed, by outcome.",
        (
            ("", (*labels[result.index], ("outcome", outcome)), times)
            for result in run.results
            for outcome, times in sorted(result.statistics.errors.items())
        ),
    )
    for phase, text in _PHASES.items():
        yield from _of_a_phase(phase, text, run.results, labels)
    yield from _of_verdicts(run.results, labels)
    yield from _of_parts(run.results, labels)


def _of_the_run(run: Run) -> Iterator[_Family]:
    version = (("version", for_terminal(run.tool_version)),)
    times_s = {"start": run.started_at.timestamp(), "end": run.ended_at.timestamp()}
    yield _Family("netmon_run", "gauge", "", "The version that made this run.", [("", version, 1)])
    for name, time_s in times_s.items():
        text = f"When the run {name}ed, in Unix time."
        yield _Family(f"netmon_run_{name}_timestamp_seconds", "gauge", "seconds", text, [("", (), time_s)])
    yield _Family("netmon_run_partial", "gauge", "", "Whether the run was cut off.", [("", (), int(run.partial))])
    counts: list[_Sample] = [("", (("standing", name),), number) for name, number in tally_of(run).items()]
    yield _Family("netmon_endpoints", "gauge", "", "Endpoints of the plan, by how they stand.", counts)
    yield from _of_vantages(run)


def _of_vantages(run: Run) -> Iterator[_Family]:
    """The other places that a plan has checks from; one that nothing is known of never answered."""
    wanted = [endpoint.vantage for endpoint in run.plan.endpoints if endpoint.vantage in run.plan.vantages]
    names = dict.fromkeys([*wanted, *run.vantages])
    states = [((("vantage", for_terminal(name, None)),), run.vantages.get(name)) for name in names]
    up: list[_Sample] = [("", each, int(state is not None and state.state != "lost")) for each, state in states]
    yield _Family("netmon_vantage_up", "gauge", "", "0 for a vantage that was lost or never reached, else 1.", up)
    trips = [(each, state.round_trip_us) for each, state in states if state is not None]
    trips_s: list[_Sample] = [("", each, trip_us / 1e6) for each, trip_us in trips if trip_us is not None]
    text = "The round trip to a vantage, of the connection to it."
    yield _Family("netmon_vantage_round_trip_seconds", "gauge", "seconds", text, trips_s)


_GAUGES: tuple[tuple[str, str, str, Callable[[Result], float | None]], ...] = (
    ("netmon_checks", "", "Judged checks.", lambda result: result.statistics.checks),
    ("netmon_successful_checks", "", "Checks that were open.", lambda result: result.statistics.successful),
    ("netmon_success_ratio", "ratio", "Open checks of judged ones.", lambda result: result.statistics.success_rate),
    (
        "netmon_local_errors",
        "",
        "Checks that this machine could not make.",
        lambda result: result.statistics.local_errors,
    ),
    ("netmon_syn_repeats", "", "SYNs that the kernel sent again.", lambda result: result.statistics.syn_repeats),
    (
        "netmon_consecutive_failures",
        "",
        "The longest run of failed checks.",
        lambda result: result.statistics.consecutive_failures if result.statistics.checks else None,
    ),
    (
        "netmon_outage_seconds",
        "seconds",
        "The longest time without a success.",
        lambda result: result.statistics.outage_s if result.statistics.checks else None,
    ),
    (
        "netmon_waited_seconds",
        "seconds",
        "How long it was waited for.",
        lambda result: result.waited.took_s if result.waited else None,
    ),
    (
        "netmon_cert_expires_seconds",
        "seconds",
        "How long the server's certificate was still valid for; negative when it has expired.",
        lambda result: result.statistics.cert_expires_in_s,
    ),
)
_PHASES = {
    "connect": "Connect times, without name resolution.",
    "dns": "Times of name resolution.",
    "rtt": "Round-trip times of the path, as the kernel measured them.",
    "tls": "Times of TLS handshakes.",
    "proxy": "Times from the request to a proxy to its tunnel.",
    "total": "Times of proxy, connect and TLS together.",
}


def _gauge(
    results: Sequence[Result], labels: dict[int, _Labels], value_of: Callable[[Result], float | None]
) -> Iterator[_Sample]:
    for result in results:
        value = value_of(result)
        if value is not None:
            yield "", labels[result.index], value


def _of_a_phase(phase: str, text: str, results: Sequence[Result], labels: dict[int, _Labels]) -> Iterator[_Family]:
    told = [(labels[result.index], result.statistics.told_phases.get(phase)) for result in results]
    seen = [(each, distribution) for each, distribution in told if distribution is not None]
    quantiles = (sample for each, distribution in seen for sample in _summary(each, distribution))
    yield _Family(f"netmon_{phase}_seconds", "summary", "seconds", text, quantiles)
    for name, what in (("stdev", "Standard deviation"), ("jitter", "Mean difference of consecutive ones")):
        values = [(each, getattr(distribution, f"{name}_ms")) for each, distribution in seen]
        samples: list[_Sample] = [("", each, value / 1000) for each, value in values if value is not None]
        yield _Family(f"netmon_{phase}_{name}_seconds", "gauge", "seconds", f"{what}. {text}", samples)


def _summary(labels: _Labels, phase: Distribution) -> Iterator[_Sample]:
    for quantile, percentile in _QUANTILES:
        value_ms = phase.min_ms if percentile is None else phase.percentile_ms(percentile)
        if value_ms is not None:
            yield "", (*labels, ("quantile", quantile)), value_ms / 1000
    yield "_sum", labels, phase.sum_us / 1e6
    yield "_count", labels, phase.count


def _of_verdicts(results: Sequence[Result], labels: dict[int, _Labels]) -> Iterator[_Family]:
    judged = [(labels[result.index], result.verdict) for result in results if result.endpoint.is_judged]
    verdicts: list[_Sample] = [
        ("", (*each, ("verdict", name)), int(verdict.status == name)) for each, verdict in judged for name in _VERDICTS
    ]
    yield _Family("netmon_verdict", "gauge", "", "1 for the verdict on an endpoint, 0 for the others.", verdicts)
    hard = [(each, verdict.limits) for each, verdict in judged]
    yield _Family("netmon_limit_ok", "gauge", "", "1 for a limit that was kept, 0 for a broken one.", _kept(hard))
    yield from _of_comparisons(results, labels)
    soft = [(labels[result.index], result.verdict.warn) for result in results]
    text = "1 for a limit that was kept, 0 for a broken one; these fail nothing."
    yield _Family("netmon_warn_limit_ok", "gauge", "", text, _kept(soft))


def _of_comparisons(results: Sequence[Result], labels: dict[int, _Labels]) -> Iterator[_Family]:
    compared = [(labels[each.index], each.verdict.baseline) for each in results if each.verdict.baseline]
    then: list[_Sample] = [
        ("", (*label, ("metric", each.metric.name)), each.baseline_ms / 1000)
        for label, each in compared
        if each.baseline_ms is not None
    ]
    text = "What the metric was in the run that is the baseline."
    yield _Family("netmon_baseline_seconds", "gauge", "seconds", text, then)
    kept: list[_Sample] = [("", (*label, ("state", each.state)), int(each.ok)) for label, each in compared]
    yield _Family("netmon_baseline_ok", "gauge", "", "0 for an endpoint that its baseline fails, else 1.", kept)


def _of_parts(results: Sequence[Result], labels: dict[int, _Labels]) -> Iterator[_Family]:
    """Addresses or families that were judged one by one: families of their own, as sums over an endpoint would
    count each check twice."""
    parts = [
        ((*labels[result.index], ("part", for_terminal(name, None))), statistics, result.verdict.parts.get(name))
        for result in results
        for name, statistics in result.statistics.parts.items()
    ]
    checks: list[_Sample] = [("", each, statistics.checks) for each, statistics, _ in parts]
    yield _Family("netmon_part_checks", "gauge", "", "Judged checks of one address or family.", checks)
    opened: list[_Sample] = [("", each, statistics.successful) for each, statistics, _ in parts]
    yield _Family("netmon_part_successful_checks", "gauge", "", "Those that were open.", opened)
    rates: list[_Sample] = [("", e, part.success_rate) for e, part, _ in parts if part.success_rate is not None]
    yield _Family("netmon_part_success_ratio", "gauge", "ratio", "Open checks of judged ones.", rates)
    times = (sample for each, part, _ in parts if part.connect.count for sample in _summary(each, part.connect))
    yield _Family("netmon_part_connect_seconds", "summary", "seconds", "Connect times of one address or family.", times)
    verdicts: list[_Sample] = [
        ("", (*each, ("verdict", name)), int(verdict.status == name))
        for each, _, verdict in parts
        if verdict
        for name in _VERDICTS
    ]
    yield _Family("netmon_part_verdict", "gauge", "", "1 for the verdict on it, 0 for the others.", verdicts)


def _kept(limits: Iterable[tuple[_Labels, Sequence[LimitResult]]]) -> list[_Sample]:
    """A limit that stands twice is one line."""
    kept: dict[_Labels, int] = {}
    for labels, results in limits:
        for each in results:
            key = (*labels, ("limit", each.limit.text))
            kept[key] = min(kept.get(key, 1), int(each.ok))
    return [("", key, ok) for key, ok in kept.items()]


def _labels_of(result: Result) -> _Labels:
    endpoint = result.endpoint
    texts = {"endpoint": endpoint.id, "host": endpoint.shown_host, "port": str(endpoint.port)}
    return tuple((name, for_terminal(text, None)) for name, text in {**texts, "vantage": endpoint.vantage}.items())


def _lines_of(family: _Family) -> Iterator[str]:
    samples = list(family.samples)
    if not samples:
        return
    yield f"# TYPE {family.name} {family.kind}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {family.help}"
    for suffix, labels, value in samples:
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
        yield f"{family.name}{suffix}{f'{{{shown}}}' if shown else ''} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """Nine decimals: a microsecond in seconds, and of it a thousandth."""
    return str(value) if isinstance(value, int) else repr(round(value, 9))
