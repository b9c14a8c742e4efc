"""The plan: endpoints with counts, intervals, timeouts and limits. Pure.

A plan is what the configuration comes to and what the prober works from. Every value in it has
been checked by `plan_checks.validate_plan`, also after hooks have edited it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from .addresses import Addresses, Family, has_parts
from .hosts import is_address
from .limits import Limit
from .outcomes import OPEN
from .problems import Source
from .proxying import Proxy
from .stages import Tls
from .tolerance import Tolerance
from .vantage import LOCAL_VANTAGE, Vantage
from .waits import Wait

if TYPE_CHECKING:
    from .baseline import Baseline

Expect = Literal["open", "closed", "refused", "timeout"]
#: How a connection ends: after a drain with FIN, or at once with RST (no TIME_WAIT is left).
Close = Literal["fin", "reset"]

#: Tries of a reached endpoint in all, and the least time between their starts.
REACHED_TRIES = 3
REACHED_RETRY_S = 1.0
#: Checks of a measured endpoint that names limits but no count.
MEASURED_COUNT = 20
DEFAULT_INTERVAL_S = 0.25
#: Room for two repeated SYNs, which go out 1 and 2 s after the first (RFC 6298, section 2).
DEFAULT_TIMEOUT_S = 3.0
DEFAULT_MAX_RATE = 2000.0
DEFAULT_MAX_RATE_PER_HOST = 200.0


def bracketed(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One target-port pair and how it is checked and judged.

    host: a host name in lower case or an IP address in its shortest form, without brackets.
    count: checks to make (measured) or tries at the most (reached). None: until told to stop (watched).
    interval_s: from start to start (measured), or the least time between tries (reached).
    warmup: checks of a measured one that are made before those and not counted.
    timeout_s: the deadline of one check, name resolution of the first one apart.
    wait: first it is tried until it is as expected; None where it is not waited for. For a reached one that is all; the
    checks of a measured one begin then, and the tries before them are not counted.
    limits: all that are in force; for a measured open endpoint at most those about success bound it from below.
    warn: limits that are shown where they are broken, and fail nothing.
    watched: by `netmon monitor`: measured, and without limits nothing is asked of it (`is_judged`).
    skip, xfail: the user's reason, None where not asked for.
    redact: show `name` in place of host and address everywhere.
    hold_s: how long a connection is held open, to see whether the peer closes it at once.
    tls, proxy: a handshake after the connect, and what the connect goes through; None: none.
    close: with FIN after a drain, or with RST at once.
    family, addresses: which of its name's addresses are checked, and whether one by one (see `addresses`).
    baseline: how much slower than its baseline it may be, where the plan has one; None: not compared.
    control: it must be reached for the run to mean anything; where it was not, others that failed are inconclusive.
    tags: to select by, each once; marks of its tests too.
    source: where the user wrote it; None for an endpoint that a hook made.
    """

    host: str
    port: int
    name: str | None = None
    vantage: str = LOCAL_VANTAGE
    measured: bool = False
    watched: bool = False
    count: int | None = REACHED_TRIES
    warmup: int = 0
    interval_s: float = REACHED_RETRY_S
    timeout_s: float = DEFAULT_TIMEOUT_S
    wait: Wait | None = None
    limits: tuple[Limit, ...] = ()
    warn: tuple[Limit, ...] = ()
    expect: Expect = "open"
    skip: str | None = None
    xfail: str | None = None
    redact: bool = False
    hold_s: float = 0.0
    tls: Tls | None = None
    proxy: Proxy | None = None
    close: Close = "fin"
    family: Family = "any"
    addresses: Addresses = "any"
    control: bool = False
    baseline: Tolerance | None = None
    tags: tuple[str, ...] = ()
    source: Source | None = None

    @property
    def id(self) -> str:
        """`name:port` where a name is given, else `host:port` (`[v6]:port`): the same from every vantage."""
        return f"{self.name}:{self.port}" if self.name else bracketed(self.host, self.port)

    @property
    def test_id(self) -> str:
        """The id; from another vantage than this machine its name goes before it: `app-db.internal:5432`. No two
        endpoints of a plan have the same."""
        return self.id if self.is_local else f"{self.vantage}-{self.id}"

    @property
    def is_local(self) -> bool:
        """Whether it is checked from here."""
        return self.vantage == LOCAL_VANTAGE

    @property
    def shown_host(self) -> str:
        """The host as reports may show it: the name where the endpoint is redacted."""
        return self.name if self.redact and self.name else self.host

    @property
    def looked_up_host(self) -> str:
        """The host that is looked up and connected to: a proxy looks the target's name up itself."""
        return self.host if self.proxy is None else self.proxy.host

    @property
    def shown_tls(self) -> Tls | None:
        """The TLS settings as reports may show them."""
        return self.tls.redacted if self.redact and self.tls else self.tls

    def __repr__(self) -> str:
        """As of any dataclass, but without a redacted host: tracebacks and `--setup-show` print this."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values |= {"host": self.shown_host, "tls": self.shown_tls}
        return f"Endpoint({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    @property
    def expects_open(self) -> bool:
        return self.expect == OPEN

    @property
    def has_parts(self) -> bool:
        """Whether each of its name's addresses, or each family, is checked and judged by itself."""
        return has_parts(self.family, self.addresses) and self.proxy is None and not is_address(self.host)

    @property
    def is_judged(self) -> bool:
        """Whether anything is asked of the endpoint, so that it can fail."""
        return not self.watched or bool(self.limits or self.baseline) or not self.expects_open

    @property
    def is_compared(self) -> bool:
        """Whether it is compared with its baseline, where there is one."""
        return self.baseline is not None and self.measured and self.expects_open and not self.control

    @property
    def is_repeated(self) -> bool:
        """Whether it is measured more than once, so that it has a sustained rate."""
        return self.measured and (self.count is None or self.warmup + self.count > 1)

    @property
    def planned_duration_s(self) -> float:
        """From the first planned start to the last one: 0 where it is reached, infinite without a last one."""
        if not self.measured:
            return 0.0
        return math.inf if self.count is None else (self.warmup + self.count - 1) * self.interval_s


@dataclass(slots=True, kw_only=True)
class Plan:
    """All endpoints of a run, in the order in which they were written.

    `endpoints` may be edited in place by `pytest_netmon_plan`. `interval_s` and `timeout_s` are
    the plan's defaults (what an endpoint that says nothing gets). `max_rate` and
    `max_rate_per_host` are checks a second. `warnings` are shown once, before the run. `files` are
    those that the user named, in that order, then those that they include; `included` says for each
    of the latter which of the former brought it in. `deselected`: how many more the files name, which
    tags left out; `elsewhere`: how many more from vantages that were not chosen. `vantages`: those of the
    endpoints, by name, without `local`. `baseline`: an earlier run to compare with, if there is any.
    """

    endpoints: list[Endpoint]
    max_rate: float = DEFAULT_MAX_RATE
    max_rate_per_host: float = DEFAULT_MAX_RATE_PER_HOST
    interval_s: float = DEFAULT_INTERVAL_S
    timeout_s: float = DEFAULT_TIMEOUT_S
    files: tuple[str, ...] = ()
    included: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    deselected: int = 0
    elsewhere: int = 0
    vantages: dict[str, Vantage] = field(default_factory=dict)
    baseline: Baseline | None = None

    @property
    def checked(self) -> list[Endpoint]:
        """The endpoints that are not skipped."""
        return [endpoint for endpoint in self.endpoints if endpoint.skip is None]

    @property
    def planned_duration_s(self) -> float:
        """From the first start to the last planned one, when no check is late or retried."""
        return max((endpoint.planned_duration_s for endpoint in self.checked), default=0.0)

    @property
    def planned_rate(self) -> float:
        """Sustained checks a second: the sum of 1/interval over endpoints checked more than once."""
        return sum(1 / endpoint.interval_s for endpoint in self.checked if endpoint.is_repeated)
