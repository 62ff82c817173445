"""Where to reach an SMTP service: the list of hosts, their addresses, and which of them answered lately."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import idna

from app.infra.clock import monotonic

REST_AFTER_FAILURE = 60.0  # seconds for which a host that failed is tried last
REST_FROM_PIPELINING = 600.0  # seconds for which a server that mixed up pipelined commands gets one at a time

_PORTS = range(1, 65536)
# RFC 6052 and the forgotten "IPv4-compatible" form of RFC 4291, 2.5.5.1
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
_ENDING_IN_IPV4 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
_ENTRY = re.compile(r"(?:(ssl|tls)://)?(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]@]+?)\.?(?::([^/]*))?", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


class Encryption(StrEnum):
    """How a connection to a host is protected."""

    NONE = "none"  # plain, unless `auto_tls` finds STARTTLS offered
    SSL = "ssl"  # TLS from the first byte
    TLS = "tls"  # STARTTLS, or nothing


@dataclass(frozen=True, slots=True)
class Host:
    """One entry of a host list: an ASCII name or an IP address, a port, and how to protect the connection."""

    name: str
    port: int
    encryption: Encryption
    auto_tls: bool = True

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


def parse_hosts(text: str, port: int, encryption: Encryption, auto_tls: bool) -> list[Host]:
    """The usable entries of a `;` separated list of `[ssl://|tls://]name[:port]`, in their order.

    As PHPMailer reads it: a scheme wins over `encryption`; a missing or impossible port becomes `port`; entries that
    cannot be a host name are skipped; a host written exactly `localhost` is never upgraded by itself.
    """
    parsed = (parse_host(entry.strip(), port, encryption, auto_tls) for entry in text.split(";"))
    return [host for host in parsed if host is not None]


def parse_host(entry: str, port: int, encryption: Encryption, auto_tls: bool) -> Host | None:
    """One entry of a host list; None when it cannot be a host."""
    match = _ENTRY.fullmatch(entry)
    name = ascii_domain(match[2].strip("[]")) if match else ""
    if match is None or not name:
        return None
    own = int(match[3]) if match[3] and match[3].isascii() and match[3].isdigit() else 0
    mode = Encryption(match[1].lower()) if match[1] else encryption
    return Host(name, own if own in _PORTS else port, mode, auto_tls and name != "localhost")


def ascii_domain(name: str) -> str:
    """A host or domain name as it travels (RFC 5890), or an IP address as it is; empty when it cannot be one."""
    if is_address(name):
        return str(ipaddress.ip_address(name))
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            return ""
    fits = len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))
    return name if fits and not name.replace(".", "").isdigit() else ""


def is_address(name: str) -> bool:
    """Whether it is an IP address and no name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def resolve(host: Host, allow_private: bool) -> list[str]:
    """The IP addresses of a host that may be connected to, in the resolver's order.

    Raises PermissionError when all of them are loopback, private or otherwise not of the public internet and
    `allow_private` is off; OSError when the name is not known. Connect to what this returns, never to the name again:
    a second lookup may answer differently.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [address for address in addresses if allow_private or is_public(address)]
    if addresses and not allowed:
        raise PermissionError(f"{host.name} leads to {addresses[0]}, which is not on the public internet")
    return allowed


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet; a wrapped IPv4 address (RFC 4291, 6052, 3056) is unwrapped."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if wrapped is None and any(ip in network for network in _ENDING_IN_IPV4):
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.is_site_local or ip in _LOCAL_NAT64:  # Python counts both as global
            return False
        ip = wrapped or ip
    return ip.is_global and not ip.is_multicast


class HostHealth:
    """What this process remembers of hosts, so that a dead one is not tried first for every message."""

    def __init__(self) -> None:
        self._down_until: dict[Host, float] = {}
        self._unpipelined_until: dict[Host, float] = {}

    def order(self, hosts: Sequence[Host]) -> list[Host]:
        """The hosts in the order to try: as listed, those that failed lately last."""
        now = monotonic()
        return sorted(hosts, key=lambda host: self._down_until.get(host, 0.0) > now)

    def mark_down(self, host: Host) -> None:
        """This host could not be used."""
        self._down_until[host] = monotonic() + REST_AFTER_FAILURE

    def mark_up(self, host: Host) -> None:
        """This host is in use."""
        self._down_until.pop(host, None)

    def distrust_pipelining(self, host: Host) -> None:
        """This server offers PIPELINING and cannot do it."""
        self._unpipelined_until[host] = monotonic() + REST_FROM_PIPELINING

    def may_pipeline(self, host: Host) -> bool:
        """Whether this server may get commands in groups, provided it offers to take them."""
        return self._unpipelined_until.get(host, 0.0) <= monotonic()
