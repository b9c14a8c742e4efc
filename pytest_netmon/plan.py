"""The plan: endpoints with counts, intervals, timeouts and limits. Pure.

A plan is what the configuration comes to and what the prober works from. Every value in it has
been checked by `validate_plan`, also after hooks have edited it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .limits import Limit
from .problems import Source

Expect = Literal["open", "closed"]

#: Tries of a reached endpoint in all, and the least time between their starts (product.md).
REACHED_TRIES = 3
REACHED_RETRY_S = 1.0
#: Checks of a measured endpoint that names limits but no count.
MEASURED_COUNT = 20
DEFAULT_INTERVAL_S = 0.25
#: Room for two repeated SYNs, which go out 1 and 2 s after the first (RFC 6298, section 2).
DEFAULT_TIMEOUT_S = 3.0
DEFAULT_MAX_RATE = 2000.0
DEFAULT_MAX_RATE_PER_HOST = 200.0
LOCAL_VANTAGE = "local"


def bracketed(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One target-port pair and how it is checked and judged.

    host: a host name in lower case or an IP address in its shortest form, without brackets.
    count: checks to make (measured) or tries at the most (reached).
    interval_s: from start to start (measured), or the least time between tries (reached).
    timeout_s: the deadline of one check, name resolution of the first one apart.
    limits: all that are in force; for a measured open endpoint one of them is about success.
    skip, xfail: the user's reason, None where not asked for.
    redact: show `name` in place of host and address everywhere.
    source: where the user wrote it; None for an endpoint that a hook made.
    """

    host: str
    port: int
    name: str | None = None
    vantage: str = LOCAL_VANTAGE
    measured: bool = False
    count: int = REACHED_TRIES
    interval_s: float = REACHED_RETRY_S
    timeout_s: float = DEFAULT_TIMEOUT_S
    limits: tuple[Limit, ...] = ()
    expect: Expect = "open"
    skip: str | None = None
    xfail: str | None = None
    redact: bool = False
    source: Source | None = None

    @property
    def id(self) -> str:
        """`name:port` where a name is given, else `host:port` (`[v6]:port`)."""
        return f"{self.name}:{self.port}" if self.name else bracketed(self.host, self.port)

    @property
    def shown_host(self) -> str:
        """The host as reports may show it: the name where the endpoint is redacted."""
        return self.name if self.redact and self.name else self.host


@dataclass(slots=True, kw_only=True)
class Plan:
    """All endpoints of a run, in the order in which they were written.

    `endpoints` may be edited in place by `pytest_netmon_plan`. `interval_s` and `timeout_s` are
    the plan's defaults (what an endpoint that says nothing gets). `max_rate` and
    `max_rate_per_host` are checks a second. `warnings` are shown once, before the run.
    """

    endpoints: list[Endpoint]
    max_rate: float = DEFAULT_MAX_RATE
    max_rate_per_host: float = DEFAULT_MAX_RATE_PER_HOST
    interval_s: float = DEFAULT_INTERVAL_S
    timeout_s: float = DEFAULT_TIMEOUT_S
    files: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    @property
    def checked(self) -> list[Endpoint]:
        """The endpoints that are not skipped."""
        return [endpoint for endpoint in self.endpoints if endpoint.skip is None]

    @property
    def planned_duration_s(self) -> float:
        """From the first start to the last planned one, when no check is late or retried."""
        return max(((e.count - 1) * e.interval_s for e in self.checked if e.measured), default=0.0)

    @property
    def planned_rate(self) -> float:
        """Sustained checks a second: the sum of 1/interval over endpoints checked more than once."""
        return sum(1 / e.interval_s for e in self.checked if e.measured and e.count > 1)
