"""The same endpoint written more than once. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ..plan import Endpoint
from ..problems import Problem, Source
from ..safe import for_terminal

#: Fields of an endpoint in which two of the same id may differ, as users call them.
_SETTINGS = {
    "count": "count",
    "warmup": "warmup",
    "interval_s": "interval",
    "timeout_s": "timeout",
    "wait": "wait",
    "family": "family",
    "addresses": "choice of addresses",
    "limits": "limits",
    "warn": "warn limits",
    "baseline": "baseline",
    "expect": "expect",
    "skip": "skip",
    "xfail": "xfail",
    "redact": "redact",
    "hold_s": "hold",
    "tls": "tls",
    "proxy": "proxy",
    "close": "close",
    "tags": "set of tags",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Distinct:
    """endpoints: each id once. problems: those of one id that differ. warnings: those that were the same."""

    endpoints: list[Endpoint]
    problems: list[Problem]
    warnings: list[str]


def without_doubles(endpoints: Iterable[Endpoint]) -> Distinct:
    """Keep the first endpoint of each id; entries that overlap in many ports are named once."""
    first: dict[str, Endpoint] = {}
    doubles: dict[tuple[Source | None, Source | None, str], list[Endpoint]] = {}
    for endpoint in endpoints:
        earlier = first.setdefault(endpoint.test_id, endpoint)
        if earlier is not endpoint:
            doubles.setdefault((endpoint.source, earlier.source, _difference(endpoint, earlier)), []).append(endpoint)
    distinct = Distinct(list(first.values()), [], [])
    for (source, earlier_source, difference), group in doubles.items():
        where = "here" if source == earlier_source else f"in {earlier_source}"
        if difference:
            text = f"{_ids(group)} already {where} {difference}"
            distinct.problems.append(Problem(source or Source("plan"), "", text))
        else:
            distinct.warnings.append(f"{source}: {_ids(group)} already {where}, with the same settings: checked once")
    return distinct


def _difference(endpoint: Endpoint, earlier: Endpoint) -> str:
    """In what two endpoints of the same id differ, and what to do; empty where they are the same."""
    if endpoint.host != earlier.host:
        return "for another host: give each host a name of its own"
    words = [word for field, word in _SETTINGS.items() if _comparable(endpoint, field) != _comparable(earlier, field)]
    return f"with another {' and another '.join(words)}: give them different names, or remove one" if words else ""


def _comparable(endpoint: Endpoint, field: str) -> object:
    """A setting's value, of several in any order; of limits only what they say, not whether defaults or the target
    said it."""
    value = getattr(endpoint, field)
    if field in ("limits", "warn"):
        return {limit.text for limit in value}
    return set(value) if isinstance(value, tuple) else value


def _ids(group: list[Endpoint]) -> str:
    first = for_terminal(group[0].test_id)
    return f"{first} stands" if len(group) == 1 else f"{first} and {len(group) - 1} more stand"
