"""What a proxy in the environment has to do with a failed check: nothing, which is worth saying. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..proxying import is_excepted
from ..run import Result

#: What it looks like where only a proxy leads out: packets dropped or forbidden, no route, names that only the proxy
#: can resolve.
_NO_WAY_OUT = ("timeout", "prohibited", "network_unreachable", "dns_not_found", "dns_failed", "dns_timeout")
_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def direct_note(result: Result, env: Mapping[str, str]) -> str | None:
    """Return a sentence for a result that failed as it would where only a proxy leads out, when `env`
    names a proxy for its host; else None. Of the proxy only the variable's name is shown: its URL may hold a
    password."""
    endpoint = result.endpoint
    blocked = [outcome for outcome in result.statistics.errors if outcome in _NO_WAY_OUT]
    is_direct = endpoint.is_local and endpoint.proxy is None  # elsewhere another environment holds
    if result.verdict.status == "passed" or not endpoint.expects_open or not blocked or not is_direct:
        return None
    variable = _proxy_variable(env)
    if variable is None or is_excepted(endpoint.host, endpoint.port, env):
        return None
    return (
        f"{variable} is set, but the check went direct: where only the proxy leads out, this is what it looks like "
        "(`proxy: env` goes through it)"
    )


def _proxy_variable(env: Mapping[str, str]) -> str | None:
    names = [name for upper in _VARIABLES for name in (upper, upper.lower())]
    return next((name for name in names if env.get(name, "").strip()), None)
