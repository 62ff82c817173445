"""Addresses of the network: whom a limit counts as one."""

from ipaddress import IPv4Address, IPv6Network, ip_address

_OF_ONE_LINE = 64  # bits that all addresses of one IPv6 connection share at the least (RFC 6177, RFC 7421)


def network_of(address: str) -> str:
    """What is counted together with that address (IPv4, or IPv6 with or without a zone), as text.

    An IPv4 address stands for itself, also when it is written as IPv6 (RFC 4291, 2.5.5.2). Of IPv6 it is the /64,
    because whoever has one address has 2^64 of them. What is no address stands for itself.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), _OF_ONE_LINE), strict=False))
