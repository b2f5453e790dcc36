"""How many connections and unfinished bodies there may be, so that what one address takes leaves the others theirs.

Laws (rule 11.1a):

1. Where all connections are taken, or all of one address, one that waits for its client makes room for the next: the
   oldest of the address that has most. A request that has arrived is answered. Where all are being answered, the new
   connection is turned away.
2. Where all memory for unfinished bodies is taken, one of the address that holds most makes room; whoever holds most
   itself is told to come back later.
3. Behind a proxy that the configuration names, the address is the one that it reports; else nobody's word counts.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from armslength.config import Limits
from armslength.errors import Unavailable

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
HOME: Final = "here"  # the address of whoever has none: our owner, at a socket of ours


class Connection(Protocol):
    """A connection."""

    @property
    def waiting_since(self) -> float | None:
        """Since when it waits for its client to say something; None while it is answered."""
        ...

    def turn_out(self) -> None:
        """End it at once."""
        ...


class Connections:
    """The connections of one server: at most `most`, and `limits.connections_by_address` from one address that is no
    proxy of ours."""

    def __init__(self, limits: Limits, most: int, proxies: Networks) -> None:
        self._each = limits.connections_by_address
        self._most = most
        self._proxies = proxies
        self._by: dict[str, dict[Connection, None]] = {}  # by address, in order of arrival
        self._count = 0

    def enter(self, guest: Connection, host: str) -> bool:
        """Take in a connection; False where there is no room. One that waits makes some."""
        whom = group(host)
        here = self._by.get(whom, {})
        if len(here) >= self._each and not is_in(host, self._proxies) and not _make_room(here):
            return False
        if self._count >= self._most and not self._make_room():
            return False
        self._by.setdefault(whom, {})[guest] = None
        self._count += 1
        return True

    def leave(self, guest: Connection, host: str) -> None:
        """It has ended; nothing if it was never taken in."""
        whom = group(host)
        here = self._by.get(whom, {})
        if guest in here:
            del here[guest]
            self._count -= 1
        if not here:
            self._by.pop(whom, None)

    def _make_room(self) -> bool:
        """One of the address that has most, of those where any waits."""
        return any(_make_room(here) for here in sorted(self._by.values(), key=len, reverse=True))


def _make_room(here: Iterable[Connection]) -> bool:
    """End the one that has waited longest; whether there was one. It leaves by itself."""
    waiting = [(since, index, guest) for index, guest in enumerate(here) if (since := guest.waiting_since) is not None]
    if not waiting:
        return False
    min(waiting)[2].turn_out()
    return True


class _Body:
    """One that is arriving: whose, how much of it is here, and the timeout that ends it early."""

    __slots__ = ("held", "timeout")

    def __init__(self) -> None:
        self.held = 0
        self.timeout: asyncio.Timeout | None = None


class BodyLimits:
    """An ASGI application that hands another one its requests, and bounds what unfinished bodies hold together."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._most = limits.bodies
        self._each = limits.bodies_by_address
        self._by: dict[str, dict[_Body, None]] = {}
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        whom, body = group((scope.get("client") or (HOME,))[0]), _Body()

        async def received() -> Message:
            try:
                async with asyncio.timeout(None) as body.timeout:
                    message = await receive()
            except TimeoutError:
                raise Unavailable("busy", "too many request bodies are arriving; try again later", "body") from None
            finally:
                body.timeout = None
            if size := len(message.get("body", b"")):
                self._take(whom, body, size)
            return message

        try:
            await self._app(scope, received, send)
        finally:
            self._let_go(whom, body)

    def _take(self, whom: str, body: _Body, size: int) -> None:
        """Hold so much more of a body. Raises Unavailable where there is no room, and none can be made."""
        here = self._by.setdefault(whom, {})
        here[body] = None
        mine = sum(each.held for each in here) + size
        while self._held + size > self._most and self._make_room(mine):
            pass
        if mine > self._each or self._held + size > self._most:
            raise Unavailable("busy", "too many request bodies are arriving; try again later", "body")
        body.held += size
        self._held += size

    def _make_room(self, less_than: int) -> bool:
        """Turn out the largest body that still arrives, of the address that holds most, if that is more than this."""
        holding = sorted(self._by.values(), key=lambda here: sum(each.held for each in here), reverse=True)
        for here in holding:
            if sum(each.held for each in here) <= less_than:
                return False
            arriving = [(each.held, each.timeout, each) for each in here if each.timeout is not None and each.held]
            if arriving:
                held, timeout, largest = max(arriving, key=lambda each: each[0])
                timeout.reschedule(0)
                largest.timeout, largest.held = None, 0
                self._held -= held
                return True
        return False

    def _let_go(self, whom: str, body: _Body) -> None:
        self._held -= body.held
        here = self._by.get(whom)
        if here is not None:
            here.pop(body, None)
            if not here:
                self._by.pop(whom, None)


# --- addresses ---------------------------------------------------------------------------------------------------


def networks(ranges: Iterable[str]) -> Networks:
    """The ranges of addresses that a configuration names. Raises ValueError."""
    return [ipaddress.ip_network(each) for each in ranges]


def is_in(host: str, ranges: Networks) -> bool:
    """Whether this address lies in one of the ranges."""
    address = _address(host) if ranges else None
    return address is not None and any(address.version == each.version and address in each for each in ranges)


def group(host: str) -> str:
    """Whom an address counts as: of IPv6, where everybody has many, the network that one customer has."""
    address = _address(host) if ":" in host else None
    return str(ipaddress.ip_network((address, 64), strict=False)) if address and address.version == 6 else host


def reported(host: str, headers: Iterable[tuple[bytes, bytes]], proxies: Networks) -> str:
    """The client's address: what proxies of ours report, read from the right up to the first that is none of them."""
    if not is_in(host, proxies):
        return host
    fields = list(headers)
    told = [value for name, value in fields if name == b"x-forwarded-for"]
    places = [part.strip() for value in told for part in value.decode("latin-1").split(",")]
    if not told:
        told = [value for name, value in fields if name == b"forwarded"]
        places = [_forwarded(part) for value in told for part in value.decode("latin-1").split(",")]
    found = host
    for place in reversed(places):
        address = _address(place)
        if address is None:
            break
        found = str(address)
        if not is_in(found, proxies):
            break
    return found


def _forwarded(element: str) -> str:
    """The `for` of an element of a Forwarded field (RFC 7239)."""
    pairs = (pair.partition("=") for pair in element.split(";"))
    return next((value.strip().strip('"') for name, _, value in pairs if name.strip().lower() == "for"), "")


def _address(place: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`; an IPv4 one that IPv6 wraps is
    that one."""
    if place.startswith("["):
        place = place[1:].partition("]")[0]
    elif place.count(":") == 1:
        place = place.partition(":")[0]
    try:
        found = ipaddress.ip_address(place)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
