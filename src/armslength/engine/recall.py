"""What others hold of an author's own words, and an author without a node that is an older copy of itself.

A monitor has no record to compare with, only its journal. Where its folder is an older copy, it first asks every other
timekeeper what it holds of its entries, and goes on after the last of them (rule 11.4c).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from armslength.core.arrangement.terms import Actor, Arrangement
from armslength.core.canonical import canonical
from armslength.core.record.entry import Leaf, entry_message
from armslength.core.record.evidence import refuses
from armslength.engine.journal import Journal
from armslength.errors import ArmslengthError, NotFound, Refused, Unavailable
from armslength.ports import Batch, Peers, Put, Store
from armslength.wire.own import BASE, NumberedRefusal, RecallAnswer, decode_shown
from armslength.wire.record import decode_leaf
from armslength.wire.strict import convert, parse

KIND: Final = "silence"
COPY: Final = "restored from an older copy"
DAY_S: Final = 86400  # after which not all need to have answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What is stored of an arrangement: up to which generation of the store we have caught up, and since when (UNIX
    seconds) we say nothing because a word of ours has turned up (0: none has)."""

    cleared: int = 0
    since: int = 0


async def ask_for_ours(peers: Peers, actor: Actor, arrangement: str) -> RecallAnswer:
    """What an actor's node holds of our words. Raises Unavailable, or whatever it answers instead."""
    try:
        path = f"{BASE}/own/{arrangement}"
        return decode_shown(await peers.get(actor.did or "", actor.address or "", path))
    except NotFound as error:
        if error.code.startswith("http-"):  # something before its node: that knows nothing of us
            raise
        return RecallAnswer(now=0, sealed=0)


def least(terms: Arrangement, others: Sequence[str]) -> int:
    """How many of the others every quorum has one of, whatever it was that we said to it."""
    rule = terms.timekeepers
    return min(len(others), max(1, len(rule.of) - rule.count + 1))


async def recall(
    store: Store, terms: Arrangement, journal: Journal, link: tuple[int, str], peers: Peers, now: int
) -> None:
    """Take back what others show of an author's entries that no seal covers, if its journal is an older copy.

    `link` is its next number and predecessor in the sealed record, by all who have shown it. Raises Refused while too
    few have answered.
    """
    arrangement, me, known = journal.arrangement, journal.actor, journal.roster
    row = await store.get(KIND, arrangement)
    silence = convert(Silence, parse(row.body)) if row else Silence()
    if silence.cleared >= store.generation:
        return
    found, refusals, silent = list[Leaf](), list[NumberedRefusal](), dict[str, str]()
    others = [name for name in terms.timekeepers.of if terms.actors[name].address]
    for name in others:
        try:
            shown = await ask_for_ours(peers, terms.actors[name], arrangement)
            leaves = [decode_leaf(line.encode()) for line in shown.waiting]
            for leaf in leaves:
                good = (leaf.entry.author, leaf.entry.arrangement) == (me, arrangement)
                if not good or not known.is_signed(known.entries[me], entry_message(leaf.entry), leaf.sig):
                    raise Refused("bad-signature", "an entry that we have not signed", "waiting")
            if not all(
                each.author == me and refuses(known, each.refusal, each.refusal.entry) for each in shown.refusals
            ):
                raise Refused("bad-refusal", "a refusal that the keeper has not signed", "refusals")
            found, refusals = [*found, *leaves], [*refusals, *shown.refusals]
        except ArmslengthError as error:
            silent[name] = str(error)
    since = silence.since or now
    enough = len(others) if now - since < DAY_S else least(terms, others)
    missing: str | None = "waits for " + ", ".join(f"{name} ({why})" for name, why in sorted(silent.items()))
    if len(others) - len(silent) >= enough:
        missing = await journal.recover(link, [leaf for leaf in found if leaf.entry.author_seq >= link[0]], refusals)
    silence = replace(silence, since=since) if missing else Silence(cleared=store.generation)
    put = Put(KIND, arrangement, row.version if row else 0, canonical(silence))
    if not await store.commit(Batch(puts=[put])):
        raise Unavailable("busy", "another process writes to this folder")
    if missing:
        raise Refused("restored", f"{COPY}: {missing}; nothing has been said", arrangement[:16])
