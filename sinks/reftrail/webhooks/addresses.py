"""Distinction of public addresses from private ones."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = IPv6Network("::/96")
_NEVER: Final = (
    # Special by IANA's registries, which the standard library has had in full since 3.11.10 only.
    IPv4Network("192.0.0.0/24"),
    IPv6Network("3fff::/20"),
    # Azure's own services for its machines, credentials among them:
    # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    IPv4Network("168.63.129.16/32"),
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, for sending to one receiver.

    An IPv6 address that leads to an IPv4 one by a translation (mapped, 6to4, Teredo, NAT64) is
    judged by that one, since a gateway may take it there.
    """
    if isinstance(address, IPv6Address):
        embedded = _embedded(address)
        if embedded is not None:
            return all(map(is_public, embedded))
        if address in _NAT64_LOCAL or address.is_site_local:
            return False
    if any(address in network for network in _NEVER):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: IPv6Address) -> tuple[IPv4Address, ...] | None:
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64 or address in _COMPATIBLE:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return None
