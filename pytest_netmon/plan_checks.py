"""What may be wrong with a plan, however it was made, and what its user should know of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import get_args

from .addresses import choice_texts
from .hosts import is_address
from .limits import Limit, asks_for_success, least_count
from .outcomes import EXPECTED
from .plan import Close, Endpoint, Plan
from .plan_values import host_texts, is_count, is_positive, is_printable, is_tag, is_whole, key_of_host, mistyped_texts
from .problems import Problem, Source
from .safe import for_terminal
from .stages import stage_limit_text, stage_texts
from .tolerance import tolerance_texts
from .units import show_duration
from .vantage import LOCAL_VANTAGE, vantage_texts
from .waits import wait_texts

#: Connections to one address and port that a machine stands at once: it has some 28,000 local ports for them
#: (ip_local_port_range), each in use for 60 s more in TIME_WAIT. Past half of them connect() gets slow (measured).
MOST_LOCAL_PORTS = 15_000
_TIME_WAIT_S = 60
#: A longer one is a slip of the unit.
MOST_TIMEOUT_S = 86_400.0
#: When the kernel sends an unanswered SYN again (RFC 6298, section 2: an RTO of 1 s to begin with).
FIRST_SYN_REPEAT_S = 1.0
#: Sums of intervals are floats: what is over a rate by less than this is not over it.
_ROUNDING = 1e-9
#: The place of what no user wrote.
_PLAN = Source("plan")


def validate_plan(plan: Plan) -> list[Problem]:
    """Return all that is wrong with a plan, however it was made; nothing is raised.

    A problem stands where its endpoint was written; for one that a hook made, at `plan`.
    """
    problems = [*_plan_problems(plan), *_vantage_problems(plan)]
    if not isinstance(plan.endpoints, list):
        return problems
    for index, endpoint in enumerate(plan.endpoints):
        problems += _endpoint_problems(index, endpoint)
    if not problems:
        problems += _unknown_vantages(plan)
        problems += _double_ids(plan)
        problems += _rate_problems(plan)
    return problems


def plan_warnings(plan: Plan) -> list[str]:
    """Return what a user should know about a plan that can be run, a line each."""
    return [*_short_timeouts(plan), *_many_connects(plan), *_only_closed(plan)]


def _many_connects(plan: Plan) -> list[str]:
    """One warning for all: which address and port would use up the local ports that lead to it."""
    told = []
    for endpoints in _by_peer(plan):
        ports = math.fsum(map(_ports_in_use, endpoints))
        if ports > MOST_LOCAL_PORTS:
            told.append(_too_many_ports(endpoints, ports))
    more = f" (and so of {len(told) - 1} other addresses and ports)" if len(told) > 1 else ""
    return [told[0] + more] if told else []


def _by_peer(plan: Plan) -> list[list[Endpoint]]:
    """Measured endpoints by what they connect to, from where: a proxy takes the connects for many targets."""
    by_peer: dict[tuple[str, str, int], list[Endpoint]] = {}
    for endpoint in plan.checked:
        if endpoint.measured:
            port = endpoint.port if endpoint.proxy is None else endpoint.proxy.port
            by_peer.setdefault((endpoint.vantage, key_of_host(endpoint.looked_up_host), port), []).append(endpoint)
    return [*by_peer.values()]


def _ports_in_use(endpoint: Endpoint) -> float:
    """How many local ports its connections keep at once: while they are held, and those that we close with FIN for a
    minute after that, in TIME_WAIT (tcp(7))."""
    kept_s = endpoint.hold_s + (_TIME_WAIT_S if endpoint.close == "fin" else 0)
    count = math.inf if endpoint.count is None else endpoint.count
    return min(count, kept_s / endpoint.interval_s) if count > 1 else 1


def _too_many_ports(endpoints: list[Endpoint], ports: float) -> str:
    first, times = endpoints[0], ports / MOST_LOCAL_PORTS
    if len(endpoints) == 1:
        who, longer = first.id, f"the interval {show_duration(_rounded_up(first.interval_s * times))} or longer"
    else:
        through = "proxy" if first.proxy is not None else "address and port"
        who = f"{first.id} and {len(endpoints) - 1} more with the same {through}"
        longer = f"their intervals {math.ceil(times * 10) / 10:.10g} times as long"
    remedies = [f"make {longer}"]
    remedies += ["hold connections shorter"] if any(endpoint.hold_s for endpoint in endpoints) else []
    remedies += ["close with RST (close: reset)"] if any(endpoint.close == "fin" for endpoint in endpoints) else []
    return (
        f"{who}: {ports:.0f} connections would keep a local port at once (also for {_TIME_WAIT_S} s after they are "
        f"closed), and a machine has some 28000 for one address and port: {', or '.join(remedies)}"
    )


def _rounded_up(seconds: float) -> float:
    return math.ceil(seconds * 1000) / 1000


def _only_closed(plan: Plan) -> list[str]:
    """A timeout is what a closed port comes to, and also a machine without a network."""
    unproven = [endpoint.id for endpoint in plan.checked if _passes_by_timeout(endpoint)]
    if not unproven or any(endpoint.expects_open for endpoint in plan.checked):
        return []
    return [
        f"nothing here is expected to be open: without a network {for_terminal(unproven[0])} would pass too; "
        "name something that can be reached under controls"
    ]


def _short_timeouts(plan: Plan) -> list[str]:
    """One lost SYN then fails what is open, and passes what must time out."""
    short = [endpoint for endpoint in plan.checked if endpoint.timeout_s <= FIRST_SYN_REPEAT_S]
    passed = sum(map(_passes_by_timeout, short))
    repeat = show_duration(FIRST_SYN_REPEAT_S)
    lost = f"a timeout of {repeat} or less: one lost SYN, repeated after {repeat}, is then"
    counted = (
        (len(short) - passed, "", "a failure"),
        (passed, " expected to be closed", "taken for a closed port: make it longer"),
    )
    return [
        f"{count} endpoint{'' if count == 1 else 's'}{which} {'has' if count == 1 else 'have'} {lost} {what}"
        for count, which, what in counted
        if count
    ]


def _passes_by_timeout(endpoint: Endpoint) -> bool:
    """Whether a check that times out is what is asked for."""
    return endpoint.expect in ("closed", "timeout")


def _plan_problems(plan: Plan) -> Iterator[Problem]:
    place = _place(plan)
    if not isinstance(plan.endpoints, list):
        yield Problem(_PLAN, "endpoints", f"expected a list of Endpoint, got {type(plan.endpoints).__name__}")
    elif not plan.endpoints:
        yield Problem(place, "", "expected at least one endpoint, found none")
    for name, rate in (("max_rate", plan.max_rate), ("max_rate_per_host", plan.max_rate_per_host)):
        if not is_positive(rate):
            yield Problem(place, name, f"expected checks a second above 0, got {rate!r:.80}")
    for name, seconds in (("interval_s", plan.interval_s), ("timeout_s", plan.timeout_s)):
        if not is_positive(seconds):
            yield Problem(place, name, f"expected seconds above 0, got {seconds!r:.80}")
    if not isinstance(plan.warnings, list) or not all(isinstance(warning, str) for warning in plan.warnings):
        yield Problem(place, "warnings", f"expected a list of texts, got {plan.warnings!r:.80}")


def _endpoint_problems(index: int, endpoint: object) -> Iterator[Problem]:
    """All of one endpoint. Hooks may put anything into the list, so types are not taken for granted."""
    path = f"endpoints[{index}]"
    if not isinstance(endpoint, Endpoint):
        yield Problem(_PLAN, path, f"expected an Endpoint, got {type(endpoint).__name__}")
        return
    place = endpoint.source if isinstance(endpoint.source, Source) else _PLAN
    mistyped = [*mistyped_texts(endpoint)]
    identity = [*identity_texts(endpoint)]
    yield from (Problem(place, path, text) for text in (*identity, *mistyped))
    if mistyped:
        return
    path = path if identity else endpoint.id
    schedule = [*_schedule_texts(endpoint)]
    yield from (Problem(place, path, text) for text in schedule)
    if not schedule:
        yield from (Problem(place, path, text) for text in _baseline_texts(endpoint))
    for limit in (*endpoint.limits, *endpoint.warn):
        if not isinstance(limit, Limit):
            yield Problem(place, path, f"expected a Limit (see parse_limit), got {type(limit).__name__}")
        elif not schedule:
            yield from (Problem(place, path, f"{limit.text}: {text}") for text in _limit_texts(endpoint, limit))


def _baseline_texts(endpoint: Endpoint) -> Iterator[str]:
    """What is wrong with comparing an endpoint with a baseline: chiefly that there could be nothing to compare."""
    if endpoint.baseline is None:
        return
    wrong = [*tolerance_texts(endpoint.baseline)]
    yield from wrong
    if not wrong and endpoint.is_compared:
        metric = endpoint.baseline.metric
        for text in _limit_texts(endpoint, Limit(metric, "<", 0.0, metric.shown_name)):
            yield f"baseline: {text.replace('use max', 'use median')}"


def identity_texts(endpoint: Endpoint) -> Iterator[str]:
    """Yield what is wrong with what an endpoint is called by, whatever kinds its values are of."""
    yield from host_texts(endpoint.host, redacted=bool(endpoint.redact))
    if not is_whole(endpoint.port) or not 1 <= endpoint.port <= 65535:
        yield f"expected a port 1..65535, got {endpoint.port!r:.80}"
    if endpoint.name is not None and not is_printable(endpoint.name):
        yield f"expected a name of printable characters, got {endpoint.name!r:.80}"
    if endpoint.redact and not endpoint.name:
        yield "redact needs a name to show in place of the host"
    for tag in endpoint.tags if isinstance(endpoint.tags, (tuple, list)) else ():
        if not isinstance(tag, str) or not is_tag(tag):
            yield f"expected a tag of letters, digits, '_', '.' and '-', got {tag!r:.80}"


def _schedule_texts(endpoint: Endpoint) -> Iterator[str]:
    if not isinstance(endpoint.expect, str) or endpoint.expect not in EXPECTED:
        yield f"expected one of {', '.join(EXPECTED)} for expect, got {endpoint.expect!r:.80}"
    elif endpoint.control and not endpoint.expects_open:
        yield f"a control must be expected to be open, got {endpoint.expect}"
    yield from stage_texts(endpoint.hold_s, endpoint.tls, endpoint.proxy, redacted=endpoint.redact)
    if endpoint.close not in get_args(Close):
        yield f"expected one of {', '.join(get_args(Close))} for close, got {endpoint.close!r:.80}"
    if isinstance(endpoint.host, str):
        yield from choice_texts(endpoint.host, endpoint.family, endpoint.addresses)
        if endpoint.proxy is not None and (endpoint.family, endpoint.addresses) != ("any", "any"):
            yield "the proxy looks the name up and chooses an address: leave family and addresses out"
    endless = endpoint.count is None and endpoint.watched
    if not endless and not is_count(endpoint.count):
        yield f"expected a count of 1 or more, got {endpoint.count!r:.80}"
    elif (endpoint.count != 1 or endpoint.warmup) and not is_positive(endpoint.interval_s):
        yield f"expected an interval above 0 s, got {endpoint.interval_s!r:.80}"
    if not is_whole(endpoint.warmup) or endpoint.warmup < 0:
        yield f"expected a warmup of 0 or more checks, got {endpoint.warmup!r:.80}"
    elif endpoint.warmup and not endpoint.measured:
        yield "warmup needs a measured endpoint: say how often to check it (count)"
    yield from wait_texts(endpoint.wait)
    if not is_positive(endpoint.timeout_s) or endpoint.timeout_s > MOST_TIMEOUT_S:
        yield f"expected a timeout above 0 s and up to {show_duration(MOST_TIMEOUT_S)}, got {endpoint.timeout_s!r:.80}"
    elif _passes_by_timeout(endpoint) and endpoint.timeout_s < FIRST_SYN_REPEAT_S:
        least, found = show_duration(FIRST_SYN_REPEAT_S), show_duration(endpoint.timeout_s)
        yield (
            f"expected a timeout of {least} or more where {endpoint.expect} is expected, got {found}: "
            f"one lost SYN, repeated after {least}, would be taken for a closed port"
        )


def _limit_texts(endpoint: Endpoint, limit: Limit) -> Iterator[str]:
    """What is wrong with a limit on that endpoint: chiefly that it could never hold."""
    metric, least = limit.metric, least_count(limit)
    of_stages = stage_limit_text(metric, endpoint.tls, endpoint.proxy)
    if of_stages is not None:
        yield of_stages
    elif not endpoint.expects_open and (metric.unit in ("ratio", "ms") or metric.name == "cert.expires_in"):
        yield "an endpoint that is expected to be closed has neither success nor times to limit"
    elif metric.name == "success" and not asks_for_success(limit):
        allowed = limit.text.rpartition(" ")[2]
        yield f"an upper bound on success would fail what works: write success >= {allowed}"
    elif not endpoint.measured:
        yield "limits need a measured endpoint: say how often to check it (count)"
    elif metric.phase == "dns" and is_address(endpoint.looked_up_host):
        yield "the host is an address, so that no name is resolved and no dns time measured"
    elif metric.phase == "dns" and endpoint.warmup:
        yield "the name is resolved before the warmup checks, so that no dns time is counted: leave warmup out"
    elif least is not None and endpoint.count is not None and endpoint.count < least:
        instead = "use max, or " if metric.percentile is not None else ""
        checks = "1 check" if endpoint.count == 1 else f"{endpoint.count} checks"
        yield f"{metric.shown_name} means nothing in {checks}: {instead}count >= {least}"


def _vantage_problems(plan: Plan) -> Iterator[Problem]:
    if not isinstance(plan.vantages, dict):
        yield Problem(_PLAN, "vantages", f"expected a mapping of names to Vantage, got {type(plan.vantages).__name__}")
        return
    for name, vantage in plan.vantages.items():
        yield from (Problem(_PLAN, f"vantages[{name!r:.80}]", text) for text in vantage_texts(name, vantage))


def _unknown_vantages(plan: Plan) -> Iterator[Problem]:
    known = (LOCAL_VANTAGE, *plan.vantages)
    for endpoint in plan.endpoints:
        if endpoint.vantage not in known:
            text = f"expected {' or '.join(known)} for vantage, got {endpoint.vantage!r:.80}"
            yield Problem(endpoint.source or _PLAN, endpoint.test_id, text)


def _double_ids(plan: Plan) -> Iterator[Problem]:
    first: dict[str, Endpoint] = {}
    for endpoint in plan.endpoints:
        key = endpoint.test_id
        if key not in first:
            first[key] = endpoint
            continue
        where = f" (first at {first[key].source})" if first[key].source else ""
        text = f"the same endpoint twice{where}: remove one, or give them different names"
        yield Problem(endpoint.source or _PLAN, endpoint.test_id, text)


def _rate_problems(plan: Plan) -> Iterator[Problem]:
    sustained = [endpoint for endpoint in plan.checked if endpoint.is_repeated]
    text = _over_rate("in all", sustained, "max_rate", plan.max_rate)
    if text is not None:
        yield Problem(_place(plan), "", text)
    by_host: dict[str, list[Endpoint]] = {}
    for endpoint in sustained:
        by_host.setdefault(key_of_host(endpoint.host), []).append(endpoint)
    for endpoints in by_host.values():
        text = _over_rate(f"of {endpoints[0].shown_host}", endpoints, "max_rate_per_host", plan.max_rate_per_host)
        if text is not None:
            yield Problem(endpoints[0].source or _PLAN, "", text)


def _over_rate(whose: str, endpoints: list[Endpoint], cap_name: str, cap: float) -> str | None:
    rate = math.fsum(1 / endpoint.interval_s for endpoint in endpoints)
    if rate <= cap * (1 + _ROUNDING):
        return None
    count = len(endpoints)
    named = f"1 endpoint {whose} makes" if count == 1 else f"{count} endpoints {whose} make"
    smallest = show_duration(_least_interval_s(count, cap))
    return (
        f"{named} {round(rate, 2):.10g} checks a second, over {cap_name} {cap:.10g}: "
        f"the smallest legal interval for {'it' if count == 1 else 'all of them'} is {smallest}"
    )


def _least_interval_s(count: int, cap: float) -> float:
    """The interval with which `count` endpoints keep to `cap` checks a second, rounded up to whole
    milliseconds, below one to whole microseconds."""
    from fractions import Fraction

    exact_s = Fraction(count) / Fraction(cap)
    per_second = 1000 if exact_s >= Fraction(1, 1000) else 1_000_000
    return math.ceil(exact_s * per_second) / per_second


def _place(plan: Plan) -> Source:
    return Source(plan.files[0]) if plan.files else _PLAN
