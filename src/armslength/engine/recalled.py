"""What others show of our words, each with what proves it: law 3 of `engine.catchup` (rule 11.4b)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from armslength.core.record.entry import Leaf, Refusal, entry_hash
from armslength.core.record.evidence import refuses
from armslength.core.record.seal import Cosigned, open_checkpoint
from armslength.engine.repository import LiveArrangement
from armslength.errors import Malformed, Refused
from armslength.wire.own import NumberedRefusal, RecallAnswer
from armslength.wire.record import decode_leaf


@dataclass(slots=True)
class RecalledWords:
    """What others show of ours, verified; `lost` says what of it nobody can show. The head was shown by `head_by`."""

    head: Cosigned | None = None
    head_by: str = ""
    ordered: list[Leaf] = field(default_factory=list)
    loose: list[Leaf] = field(default_factory=list)
    refusals: list[NumberedRefusal] = field(default_factory=list)
    time: int = 0
    lost: str | None = None


def cosigned_at(live: LiveArrangement, checkpoint: str | None) -> int:
    """The time under our cosignature on a head; 0 if there is none."""
    if checkpoint is None:
        return 0
    return open_checkpoint(live.record.sealed.roster, checkpoint).times.get(live.record.me.actor, 0)


def carried(leaf: Leaf, refusal: Refusal) -> NumberedRefusal:
    """A refusal that an entry carries, with the number that it left free."""
    entry = leaf.entry
    return NumberedRefusal(author=entry.author, number=entry.author_seq, prev=entry.author_prev, refusal=refusal)


def take_in(live: LiveArrangement, name: str, shown: RecallAnswer, words: RecalledWords) -> None:
    """Add to `words` what this actor shows. Raises Malformed or Refused where something is not signed as it must be."""
    record, me = live.record, live.record.me.actor
    leaves = [decode_leaf(line.encode()) for line in shown.waiting]
    for leaf in leaves:
        mine = [each for each in leaf.stamps if each.by == me]
        if not record.is_by_its_author(leaf) or not all(record.is_stamped(leaf, each) for each in leaf.stamps):
            raise Refused("bad-signature", "an entry or a stamp that nobody has signed", "waiting")
        if leaf.entry.author != me and not mine:
            raise Refused("not-ours", "an entry that we neither wrote nor stamped", "waiting")
        words.time = max([words.time, *(each.time for each in mine)])
    for each in shown.refusals:
        if not refuses(record.sealed.roster, each.refusal, each.refusal.entry):
            raise Refused("bad-refusal", "a refusal that the keeper has not signed", "refusals")
        if not record.me.keeper and each.author != me:
            raise Refused("bad-refusal", "a refusal of another author's entry", "refusals")
    if shown.cosigned:
        head = open_checkpoint(record.sealed.roster, shown.cosigned)
        words.time = max(words.time, head.times.get(me, 0))
        # What another timekeeper stands by we may have cosigned too; what only the keeper has signed nobody stands by.
        stands = record.me.keeper or me in head.times or (name != live.terms.keeper and name in head.times)
        if stands and (words.head is None or head.checkpoint.size > words.head.checkpoint.size):
            words.head, words.head_by = head, name
    sealed = record.sealed
    words.loose += [leaf for leaf in leaves if sealed.index_of(entry_hash(leaf.entry)) is None]
    words.refusals += shown.refusals


def put_in_order(live: LiveArrangement, answers: Iterable[RecallAnswer], words: RecalledWords) -> None:
    """For the keeper: the leaves after the last seal, in the order in which they were cosigned."""
    head, sealed = words.head, live.record.sealed
    if head is None:
        return
    size, root = head.checkpoint.size, head.checkpoint.root.hex()
    if size <= sealed.size:
        if sealed.head_at(size).tree_root != root:
            words.lost = f"{words.head_by} shows a head of {size} leaves that the keeper has signed, of another record"
        return
    if not live.record.me.keeper or size <= live.witness.size:
        return
    for shown in answers:
        try:
            ordered = [decode_leaf(line.encode()) for line in shown.record[: size - sealed.size]]
            replica = sealed.copy()
            for leaf in ordered:
                replica.place(leaf)
        except (Malformed, Refused):
            continue
        if replica.size == size and replica.tree_root == root:
            words.ordered = ordered
            return
    words.lost = f"nobody shows the {size} leaves of a head that we have signed"
