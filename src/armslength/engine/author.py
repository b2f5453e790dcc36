"""Writing entries: an author's journal, and the way of an entry to the record.

An entry is signed and stored before anyone sees it, and sent again, byte for byte, until it is sealed or the keeper
has refused it: an author that signed two entries with one number would have proven itself an equivocator. Parties'
nodes and monitors without a node use the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from armslength.core.arrangement.bodies import Body
from armslength.core.arrangement.terms import Arrangement
from armslength.core.record.entry import TYPE_OF, Entry, Head, Leaf, Refusal, Stamp, entry_hash, leaf_of, sign_entry
from armslength.core.record.entry import refusal_message as message_of
from armslength.core.record.keys import Sign, from_base64, public_key, verify
from armslength.errors import ArmslengthError, Refused, Unavailable
from armslength.ports import Batch, Put, Store
from armslength.wire.own import Answer, Written, decode_written, encode_written

KIND = "journal"
PENDING, PLACED, REFUSED = "pending", "placed", "refused"
START = (0, "")  # number and predecessor of an author's first entry


class Post(Protocol):
    """How submissions reach a timekeeper."""

    async def submit(self, actor: str, leaves: list[Leaf]) -> list[Answer]:
        """`actor`'s answers to entries with the stamps they have so far, in order. Raises Unavailable."""
        ...


@dataclass(slots=True)
class _Item:
    key: str
    version: int
    name: str
    written: Written


class Author:
    """One actor's journal in one arrangement. Only one process may write to it."""

    def __init__(self, store: Store, arrangement: str, terms: Arrangement, actor: str, sign: Sign) -> None:
        self._store = store
        self._arrangement = arrangement
        self._terms = terms
        self._actor = actor
        self._sign = sign
        self._items: list[_Item] | None = None
        self._writing = asyncio.Lock()

    async def _journal(self) -> list[_Item]:
        if self._items is None:
            rows = await self._store.find(KIND, self._arrangement)
            found = ((row, decode_written(row.body)) for row in rows)
            self._items = [_Item(row.key, row.version, entry_hash(w.entry), w) for row, w in found]
        return self._items

    async def pending(self) -> list[Written]:
        """What is written and neither sealed nor refused."""
        return [item.written for item in await self._journal() if item.written.status == PENDING]

    async def write(self, bodies: Iterable[Body], seen: Head, link: tuple[int, str] = START) -> list[str]:
        """Sign these statements, one entry each, and store them; returns their hashes. They are sent by `send`.

        `link` is the author's next number and predecessor as the record has it: it counts where it is further on than
        the journal (the keeper's seals are not in it).
        """
        async with self._writing:
            journal = await self._journal()
            new: list[_Item] = []
            for body in bodies:
                entry = self._next([*journal, *new], body, seen, link)
                written = Written(submission=sign_entry(entry, self._sign))
                new.append(_Item(self._key(len(journal) + len(new)), 0, entry_hash(entry), written))
            await self._store_items(new)
            journal.extend(new)
            return [item.name for item in new]

    def compose(self, body: Body, seen: Head, link: tuple[int, str]) -> Entry:
        """The entry that would be written next. Only the keeper uses it, for seals, with nothing pending."""
        return self._next(self._items or [], body, seen, link)

    def _next(self, journal: list[_Item], body: Body, seen: Head, link: tuple[int, str]) -> Entry:
        standing = [item for item in journal if item.written.status != REFUSED]
        number, prev = link
        if standing and standing[-1].written.entry.author_seq >= number:
            number, prev = standing[-1].written.entry.author_seq + 1, standing[-1].name
        refused = tuple(
            item.written.refusal for item in journal if item.written.refusal and item.written.entry.author_seq == number
        )
        return Entry(
            arrangement=self._arrangement,
            author=self._actor,
            author_seq=number,
            author_prev=prev,
            seen=seen,
            type=TYPE_OF[type(body)],
            body=body,
            refused=refused or None,
        )

    def _key(self, position: int) -> str:
        return f"{self._arrangement}/{position:08}"

    async def sealed(self, names: Iterable[str]) -> None:
        """The entries with these hashes are sealed: no need to send them again."""
        known = set(names)
        await self._update(lambda name, w: replace(w, status=PLACED) if name in known else w)

    async def refusals(self, names: Iterable[str]) -> list[tuple[Written, Refusal]]:
        """Those of the entries with these hashes that the keeper has refused."""
        wanted = set(names)
        items = [item.written for item in await self._journal() if item.name in wanted]
        return [(written, written.refusal) for written in items if written.refusal]

    async def send(self, post: Post) -> dict[str, Answer]:
        """Send what is pending: to every other timekeeper for its stamp, then to the keeper. Returns the keeper's
        answers by entry hash.

        Raises Unavailable if the keeper does not answer.
        """
        pending = [item for item in await self._journal() if item.written.status == PENDING]
        if not pending:
            return {}
        stamps = {item.name: {each.by: each for each in item.written.stamps} for item in pending}
        others = [who for who in self._terms.timekeepers.of if who not in (self._actor, self._terms.keeper)]
        leaves = [leaf_of(item.written.submission, item.written.stamps) for item in pending]
        results = await asyncio.gather(*(post.submit(who, leaves) for who in others), return_exceptions=True)
        for answers in results:
            if isinstance(answers, ArmslengthError):
                continue  # it is down, or sees it otherwise: the keeper's word decides
            if isinstance(answers, BaseException):
                raise answers
            for answer in answers:
                if answer.stamp and answer.entry in stamps:
                    stamps[answer.entry][answer.stamp.by] = answer.stamp
        leaves = [leaf_of(item.written.submission, stamps[item.name].values()) for item in pending]
        answers = await post.submit(self._terms.keeper, leaves)
        final = {answer.entry: answer for answer in answers}
        await self._update(lambda name, w: self._after(name, w, stamps, final.get(name)))
        return final

    def _after(
        self, name: str, written: Written, stamps: dict[str, dict[str, Stamp]], answer: Answer | None
    ) -> Written:
        if answer is None:
            return written
        if answer.refusal is not None and self._is_keepers(answer.refusal, name):
            return replace(written, status=REFUSED, refusal=answer.refusal)
        given = tuple(stamps[name][by] for by in sorted(stamps[name]))
        return replace(written, stamps=given) if given != written.stamps else written

    def _is_keepers(self, refusal: Refusal, name: str) -> bool:
        """A refusal counts only with the keeper's signature: without it the number may not be used again."""
        keys = self._terms.actors[self._terms.keeper].keys
        if keys is None or (refusal.entry, refusal.by) != (name, self._terms.keeper):
            return False
        key = public_key(keys.entries, "keeper")
        return verify(key, message_of(refusal), from_base64(refusal.sig, "refusal.sig"))

    async def _update(self, change: Callable[[str, Written], Written]) -> None:
        """Apply `change` to every pending entry of the journal."""
        async with self._writing:
            changed = []
            for item in await self._journal():
                if item.written.status == PENDING:
                    after = change(item.name, item.written)
                    if after is not item.written:
                        changed.append((item, after))
            if changed:
                await self._store_items([_Item(item.key, item.version, item.name, after) for item, after in changed])
                for item, after in changed:
                    item.written, item.version = after, item.version + 1

    async def _store_items(self, items: list[_Item]) -> None:
        puts = [Put(KIND, it.key, it.version, encode_written(it.written), self._arrangement) for it in items]
        if not await self._store.commit(Batch(puts=puts)):
            raise Unavailable("busy", "the journal was written to by another process; try again")
        for item in items:
            if item.version == 0:
                item.version = 1


def raise_refusals(refusals: list[tuple[Written, Refusal]]) -> None:
    """Raise the first refusal as an error that names the entry, if there is one."""
    for written, refusal in refusals:
        raise Refused(refusal.code, refusal.reason, f"{written.entry.type} entry")
