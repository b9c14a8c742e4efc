"""Every outcome of a check, its likely cause and what to try next: one table for all reports. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .units import spell_duration

#: After one of these a reached endpoint is tried again.
TRANSIENT = ("timeout", "reset", "closed_at_once", "tls_timeout", "proxy_timeout", "dns_failed", "dns_timeout")
#: What counts as closed under `expect: closed`.
CLOSED = ("refused", "timeout", "prohibited")
OPEN = "open"
TIMEOUT = "timeout"
#: What comes after a completed TCP handshake: something listens there, whatever it said then.
ONCE_OPEN = (
    OPEN,
    "reset",
    "closed_at_once",
    "tls_handshake",
    "tls_verify",
    "tls_name_mismatch",
    "tls_expired",
    "tls_timeout",
)
#: What each word of `expect` lets a check come to.
EXPECTED = {"open": (OPEN,), "closed": CLOSED, "refused": ("refused",), "timeout": ("timeout",)}
#: The checker's own fault: left out of every rate.
LOCAL_ERROR = "local_error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """name: as in samples, JSON and `errors.NAME`. cause: likely cause, one line, `{timeout}` where
    the deadline of the check belongs (see `cause_of`). next_step: what to try, one line, `{host}`,
    `{address}` and `{target}` where those belong (see `next_step_of`)."""

    name: str
    cause: str
    next_step: str


def _table(*rows: tuple[str, str, str]) -> dict[str, Outcome]:
    return {name: Outcome(name, cause, next_step) for name, cause, next_step in rows}


OUTCOMES: dict[str, Outcome] = _table(
    (
        OPEN,
        "the connection was established",
        "nothing: this is what a reachable service looks like",
    ),
    (
        "refused",
        "the machine answered but nothing listens on that port: service down, or wrong port",
        "on the target: is the service up, and does `ss -ltn` show the port on this address, not only on 127.0.0.1?",
    ),
    (
        "timeout",
        "no answer within {timeout}: packets dropped on the way, a firewall?",
        "is the address right and the machine up? Then ask whose firewall lies between; a full backlog looks the same",
    ),
    (
        "reset",
        "opened, then reset: a load balancer without a backend, or a server that turns this client away",
        "look at the log of the service or load balancer: health of backends, allowed clients, connection limits",
    ),
    (
        "closed_at_once",
        "opened, then closed without a word: a published container port, or a forwarder, with no service behind it yet",
        "is the service behind that port up? A container's port accepts before it; `hold: 0` takes this for open",
    ),
    (
        "host_unreachable",
        "a router, or this machine on its own network, does not find that address: machine down or wrong address",
        "is the machine up and the address current? On the same network `ip neigh` tells; else ask its owner",
    ),
    (
        "network_unreachable",
        "no route to that network: missing route, VPN down, or an address family that is not carried there",
        "`ip route get {address}` here; is the VPN up, and does the name have an address of the other family?",
    ),
    (
        "prohibited",
        "administratively prohibited: a firewall forbids it, and says so",
        "ask for a rule from this machine to that port; a local firewall, sandbox or network policy counts too",
    ),
    (
        "dns_not_found",
        "the name does not exist: misspelt, not created yet, or known only to another resolver",
        "`getent hosts {host}` here; check spelling and search domains; does it take an internal resolver or a VPN?",
    ),
    (
        "dns_no_address",
        "the name exists but has no address of a family that was asked for",
        "look up its A and AAAA records: a record of another type is not enough",
    ),
    (
        "dns_failed",
        "the resolver gave no usable answer: name server down, refusing or broken",
        "try each name server of /etc/resolv.conf (`dig @SERVER NAME`); does another name resolve?",
    ),
    (
        "dns_timeout",
        "the name was not resolved within {timeout}: name server unreachable or overloaded",
        "try each name server of /etc/resolv.conf (`dig @SERVER NAME`); is port 53 open from here, UDP and TCP?",
    ),
    (
        "dns_invalid",
        "no valid host name, or a name that leads to an address which is refused",
        "correct the name: labels of 1 to 63 characters; no name may lead to a cloud metadata address",
    ),
    (
        "tls_handshake",
        "the port is open, but no TLS handshake came about: no TLS there, or no version and cipher in common",
        "`openssl s_client -connect {target}` here: does that port speak TLS from the start, and which version?",
    ),
    (
        "tls_verify",
        "the certificate is not signed by an authority trusted here: self-signed, a private one, or a broken chain",
        "give the authority's certificate as `ca_file` under `tls`; does the server send its intermediate ones?",
    ),
    (
        "tls_name_mismatch",
        "the certificate is for another name: a default certificate, or the wrong server",
        "`openssl s_client -connect {target}` shows its names; another that is right goes to `server_name` under `tls`",
    ),
    (
        "tls_expired",
        "the certificate has expired",
        "renew it, and see that the server has loaded the new one; is this machine's clock right?",
    ),
    (
        "tls_timeout",
        "the port is open, but the TLS handshake did not end within {timeout}: server overloaded, or no TLS there",
        "does that port speak TLS from the start (not after STARTTLS)? A path that loses large packets looks the same",
    ),
    (
        "proxy_refused",
        "the proxy cannot be reached: down, wrong address or port, or a connection that it breaks off",
        "is the proxy's address right, and the proxy up? Nothing is known of the target",
    ),
    (
        "proxy_denied",
        "the proxy answered, and made no tunnel: forbidden, login needed, or it does not reach the target itself",
        "read the proxy's words; rules of the proxy, NETMON_PROXY_USER and NETMON_PROXY_PASSWORD, or the target itself",
    ),
    (
        "proxy_timeout",
        "no tunnel through the proxy within {timeout}: proxy down or overloaded, or it does not reach the target",
        "does the proxy reach another target? If so, the target or the way from the proxy to it is at fault",
    ),
    (
        LOCAL_ERROR,
        "this machine could not make the check: no free descriptor, port or memory, or no route of that family",
        "look here, not at the target: `ulimit -n`, `ss -s`, `ip route`, `ip -6 route`",
    ),
)

_UNKNOWN = Outcome(
    "", "an outcome that this version does not know", "read it with the version of pytest-netmon that measured it"
)


def cause_of(name: str, timeout_s: float) -> str:
    """Return the likely cause of an outcome, one line; `timeout_s` is the deadline of the check.
    A name that is not in the table gets a general text: sample files may be foreign."""
    return OUTCOMES.get(name, _UNKNOWN).cause.replace("{timeout}", spell_duration(timeout_s))


def next_step_of(name: str, host: str | None = None, address: str | None = None, target: str | None = None) -> str:
    """Return what to try after that outcome, one line; for an unknown name a general text. Without
    host, address or target (`host:port`; unknown, or not to be shown) their place is named."""
    step = OUTCOMES.get(name, _UNKNOWN).next_step
    step = step.replace("{host}", host or "NAME").replace("{address}", address or host or "ADDRESS")
    return step.replace("{target}", target or "HOST:PORT")
