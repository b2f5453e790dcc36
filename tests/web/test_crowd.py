"""Room for connections and for bodies that are arriving: whose place is given to others, and whose address counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from armslength.config import Limits
from armslength.errors import Unavailable
from armslength.web.crowd import BodyLimits, Connections, group, is_in, networks, reported

MIB = 1024 * 1024


@dataclass(eq=False)
class Connection:
    """A connection at a place."""

    crowd: Connections
    host: str
    waiting_since: float | None
    is_in: bool = False

    def come(self) -> Connection:
        self.is_in = self.crowd.enter(self, self.host)
        return self

    def turn_out(self) -> None:
        self.is_in = False
        self.crowd.leave(self, self.host)


def crowd(most: int = 4, each: int = 100, proxies: tuple[str, ...] = ()) -> Connections:
    return Connections(Limits(connections_by_address=each), most, networks(proxies))


def test_the_oldest_of_the_address_that_has_most_makes_room() -> None:
    """Not the oldest of all: whoever came alone stays (rule 11.1a)."""
    here = crowd()
    alone = Connection(here, "a", 1.0).come()
    many = [Connection(here, "b", 5.0 - index).come() for index in range(3)]
    assert Connection(here, "c", 9.0).come().is_in
    assert (alone.is_in, [each.is_in for each in many]) == (True, [True, True, False])


def test_whoever_is_answered_stays_and_the_next_one_waits_outside() -> None:
    """Where every request is being answered nobody is turned out for a newcomer."""
    here = crowd(2)
    first, second = Connection(here, "a", None).come(), Connection(here, "b", None).come()
    assert not Connection(here, "c", 1.0).come().is_in
    first.waiting_since = 3.0
    assert Connection(here, "c", 4.0).come().is_in
    assert (first.is_in, second.is_in) == (False, True)


def test_one_address_takes_no_more_than_its_share_and_a_proxy_of_ours_has_none() -> None:
    """IPv6 is counted by the network that a customer has."""
    here = crowd(100, 2, ("10.0.0.0/8",))
    mine = [Connection(here, f"2001:db8::{index}", None).come() for index in range(3)]
    assert [each.is_in for each in mine] == [True, True, False]
    assert Connection(here, "2001:db8:0:1::1", None).come().is_in
    assert all(Connection(here, "10.1.2.3", None).come().is_in for _ in range(20))


@pytest.mark.parametrize(
    ("host", "fields", "client"),
    [
        ("192.0.2.1", [(b"x-forwarded-for", b"198.51.100.1")], "192.0.2.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"203.0.113.9, 198.51.100.1, 10.0.0.2")], "198.51.100.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.1:443")], "198.51.100.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"198.51.100.1, unknown")], "10.0.0.1"),
        ("10.0.0.1", [(b"forwarded", b'for="[2001:db8::7]:80";proto=https, for=10.0.0.2')], "2001:db8::7"),
        ("10.0.0.1", [(b"forwarded", b"proto=https")], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("here", [(b"x-forwarded-for", b"198.51.100.1")], "here"),
    ],
)
def test_only_proxies_of_ours_are_believed(host: str, fields: list[tuple[bytes, bytes]], client: str) -> None:
    """From the right, up to the first address that is no proxy of ours; nonsense ends it."""
    assert reported(host, fields, networks(["10.0.0.0/8"])) == client


def test_addresses() -> None:
    """An IPv4 address in an IPv6 one is that address."""
    assert is_in("::ffff:10.0.0.1", networks(["10.0.0.0/8"]))
    assert not is_in("nonsense", networks(["10.0.0.0/8"]))
    assert group("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert group("192.0.2.1") == "192.0.2.1"


class Server:
    """Requests to an application that reads them whole, from several addresses, each of which stops in the middle."""

    def __init__(self, **limits: int) -> None:
        self.app = BodyLimits(self.read, Limits(**limits))
        self.results: dict[str, Any] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def read(self, scope: Any, receive: Any, send: Any) -> None:
        name, total = scope["path"], 0
        try:
            while True:
                message = await receive()
                total += len(message["body"])
                if not message["more_body"]:
                    break
            self.results[name] = total
        except Unavailable as error:
            self.results[name] = error.code

    async def ask(self, name: str, host: str, *pieces: int) -> asyncio.Event:
        """Send pieces of a body, and the end once the event is set."""
        left, rest = list(pieces), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if left:
                return {"type": "http.request", "body": b"x" * left.pop(0), "more_body": True}
            await rest.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Any) -> None:
            raise AssertionError

        scope = {"type": "http", "path": name, "client": (host, 1)}
        self.tasks.append(asyncio.create_task(self.app(scope, receive, send)))
        for _ in range(5):
            await asyncio.sleep(0)
        return rest


async def test_whoever_holds_most_makes_room_for_bodies() -> None:
    """Of the address that holds most, the largest; whoever would hold most itself is told to come back."""
    here = Server(bodies=10 * MIB, bodies_by_address=8 * MIB)
    honest = await here.ask("honest", "a", MIB)
    await here.ask("large", "b", 5 * MIB)
    small = await here.ask("small", "b", 3 * MIB)
    await here.ask("another", "b", MIB)
    assert here.results == {"another": "busy"}  # more than an address may hold
    late = await here.ask("late", "c", 2 * MIB)
    assert here.results == {"another": "busy", "large": "busy"}
    greedy = await here.ask("greedy", "d", 7 * MIB)
    assert here.results["greedy"] == "busy"
    for event in (honest, small, late, greedy):
        event.set()
    await asyncio.gather(*here.tasks)
    assert {name: here.results[name] for name in ("honest", "small", "late")} == {
        "honest": MIB,
        "small": 3 * MIB,
        "late": 2 * MIB,
    }
    full = await here.ask("full", "e", 8 * MIB)  # all that was held is given back
    full.set()
    await asyncio.gather(*here.tasks)
    assert here.results["full"] == 8 * MIB
