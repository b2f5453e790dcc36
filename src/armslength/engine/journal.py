"""Writing entries: an author's journal, and the way of an entry to the record.

An entry is signed and stored before anyone sees it, and sent again, byte for byte, until it is sealed or the keeper
has refused it: an author that signed two entries with one number would have proven itself an equivocator. What says
something in place of a refused entry carries the refusal; where there are too many of them, an entry of its own puts
them on record. Parties' nodes and monitors without a node use the same code.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from armslength.core.arrangement.bodies import Attest, Body, Evidence, Seal
from armslength.core.canonical import canonical
from armslength.core.record.entry import (
    MAX_LEAF,
    MAX_QUOTED,
    TYPE_OF,
    Entry,
    Head,
    Leaf,
    Refusal,
    Stamp,
    Submission,
    entry_hash,
    leaf_of,
    quoted,
    sign_entry,
    stamp_message,
)
from armslength.core.record.evidence import refuses
from armslength.core.record.keys import Sign
from armslength.core.record.roster import Roster
from armslength.engine.backoff import in_time
from armslength.engine.clearance import Clearance
from armslength.engine.recovery import chained, declined, recovered
from armslength.errors import ArmslengthError, Refused, Unavailable
from armslength.ports import Batch, Put, Store
from armslength.wire.own import (
    PAST,
    PENDING,
    PLACED,
    REFUSED,
    JournalEntry,
    NumberedRefusal,
    SubmissionAnswer,
    decode_written,
    encode_written,
)
from armslength.wire.strict import convert, parse

KIND, CHAIN, CARRIED_ON = "journal", "journal-chain", "journal-refusals"
LAST: Final = "journal-last"  # kind in the store: by what a statement is about, the key of our last placed entry on it
TIMEOUT_S: Final = 3.0  # how long other timekeepers may take to stamp before the keeper is asked …
LINGER_S: Final = 1.0  # … and how long once one of them has
AT_ONCE: Final = 200  # statements of one author that may wait for a seal
MAX_REFUSAL: Final = 4096  # bytes of one that we take
CARRIED: Final = 100  # refused statements, …
CARRIED_BYTES: Final = 16 * 1024  # … or refusals of one number, that are put on record by themselves
STAMPED: Final = 4096  # bytes of a leaf that are left to signature and stamps
CLEARING: Final = Evidence(kind="refusals", first="", second="")
START = (0, "")  # number and predecessor of an author's first entry


def opening(body: Body) -> bytes:
    """What every entry about the same as this statement has in it: no text has quotation marks that stand by
    themselves."""
    said = canonical(body)
    if isinstance(body, Attest):  # a later word may have replaced an earlier one
        said = canonical({"claim": body.claim, "period": body.period})[:-1] + b","
    return b'"body":' + said


class Transport(Protocol):
    """How submissions reach a timekeeper."""

    async def submit(self, actor: str, leaves: list[Leaf]) -> list[SubmissionAnswer]:
        """`actor`'s answers to entries with the stamps they have so far, in order. Raises Unavailable."""
        ...


@dataclass(slots=True)
class _Item:
    """A journal entry and its row."""

    key: str
    version: int
    name: str
    written: JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """Where the journal ends: how many entries were ever written, and number and predecessor of the next."""

    count: int = 0
    number: int = 0
    prev: str = ""


class Journal:
    """One actor's journal in one arrangement. Only one process may write to it.

    What is pending or refused is kept at hand; what is placed is not read again, nor what was refused and is past: a
    seal covers another entry with its number.
    """

    def __init__(self, store: Store, known: Roster, actor: str, sign: Sign) -> None:
        self._store = store
        self.arrangement = known.arrangement
        self.roster = known
        self.actor = actor
        self._sign = sign
        self._items: list[_Item] | None = None  # pending and refused, in order of writing
        self._chain = _Chain()
        self._chain_version = 0
        self._carried: tuple[NumberedRefusal, ...] = ()  # refusals of entries of ours that we do not know any more
        self._writing = asyncio.Lock()
        self._loading = asyncio.Lock()

    async def _journal(self) -> list[_Item]:
        async with self._loading:  # read twice at once, the later reading would lack what was written after the first
            if self._items is None:
                rows = [
                    *await self._store.find(KIND, self._tag(PENDING)),
                    *await self._store.find(KIND, self._tag(REFUSED)),
                ]
                found = ((row, decode_written(row.body)) for row in sorted(rows, key=lambda row: row.key))
                items = [_Item(row.key, row.version, entry_hash(w.entry), w) for row, w in found]
                chain = await self._store.get(CHAIN, self.arrangement)
                if chain is not None:
                    self._chain, self._chain_version = convert(_Chain, parse(chain.body)), chain.version
                carried = await self._store.get(CARRIED_ON, self.arrangement)
                self._carried = convert(tuple[NumberedRefusal, ...], parse(carried.body)) if carried else ()
                self._items = items
            return self._items

    def _tag(self, status: str) -> str:
        return f"{self.arrangement}/{status}"

    async def pending(self) -> list[JournalEntry]:
        """What is written and neither sealed nor refused."""
        return [item.written for item in await self._journal() if item.written.status == PENDING]

    def _subject(self, body: Body) -> str:
        return f"{self.arrangement}/{hashlib.sha256(opening(body)).hexdigest()}"

    async def latest(self, body: Body) -> JournalEntry | None:
        """The last entry of ours that is pending or sealed and about the same as this statement."""
        subject = opening(body)
        for written in reversed(await self.pending()):
            if opening(written.entry.body) == subject:
                return written
        last = await self._store.get(LAST, self._subject(body))
        row = await self._store.get(KIND, last.body.decode()) if last else None
        return decode_written(row.body) if row else None

    async def is_new(self) -> bool:
        """Whether nothing was ever written here, or all of it has been lost."""
        await self._journal()
        return not self._chain.count

    async def is_blocked(self) -> bool:
        """Whether nothing can be written before what waits is sent again: entries that follow a refused one."""
        return any(written.entry.author_seq >= self._chain.number for written in await self.pending())

    async def write(
        self, cleared: Clearance, seen: Head, link: tuple[int, str] = START, only: Sequence[Body] | None = None
    ) -> list[str]:
        """Sign statements that may be said, or `only` these of them, one entry each, and store them; returns their
        hashes. They are sent by `send`. Raises ValueError for a statement that was not cleared.

        `link` is the author's next number and predecessor as the record has it: it counts where it is further on than
        the journal (the keeper's seals are not in it). What was refused too often there is put on record first.
        Raises Refused, and has stored nothing, if too much waits or a statement is too large.
        """
        said = cleared.bodies if only is None else only
        if not all(body in cleared.bodies for body in said):
            raise ValueError("this statement was not cleared")
        if not said:
            return []
        async with self._writing:
            journal, chain = await self._journal(), self._chain
            waiting = [item for item in journal if item.written.status == PENDING]
            if any(item.written.entry.author_seq >= chain.number for item in waiting):
                raise Unavailable("busy", "entries after a refused one are not refused yet; try again")
            first = max(link[0], chain.number)
            clearing = [CLEARING] * self._laden(first)
            if len(waiting) + len(said) > AT_ONCE:
                raise Refused("too-many", f"{len(waiting)} statements wait for a seal; at most {AT_ONCE} may")
            new: list[_Item] = []
            for body in (*clearing, *said):
                entry = self._compose(body, seen, max(link, (chain.number, chain.prev), key=_number))
                most, size = MAX_LEAF - STAMPED, len(data := canonical(entry))
                if entry.type != "evidence":
                    most, size = MAX_QUOTED, quoted(data)
                if size > most:
                    raise Refused("too-large", f"a statement has at most {most} bytes, refusals included")
                written = JournalEntry(submission=sign_entry(entry, self._sign))
                new.append(_Item(f"{self.arrangement}/{chain.count:08}", 0, entry_hash(entry), written))
                chain = _Chain(count=chain.count + 1, number=entry.author_seq + 1, prev=new[-1].name)
            await self._store_items(new, chain, cleared)
            journal.extend(new)
            return [item.name for item in new[len(clearing) :]]

    def _laden(self, number: int) -> int:
        """How many numbers, from this one on, had better be used up: so much was refused there."""
        carried, sizes = Counter[int](), Counter[int]()
        for written in (item.written for item in self._items or () if item.written.entry.author_seq >= number):
            if written.refusal is not None:
                carried[written.entry.author_seq] += 1
                sizes[written.entry.author_seq] += len(canonical(written.refusal))
        laden = [each for each, size in sizes.items() if size > CARRIED_BYTES]
        if carried[number] and carried.total() > CARRIED:
            laden.append(number)
        return max(laden, default=number - 1) + 1 - number

    def compose(self, body: Seal, seen: Head, link: tuple[int, str]) -> Entry:
        """The entry that would be written next. Only the keeper uses it, for seals, with nothing pending."""
        return self._compose(body, seen, max(link, (self._chain.number, self._chain.prev), key=_number))

    def _compose(self, body: Body, seen: Head, link: tuple[int, str]) -> Entry:
        refused = [w.written.refusal for w in self._items or () if w.written.entry.author_seq == link[0]]
        refused += [each.refusal for each in self._carried if each.number == link[0]]
        return Entry(
            arrangement=self.arrangement,
            author=self.actor,
            author_seq=link[0],
            author_prev=link[1],
            seen=seen,
            type=TYPE_OF[type(body)],
            body=body,
            refused=tuple(each for each in refused if each) or None,
        )

    async def is_known(self, entry: Entry) -> bool:
        """Whether our journal has this entry of ours, or has gone on from it long since."""
        journal = await self._journal()
        return entry.author_seq < self._chain.number or any(item.written.entry == entry for item in journal)

    async def refused(self) -> tuple[NumberedRefusal, ...]:
        """The keeper's refusals of entries whose numbers no seal covers yet."""
        items = [item.written for item in await self._journal() if item.written.refusal is not None]
        return tuple(declined(written.entry, written.refusal) for written in items if written.refusal)

    async def names(self) -> set[str]:
        """The hashes of what is pending or refused."""
        return {item.name for item in await self._journal()}

    async def recover(
        self, link: tuple[int, str], shown: Iterable[Leaf], refusals: Iterable[NumberedRefusal]
    ) -> str | None:
        """Go on from what others show of ours, our journal being an older copy: entries that no seal covers, with their
        stamps, and refusals of the keeper's; `link` is our next number and predecessor in the sealed record.

        All must be verified to be ours, or the keeper's. Returns what is missing before we may write again.
        """
        async with self._writing:
            journal = {item.name: item for item in await self._journal()}
            refused = {each.refusal.entry: each for each in refusals}
            fresh = dict[str, JournalEntry]()
            for leaf in shown:
                submission = Submission(entry=leaf.entry, sig=leaf.sig)
                fresh[entry_hash(leaf.entry)] = JournalEntry(submission=submission, stamps=leaf.stamps)
                refused |= {each.entry: declined(leaf.entry, each) for each in leaf.entry.refused or ()}
            before = {name: item.written for name, item in journal.items()}
            after = recovered(link[0], before, fresh, refused)
            end, missing = chained(link, after)
            items = [replace(journal[n], written=w) for n, w in after.items() if n in before and w != before[n]]
            new = sorted((n for n in after if n not in before), key=lambda n: after[n].entry.author_seq)
            count = self._chain.count
            items += [_Item(f"{self.arrangement}/{count + i:08}", 0, n, after[n]) for i, n in enumerate(new)]
            carried = [each for name, each in sorted(refused.items()) if name not in after and each.number >= link[0]]
            await self._carry(tuple(carried))
            await self._store_items(items, _Chain(count=count + len(new), number=end[0], prev=end[1]))
            self._items = None  # read again
            return missing

    async def _carry(self, carried: tuple[NumberedRefusal, ...]) -> None:
        row = await self._store.get(CARRIED_ON, self.arrangement)
        put = Put(CARRIED_ON, self.arrangement, row.version if row else 0, canonical(carried))
        if carried != self._carried and not await self._store.commit(Batch(puts=[put])):
            raise Unavailable("busy", "the journal was written to by another process; try again")
        self._carried = carried

    async def sealed(self, names: Iterable[str]) -> None:
        """The entries with these hashes are sealed: no need to send them again."""
        known = set(names)
        numbers = [item.written.entry.author_seq for item in await self._journal() if item.name in known]
        last = max(numbers, default=-1)

        def after(name: str, written: JournalEntry) -> JournalEntry:
            if written.status == REFUSED:
                return replace(written, status=PAST) if written.entry.author_seq <= last else written
            return replace(written, status=PLACED) if name in known else written

        await self._update(after)

    async def refusals(self, names: Iterable[str]) -> list[tuple[JournalEntry, Refusal]]:
        """Those of the entries with these hashes that the keeper has refused."""
        wanted = set(names)
        items = [item.written for item in await self._journal() if item.name in wanted]
        return [(written, written.refusal) for written in items if written.refusal]

    async def send(self, post: Transport) -> dict[str, SubmissionAnswer]:
        """Send what is pending: to every other timekeeper for its stamp, then to the keeper. Returns the keeper's
        answers by entry hash (rule 8.1b).

        Whoever is late with its stamp is not waited for. Raises Unavailable if the keeper does not answer.
        """
        pending = [item for item in await self._journal() if item.written.status == PENDING]
        if not pending:
            return {}
        stamps = {item.name: {each.by: each for each in item.written.stamps} for item in pending}
        others = [who for who in self.roster.timekeepers if who not in (self.actor, self.roster.keeper)]
        leaves = [leaf_of(item.written.submission, item.written.stamps) for item in pending]
        asked = {asyncio.create_task(_submit(post, who, leaves)): who for who in others}
        for task in await in_time(asked, TIMEOUT_S, LINGER_S, lambda ended: any(map(_has_answered, ended))):
            for answer in task.result():
                if answer.entry in stamps and answer.stamp and self._is_good(answer.stamp, answer.entry, asked[task]):
                    stamps[answer.entry][asked[task]] = answer.stamp
        leaves = [leaf_of(item.written.submission, stamps[item.name].values()) for item in pending]
        try:
            answers = await post.submit(self.roster.keeper, leaves)
        except ArmslengthError:  # the stamps show since when the keeper could have had these entries
            await self._update(lambda name, w: _with_stamps(w, stamps[name]) if name in stamps else w)
            raise
        final = {answer.entry: answer for answer in answers if answer.entry in stamps}
        await self._update(lambda name, w: self._after(name, w, stamps, final.get(name)))
        return final

    def _after(
        self, name: str, written: JournalEntry, stamps: dict[str, dict[str, Stamp]], answer: SubmissionAnswer | None
    ) -> JournalEntry:
        if answer is None or written.status != PENDING:
            return written
        if answer.refusal is not None and self._counts(answer.refusal, name):
            return replace(written, status=REFUSED, refusal=answer.refusal)
        return _with_stamps(written, stamps[name])

    def _is_good(self, given: Stamp, name: str, by: str) -> bool:
        """Whether this is the timekeeper's stamp on the entry with this hash: what is none might make it unreadable."""
        key, message = self.roster.entries[by], stamp_message(self.arrangement, name, given.time)
        return given.by == by and given.time >= 0 and self.roster.is_signed(key, message, given.sig)

    def _counts(self, refusal: Refusal, name: str) -> bool:
        """A refusal counts only with the keeper's signature: without it the number may not be used again. One that is
        too large to be carried on counts for nothing."""
        return len(canonical(refusal)) <= MAX_REFUSAL and refuses(self.roster, refusal, name)

    async def _update(self, change: Callable[[str, JournalEntry], JournalEntry]) -> None:
        """Apply `change` to every entry of the journal that is pending or refused."""
        async with self._writing:
            changed = []
            for item in await self._journal():
                after = change(item.name, item.written)
                if after is not item.written:
                    changed.append((item, after))
            if changed:
                chain = self._chain
                for item, after in changed:
                    entry = item.written.entry
                    if after.status == REFUSED and entry.author_seq < chain.number:  # its number is free again
                        chain = replace(chain, number=entry.author_seq, prev=entry.author_prev)
                await self._store_items([replace(item, written=after) for item, after in changed], chain)
                for item, after in changed:
                    item.written, item.version = after, item.version + 1
                self._items = [item for item in await self._journal() if item.written.status in {PENDING, REFUSED}]

    async def _store_items(self, items: list[_Item], chain: _Chain, cleared: Clearance | None = None) -> None:
        puts = [Put(KIND, it.key, it.version, encode_written(it.written), self._tag(it.written.status)) for it in items]
        placed = {self._subject(it.written.entry.body): it.key for it in items if it.written.status == PLACED}
        puts += [Put(LAST, subject, None, key.encode()) for subject, key in placed.items()]
        if chain != self._chain:
            puts.append(Put(CHAIN, self.arrangement, self._chain_version, canonical(chain)))
        commit = cleared.commit if cleared is not None else None
        if not await (commit or self._store.commit)(Batch(puts=puts)):
            raise Unavailable("busy", "the journal was written to by another process; try again")
        if chain != self._chain:
            self._chain, self._chain_version = chain, self._chain_version + 1
        for item in items:
            if item.version == 0:
                item.version = 1


async def _submit(post: Transport, who: str, leaves: list[Leaf]) -> list[SubmissionAnswer]:
    """A timekeeper's answers; none where it is down, or sees it otherwise: the keeper's word decides."""
    try:
        return await post.submit(who, leaves)
    except ArmslengthError:
        return []


def _has_answered(task: asyncio.Task[list[SubmissionAnswer]]) -> bool:
    return task.exception() is None and bool(task.result())


def _with_stamps(written: JournalEntry, stamps: dict[str, Stamp]) -> JournalEntry:
    given = tuple(stamps[by] for by in sorted(stamps))
    return replace(written, stamps=given) if given != written.stamps else written


def _number(link: tuple[int, str]) -> int:
    return link[0]
