"""Which addresses a node may connect to: public ones, private ranges that its configuration names, or only loopback
when started for development.

Addresses arrive in other people's messages, so a request could be aimed at our own network. What counts is the
address that is connected to, whatever name led there: names are judged by every address they resolve to, literals by
what they mean, and each socket once more when it is made.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from armslength.errors import Misuse, Refused

Range = IPv4Network | IPv6Network

# IPv6 ranges that carry an IPv4 address to somewhere else: what they reach is not what they say.
_TUNNELS: Final = tuple(ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
# What may be opened range by range. Loopback and link-local (where clouds keep their credentials) never are.
_PRIVATE: Final = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


class ForbiddenAddress(OSError):
    """An address that must not be connected to."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a node may connect to. `private`: ranges beside the public addresses; none counts in development."""

    development: bool = False
    private: tuple[Range, ...] = ()

    def allows(self, text: str) -> bool:
        """Whether an IP address may be connected to. Anything that is not an IP address may not (rule 8.4b)."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        plain: IPv4Address | IPv6Address = address
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                plain = address.ipv4_mapped
            elif address.is_site_local or any(address in network for network in _TUNNELS):
                return False
        if self.development:
            return plain.is_loopback
        if any(plain in network for network in self.private):
            return True
        return plain.is_global and not (plain.is_multicast or plain.is_reserved or plain.is_unspecified)

    def check_url(self, url: str) -> None:
        """Refuse a URL before anything is sent: https only (http to loopback in development), no user, no odd host."""
        if "\\" in url:
            raise Refused("bad-address", "must name a host and no user", url)
        _check_origin("/".join(url.split("/", 3)[:3]).partition("?")[0].partition("#")[0], self)


def private_ranges(texts: Iterable[str]) -> tuple[Range, ...]:
    """The ranges that a configuration opens. Raises Misuse for whatever is not part of a private network."""
    found = []
    for text in texts:
        try:
            network = ip_network(text)
        except ValueError as error:
            raise Misuse("bad-config", f"network.private: {text}: {error}") from None
        inside = (each for each in _PRIVATE if each.version == network.version)
        if not any(network.subnet_of(each) for each in inside):  # type: ignore[arg-type]
            ranges = ", ".join(map(str, _PRIVATE))
            raise Misuse("bad-config", f"network.private: {text} is not part of a private network ({ranges})")
        found.append(network)
    return tuple(found)


@lru_cache(maxsize=1024)
def _check_origin(url: str, reach: Reach) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # the port is parsed, and checked, only when it is read
    except ValueError:
        raise Refused("bad-address", "not a URL", url) from None
    if parts.scheme not in ({"http", "https"} if reach.development else {"https"}):
        raise Refused("bad-address", "must be https", url)
    if not host or parts.username is not None or parts.password is not None:
        raise Refused("bad-address", "must name a host and no user", url)
    literal = ":" in host or host.replace(".", "").isdigit()
    if literal and not reach.allows(host):
        raise Refused("forbidden-address", f"{host} may not be connected to", url)


def checked_socket(address: tuple[Any, ...], reach: Reach) -> socket.socket:
    """A socket for one getaddrinfo result, once more checked: nothing is connected past this line unseen."""
    family, kind, protocol, _, where = address
    if not reach.allows(str(where[0])):
        raise ForbiddenAddress(f"{where[0]} may not be connected to")
    return socket.socket(family, kind, protocol)
