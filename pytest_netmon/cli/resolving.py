"""Names looked up for a dry run: the addresses that checks would try."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable

from pytest_netmon.prober.names import Answer, Resolver, literal


def resolve(hosts: Iterable[str], budget_s: float) -> dict[str, list[str]]:
    """Return the addresses of each host, in the order in which they would be tried; in their place what the
    resolver said instead, or that it said nothing within `budget_s` in all."""
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    resolver = Resolver(answers.put)
    found: dict[str, list[str]] = {}
    for host in dict.fromkeys(hosts):
        if literal(host) is not None:
            found[host] = [host]
        else:
            found[host] = [f"no answer within {budget_s:.10g} s (dns_timeout)"]
            resolver.ask(host)
    asked = sum(literal(host) is None for host in found)
    ends_s = time.monotonic() + budget_s
    for _ in range(asked):
        try:
            answer = answers.get(timeout=max(0.0, ends_s - time.monotonic()))
        except queue.Empty:
            break
        found[answer.host] = _told(answer)
    return found


def _told(answer: Answer) -> list[str]:
    if answer.outcome is None:
        return [address.host for address in answer.addresses]
    return [f"{answer.text} ({answer.outcome})" if answer.text else answer.outcome]
