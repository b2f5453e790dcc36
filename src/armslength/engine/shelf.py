"""The arrangements that a node is engaged in: their terms as proposed, and a book for each.

What others propose waits in `engine.inbox` and comes here by the owner's word alone (engine rule 10.1).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical
from armslength.core.record.entry import Head, Leaf
from armslength.core.record.replica import Replica, Snapshot
from armslength.engine.author import Author
from armslength.engine.book import Book, Me
from armslength.engine.refusals import KIND as REFUSAL
from armslength.engine.refusals import Refusals
from armslength.engine.troubles import Pauses, Troubles
from armslength.errors import ArmslengthError, NotFound, Unavailable
from armslength.ports import Batch, Keys, Put, Row, Store
from armslength.wire.own import Proposal
from armslength.wire.record import decode_leaf, encode
from armslength.wire.strict import convert, parse
from armslength.wire.terms_json import decode_terms

log = logging.getLogger(__name__)

ARRANGEMENT, REPLICA, HASHES, KEPT = "arrangement", "replica", "hashes", "kept"
SNAPSHOT_EVERY = 256  # leaves: how many are replayed when an arrangement is opened, unless its state is large:
LEAF_BYTES = 1024  # no more bytes of snapshots are written than there are of leaves, if these are so long on average


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An arrangement as this node received or made it: who proposed it, and when we engaged; `office` if we have
    accepted an office in it, `rule` if that was by a standing rule."""

    proposal: Proposal
    by: str  # DID of the proposer
    at: int
    office: bool = False
    rule: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a timekeeper must never forget: its latest time, and the head that it cosigned last."""

    time: int = 0
    size: int = 0
    root: str = ""
    note: str = ""


@dataclass(slots=True)
class Open:
    """An arrangement in use: its book, our journal in it, and what may not happen at once."""

    held: Held
    terms: Arrangement
    book: Book
    author: Author
    kept: Kept
    kept_version: int
    refusals: Refusals
    snapshot_at: int
    snapshot_bytes: int
    pauses: Pauses
    forgotten: bool = False  # it has been taken off the shelf
    silence: str | None = None  # why we say nothing here yet, in words …
    restored: bool = False  # … and whether it is because we are an older copy (`engine.catchup`)
    unsaved: int | None = None  # the first leaf of which the store may not have heard
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # around the book
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)  # around our own entries, seals included
    rows: dict[str, int] = field(default_factory=dict)  # versions of single rows that only we write

    @property
    def arrangement(self) -> str:
        """The arrangement's hash."""
        return self.book.arrangement

    @property
    def seen(self) -> Head:
        """The head that our next entry states to have seen: what the last seal covers."""
        sealed = self.book.sealed
        return sealed.head_at(max(sealed.sealed_size - 1, 0))


class Shelf:
    """All arrangements of one node, opened when first needed."""

    def __init__(self, store: Store, did: str, keys: Keys, troubles: Troubles | None = None) -> None:
        self.store = store
        self.did = did
        self.keys = keys
        self.troubles = troubles or Troubles()
        self._stored: set[str] = set()  # arrangements that the store is known to hold …
        self._read = False  # … which are all, once it has been read
        self._open: dict[str, Open] = {}
        self._naming: dict[str, list[Open]] = {}  # of what is open, by DID
        self._all_open = False
        self._opening = asyncio.Lock()
        self.on_change: Callable[[str], None] = lambda _: None  # hears in which arrangement
        self.silence: str | None = None  # of what is opened

    def actor(self, terms: Arrangement) -> str | None:
        """Who we are in these terms: the actor with our DID and our key."""
        mine = self.keys["entries"].text
        for name, actor in terms.actors.items():
            if actor.did == self.did and actor.keys is not None and actor.keys.entries == mine:
                return name
        return None

    async def holds(self, arrangement: str) -> bool:
        """Whether we are engaged in these terms."""
        return await self.store.get(ARRANGEMENT, arrangement) is not None

    async def add(
        self, arrangement: str, held: Held, puts: Sequence[Put] = (), deletes: Sequence[tuple[str, str]] = ()
    ) -> bool:
        """Engage in these terms, with what else that changes; False, and nothing done, if we were already."""
        put = Put(ARRANGEMENT, arrangement, 0, canonical(held))
        is_new = await self.store.commit(Batch(puts=[put, *puts], deletes=deletes))
        self._stored.add(arrangement)
        return is_new

    async def forget(self, held: Open) -> bool:
        """Take terms off the shelf; False, and nothing done, if we are signing them just now.

        What we said about their record stays stored: if they come again, we go on from there.
        """
        if held.writing.locked():
            return False
        async with held.writing, held.lock:
            if await held.author.pending():
                return False
            await self.store.commit(Batch(deletes=[(ARRANGEMENT, held.arrangement)]))
            held.forgotten = True
            self.troubles.forget(held.arrangement)
            self._stored.discard(held.arrangement)
            if self._open.pop(held.arrangement, None) is not None:
                found = {did: [each for each in here if each is not held] for did, here in self._naming.items()}
                self._naming = {did: here for did, here in found.items() if here}
        return True

    async def open(self, arrangement: str) -> Open:
        """The arrangement in use. Raises NotFound."""
        found = self._open.get(arrangement)
        if found is not None:
            return found
        async with self._opening:
            if arrangement not in self._open:
                self._open[arrangement] = opened = await self._load(arrangement)
                for did in {actor.did for actor in opened.terms.actors.values() if actor.did}:
                    self._naming.setdefault(did, []).append(opened)
            return self._open[arrangement]

    async def naming(self, did: str) -> Sequence[Open]:
        """The arrangements that name this DID."""
        if not self._all_open:
            await self.everything()
            self._all_open = True
        return self._naming.get(did, ())

    async def everything(self) -> list[Open]:
        """All arrangements, opened. One that cannot be opened keeps none of the others from their work."""
        if not self._read:
            self._stored |= {row.key for row in await self.store.find(ARRANGEMENT)}
            self._read = True
        found = []
        for name in sorted(self._stored):
            try:
                found.append(await self.open(name))
            except ArmslengthError as error:
                log.warning("arrangement %s cannot be opened: %s", name[:12], error)
        return found

    async def _load(self, arrangement: str) -> Open:
        row = await self.store.get(ARRANGEMENT, arrangement)
        if row is None:
            raise NotFound("unknown-arrangement", "no such arrangement here", arrangement[:16])
        held = _held(row.body)
        terms = decode_terms(held.proposal.document.encode())
        actor = self.actor(terms)
        if actor is None:
            raise NotFound("not-named", "these terms do not name us with our key", arrangement[:16])
        snapshot = await self.store.get(REPLICA, arrangement)
        replica = await self._restored(terms, snapshot) if snapshot else Replica.start(terms)
        snapshot_at = replica.size
        leaves = [decode_leaf(data) for data in await self.store.leaves(arrangement, replica.size)]
        sealed, tail = _split_at_last_seal(leaves)
        for leaf in sealed:
            replica.place(leaf)
        sign = self.keys["entries"].sign
        me = Me(actor, actor in terms.timekeepers.of, actor == terms.keeper, sign)
        book = Book(me, replica, tail)
        kept_row = await self.store.get(KEPT, arrangement)
        kept = convert(Kept, parse(kept_row.body)) if kept_row else Kept()
        book.fix(kept.size)
        return Open(
            held=held,
            terms=terms,
            book=book,
            author=Author(self.store, arrangement, terms, actor, sign),
            kept=kept,
            kept_version=kept_row.version if kept_row else 0,
            refusals=Refusals(arrangement, await self.store.find(REFUSAL, arrangement)),
            snapshot_at=snapshot_at,
            snapshot_bytes=len(snapshot.body) if snapshot else 0,
            pauses=Pauses(self.troubles, arrangement),
            rows={REPLICA: snapshot.version if snapshot else 0},
            silence=self.silence,
        )

    async def _restored(self, terms: Arrangement, snapshot: Row) -> Replica:
        hashes = [row.body.decode() for row in await self.store.find(HASHES, snapshot.key)]
        return Replica.restore(terms, convert(Snapshot, parse(snapshot.body)), hashes)

    async def save(self, held: Open, kept: Kept | None = None, from_size: int | None = None) -> None:
        """Make what changed in a book durable: its leaves from `from_size` on, what a timekeeper keeps, and refusals.

        Call it under the book's lock. Raises Unavailable if another process wrote to this folder, or the disk fails;
        what could not be stored is stored with the next call.
        """
        book, puts, leaves = held.book, list(held.refusals.puts), []
        deletes = list(held.refusals.deletes)
        held.unsaved = min((size for size in (from_size, held.unsaved) if size is not None), default=None)
        if held.unsaved is not None:
            base = book.sealed.size
            everything = [*book.newly_sealed, *book.tail]
            first = base - len(book.newly_sealed)
            leaves = [
                (held.arrangement, first + offset, encode(leaf))
                for offset, leaf in enumerate(everything)
                if first + offset >= held.unsaved
            ]
        if kept is not None and kept != held.kept:
            puts.append(Put(KEPT, held.arrangement, held.kept_version, canonical(kept)))
        if book.sealed.size - held.snapshot_at >= max(SNAPSHOT_EVERY, held.snapshot_bytes // LEAF_BYTES):
            body = canonical(book.sealed.snapshot(), whole=True)
            puts.append(Put(REPLICA, held.arrangement, held.rows[REPLICA], body))
            hashes = book.sealed.hashes(held.snapshot_at).encode()
            puts.append(Put(HASHES, f"{held.arrangement}/{held.snapshot_at:010}", 0, hashes, held.arrangement))
        if not puts and not leaves and not deletes:
            return
        if not await self.store.commit(Batch(puts=puts, deletes=deletes, leaves=leaves)):
            raise Unavailable("busy", "another process writes to this node's folder")
        held.unsaved = None
        held.refusals.saved()
        for put in puts:
            if put.kind == KEPT and kept is not None:
                held.kept, held.kept_version = kept, held.kept_version + 1
            if put.kind == REPLICA:
                held.rows[REPLICA] += 1
                held.snapshot_at, held.snapshot_bytes = book.sealed.size, len(put.body)
        book.newly_sealed = []
        self.on_change(held.arrangement)


def stands_by(held: Open) -> Kept:
    """What a timekeeper keeps, with the head that the last seal carries if it is later than what we cosigned."""
    sealed, kept = held.book.sealed, held.kept
    if not held.book.me.timekeeper or sealed.checkpoint is None or sealed.sealed_size - 1 <= kept.size:
        return kept
    size = sealed.sealed_size - 1  # a seal stands right after the leaves that it covers
    return replace(kept, size=size, root=sealed.head_at(size).tree_root, note=sealed.checkpoint)


def _split_at_last_seal(leaves: list[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    last = max((index for index, leaf in enumerate(leaves) if leaf.entry.type == "seal"), default=-1)
    return leaves[: last + 1], leaves[last + 1 :]


def _held(body: bytes) -> Held:
    return convert(Held, parse(body))
