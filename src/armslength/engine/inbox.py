"""Proposals of others that wait for their reader: bytes, with which nothing else is done (rule 10.2a).

Laws:

1. What is kept is what came, once for each DID that delivered it: nobody's copy stands in the place of another's. What
   the same DID brings again is not written again, so that nobody keeps our disk busy.
2. Room is bounded in number and in bytes: for each host from which strangers' proposals come, and for all strangers
   together. A counterparty of an engaged arrangement has room of its own, which takes nothing from anybody.
3. A full inbox answers "later" and drops nothing. Only the owner empties it.
4. What the owner has declined is remembered with its reason, and not kept again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from armslength.config import InboxLimits
from armslength.core.canonical import canonical
from armslength.engine.clearance import Clearance
from armslength.errors import Unavailable
from armslength.ports import Batch, Put, Store
from armslength.wire.own import Proposal
from armslength.wire.strict import convert, parse

# Kinds in the store. What lies here is listed without reading the copies, which are large.
INBOX, COPY, DECLINED = "inbox", "inbox-copy", "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingProposal:
    """A copy that waits: whose delivery it is, since when (UTC seconds), its size in bytes, and whether it lies in the
    room of a counterparty."""

    arrangement: str
    by: str
    at: int
    size: int
    known: bool

    @property
    def key(self) -> str:
        """Its key in the store."""
        return f"{self.arrangement}/{self.by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedProposal:
    """What the owner has declined, when, and the reason that the others are told."""

    arrangement: str
    reason: str
    at: int


class Inbox:
    """The proposals that wait at one node."""

    def __init__(self, store: Store, room: InboxLimits) -> None:
        self._store = store
        self._room = room
        self._rows: dict[str, WaitingProposal] | None = None  # by key
        self._lock = asyncio.Lock()

    async def _all(self) -> dict[str, WaitingProposal]:
        if self._rows is None:
            found = (convert(WaitingProposal, parse(row.body)) for row in await self._store.find(INBOX))
            self._rows = {each.key: each for each in found}
        return self._rows

    async def put(self, proposal: Proposal, new: WaitingProposal) -> bool:
        """Keep a copy, the first that this DID brings; False, and nothing done, if it waits already. Raises Unavailable
        "inbox-full"."""
        async with self._lock:
            rows = await self._all()
            if new.key in rows:
                return False
            self._check_room(list(rows.values()), new)
            puts = [
                Put(INBOX, new.key, 0, canonical(new), new.arrangement),
                Put(COPY, new.key, 0, canonical(proposal), new.arrangement),
            ]
            if not await self._store.commit(Batch(puts=puts)):
                raise Unavailable("busy", "another process writes to this node's folder")
            rows[new.key] = new
            return True

    def _check_room(self, there: list[WaitingProposal], new: WaitingProposal) -> None:  # rule 11.1c
        room = self._room
        if new.known:
            own = [each for each in there if each.known and each.by == new.by]
            _fits(own, new, room.known_number, room.known_bytes, new.by)
            return
        strangers, host = [each for each in there if not each.known], host_of(new.by)
        _fits([each for each in strangers if host_of(each.by) == host], new, room.host_number, room.host_bytes, host)
        _fits(strangers, new, room.number, room.bytes, "all strangers")

    async def waiting(self) -> list[WaitingProposal]:
        """All that waits, oldest first."""
        return sorted((await self._all()).values(), key=lambda each: (each.at, each.key))

    async def copies(self, arrangement: str) -> list[tuple[WaitingProposal, Proposal]]:
        """The copies of these terms, oldest first."""
        there = [each for each in await self.waiting() if each.arrangement == arrangement]
        rows = [(each, await self._store.get(COPY, each.key)) for each in there]
        return [(each, convert(Proposal, parse(row.body))) for each, row in rows if row is not None]

    async def holds(self, arrangement: str) -> bool:
        """Whether these terms wait here."""
        return any(each.arrangement == arrangement for each in (await self._all()).values())

    async def rows_of(self, arrangement: str) -> list[tuple[str, str]]:
        """Where these terms lie in the store, to be deleted in the batch that takes them elsewhere; then `forget`."""
        keys = [each.key for each in (await self._all()).values() if each.arrangement == arrangement]
        return [(kind, key) for key in keys for kind in (INBOX, COPY)]

    async def forget(self, rows: Iterable[tuple[str, str]]) -> None:
        """These rows are deleted."""
        known = await self._all()
        for _, key in rows:
            known.pop(key, None)

    async def decline(self, said: DeclinedProposal, cleared: Clearance) -> None:
        """Take these terms out, and remember why."""
        async with self._lock:
            rows = await self.rows_of(said.arrangement)
            before = await self._store.get(DECLINED, said.arrangement)
            put = Put(DECLINED, said.arrangement, before.version if before else 0, canonical(said))
            if not await (cleared.commit or self._store.commit)(Batch(puts=[put], deletes=rows)):
                raise Unavailable("busy", "another process writes to this node's folder")
            await self.forget(rows)

    async def declined(self, arrangement: str) -> DeclinedProposal | None:
        """What the owner has said of these terms, if it has declined them."""
        row = await self._store.get(DECLINED, arrangement)
        return None if row is None else convert(DeclinedProposal, parse(row.body))


DEVELOPMENT: Final = "localhost"  # whose ports are hosts of their own


def host_of(did: str) -> str:
    """The host of a did:web, without its port."""
    place = did.removeprefix("did:web:").split(":")[0].lower()
    host = place.partition("%3a")[0]
    return place if host == DEVELOPMENT else host


def _fits(there: list[WaitingProposal], new: WaitingProposal, number: int, size: int, whose: str) -> None:
    if len(there) + 1 > number or sum(each.size for each in there) + new.size > size:
        reason = f"the room for proposals of {whose} is full until the owner has looked at them; try again later"
        raise Unavailable("inbox-full", reason, "proposal")
