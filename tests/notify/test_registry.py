"""Monitors' addresses: nothing goes there unconfirmed but one bounded message, and one link ends it."""

from __future__ import annotations

import re

import pytest

from armslength.errors import Malformed, Refused
from armslength.notify import registry as registries
from armslength.notify.registry import ALONE_S, DAY_S, IN_ALL, OF_MONITOR, Registry
from armslength.store.memory import MemoryStore

NOON = 1785585600
M1 = "did:key:z6MkM1"


def token(text: str, what: str = "confirm") -> str:
    """The secret part of a link in a message."""
    found = re.search(rf"https://k\.example/armslength/1/reminders/{what}/([\w-]+)", text)
    assert found
    return found[1]


async def registry(store: MemoryStore | None = None) -> Registry:
    """One of a node."""
    made = Registry(store or MemoryStore(), "https://k.example", "Keeper")
    await made.load()
    return made


async def test_nothing_is_sent_before_somebody_has_confirmed() -> None:
    """One message with a link; then reminders, also after a restart, each with the way to end them."""
    store = MemoryStore()
    found = await registry(store)
    letter = await found.register(M1, "o@m.example", NOON)
    assert letter is not None
    assert letter.to == "o@m.example"
    assert found.reminded(M1) is None
    assert not await found.confirm("x" * 43)
    assert await found.confirm(token(letter.text))
    again = await registry(store)
    to = again.reminded(M1)
    assert to is not None
    assert to.mail == "o@m.example"
    assert to.kinds == {"asked", "near", "passed"}
    assert to.stop == letter.stop
    assert again.named(to.name) == to
    assert await again.register(M1, "o@m.example", NOON) is None  # known already


async def test_one_link_ends_it_and_the_address_is_left_alone() -> None:
    """Nobody can have it asked again for thirty days, with whatever key."""
    found = await registry()
    letter = await found.register(M1, "o@m.example", NOON)
    assert letter is not None
    await found.confirm(token(letter.text))
    assert await found.stop(token(letter.stop, "stop"), NOON)
    assert found.reminded(M1) is None
    assert not await found.confirm(token(letter.text))
    for did in (M1, "did:key:z6MkOther"):
        with pytest.raises(Refused, match="left alone"):
            await found.register(did, "o@m.example", NOON + ALONE_S - 1)
    assert await found.register(M1, "o@m.example", NOON + ALONE_S + DAY_S) is not None


async def test_an_address_is_asked_once_a_day_whoever_wants_it() -> None:
    """Ten keys make no ten messages."""
    found = await registry()
    assert await found.register(M1, "victim@m.example", NOON)
    for number in range(10):
        with pytest.raises(Refused, match="often enough"):
            await found.register(f"did:key:z{number}", "victim@m.example", NOON + 60)
    assert await found.register("did:key:z1", "victim@m.example", NOON + DAY_S + 1)


async def test_one_key_asks_few_addresses_a_day() -> None:
    """And all keys together not many."""
    found = await registry()
    for number in range(OF_MONITOR):
        assert await found.register(M1, f"a{number}@m.example", NOON + number)
    with pytest.raises(Refused, match="often enough"):
        await found.register(M1, "b@m.example", NOON + 100)
    for number in range(IN_ALL - OF_MONITOR):
        assert await found.register(f"did:key:z{number}", f"c{number}@m.example", NOON + 100)
    with pytest.raises(Refused, match="often enough"):
        await found.register("did:key:zLast", "d@m.example", NOON + 200)
    assert await found.register("did:key:zLast", "d@m.example", NOON + DAY_S + 200)


async def test_a_new_address_has_to_be_confirmed_anew() -> None:
    """The old link is of no use for it."""
    found = await registry()
    first = await found.register(M1, "a@m.example", NOON)
    assert first is not None
    await found.confirm(token(first.text))
    second = await found.register(M1, "b@m.example", NOON + 1)
    assert second is not None
    assert found.reminded(M1) is None
    assert not await found.confirm(token(first.text))
    assert await found.confirm(token(second.text))
    assert await found.register(M1, "", NOON + 2) is None
    assert found.reminded(M1) is None


@pytest.mark.parametrize("address", ["x", "a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>"])
async def test_what_is_no_address_is_refused(address: str) -> None:
    """Before anything is sent or stored."""
    store = MemoryStore()
    found = await registry(store)
    with pytest.raises(Malformed):
        await found.register(M1, address, NOON)
    assert not await store.find(registries.REGISTRATION)
