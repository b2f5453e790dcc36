"""The record of an arrangement as a monitor without a node reads it: from a node, every leaf of it verified.

Leaves that were read are kept in the monitor's folder, so that only what is new is asked for the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement.bodies import Attest, Body
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.entry import Entry, Leaf
from armslength.core.record.replica import Replica
from armslength.errors import ArmslengthError, Malformed, Refused, Unavailable
from armslength.ports import Batch, Peers, Store
from armslength.wire.own import BASE, decode_idle
from armslength.wire.queries import LeavesQuery
from armslength.wire.record import decode_leaf

MOST_PAGES: Final = 10_000  # of leaves, that one node is asked for


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


async def read(
    store: Store, peers: Peers, arrangement: str, terms: Arrangement, me: str, wall: int
) -> tuple[State, int, Entry | None]:
    """The sealed state, the time, and the last attestation of `me`. Raises Unavailable where no node shows a record,
    Refused where one shows something that does not follow from what we hold."""
    kept = await store.leaves(arrangement, 0)
    nodes = sorted((name for name, actor in terms.actors.items() if actor.address), key=lambda n: n != terms.keeper)
    errors = []
    for name in nodes:
        actor = terms.actors[name]
        did, address = actor.did or "", actor.address or ""
        try:
            fresh = await _fresh(peers, did, address, arrangement, len(kept))
            idle = decode_idle(await peers.get(did, address, f"{BASE}/rest/{arrangement}"))
        except ArmslengthError as error:
            errors.append(f"{name}: {error.reason}")
            continue
        replica, last = _placed(terms, me, [*kept, *fresh], name)
        rows = [(arrangement, len(kept) + number, line) for number, line in enumerate(fresh)]
        if rows:
            await store.commit(Batch(leaves=rows))
        now = idle.now if terms.clock == "simulated" else max(wall, replica.state.clock.tau)
        return replica.state, now, last
    raise Unavailable("no-node", f"no node shows the record: {'; '.join(errors)}")


async def _fresh(peers: Peers, did: str, address: str, arrangement: str, start: int) -> list[bytes]:
    """The leaves from this one on."""
    found: list[bytes] = []
    for _ in range(MOST_PAGES):
        path = f"{BASE}/leaves/{arrangement}?{LeavesQuery(start=start + len(found))}"
        lines = (await peers.get(did, address, path)).splitlines()
        if not lines:
            return found
        found += lines
    raise Refused("too-long", "shows more leaves than there can be", address)


def _placed(terms: Arrangement, me: str, lines: Sequence[bytes], name: str) -> tuple[Replica, Entry | None]:
    """The record of these leaves. Raises Refused for one that is not valid."""
    replica, last = Replica.start(terms), None
    for number, line in enumerate(lines):
        try:
            leaf: Leaf = decode_leaf(line)
            replica.place(leaf)
        except (Malformed, Refused) as error:
            reason = f"{name} shows a record that does not hold: {error}"
            raise Refused("bad-record", reason, f"leaf {number}") from None
        if leaf.entry.author == me and isinstance(leaf.entry.body, Attest):
            last = leaf.entry
    return replica, last
