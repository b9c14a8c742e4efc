"""Which of a name's addresses are checked, and what is judged by itself: an address, or a family. Pure."""

from __future__ import annotations

import socket
from typing import Dict, List, Optional, Sequence, Tuple

from .names import Address

_FAMILIES = {"4": int(socket.AF_INET), "6": int(socket.AF_INET6)}
_WORDS = {int(socket.AF_INET): "IPv4", int(socket.AF_INET6): "IPv6"}

#: What it is called, and its addresses; none where a family has none.
Part = Tuple[str, Tuple[Address, ...]]


class Selection:
    """What an endpoint asks for: `family` "any", "4", "6" or "both"; `addresses` "any" (as RFC 8305 does it), "first"
    (of the resolver's order) or "all"."""

    __slots__ = ("_family", "_labels", "_redact", "addresses", "has_parts", "is_plain")

    def __init__(self, family: str = "any", addresses: str = "any", *, redact: bool = False) -> None:
        self._family = family
        self.addresses = addresses
        self.is_plain = family == "any" and addresses == "any"
        self.has_parts = family == "both" or addresses == "all"
        self._redact = redact
        #: An address of a redacted endpoint is called by when it was first seen.
        self._labels: Dict[Address, str] = {}

    def is_ready(self, addresses: Sequence[Address], *, partial: bool) -> bool:
        """Whether of a name is known what this asks for, as far as it has that. partial: `addresses` are of one family,
        and nothing is known of the other."""
        if not addresses:
            return False
        return self.is_plain or not partial or addresses[0].family == _FAMILIES.get(self._family)

    def of(self, addresses: Sequence[Address]) -> Tuple[Address, ...]:
        """Return the addresses to be tried, in their order."""
        wanted = _FAMILIES.get(self._family)
        found = tuple(address for address in addresses if wanted is None or address.family == wanted)
        return found[:1] if self.addresses == "first" and self._family != "both" else found

    def parts_of(self, addresses: Sequence[Address], unknown: Optional[int] = None) -> List[Part]:
        """Return the parts of a name that leads to `addresses`, those without an address last. unknown: a family of
        which no answer came in time; it is a part too, wherever its addresses would be."""
        wanted = self.of(addresses)
        parts: List[Part] = []
        if self.addresses == "all":
            parts = [(self._label(address), (address,)) for address in wanted]
        lacking: List[Part] = []
        for family, word in _WORDS.items():
            own = tuple(address for address in wanted if address.family == family)
            if self._family == "both" and own and self.addresses != "all":
                parts.append((word, own[:1] if self.addresses == "first" else own))
            elif not own and (self._family == "both" or family == unknown):
                lacking.append((word, ()))
        return parts + lacking

    @property
    def lacking(self) -> str:
        """What to say where a name has none of the addresses that are asked for."""
        family = _FAMILIES.get(self._family)
        return "no address" if family is None else no_address_of(_WORDS[family])

    def _label(self, address: Address) -> str:
        if not self._redact:
            return address.host
        return self._labels.setdefault(address, f"address {len(self._labels) + 1}")


def no_address_of(family: str) -> str:
    """`IPv6` is the word for a family."""
    return f"the name has no {family} address"


def other_family(addresses: Sequence[Address]) -> Optional[int]:
    """The family that no answer came about, where `addresses` are of one; None without any."""
    if not addresses:
        return None
    return int(socket.AF_INET6 if addresses[0].family == socket.AF_INET else socket.AF_INET)


class Round:
    """One scheduled check of an endpoint that has parts: what each of them came to, and how many are under way."""

    __slots__ = ("left", "outcomes")

    def __init__(self, parts: int) -> None:
        self.left = parts
        self.outcomes: Dict[Optional[str], str] = {}

    def add(self, part: Optional[str], outcome: str) -> Dict[Optional[str], str]:
        """Take in what a part came to; return what all of them did, nothing while some are under way."""
        self.outcomes[part] = outcome
        self.left -= 1
        return {} if self.left else self.outcomes
