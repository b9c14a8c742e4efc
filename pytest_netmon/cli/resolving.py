"""Names looked up for a dry run: the addresses that checks would try."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable

from pytest_netmon.prober.names import Answer, Resolver, literal
from pytest_netmon.prober.naming import LOOK_NS, SLOW_NAME_NS

_LOOK_S, _SLOW_S = LOOK_NS / 1e9, SLOW_NAME_NS / 1e9


def resolve(hosts: Iterable[str], budget_s: float) -> dict[str, list[str]]:
    """Return the addresses of each host, in the order in which they would be tried; in their place what the
    resolver said instead, or that it said nothing within `budget_s` in all."""
    found: dict[str, list[str]] = {}
    asked = []
    for host in dict.fromkeys(hosts):
        found[host] = [host] if literal(host) is not None else [f"no answer within {budget_s:.10g} s (dns_timeout)"]
        asked += [host] if literal(host) is None else []
    for host, (answer, *others) in _answers(asked, budget_s).items():
        found[host] = _told(answer) + [address for other in others for address in _told(other)]
    return found


def _answers(hosts: list[str], budget_s: float) -> dict[str, list[Answer]]:
    """Ask for all at once, as checks do: each family by itself where the question for both is not answered soon. Of
    each host that one's answer, else those for one family that brought addresses."""
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    resolver = Resolver(answers.put)
    for host in hosts:
        resolver.ask(host)
    found: dict[str, list[Answer]] = {}
    unanswered = set(hosts)
    began_s = time.monotonic()
    slow_s = began_s + min(_SLOW_S, budget_s / 2)
    while unanswered and (left_s := began_s + budget_s - time.monotonic()) > 0:
        if time.monotonic() >= slow_s:
            slow_s = began_s + budget_s
            for host in unanswered:
                resolver.ask_each_family(host)
        try:
            answer = answers.get(timeout=min(left_s, _LOOK_S))
        except queue.Empty:
            resolver.go_on()
            continue
        if not answer.family:
            found[answer.host] = [answer]
            unanswered.discard(answer.host)
        elif answer.host in unanswered and answer.outcome is None:
            found.setdefault(answer.host, []).append(answer)
    return found


def _told(answer: Answer) -> list[str]:
    if answer.outcome is None:
        return [address.host for address in answer.addresses]
    return [f"{answer.text} ({answer.outcome})" if answer.text else answer.outcome]
