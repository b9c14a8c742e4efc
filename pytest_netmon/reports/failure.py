"""The text of a failed or inconclusive endpoint: what was measured, what was allowed, the likely cause. Pure.

The same text stands in pytest's failure, in JUnit and in the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..limits import shown_limit, shown_measured, shown_validity
from ..outcomes import EXPECTED, LOCAL_ERROR, ONCE_OPEN, OPEN, TIMEOUT, cause_of, next_step_of
from ..plan import bracketed
from ..run import Result
from ..safe import for_terminal
from ..samples import WAITING, Sample
from ..statistics import FIRST_SYN_REPEAT_MS, MOST_REPEATED_CHECKS
from ..waited import in_vain
from .compared import broken_comparison, comparison_lines, comparison_steps
from .evidence import Evidence, evidence_of
from .layout import counted, listed, shown_ms
from .limit_rows import limit_rows
from .naming import shown_name
from .parts import MOST_TOLD, Parts, more_red, parts_of, red_heading
from .passing import passed_line, what_passed
from .shortages import is_known

#: Check numbers, addresses and next steps to list before "and 12 more".
_MOST_NUMBERS = 10
_MOST_ADDRESSES = 3
_MOST_NEXT_STEPS = 2
_INDENT = "  "
#: As good as open: the handshake was complete.
_OPENED_BUT = {"reset": "opened, then reset", "closed_at_once": "opened, then closed at once"}
_RENEW = "renew the certificate, and see that the server has loaded the new one"
_CLOSE_IT = "see what listens there, and which firewall lets this machine in"

#: What the system says with each outcome anyway: to show it would add nothing.
_USUAL_ERRNO = {
    "refused": ("ECONNREFUSED",),
    "timeout": ("ETIMEDOUT",),
    "reset": ("ECONNRESET", "EPIPE"),
    "host_unreachable": ("EHOSTUNREACH",),
    "network_unreachable": ("ENETUNREACH",),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell of an endpoint, whatever its verdict, line by line; harmless for a terminal.

    heading: what is wrong, or what passed, without a name. outcomes: each failed outcome with its likely
    cause; a line that starts with two spaces belongs to the one above it. steps: what to try about the
    target. remarks: repeated SYNs, and addresses tried in vain. left_out: what could not be checked
    here; remedies: what to do about that. notes: of the verdict.
    """

    heading: str
    outcomes: tuple[str, ...]
    steps: tuple[str, ...]
    remarks: tuple[str, ...]
    left_out: tuple[str, ...]
    remedies: tuple[str, ...]
    notes: tuple[str, ...]


def told_of(result: Result, evidence: Evidence) -> Told:
    """Return what there is to tell of `result`; of a redacted endpoint neither host nor address, and no
    words of the system, which could hold them."""
    result = result.decisive
    is_passed = result.verdict.status == "passed"
    parts = parts_of(result)
    if parts.red:
        return _told_of_parts(result, parts)
    return Told(
        heading=what_passed(result) if is_passed else _what_is_wrong(result),
        outcomes=tuple(_outcome_lines(result, evidence)),
        steps=next_steps(result),
        remarks=(*_repeat_lines(result), *_attempt_lines(result, evidence)),
        left_out=tuple(_left_out_lines(result, evidence)),
        remedies=_remedies(evidence),
        notes=() if is_passed else tuple(_note_lines(result)),  # the heading of what passed has them
    )


def _told_of_parts(result: Result, parts: Parts) -> Told:
    """Each part that did not pass, at length; its samples are read for that."""
    told = {name: told_of(part, evidence_of(part)) for name, part in [*parts.red.items()][:MOST_TOLD]}
    lines = []
    for name, of_part in told.items():
        details = (*limit_rows(parts.red[name]), *of_part.outcomes, *of_part.remarks, *of_part.left_out)
        lines += [f"{for_terminal(name)}: {of_part.heading}", *(_INDENT + line for line in details)]
    steps = dict.fromkeys(step for of_part in told.values() for step in of_part.steps)
    if result.verdict.failed_controls or broken_comparison(result):
        steps = dict.fromkeys(next_steps(result))
    return Told(
        heading=_heading_of_parts(result, parts),
        outcomes=(*comparison_lines(result), *lines, *more_red(parts)),
        steps=tuple(steps)[:_MOST_NEXT_STEPS],
        remarks=(),
        left_out=(),
        remedies=tuple(dict.fromkeys(remedy for of_part in told.values() for remedy in of_part.remedies)),
        notes=tuple(_note_lines(result)),
    )


def _heading_of_parts(result: Result, parts: Parts) -> str:
    decided_elsewhere = result.endpoint.control or result.verdict.failed_controls
    if result.verdict.status == "inconclusive" and decided_elsewhere:
        return f"inconclusive, {for_terminal(result.verdict.reasons[0])}: {red_heading(parts)}"
    return red_heading(parts)


def failure_text(result: Result, evidence: Evidence | None = None) -> str:
    """Return the text for an endpoint that failed or is inconclusive, lines joined by newlines, no
    newline at the end, harmless for a terminal.

    For a redacted endpoint it holds neither host nor address, and no words of the system, which
    could hold them. Reads the samples once, unless their `evidence` is at hand.
    """
    given, result = result, result.decisive
    if result.verdict.status == "passed":
        return f"{shown_name(result)}: passed, {what_passed(result)}"
    told = told_of(result, evidence or evidence_of(given))
    lines = [
        *(() if result.verdict.parts else limit_rows(result)),
        *told.outcomes,
        *(f"next: {step}" for step in told.steps),
        *told.remarks,
        *told.left_out,
        *(f"next: {remedy}" for remedy in told.remedies),
        *told.notes,
    ]
    return "\n".join([f"{shown_name(result)}: {told.heading}", *(_INDENT + line for line in lines)])


def one_line(result: Result) -> str:
    """Return one line about an endpoint, harmless for a terminal, without colour: `PASS`, `FAIL` or
    `INCONCLUSIVE`, id and address, then the time or the likely cause."""
    result = result.decisive
    status = result.verdict.status
    if status == "inconclusive":
        return f"INCONCLUSIVE  {shown_name(result)}  {_what_was_missing(result)}"
    if status == "failed":
        return f"FAIL  {_what_failed(result)}"
    return f"PASS  {passed_line(result)}"


def next_steps(result: Result) -> tuple[str, ...]:
    """Return what to try about the target, the most promising first, at most two lines."""
    if result.verdict.failed_controls:
        controls = ", ".join(map(for_terminal, result.verdict.failed_controls))
        return (f"see to {controls} first, or to the network of this machine: then check again",)
    steps = [_CLOSE_IT] if not result.endpoint.expects_open and _opened(result) else []
    endpoint = result.endpoint
    host = None if endpoint.redact else for_terminal(endpoint.host)
    address = for_terminal(result.address) if result.address and not endpoint.redact else None
    target = None if endpoint.redact else for_terminal(bracketed(endpoint.host, endpoint.port))
    looked_up = for_terminal(endpoint.proxy.host) if endpoint.proxy else host
    steps += [
        next_step_of(name, looked_up if name.startswith("dns_") else host, address, target)
        for name, _ in _told_errors(result)
    ]
    is_known = result.statistics.cert_expires_in_s is not None and "tls_expired" not in result.statistics.errors
    steps += [_RENEW] if is_known and any("cert" in each.limit.metric.name for each in result.verdict.broken) else []
    steps += comparison_steps(result, host)
    return tuple(dict.fromkeys(steps))[:_MOST_NEXT_STEPS]


def _what_is_wrong(result: Result) -> str:
    statistics = result.statistics
    if result.verdict.status == "inconclusive":
        return f"inconclusive, {_what_was_missing(result)}"
    if result.waited is not None and not result.endpoint.measured:
        last = f"{for_terminal(result.waited.latest[-1])}, " if result.waited.latest else ""
        return f"{last}{in_vain(result.endpoint, result.waited)}"
    if not result.endpoint.expects_open:
        return _not_closed(result)
    if not result.endpoint.measured:
        last = f"{for_terminal(statistics.last_outcome)}, " if statistics.last_outcome else ""
        return f"{last}not reached in {counted(statistics.checks, 'try', 'tries')}"
    slower = broken_comparison(result)
    if result.verdict.broken:
        broken = counted(len(result.verdict.broken), "limit")
        also = f", and {slower}" if slower else ""
        return f"{broken} broken in {counted(statistics.checks, 'check')}{also}"
    return slower or _reasons(result)


def _what_was_missing(result: Result) -> str:
    missing = result.statistics.local_errors
    if not missing or not result.complete:
        return _reasons(result)
    return f"{missing} of {counted(missing + result.statistics.checks, 'check')} could not be made here"


def _not_closed(result: Result) -> str:
    statistics = result.statistics
    opened = _opened(result)
    checks = counted(statistics.checks, "check")
    if opened and not result.endpoint.measured:
        how = "open" if OPEN in opened else _OPENED_BUT.get(next(iter(opened)), f"open ({next(iter(opened))})")
        return f"{how}, but it must {_must(result)}"
    if opened:
        shares = [f"{outcome} in {times}" for outcome, times in opened.items()]
        return f"{' and '.join(shares)} of {checks}, but it must {_must(result)}"
    told = _told_errors(result)
    if told and result.endpoint.expect != "closed":
        return f"{_times_each(told)} in {checks}, but it must {_must(result)}"
    return f"no proof that it is closed: {_times_each(told)} in {checks}" if told else _reasons(result)


def _must(result: Result) -> str:
    return {"refused": "refuse", "timeout": "not answer at all"}.get(result.endpoint.expect, "not be reachable")


def _opened(result: Result) -> dict[str, int]:
    """How often a handshake was complete."""
    times = {**result.statistics.errors, OPEN: result.statistics.successful}
    return {outcome: times[outcome] for outcome in ONCE_OPEN if times.get(outcome)}


def _reasons(result: Result) -> str:
    return "; ".join(for_terminal(reason) for reason in result.verdict.reasons) or "no reason given"


def _outcome_lines(result: Result, evidence: Evidence) -> list[str]:
    is_told = result.verdict.status == "inconclusive"  # with all the reasons, in the heading
    return [*([] if is_told else comparison_lines(result)), *_told_outcomes(result, evidence)]


def _told_outcomes(result: Result, evidence: Evidence) -> list[str]:
    told = _told_errors(result)
    if _differing_tries(result, evidence):
        lines = [f"try {number}: {_with_cause(result, name)}" for number, name in enumerate(evidence.tries, 1)]
        return lines + [line for name, _ in told for line in _detail_lines(result, evidence, name)]
    lines, expect = [], result.endpoint.expect
    for name, times in told:
        lines += [_with_cause(result, name, times), *_detail_lines(result, evidence, name)]
    if result.waited is not None and result.waited.failing:
        lines.append(
            f"not {expect} in the last try: {listed([*map(for_terminal, result.waited.failing)], _MOST_NUMBERS)}"
        )
    elif result.waited is not None and result.waited.latest[-1:] and result.waited.latest[-1] in EXPECTED[expect]:
        lines.append(f"it was {expect} at the end, but not yet often enough in a row: wait longer, or ask for fewer")
    if result.waited is not None and len(told) > 1:
        lines.append(f"the last tries: {', '.join(map(for_terminal, evidence.latest))}")
    return lines


def _differing_tries(result: Result, evidence: Evidence) -> bool:
    """Whether each try is told on a line of its own: a few of them, unlike each other."""
    endpoint = result.endpoint
    few = not endpoint.measured and result.waited is None
    return few and endpoint.expects_open and len(set(evidence.tries)) > 1


def _told_errors(result: Result) -> list[tuple[str, int]]:
    """The outcomes to explain, the most frequent first, after a wait the latest before it; what an endpoint should
    come to is none of them."""
    endpoint = result.endpoint
    expected = (
        () if endpoint.expects_open else (*EXPECTED[endpoint.expect], *ONCE_OPEN)
    )  # the heading tells that it was open
    errors = [error for error in result.statistics.errors.items() if error[0] not in expected]
    latest = None if result.waited is None else result.statistics.last_outcome
    return sorted(errors, key=lambda error: (error[0] != latest, -error[1], error[0]))


def _with_cause(result: Result, name: str, times: int = 1) -> str:
    cause = cause_of(name, result.endpoint.timeout_s)
    told = _times_each([(name, times)]) if times > 1 or result.endpoint.measured else for_terminal(name)
    return f"{told} ({cause})"


def _detail_lines(result: Result, evidence: Evidence, outcome: str) -> list[str]:
    sample = evidence.last.get(outcome)
    detail = _detail(result, sample) if sample else ""
    sent = evidence.syns if outcome == TIMEOUT else 0
    lines = [f"  {counted(sent, 'SYN was', 'SYNs were')} sent"] if sent else []
    if not sample or not detail:
        return lines
    if len(evidence.tries) == 1:
        return [*lines, f"  {detail}"]
    if sample.check == WAITING:
        return [*lines, f"  last: {detail}"]
    return [*lines, f"  last, {'check' if result.endpoint.measured else 'try'} {sample.check}: {detail}"]


def _detail(result: Result, sample: Sample) -> str:
    """What ICMP and the system said, where the outcome does not say as much."""
    parts = [f"ICMP {sample.icmp[0]}/{sample.icmp[1]}"] if sample.icmp else []
    if sample.outcome == "tls_expired" and sample.cert_expires_s is not None and sample.cert_expires_s < 0:
        return f"the certificate {shown_validity(sample.cert_expires_s)}"
    if sample.errno not in _USUAL_ERRNO.get(sample.outcome, ()):
        parts += [for_terminal(sample.errno)] if sample.errno else []
        parts += [f'"{for_terminal(sample.message)}"'] if sample.message and not result.endpoint.redact else []
    return ", ".join(parts)


def _repeat_lines(result: Result) -> list[str]:
    numbers, median_ms = result.statistics.repeated_checks, result.statistics.rtt.median_ms
    if not numbers:
        if median_ms is None or median_ms < FIRST_SYN_REPEAT_MS or not result.statistics.syn_repeats:
            return []
        return [
            f"SYNs were repeated for a slow path, not for packet loss: the round trip takes {shown_ms(median_ms)} ms"
        ]
    cause = "packet loss, not a slow server"
    if len(numbers) == 1:
        return [f"check {numbers[0]} needed a repeated SYN: {cause}"]
    if len(numbers) < MOST_REPEATED_CHECKS:
        return [f"checks {listed(numbers, _MOST_NUMBERS)} needed a repeated SYN: {cause}"]
    return [f"{MOST_REPEATED_CHECKS} checks or more needed a repeated SYN, the first of them {numbers[0]}: {cause}"]


def _attempt_lines(result: Result, evidence: Evidence) -> list[str]:
    """Addresses that failed before another one decided (RFC 8305)."""
    attempts = [
        (address or "another address", outcome, times) for (address, outcome), times in evidence.attempts.items()
    ]
    attempts.sort(key=lambda attempt: (-attempt[2], attempt))
    lines = []
    for address, outcome, times in attempts[:_MOST_ADDRESSES]:
        shown = "another address" if result.endpoint.redact else for_terminal(address)
        lines.append(f"tried in vain in {counted(times, 'check')}: {shown} ({for_terminal(outcome)})")
    more = len(attempts) - len(lines)
    return [*lines, f"and {more} more such"] if more else lines


def _left_out_lines(result: Result, evidence: Evidence) -> list[str]:
    """What could not be checked for want of something here."""
    if not evidence.shortages:
        return []
    common = evidence.shortages.most_common()
    lacks = [", ".join(filter(None, (for_terminal(shortage.errno), shortage.lack))) for shortage, _ in common]
    sample = evidence.last[LOCAL_ERROR]
    said = sample.message and not is_known(sample.errno) and not result.endpoint.redact
    last = [f'  last, check {sample.check}: "{for_terminal(sample.message or "")}"'] if said else []
    if result.verdict.status == "inconclusive":
        return [f"{times} x {lack}" for lack, (_, times) in zip(lacks, common, strict=True)] + last
    number = counted(sum(evidence.shortages.values()), "check")
    return [f"{number} could not be made here: {'; '.join(lacks)}; left out", *last]


def _remedies(evidence: Evidence) -> tuple[str, ...]:
    return tuple(shortage.remedy for shortage, _ in evidence.shortages.most_common(_MOST_NEXT_STEPS))


def _note_lines(result: Result) -> list[str]:
    # What could not be made here is told at length by `_left_out_lines`.
    return [for_terminal(note) for note in result.verdict.notes if LOCAL_ERROR not in note]


def _times_each(outcomes: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{times} x {for_terminal(name)}" for name, times in outcomes)


def _what_failed(result: Result) -> str:
    name = shown_name(result)
    split = parts_of(result)
    if split.red:
        told = (_what_failed(part).partition("  ")[2] for part in split.red.values())
        each = [f"{for_terminal(part)}: {text}" for part, text in zip(split.red, told, strict=True)]
        return f"{name}  {red_heading(split)}: {'; '.join(each[:MOST_TOLD])}"
    if result.waited is not None and not result.endpoint.measured:
        return f"{name}  {'; '.join([in_vain(result.endpoint, result.waited), *_main_cause(result)])}"
    if not result.endpoint.expects_open:
        return f"{name}  {_not_closed(result)}"
    rows = [
        f"{each.limit.metric.shown_name} {shown_measured(each.limit, each.value)} (allowed {shown_limit(each.limit)})"
        for each in result.verdict.broken
    ]
    parts = [", ".join(rows)] if rows else []
    parts += comparison_lines(result)
    return f"{name}  {'; '.join([*parts, *_main_cause(result)]) or _reasons(result)}"


def _main_cause(result: Result) -> list[str]:
    told = _told_errors(result)
    if not result.endpoint.measured:
        # The last try is the one that ended the matter.
        told = [error for error in told if error[0] == result.statistics.last_outcome]
    return [_with_cause(result, name, times) for name, times in told[:1]]
