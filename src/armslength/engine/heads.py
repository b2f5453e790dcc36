"""Before a key leaves: whether every timekeeper stands by the record that we hold (rule 6.3c)."""

from __future__ import annotations

from dataclasses import dataclass

from armslength.core.arrangement.bodies import Evidence, Seal
from armslength.core.record.seal import open_checkpoint
from armslength.engine.repository import LiveArrangement
from armslength.errors import ArmslengthError, Unavailable
from armslength.ports import Peers, Store
from armslength.wire.own import BASE
from armslength.wire.record import decode_leaf


@dataclass(frozen=True, slots=True)
class Fork:
    """A head that the keeper signed and `name` cosigned, and that is not one of our record."""

    name: str
    size: int
    note: str


async def compare_heads(live: LiveArrangement, peers: Peers, *, beyond: int, skip_silent: bool) -> Fork | None:
    """A head of another history, if a timekeeper shows one. Raises Unavailable while we should wait (rule 6.3c).

    Whoever shows nothing that the keeper has signed, or a head that does not cover the leaf `beyond`, is silent: it
    stops the key for as long as the silent are not skipped.
    """
    terms, record, kept = live.terms, live.record, live.witness
    if 0 < kept.size <= record.sealed.size and record.sealed.head_at(kept.size).tree_root != kept.root:
        return Fork(record.me.actor, kept.size, kept.note)
    for name in terms.timekeepers.of:
        actor = terms.actors[name]
        if name == record.me.actor:
            continue
        try:
            path = f"{BASE}/cosigned/{live.arrangement}"
            note = (await peers.get(actor.did or "", actor.address or "", path)).decode("utf-8", "replace")
            shown = open_checkpoint(record.sealed.roster, note)
            if shown.checkpoint.size <= beyond:
                raise Unavailable("stale-head", "its last head does not cover the release", name)
        except ArmslengthError as error:
            if skip_silent:
                continue
            raise Unavailable("head-unknown", f"{name} does not show its head: {error}", name) from error
        size = shown.checkpoint.size
        if size > record.sealed.size:
            raise Unavailable("behind", f"{name} has cosigned a longer record; it must reach us first", name)
        if record.sealed.head_at(size).tree_root != shown.checkpoint.root.hex():
            return Fork(name, size, note)
    return None


async def fork_evidence(live: LiveArrangement, fork: Fork, store: Store) -> Evidence | None:
    """The proof against the keeper, if we hold a head of the same size that it signed."""
    if live.witness.size == fork.size:
        return Evidence(kind="fork", first=live.witness.note, second=fork.note)
    for data in await store.leaves(live.arrangement, fork.size, fork.size + 1):
        body = decode_leaf(data).entry.body  # a seal stands right after the leaves that it covers
        if isinstance(body, Seal):
            return Evidence(kind="fork", first=body.checkpoint, second=fork.note)
    return None
