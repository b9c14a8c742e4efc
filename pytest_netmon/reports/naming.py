"""What an endpoint is called in a report, with where it was found. Pure."""

from __future__ import annotations

from ..run import Result
from ..safe import for_terminal
from .layout import from_where


def shown_name(result: Result) -> str:
    """Return `id (address)`, for an endpoint with a name `id (host, address)`, for one checked from elsewhere `id
    (address, from paris)`; the id alone where it says as much, or where the rest is to be hidden."""
    name, where = for_terminal(result.endpoint.id), where_of(result)
    return f"{name} ({where})" if where else name


def where_of(result: Result) -> str:
    """Return host, address or proxy, and vantage, as far as the id does not say as much and they may be shown."""
    endpoint = result.endpoint
    hidden = [] if endpoint.redact else [endpoint.host if endpoint.name else None, _way_to(result)]
    return ", ".join([*(for_terminal(part) for part in hidden if part), *filter(None, [from_where(endpoint)])])


def _way_to(result: Result) -> str | None:
    """The address that answered, where that was the target's; else what was between."""
    endpoint = result.endpoint
    if endpoint.proxy is not None:
        return f"through {endpoint.proxy.place}"
    return result.address if result.address != endpoint.host else None
