"""The arrangements that a node is engaged in: their terms as proposed, and a local record for each.

What others propose waits in `engine.inbox` and comes here by the owner's word alone (rule 10.1a).

An arrangement is opened when somebody needs it, and closed when others were needed since. What is closed is stored
whole; what somebody still holds is not opened a second time. Which are to be looked at, and whom they name, stands in
two indexes (`engine.schedule`, `engine.name_index`), so that nothing ever goes through all of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from armslength.core.arrangement.tables import Phase
from armslength.core.arrangement.terms import Arrangement, named_as
from armslength.core.canonical import canonical
from armslength.core.record.entry import Head, Leaf
from armslength.core.record.keys import Verify, verify
from armslength.core.record.replica import Replica, Snapshot
from armslength.engine import name_index, schedule
from armslength.engine.clearance import Clearance
from armslength.engine.journal import Journal
from armslength.engine.local_record import LocalActor, LocalRecord
from armslength.engine.name_index import NameIndex
from armslength.engine.refusals import KIND as REFUSAL
from armslength.engine.refusals import Refusals
from armslength.engine.schedule import Schedule
from armslength.engine.troubles import Backoffs, Troubles
from armslength.errors import ArmslengthError, NotFound, Unavailable
from armslength.ports import Batch, KeySource, Put, Row, Store
from armslength.wire.own import Proposal
from armslength.wire.record import decode_leaf, encode
from armslength.wire.strict import convert, parse
from armslength.wire.terms_json import decode_terms

if TYPE_CHECKING:  # what is under way in an arrangement knows the arrangement
    from armslength.engine.follower import Follower
    from armslength.engine.tranche import LiveTranche
    from armslength.engine.writer import Ahead, Outgoing

log = logging.getLogger(__name__)

ARRANGEMENT, REPLICA, HASHES, KEPT = "arrangement", "replica", "hashes", "kept"
# Rule 11.2b.
SNAPSHOT_EVERY = 256  # leaves: how many are replayed when an arrangement is opened, unless its state is large:
LEAF_BYTES = 1024  # no more bytes of snapshots are written than there are of leaves, if these are so long on average
KEPT_OPEN: Final = 64  # arrangements that stay open when nobody needs them
INDEX: Final = "index"  # kind in the store: for which generation of it the indexes were made
REPLACED: Final = "replaced"  # kind in the store: terms and those that replace them
PORTION: Final = 50  # arrangements read at once where there is no index yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """An arrangement as this node received or made it: who proposed it, and when we engaged; `office` if we have
    accepted an office in it, `rule` if that was by a standing rule."""

    proposal: Proposal
    by: str  # DID of the proposer
    at: int
    office: bool = False
    rule: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessState:
    """What a timekeeper must never forget: its latest time, and the head that it cosigned last."""

    time: int = 0
    size: int = 0
    root: str = ""
    note: str = ""


@dataclass(slots=True, weakref_slot=True)
class LiveArrangement:
    """An arrangement in use: its record, our journal in it, what is under way, and what may not happen at once.

    `heard` says when each timekeeper's last cosignature reached us in a seal, by our clock, and how far its clock then
    lay behind ours; `arrived`, when the first and last entries came that no attempt to seal has seen, by the loop's
    clock. `rested` is the size of the sealed record when it was opened, if nothing was left to do then: everybody had
    it.
    """

    arrangement: str  # its hash
    engagement: Engagement
    terms: Arrangement
    record: LocalRecord
    journal: Journal
    witness: WitnessState
    witness_version: int
    refusals: Refusals
    snapshot_at: int
    snapshot_bytes: int
    backoffs: Backoffs
    rested: int | None = None
    forgotten: bool = False  # the repository no longer holds the terms
    ended: bool = False  # and the index says so
    silence: str | None = None  # why we say nothing here yet, in words …
    restored: bool = False  # … and whether it is because we are an older copy (`engine.catchup`)
    unsaved: int | None = None  # the first leaf of which the store may not have heard
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # around the record
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)  # around our own entries, seals included
    rows: dict[str, int] = field(default_factory=dict)  # versions of single rows that only we write
    outgoing: list[Outgoing] = field(default_factory=list)  # statements that wait for their turn to be written
    ahead: Ahead | None = None  # the state once what we have written is placed, as far as it was worked out
    tranches: dict[str, LiveTranche] | None = None  # in which we have a role, by name; None: not looked at yet
    followers: dict[str, Follower] | None = None  # where we are the keeper, by actor; None: not looked at yet
    heard: dict[str, tuple[int, int]] = field(default_factory=dict)  # by timekeeper
    arrived: tuple[float, float] | None = None
    accused_heads: set[str] = field(default_factory=set)  # that we have put into evidence

    @property
    def asks_to_sign(self) -> bool:
        """Whether these terms ask for our signature."""
        state, me = self.record.view.state.arrangement, self.record.me.actor
        return state.phase == Phase.PROPOSED and me in self.terms.parties and me not in state.signed

    @property
    def seen(self) -> Head:
        """The head that our next entry states to have seen: what the last seal covers."""
        sealed = self.record.sealed
        return sealed.head_at(max(sealed.sealed_size - 1, 0))


class Repository:
    """All arrangements of one node, opened when first needed."""

    def __init__(
        self, store: Store, did: str, keys: KeySource, troubles: Troubles | None = None, verify: Verify = verify
    ) -> None:
        self._verify = verify  # may remember what it has judged: most signatures are met more than once
        self.store = self.schedule = Schedule(store)
        self.names = NameIndex(self.store)
        self.did = did
        self.keys = keys
        self.troubles = troubles or Troubles()
        self._open: WeakValueDictionary[str, LiveArrangement] = WeakValueDictionary()  # whatever anybody holds
        self._recent: OrderedDict[str, LiveArrangement] = OrderedDict()  # what was needed last
        self._opening = asyncio.Lock()
        self.silence: str | None = None  # of what is opened for the first time …
        self.spoken: set[str] = set()  # … or where we have not spoken since
        self.on_close: Callable[[LiveArrangement], None] = lambda _: None  # hears what is not kept open any longer

    async def load(self) -> None:
        """Read what is to be done. Call once, before use.

        A database of before there were indexes gets them; in one that was restored, everything is looked at once.
        """
        await self.schedule.load()
        made, generation = await self.store.get(INDEX, ARRANGEMENT), b"%d" % self.store.generation
        if made is not None and made.body == generation:
            return
        start = ""
        while rows := await self.store.find(ARRANGEMENT, start=start, limit=PORTION):
            puts = []
            for row in rows:
                known = [] if row.key in self.schedule else _indexed(row.key, _held(row.body))
                puts += [schedule.row(row.key, unfinished=True), *known]
            await self.store.commit(Batch(puts=puts))
            start = rows[-1].key + "\0"
        await self.store.commit(Batch(puts=[Put(INDEX, ARRANGEMENT, None, generation)]))

    def actor(self, terms: Arrangement) -> str | None:
        """Who we are in these terms."""
        return named_as(terms, self.did, self.keys["entries"].text)

    def foreign_keys(self, terms: Arrangement, me: str) -> list[str]:
        """For what these terms pin another key than ours under our name: whoever has it would speak as us."""
        keys = terms.actors[me].keys
        pinned = {"checkpoints": keys.checkpoints, "tokens": keys.tokens} if keys else {}
        return [role for role, key in pinned.items() if key is not None and key != self.keys[role].text]

    async def holds(self, arrangement: str) -> bool:
        """Whether we are engaged in these terms."""
        return await self.store.get(ARRANGEMENT, arrangement) is not None

    async def add(
        self,
        arrangement: str,
        live: Engagement,
        puts: Sequence[Put],
        deletes: Sequence[tuple[str, str]],
        cleared: Clearance,
    ) -> bool:
        """Engage in these terms, with what else that changes; False, and nothing done, if we were already."""
        index = [schedule.row(arrangement, unfinished=True), *_indexed(arrangement, live)]
        put = Put(ARRANGEMENT, arrangement, 0, canonical(live))
        return await (cleared.commit or self.store.commit)(Batch(puts=[put, *index, *puts], deletes=deletes))

    async def forget(self, live: LiveArrangement) -> bool:
        """Forget terms; False, and nothing done, if we are signing them just now.

        What we said about their record stays stored: if they come again, we go on from there.
        """
        if live.writing.locked():
            return False
        async with live.writing, live.lock:
            if await live.journal.pending():
                return False
            index = [(schedule.SCHEDULE, live.arrangement), *name_index.rows(live.arrangement, live.terms)]
            index.append((REPLACED, f"{live.engagement.proposal.replaces}/{live.arrangement}"))
            await self.store.commit(Batch(deletes=[(ARRANGEMENT, live.arrangement), *index]))
            live.forgotten = True
            self.troubles.forget(live.arrangement)
            self._open.pop(live.arrangement, None)
            self._recent.pop(live.arrangement, None)
        return True

    async def open(self, arrangement: str) -> LiveArrangement:
        """The arrangement in use. Raises NotFound."""
        found = self._open.get(arrangement)
        if found is None:
            async with self._opening:
                found = self._open.get(arrangement)
                if found is None:
                    found = self._open[arrangement] = await self._load(arrangement)
        if not found.forgotten:
            self._keep(found)
        return found

    def _keep(self, live: LiveArrangement) -> None:
        self._recent[live.arrangement] = live
        self._recent.move_to_end(live.arrangement)
        while len(self._recent) > KEPT_OPEN:
            self.on_close(self._recent.popitem(last=False)[1])

    def in_use(self) -> list[LiveArrangement]:
        """The arrangements that are in use."""
        return list(self._open.values())

    def peek(self, arrangement: str) -> LiveArrangement | None:
        """The arrangement, if it is in use."""
        return self._open.get(arrangement)

    def is_kept(self, arrangement: str) -> bool:
        """Whether this arrangement stays open, even if nobody holds it."""
        return arrangement in self._recent

    async def beginning(self, begins: str, limit: int, *, start: str = "") -> list[str]:
        """The arrangements whose hash begins so, from `start` on, at most `limit`."""
        rows = await self.store.find(schedule.SCHEDULE, start=max(begins, start), limit=limit)
        return [row.key for row in rows if row.key.startswith(begins)]

    async def perhaps_to_sign(self, limit: int) -> list[str]:
        """The arrangements that may ask for our signature, at most `limit`."""
        rows = await self.store.find(schedule.SCHEDULE, schedule.TO_SIGN, limit=limit)
        return sorted({*(row.key for row in rows), *self.schedule.unfinished()})[:limit]

    async def is_replaced(self, arrangement: str) -> bool:
        """Whether other terms here say that they replace these."""
        rows = await self.store.find(REPLACED, start=f"{arrangement}/", limit=1)
        return bool(rows) and rows[0].key.startswith(f"{arrangement}/")

    async def proposal(self, arrangement: str) -> Proposal:
        """Terms as they were proposed. Raises NotFound."""
        return (await self._row(arrangement)).proposal

    async def title(self, arrangement: str) -> str:
        """The title of terms. Raises NotFound."""
        found = self._open.get(arrangement)
        return found.terms.title if found else decode_terms(_document(await self._row(arrangement))).title

    async def naming(self, did: str) -> AsyncIterator[LiveArrangement]:
        """The arrangements whose terms name this DID, one after another, live ones last. One that cannot be opened
        keeps none of the others from their work."""
        async for _, name in self.names.naming(did):
            async for live in self.opened([name]):
                yield live

    async def opened(self, arrangements: Iterable[str]) -> AsyncIterator[LiveArrangement]:
        """These arrangements, one after another. One that cannot be opened keeps none of the others from their work."""
        for name in arrangements:
            try:
                yield await self.open(name)
            except ArmslengthError as error:
                log.warning("arrangement %s cannot be opened: %s", name[:12], error)

    async def _row(self, arrangement: str) -> Engagement:
        row = await self.store.get(ARRANGEMENT, arrangement)
        if row is None:
            raise NotFound("unknown-arrangement", "no such arrangement here", arrangement[:16])
        return _held(row.body)

    async def _load(self, arrangement: str) -> LiveArrangement:
        live = await self._row(arrangement)
        terms = decode_terms(live.proposal.document.encode())
        actor = self.actor(terms)
        if actor is None:
            raise NotFound("not-named", "these terms do not name us with our key", arrangement[:16])
        snapshot = await self.store.get(REPLICA, arrangement)
        replica = await self._restored(terms, snapshot) if snapshot else Replica.start(terms, self._verify)
        snapshot_at = replica.size
        leaves = [decode_leaf(data) for data in await self.store.leaves(arrangement, replica.size)]
        sealed, tail = _split_at_last_seal(leaves)
        for leaf in sealed:
            replica.place(leaf)
        sign = self.keys["entries"].sign
        me = LocalActor(actor, actor in terms.timekeepers.of, actor == terms.keeper, sign)
        record = LocalRecord(me, replica, tail)
        kept_row = await self.store.get(KEPT, arrangement)
        kept = convert(WitnessState, parse(kept_row.body)) if kept_row else WitnessState()
        record.fix(kept.size)
        return LiveArrangement(
            arrangement=arrangement,
            rested=replica.size if self.schedule.was_finished(arrangement) and not tail else None,
            engagement=live,
            terms=terms,
            record=record,
            journal=Journal(self.store, replica.roster, actor, sign),
            witness=kept,
            witness_version=kept_row.version if kept_row else 0,
            refusals=Refusals(arrangement, await self.store.find(REFUSAL, arrangement)),
            snapshot_at=snapshot_at,
            snapshot_bytes=len(snapshot.body) if snapshot else 0,
            backoffs=Backoffs(
                self.troubles, arrangement, {name: each.did for name, each in terms.actors.items() if each.did}
            ),
            rows={REPLICA: snapshot.version if snapshot else 0},
            silence=None if arrangement in self.spoken else self.silence,
        )

    async def _restored(self, terms: Arrangement, snapshot: Row) -> Replica:
        hashes = [row.body.decode() for row in await self.store.find(HASHES, snapshot.key)]
        return Replica.restore(terms, convert(Snapshot, parse(snapshot.body)), hashes, self._verify)

    async def save(self, live: LiveArrangement, kept: WitnessState | None = None, from_size: int | None = None) -> None:
        """Make what changed in a record durable: its leaves from `from_size` on, what a timekeeper keeps, and refusals.

        Call it under the record's lock. Raises Unavailable if another process wrote to this folder, or the disk fails;
        what could not be stored is stored with the next call.
        """
        record, puts, leaves = live.record, list(live.refusals.puts), []
        deletes = list(live.refusals.deletes)
        live.unsaved = min((size for size in (from_size, live.unsaved) if size is not None), default=None)
        if live.unsaved is not None:
            base = record.sealed.size
            everything = [*record.newly_sealed, *record.tail]
            first = base - len(record.newly_sealed)
            leaves = [
                (live.arrangement, first + offset, encode(leaf))
                for offset, leaf in enumerate(everything)
                if first + offset >= live.unsaved
            ]
        if kept is not None and kept != live.witness:
            puts.append(Put(KEPT, live.arrangement, live.witness_version, canonical(kept)))
        if record.sealed.size - live.snapshot_at >= max(SNAPSHOT_EVERY, live.snapshot_bytes // LEAF_BYTES):
            body = canonical(record.sealed.snapshot(), whole=True)
            puts.append(Put(REPLICA, live.arrangement, live.rows[REPLICA], body))
            hashes = record.sealed.hashes(live.snapshot_at).encode()
            puts.append(Put(HASHES, f"{live.arrangement}/{live.snapshot_at:010}", 0, hashes, live.arrangement))
        if not puts and not leaves and not deletes:
            return
        if not await self.store.commit(Batch(puts=puts, deletes=deletes, leaves=leaves)):
            raise Unavailable("busy", "another process writes to this node's folder")
        live.unsaved = None
        live.refusals.saved()
        for put in puts:
            if put.kind == KEPT and kept is not None:
                live.witness, live.witness_version = kept, live.witness_version + 1
            if put.kind == REPLICA:
                live.rows[REPLICA] += 1
                live.snapshot_at, live.snapshot_bytes = record.sealed.size, len(put.body)
        record.newly_sealed = []
        self.schedule.call(live.arrangement)


def stands_by(live: LiveArrangement) -> WitnessState:
    """What a timekeeper keeps, with the head that the last seal carries if it is later than what we cosigned."""
    sealed, kept = live.record.sealed, live.witness
    if not live.record.me.timekeeper or sealed.checkpoint is None or sealed.sealed_size - 1 <= kept.size:
        return kept
    size = sealed.sealed_size - 1  # a seal stands right after the leaves that it covers
    return replace(kept, size=size, root=sealed.head_at(size).tree_root, note=sealed.checkpoint)


def _split_at_last_seal(leaves: list[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    last = max((index for index, leaf in enumerate(leaves) if leaf.entry.type == "seal"), default=-1)
    return leaves[: last + 1], leaves[last + 1 :]


def _held(body: bytes) -> Engagement:
    return convert(Engagement, parse(body))


def _document(live: Engagement) -> bytes:
    return live.proposal.document.encode()


def _indexed(arrangement: str, live: Engagement) -> list[Put]:
    """The rows by which these terms are found."""
    found = name_index.named(arrangement, decode_terms(_document(live)))
    if live.proposal.replaces:
        found.append(Put(REPLACED, f"{live.proposal.replaces}/{arrangement}", None, b""))
    return found
