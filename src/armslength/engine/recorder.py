"""What others ask of a node about a record: to stamp or place submissions, to take in leaves, to cosign a head.

Every answer is durable before it is given: a stamp, a place and a cosignature are promises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Seal
from armslength.core.record.checkpoint import ORIGIN, Checkpoint, parse_checkpoint
from armslength.core.record.cosignature import cosign
from armslength.core.record.entry import Leaf, Refusal, Submission, entry_hash, leaf_of
from armslength.core.record.evidence import refuses
from armslength.core.record.keys import to_base64
from armslength.core.record.merkle import verify_consistency
from armslength.core.record.note import Note, Signature, verify_note
from armslength.core.record.seal import open_checkpoint
from armslength.core.record.witness import encode_cosignatures, parse_add_checkpoint
from armslength.engine.book import Owed, parse_checkpoint_size
from armslength.engine.shelf import Kept, Open, Shelf, stands_by
from armslength.errors import ArmslengthError, Malformed, NotFound, Refused, Repeat, Unauthorised, Unavailable
from armslength.ports import Clock, Peers
from armslength.wire.own import (
    BASE,
    MAX_ASKED,
    PORTION,
    Answer,
    Included,
    Sealed,
    Shown,
    Synced,
    decode_answers,
    encode_leaves,
)
from armslength.wire.record import encode

# May come right by itself: never refused for good.
NOT_YET: Final = frozenset({"ahead", "no-stamp", "seen-mismatch", "too-many"})


class Voice(Protocol):
    """Whether words may leave here (`engine.catchup`)."""

    async def speak(self, held: Open) -> None:
        """Return once they may. Raises Unavailable, with what is waited for."""
        ...

    async def doubt(self, held: Open, word: str, *, proven: bool, leaf: Leaf | None = None) -> None:
        """A word of ours has turned up that we do not know, an entry in `leaf`; or somebody says so, which is not
        `proven`."""
        ...


class Free:
    """Speaks at once: for a node that has no past."""

    async def speak(self, held: Open) -> None:
        """Return."""

    async def doubt(self, held: Open, word: str, *, proven: bool, leaf: Leaf | None = None) -> None:
        """Nothing."""


class Stale(Refused):
    """The head that we cosigned last is not of the size that the request says: `size`."""

    def __init__(self, size: int) -> None:
        super().__init__("stale", f"the head that we cosigned last has {size} leaves", "old")
        self.size = size


class Recorder:
    """The record side of one node."""

    def __init__(self, shelf: Shelf, peers: Peers, clock: Clock) -> None:
        self._shelf = shelf
        self._peers = peers
        self._clock = clock
        self.voice: Voice = Free()
        self._heard: dict[str, dict[str, tuple[int, int]]] = {}  # by arrangement and timekeeper: see `heard`
        self.arrived: dict[str, tuple[float, float]] = {}  # when the first and last entries came that no round has seen

    def now(self, held: Open) -> int:
        """Our time for this arrangement; never less than a time that we gave."""
        return max(self._clock.now(simulated=held.terms.clock == "simulated"), held.kept.time)

    def heard(self, held: Open) -> dict[str, tuple[int, int]]:
        """When each timekeeper's last cosignature reached us in a seal, by our clock, and how far its clock then lay
        behind ours."""
        return self._heard.get(held.arrangement, {})

    def hear(self, held: Open, leaves: Sequence[Leaf]) -> None:
        """These leaves are sealed."""
        now, heard = self.now(held), self._heard.setdefault(held.arrangement, {})
        for leaf in leaves:
            if isinstance(leaf.entry.body, Seal):
                times = open_checkpoint(held.book.sealed.roster, leaf.entry.body.checkpoint).times
                heard.update({name: (now, max(0, now - time)) for name, time in times.items()})

    def next_deadline(self, held: Open) -> int | None:
        """The next deadline, once the record has begun."""
        return step.next_deadline(held.terms, held.book.sealed.state) if held.book.sealed.size else None

    def deadline(self, held: Open) -> int | None:
        """The next deadline, if it has come."""
        deadline = self.next_deadline(held)
        return deadline if deadline is not None and deadline <= self.now(held) else None

    def drop(self, arrangement: str) -> None:
        """Forget what is only known while an arrangement is open."""
        self._heard.pop(arrangement, None)
        self.arrived.pop(arrangement, None)

    def is_behind(self, held: Open) -> bool:
        """Whether there is something to seal: entries after the last seal, or a deadline that has come."""
        return bool(held.book.tail) or self.deadline(held) is not None

    # --- what others ask ---------------------------------------------------------------------------------------

    async def submit(self, arrangement: str, leaves: Sequence[Leaf]) -> list[Answer]:
        """Answer submissions: our stamp, or why not. The keeper's refusals are signed and final."""
        held = await self._shelf.open(arrangement)
        await self._recognise(held, leaves)
        await self.voice.speak(held)
        async with held.lock:
            now, before = self.now(held), held.book.view.size
            waiting: set[str] = set()  # authors one of whose entries cannot be judged yet: what follows it waits too
            answers = []
            for number, leaf in enumerate(leaves, 1):
                answers.append(self._answer(held, leaf, now, waiting))
                if number % PORTION == 0:
                    if held.book.view.size > before:  # should we end here, this is not stored yet
                        held.unsaved = before if held.unsaved is None else min(before, held.unsaved)
                    await asyncio.sleep(0)  # others have their turn
            placed = held.book.view.size > before
            if placed or held.unsaved is not None or held.refusals.puts:
                await self._shelf.save(held, replace(held.kept, time=now), before if placed else None)
            if placed:
                moment = asyncio.get_running_loop().time()
                self.arrived[arrangement] = (self.arrived.get(arrangement, (moment,))[0], moment)
        if held.book.doubles:
            self._shelf.on_change(arrangement)
        return answers

    def _answer(self, held: Open, leaf: Leaf, now: int, waiting: set[str]) -> Answer:
        name = entry_hash(leaf.entry)
        submission = Submission(entry=leaf.entry, sig=leaf.sig)
        first = held.refusals.get(name)
        if first is not None:
            return Answer(entry=name, refusal=first, code=first.code, reason=first.reason)
        try:
            return Answer(entry=name, stamp=held.book.submit(submission, leaf.stamps, now).stamp)
        except Repeat:
            return Answer(entry=name)
        except ArmslengthError as error:
            if error.code in NOT_YET:
                waiting.add(leaf.entry.author)
            refusal = self._refusal(held, submission, error) if leaf.entry.author not in waiting else None
            return Answer(entry=name, refusal=refusal, code=error.code, reason=str(error)[:500])

    @staticmethod
    def _refusal(held: Open, submission: Submission, error: ArmslengthError) -> Refusal | None:
        """The keeper's signed answer, if it may give one: to the author's own words only, else anyone could have a
        valid entry refused by spoiling a copy; and past a gap only where what is missing was refused."""
        entry, book = submission.entry, held.book
        if not book.me.keeper or not book.is_by_its_author(submission):
            return None
        if error.code == "gap" and held.refusals.get(entry.author_prev) is None:
            return None

        def is_placed(name: str) -> bool:
            return book.view.index_of(name) is not None

        refusal, link = book.refusal(submission, error), book.sealed.next_link(entry.author)
        return refusal if held.refusals.add(entry, refusal, link, is_placed) else None

    async def sync(self, arrangement: str, caller: str, start: int, leaves: Sequence[Leaf]) -> Synced:
        """Take in the keeper's leaves from index `start`. What we stamped and miss in them is answered."""
        held = await self._shelf.open(arrangement)
        if caller != held.terms.actors[held.terms.keeper].did or held.book.me.keeper:
            raise Unauthorised("not-keeper", "only the keeper of this record sends leaves", "Authorization")
        held.pauses.heard(held.terms.keeper)
        await self._recognise(held, leaves[max(0, held.book.sealed.size - start) :])
        async with held.lock:
            before = held.book.sealed.size
            if start > before:
                return Synced(sealed=before, size=before, missing=())
            missing = await _in_turns(held.book.offering(start, leaves, self.now(held)))
            if held.book.sealed.size > before:
                await self._shelf.save(held, from_size=before)
                covered = leaves[: held.book.sealed.size - start]  # what follows may still be reordered or dropped
                await held.author.sealed(entry_hash(leaf.entry) for leaf in covered)
                self.hear(held, covered)
                held.pauses.own.end()  # what waits may fit now
            size = held.book.offered.replica.size if held.book.offered else before
            lines = tuple(encode(leaf).decode() for leaf in missing)
            return Synced(sealed=held.book.sealed.size, size=size, missing=lines)

    async def _recognise(self, held: Open, leaves: Sequence[Leaf]) -> None:
        """Whether an entry or a cosignature of ours comes from elsewhere that we do not know."""
        me, book = held.book.me, held.book
        for leaf in leaves:
            number, body = leaf.entry.author_seq, leaf.entry.body
            if isinstance(body, Seal):
                size = parse_checkpoint_size(leaf)
                is_later = size > held.kept.size and not me.keeper
                if is_later and me.actor in open_checkpoint(book.sealed.roster, body.checkpoint).times:
                    await self.voice.doubt(held, f"a head of {size} leaves that we have cosigned", proven=True)
            elif leaf.entry.author == me.actor and number >= book.sealed.next_link(me.actor)[0]:
                known = await held.author.is_known(leaf.entry)
                if not known and book.is_by_its_author(leaf):
                    await self.voice.doubt(held, f"entry {number} of ours", proven=True, leaf=leaf)

    async def add_checkpoint(self, data: str) -> str:
        """Cosign a checkpoint (c2sp.org/tlog-witness@v1.0.0).

        Raises NotFound for a record that is not ours to cosign, Malformed, Stale, and Refused with the reason:
        "bad-log-signature", "bad-proof", or what else speaks against this head.
        """
        request = parse_add_checkpoint(data)
        checkpoint, signatures = parse_checkpoint(request.checkpoint.text), request.checkpoint.signatures
        held = await self._shelf.open(checkpoint.origin.removeprefix(ORIGIN))
        roster = held.book.sealed.roster
        if checkpoint.origin != roster.origin or not held.book.me.timekeeper:
            raise NotFound("unknown-log", "we cosign no such record", "origin")
        key, name = roster.checkpoints[roster.keeper], roster.origin
        log = next((s for s in signatures if s.name == name and verify_note(request.checkpoint.text, s, key)), None)
        if log is None:
            raise Refused("bad-log-signature", "not signed by the record's keeper", "signatures")
        note = Note(request.checkpoint.text, (log,))
        await self.voice.speak(held)
        owed: Owed | None = None
        while owed is None or await self._was_refused(held, owed.leaf):
            async with held.lock:
                last = held.kept if request.old == held.kept.size else stands_by(held)  # the one we show is as good
                _check_growth(last, request.old, checkpoint, request.proof)
                try:
                    return encode_cosignatures((await self.cosign(held, note),))
                except Owed as error:
                    owed = error
        raise owed

    async def _was_refused(self, held: Open, leaf: Leaf) -> bool:
        """Whether the keeper shows its signed refusal of an entry that we stamped; it is not owed then."""
        name, keeper = entry_hash(leaf.entry), held.terms.actors[held.terms.keeper]
        if held.book.at_tail(name) is None:
            return False
        path = f"{BASE}/submit/{held.arrangement}"
        try:
            answer = await self._peers.post(keeper.did or "", keeper.address or "", path, encode_leaves([leaf]))
            given = [said.refusal for said in decode_answers(answer) if said.refusal]
            refused = any(refuses(held.book.sealed.roster, each, name) for each in given)
        except ArmslengthError:
            return False
        if refused:
            async with held.lock:
                held.book.drop(name)
                await self._shelf.save(held, from_size=held.book.sealed.size)
        return refused

    async def cosign(self, held: Open, note: Note) -> Signature:
        """Our cosignature; what we cosigned is stored first. Call it under the lock."""
        if held.silence is not None:  # it may have come up meanwhile
            raise Unavailable("silent", held.silence)
        now, kept = self.now(held), held.kept
        written = [leaf_of(each.submission, each.stamps) for each in await held.author.pending()]
        checkpoint = held.book.may_cosign(note.text, now, kept.size, kept.root, written)
        key = self._shelf.keys["checkpoints"]
        signature = cosign(note.text, now, self._shelf.did, key.public, key.sign)
        cosigned = Note(note.text, (note.signatures[0], signature)).encode()
        kept = Kept(time=now, size=checkpoint.size, root=checkpoint.root.hex(), note=cosigned)
        await self._shelf.save(held, kept)
        return signature

    async def own(self, held: Open, did: str) -> Shown:
        """What we hold of the words of this caller that no seal covers, in the signed form in which they came."""
        terms, book = held.terms, held.book
        theirs = {name for name, actor in terms.actors.items() if actor.did == did}
        written = [leaf_of(each.submission, each.stamps) for each in await held.author.pending()]
        refused = await held.author.refused() if terms.keeper in theirs else ()
        async with held.lock:
            record = book.offered.leaves if book.offered else []
            leaves = [*record, *book.tail, *written]
            waiting = [
                leaf for leaf in leaves if leaf.entry.author in theirs or any(s.by in theirs for s in leaf.stamps)
            ]
            return Shown(
                now=self._clock.wall(),
                sealed=book.sealed.size,
                waiting=tuple(dict.fromkeys(encode(leaf).decode() for leaf in waiting if leaf.entry.type != "seal")),
                record=tuple(encode(leaf).decode() for leaf in record) if terms.keeper in theirs else (),
                cosigned=held.kept.note,
                refusals=(*held.refusals.of(theirs), *refused),
            )

    async def sealed_head(self, arrangement: str, entries: Sequence[str] = (), author: str = "") -> Sealed:
        """The last sealed head, for authors without a node, and proof of those of these entries that it covers; and of
        the last entry of this author."""
        held, included = await self._shelf.open(arrangement), []
        async with held.lock:  # what the book holds is stored
            sealed, head = held.book.sealed, held.seen
            for name in dict.fromkeys((*entries[:MAX_ASKED], sealed.next_link(author)[1])):
                index = sealed.index_of(name)
                if index is not None and index < head.size:
                    (line,) = await self._shelf.store.leaves(arrangement, index, index + 1)
                    path = tuple(map(to_base64, sealed.inclusion(index, head.size)))
                    included.append(Included(index=index, leaf=line.decode(), path=path))
        time = sealed.state.clock.tau
        return Sealed(head=head, checkpoint=sealed.checkpoint or "", time=time, included=tuple(included))


async def _in_turns(steps: Generator[None, None, list[Leaf]]) -> list[Leaf]:
    """What comes of these steps; after a few of them others have their turn."""
    while True:
        for _ in range(PORTION):
            try:
                next(steps)
            except StopIteration as end:
                return list(end.value)
        await asyncio.sleep(0)


def _check_growth(kept: Kept, old: int, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> None:
    """Whether the checkpoint extends the head that we cosigned last. Raises Malformed, Stale or Refused "bad-proof"."""
    if old > checkpoint.size:
        raise Malformed("bad-old", f"the old size is {old}, the checkpoint's {checkpoint.size}", "old")
    if old != kept.size:
        raise Stale(kept.size)
    before = bytes.fromhex(kept.root) if old else b""
    good = verify_consistency(old, checkpoint.size, before, checkpoint.root, proof) if old else not proof
    if not good:
        raise Refused("bad-proof", f"does not extend the head of {old} leaves that we cosigned", "proof")
