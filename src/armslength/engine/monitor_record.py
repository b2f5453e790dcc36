"""The record of an arrangement as a monitor without a node reads it: from a node, every leaf of it verified.

Leaves that were read are kept in the monitor's folder, so that only what is new is asked for the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement.bodies import Attest, Body
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Actor, Arrangement
from armslength.core.record.entry import Entry, Leaf
from armslength.core.record.replica import Replica
from armslength.errors import ArmslengthError, Malformed, Refused, Unavailable
from armslength.ports import Batch, Peers, Store
from armslength.wire.own import BASE, decode_idle
from armslength.wire.queries import LeavesQuery
from armslength.wire.record import decode_leaf

MOST_PAGES: Final = 10_000  # of leaves, that one node is asked for
BAD: Final = "bad-record"  # the code of a refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorRecord:
    """What a monitor sees of one arrangement: its sealed state, the time there, its own last attestation in it, and its
    own entries that no seal covers."""

    arrangement: str
    terms: Arrangement
    me: str
    state: State
    now: int
    last: Entry | None
    pending: tuple[Entry, ...] = ()

    @property
    def said(self) -> tuple[Body, ...]:
        """What it has said that no seal covers."""
        return tuple(each.body for each in self.pending)


@dataclass(slots=True)
class ReadRecord:
    """A record as far as it has been read: what its leaves led to, and our last attestation in it."""

    replica: Replica
    last: Entry | None = None


class RecordReader:
    """Reads records from nodes, one after the other. What was read stays at hand, so that a console verifies each leaf
    once."""

    def __init__(self, store: Store, peers: Peers) -> None:
        self._store = store
        self._peers = peers
        self._read: dict[str, ReadRecord] = {}

    async def read(self, arrangement: str, terms: Arrangement, me: str, wall: int) -> tuple[State, int, Entry | None]:
        """The sealed state, the time, and the last attestation of `me`. Raises Unavailable where no node shows a
        record, Refused where one shows something that does not follow from what we hold."""
        found = self._read.pop(arrangement, None) or ReadRecord(Replica.start(terms))
        kept = await self._store.leaves(arrangement, found.replica.size)
        _place(found, me, kept, "this folder")
        now = await self._follow(found, terms, me)
        self._read[arrangement] = found  # not where something failed: it may have been placed in part
        state = found.replica.state
        return state, now if terms.clock == "simulated" else max(wall, state.clock.tau), found.last

    async def _follow(self, found: ReadRecord, terms: Arrangement, me: str) -> int:
        """Read on, the keeper's before the others'; what time it is by the node that shows it."""
        nodes = sorted((name for name, actor in terms.actors.items() if actor.address), key=lambda n: n != terms.keeper)
        arrangement, errors = found.replica.arrangement, []
        for name in nodes:
            actor = terms.actors[name]
            try:
                await self._read_on(found, me, name, actor)
                answer = await self._peers.get(actor.did or "", actor.address or "", f"{BASE}/rest/{arrangement}")
                return decode_idle(answer).now
            except ArmslengthError as error:
                if error.code == BAD:
                    raise
                errors.append(f"{name}: {error.reason}")
        raise Unavailable("no-node", f"no node shows the record: {'; '.join(errors)}")

    async def _read_on(self, found: ReadRecord, me: str, name: str, actor: Actor) -> None:
        """Read what a node shows, as many leaves as it shows at once: each is verified before more are asked for."""
        arrangement, did, address = found.replica.arrangement, actor.did or "", actor.address or ""
        for _ in range(MOST_PAGES):
            start = found.replica.size
            path = f"{BASE}/leaves/{arrangement}?{LeavesQuery(start=start)}"
            lines = (await self._peers.get(did, address, path)).splitlines()
            if not lines:
                return
            _place(found, me, lines, name)
            rows = [(arrangement, start + number, line) for number, line in enumerate(lines)]
            await self._store.commit(Batch(leaves=rows))
        raise Refused("too-long", "shows more leaves than there can be", address)


def _place(found: ReadRecord, me: str, lines: Sequence[bytes], name: str) -> None:
    """Place leaves. Raises Refused for one that is not valid."""
    for line in lines:
        spot = f"leaf {found.replica.size}"
        try:
            leaf: Leaf = decode_leaf(line)
            found.replica.place(leaf)
        except (Malformed, Refused) as error:
            raise Refused(BAD, f"{name} shows a record that does not hold: {error}", spot) from None
        if leaf.entry.author == me and isinstance(leaf.entry.body, Attest):
            found.last = leaf.entry
