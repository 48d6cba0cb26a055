"""Decides which addresses a page may be fetched from, and finds them, once.

A model follows links that strangers wrote, from a machine that can reach more than a stranger can: its own services,
its neighbours, the metadata of its cloud. Rules:

1. Only public addresses, judged as numbers after the name was looked up, never by the name. What an address carries
   inside (IPv4 mapped into IPv6, NAT64) is judged as well; tunnels (6to4, Teredo) are refused.
2. A name is looked up once for each request, and the caller connects to exactly what was found: a second answer has
   nothing to win. If one of a name's addresses is refused, all are.
3. Hosts that are spelled as odd numbers (decimal, octal, hexadecimal, short) are refused: only a disguise looks so.
4. What is named in ``web.allowed_hosts`` is let through: a host by its name, an address, a network.
5. What is on the list of sites that are not to be visited is refused by its name, before it is looked up.
"""

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Self

import trio
from attrs import field, frozen

from hermes.errors import ConfigError, Refused
from hermes.tools.web.blocklist import Blocklist

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]

# Longer than any working name server takes.
RESOLVE_SECONDS = 10.0
# As many addresses of a name are tried.
MOST_ADDRESSES = 4

# Beyond what the ``ipaddress`` module of each Python version calls global: documented by IANA's special-purpose
# registries (RFC 6890), and one cloud's metadata service that lies among public addresses.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
        "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    ]
)  # fmt: skip
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Everything that is handed out for the public internet.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NUMERIC_LABEL = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could reach the address as well."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = _inside(address)
        if inside is not None:
            return is_public(inside)
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not any(address in network for network in _REFUSED if _alike(address, network))


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to ``address`` end at."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


def _alike(address: Address, network: Network) -> bool:
    return address.version == network.version


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system finds them. Raises ``OSError``. Cancelled: its thread is left behind."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@frozen
class Guard:
    """Which hosts may be reached."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    resolve: Resolve = look_up
    blocked: Blocklist = field(factory=Blocklist)

    @classmethod
    def allowing(cls, entries: Iterable[str], resolve: Resolve = look_up, blocked: Blocklist | None = None) -> Self:
        """With the exceptions of web.allowed_hosts, and without what is ``blocked``.

        Raises ``ConfigError`` for an entry that is none.
        """
        names: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry.strip().strip("[]"), strict=False))
            except ValueError:
                names.add(_allowed_name(entry))
        return cls(frozenset(names), tuple(networks), resolve, blocked or Blocklist())

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """What to connect to for ``host``, a name in ASCII or an address, the best first.

        Raises ``Refused`` for what may not be reached, and when the name is not known within ``RESOLVE_SECONDS``.
        """
        self.blocked.refuse(host)
        literal = _literal(host)
        found = [host] if literal else await self._looked_up(_checked_name(host), port)
        trusted = not literal and _plain(host) in self.names
        addresses = [_address(one, host) for one in found]
        for address in addresses:
            if not (trusted or is_public(address) or self._allows(address)):
                raise Refused(
                    f"{host} is at {address}, which is not on the public internet. The user can allow it by naming it "
                    "in web.allowed_hosts"
                )
        return tuple(str(address) for address in addresses[:MOST_ADDRESSES])

    async def _looked_up(self, host: str, port: int) -> list[str]:
        with trio.move_on_after(RESOLVE_SECONDS):
            try:
                found = await self.resolve(host, port)
            except OSError as error:
                raise Refused(f"{host} was not found: {error.strerror or error}") from error
            if not found:
                raise Refused(f"{host} has no address")
            return found
        raise Refused(f"{host} was not found within {RESOLVE_SECONDS:g} seconds")

    def _allows(self, address: Address) -> bool:
        inside = _inside(address) if isinstance(address, ipaddress.IPv6Address) else None
        judged = inside or address
        return any(judged in network for network in self.networks if _alike(judged, network))


def _allowed_name(entry: str) -> str:
    name = _plain(entry)
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise ConfigError(
            f"web.allowed_hosts: expected a name, an address or a network (nas.local, 192.168.1.0/24), found {entry!r}",
            key="web.allowed_hosts",
        )
    return name


def _plain(host: str) -> str:
    return host.strip().casefold().removesuffix(".")


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _checked_name(host: str) -> str:
    if not host:
        raise Refused("the address names no host")
    if _NUMERIC_LABEL.fullmatch(_plain(host).rpartition(".")[2]):
        raise Refused(f"{host} is a number in disguise: write the host as a name, or as a plain address")
    return host


def _address(text: str, host: str) -> Address:
    try:
        # A scope (fe80::1%eth0) names a network card of this machine.
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Refused(f"{host} has an address that is none: {text[:60]!r}") from None
