"""Host names and addresses: what the resolver would take, and no more. Pure.

`getaddrinfo` takes far more than people mean: `1.2.3` is 1.2.0.3, `2130706433` and `①27.1` are
127.0.0.1, and what stands before a NUL is looked up alone. All of that is refused here.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import unicodedata

from .unexpected import Unexpected

#: RFC 1035, section 2.3.4: octets in a label and in a name (written, without the last dot).
LONGEST_LABEL = 63
LONGEST_NAME = 253

#: Letters, digits and hyphens (RFC 1123, section 2.1); underscores stand in names of services and containers.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\Z")
#: A last label that inet_aton would read as a number (as in the URL standard, "ends in a number").
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
#: What Linux allows in the name of an interface and what an RFC 6874 URL can hold.
_ZONE = re.compile(r"[A-Za-z0-9_.~-]{1,15}\Z")
_HOST = "a host name or an IP address"
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


@functools.lru_cache(maxsize=8192)  # a host is looked at where it was written and again in the plan
def parse_host(text: str) -> str:
    """Return a host as it is looked up or connected to: a name in lower case (an international
    one in its `xn--` form) or an address in its shortest form. IPv6 stands without brackets.

    Raises Unexpected.
    """
    if not text:
        raise Unexpected(_HOST, "there is none")
    if ":" in text:
        return _ipv6(text)
    try:
        return _usable(ipaddress.IPv4Address(text))
    except ipaddress.AddressValueError:
        return _name(text)


def is_address(host: str) -> bool:
    """Say whether a sound host is an address: only those have colons, or nothing but digits and dots."""
    return ":" in host or host.replace(".", "").isdigit()


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ipaddress.AddressValueError:
        raise Unexpected(_HOST, "this is no IPv6 address; behind a name one ':' and a port may stand") from None
    if address.ipv4_mapped is not None:
        raise Unexpected(_HOST, "write the IPv4 address alone, without ::ffff:")
    zone = address.scope_id
    if zone is None:
        # connect() would answer EINVAL: such an address says nothing without its interface.
        if address.is_link_local:
            raise Unexpected("an interface after a link-local address", "write it as in fe80::1%eth0")
        return _usable(address)
    if not address.is_link_local:
        raise Unexpected(_HOST, "only a link-local address (fe80::...) has an interface")
    if not _ZONE.match(zone):
        raise Unexpected("the name of an interface after '%', as in fe80::1%eth0")
    return str(address)


def _usable(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if address.is_unspecified:
        raise Unexpected("the address of a machine", "this one means 'any address'; this machine is 127.0.0.1 or ::1")
    if address.is_multicast:
        raise Unexpected("the address of one machine", "this one is multicast, and TCP cannot reach it")
    if address == _BROADCAST:
        raise Unexpected("the address of one machine", "this one is the broadcast address")
    return str(address)


def _name(text: str) -> str:
    _refuse_foreign_characters(text)
    if len(text) > LONGEST_NAME + 1:
        raise Unexpected(f"a host name of at most {LONGEST_NAME} characters", f"this one has {len(text)}")
    labels = [_label(label) for label in text.removesuffix(".").lower().split(".")]
    if _NUMBER.match(labels[-1]):
        raise Unexpected(_HOST, "it looks like an IPv4 address but is not; write four numbers 0..255, as in 127.0.0.1")
    name = ".".join(labels)
    if len(name) > LONGEST_NAME:
        raise Unexpected(f"a host name of at most {LONGEST_NAME} characters", f"this one has {len(name)}")
    return f"{name}." if text.endswith(".") else name


def _refuse_foreign_characters(text: str) -> None:
    if not text.replace(" ", "").isprintable():
        raise Unexpected(_HOST, "it holds a control character or an invisible one")
    if " " in text:
        raise Unexpected(_HOST, "it holds a space")
    if "/" in text or "\\" in text:
        raise Unexpected(_HOST, "leave out the path")


def _label(label: str) -> str:
    if not label:
        raise Unexpected(_HOST, "a part between its dots is empty")
    if len(label) > LONGEST_LABEL:
        raise Unexpected(_HOST, f"a part between its dots has {len(label)} characters, {LONGEST_LABEL} are allowed")
    if not label.isascii():
        return _international(label)
    if not _LABEL.match(label):
        raise Unexpected(_HOST, "use letters, digits, '-', '_' and dots; no part starts or ends with '-'")
    return label


def _international(label: str) -> str:
    """Return the label as IDNA 2003 encodes it (Python's codec), where that loses nothing.

    What does not come back unchanged was mapped to something else on the way: `①` to 1, `ß` to ss
    (another host under IDNA 2008), a full-width dot to a dot.
    """
    composed = unicodedata.normalize("NFC", label)
    try:
        encoded = composed.encode("idna")
        unchanged = encoded.decode("idna") == composed
    except UnicodeError:
        unchanged = False
    if not unchanged or not all(map(_is_of_a_word, composed)):
        raise Unexpected(_HOST, "write the international name in its xn-- form")
    return encoded.decode("ascii")


def _is_of_a_word(character: str) -> bool:
    return character in "-_" or unicodedata.category(character)[0] in "LM" or character.isdecimal()
