"""How a node reaches others, by its configuration: which private ranges, through which proxy, trusting which
certificate authorities.

A proxy resolves the names of others by itself: which addresses may be connected to is then its own business, and only
https goes through it, as a tunnel. Names that the environment excepts from its proxy (NO_PROXY) are reached directly,
and filtered.
"""

from __future__ import annotations

import socket
import ssl
import urllib.request
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from armslength.config import FILE, Config
from armslength.errors import Misuse, Refused
from armslength.net.addresses import Reach, private_ranges

DIRECT: Final = "none"  # as `network.proxy`: no proxy, whatever the environment says


@dataclass(frozen=True, slots=True)
class Ways:
    """What the client needs to know: `proxy` is a URL, or None; `from_environment`, whether NO_PROXY counts for it."""

    reach: Reach = field(default_factory=Reach)
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    from_environment: bool = False
    trust: ssl.SSLContext | None = None

    def proxy_for(self, url: str) -> str | None:
        """The proxy through which to ask for a URL, or None to ask directly."""
        if self.proxy is None or not url.startswith("https:"):
            return None
        host = urlsplit(url).netloc
        return None if self.from_environment and _is_excepted(host) else self.proxy


DEVELOPMENT: Final = Ways(Reach(development=True))


def ways(config: Config) -> Ways:
    """The ways of a node or a monitor. Raises Misuse, naming the setting."""
    network, where = config.network, str(config.folder / FILE)
    try:
        reach = Reach(config.development, private_ranges(network.private))
    except Misuse as error:
        raise Misuse(error.code, error.reason, where) from None
    if config.development:
        return Ways(reach)
    proxy, of_environment = network.proxy, False
    if not proxy:
        proxy, of_environment = urllib.request.getproxies().get("https", ""), True
    if proxy == DIRECT:
        proxy = ""
    if proxy:
        _check_proxy(proxy, where if not of_environment else "HTTPS_PROXY")
    return Ways(reach, proxy or None, of_environment, _trust(config))


@dataclass(frozen=True, slots=True)
class AddressVerdict:
    """Whether an address may be connected to, and how or why not."""

    allowed: bool
    how: str


def look(found: Ways, address: str) -> AddressVerdict:
    """Resolve an address's name as the client would, and judge it. Nothing is connected to."""
    try:
        found.reach.check_url(address)
    except Refused as error:
        return AddressVerdict(False, error.reason)
    proxy, parts = found.proxy_for(address), urlsplit(address)
    if proxy is not None:
        return AddressVerdict(True, f"through the proxy {shown(proxy)}, which decides")
    try:
        results = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return AddressVerdict(False, "nobody knows an address of this name")
    leads = sorted({str(result[4][0]) for result in results})
    bad = [each for each in leads if not found.reach.allows(each)]
    if bad:
        way = (
            "this node is in development: loopback alone"
            if found.reach.development
            else "open its range in [network] private"
        )
        return AddressVerdict(
            False, f"leads to {', '.join(bad)}, which may not be connected to ({way}, if that is meant)"
        )
    return AddressVerdict(True, f"leads to {', '.join(leads)}")


def shown(proxy: str) -> str:
    """A proxy's URL without the password that it may hold."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _check_proxy(proxy: str, where: str) -> None:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = None
    if not usable:
        raise Misuse("bad-config", "network.proxy: must be a URL such as http://proxy.example:3128, or none", where)


def _trust(config: Config) -> ssl.SSLContext | None:
    """The system's certificate authorities, and those in the file that the configuration names."""
    if not config.network.ca:
        return None
    path = config.folder / Path(config.network.ca)
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=str(path))
    except OSError as error:  # SSLError is one
        why = error.strerror or str(error)
        reason = f"network.ca: {path} holds no certificates that can be read: {why}"
        raise Misuse("bad-config", reason, str(config.folder / FILE)) from None
    return context


@lru_cache(maxsize=1024)
def _is_excepted(host: str) -> bool:
    return bool(urllib.request.proxy_bypass(host))
