"""Which of a name's addresses an endpoint asks for, and whether they are judged one by one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from .hosts import is_address

Family = Literal["any", "4", "6", "both"]
Addresses = Literal["any", "first", "all"]
FAMILIES: tuple[str, ...] = get_args(Family)
#: What a family is called where it is judged by itself.
FAMILY_PARTS = ("IPv4", "IPv6")
ADDRESSES: tuple[str, ...] = get_args(Addresses)


def has_parts(family: str, addresses: str) -> bool:
    """Whether each family, or each address, is checked and judged by itself."""
    return family == "both" or addresses == "all"


def family_of(host: str) -> str | None:
    """Return `4` or `6` for an address, None for a name."""
    if not is_address(host):
        return None
    return "6" if ":" in host else "4"


def choice_texts(host: str, family: object, addresses: object) -> Iterator[str]:
    """Yield what is wrong with what an endpoint says of its addresses; `host` is a sound one."""
    own = family_of(host)
    if not isinstance(family, str) or family not in FAMILIES:
        yield f"expected one of {', '.join(FAMILIES)} for family, got {family!r:.80}"
    elif own is not None and family == "both":
        yield f"the host is an IPv{own} address: it is of one family, not of both"
    elif own is not None and family not in ("any", own):
        yield f"the host is an IPv{own} address, and family {family} leaves it out"
    if not isinstance(addresses, str) or addresses not in ADDRESSES:
        yield f"expected one of {', '.join(ADDRESSES)} for addresses, got {addresses!r:.80}"


def choice_in_words(family: str, addresses: str) -> str:
    """Return which addresses are checked; empty where it is as usual."""
    of_family = {"4": "IPv4", "6": "IPv6"}.get(family, "")
    if addresses == "all":
        both = ", of both families" if family == "both" else ""
        return f"each {of_family or 'of its'} address{'' if of_family else 'es'}{both}"
    if family == "both":
        return f"IPv4 and IPv6, each {'by its first address' if addresses == 'first' else 'by itself'}"
    if addresses == "first":
        return f"its first {f'{of_family} ' if of_family else ''}address only"
    return f"{of_family} only" if of_family else ""


def shown_parts(found: Sequence[str], family: str, addresses: str) -> list[str]:
    """Return the addresses of `found` (in the resolver's order) that are tried, those of a family in one text where
    each is by itself. What is no address comes back as it is."""
    if any(" " in address or not is_address(address) for address in found):
        return list(found)  # what the resolver said instead
    kept = [address for address in found if family in ("any", "both") or family_of(address) == family]
    if family != "both":
        return kept[:1] if addresses == "first" else kept
    if addresses == "all":
        return kept
    told = []
    for number in ("4", "6"):
        own = [address for address in kept if family_of(address) == number]
        shown = ", ".join(own[:1] if addresses == "first" else own) or "no address"
        told.append(f"IPv{number}: {shown}")
    return told
