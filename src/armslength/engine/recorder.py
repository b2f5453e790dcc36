"""What others ask of a node about a record: to stamp or place submissions, to take in leaves, to cosign a head.

Every answer is durable before it is given: a stamp, a place and a cosignature are promises (rule 8.1c).
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
from armslength.core.record.note import Note, Signature
from armslength.core.record.seal import by_keeper, open_checkpoint
from armslength.engine.local_record import EntryMissing, parse_checkpoint_size
from armslength.engine.repository import LiveArrangement, Repository, WitnessState, stands_by
from armslength.engine.troubles import COSIGNATURE
from armslength.errors import ArmslengthError, Malformed, Misuse, NotFound, Refused, Repeat, Unauthorised, Unavailable
from armslength.ports import Clock, Peers
from armslength.wire.own import (
    BASE,
    MAX_ASKED,
    PORTION,
    InclusionProof,
    RecallAnswer,
    SealedHead,
    SubmissionAnswer,
    SyncAnswer,
    decode_answers,
    encode_leaves,
)
from armslength.wire.record import decode_leaf, encode
from armslength.wire.witness import encode_cosignatures, parse_add_checkpoint

# May become valid later: never finally refused.
READ_AT_ONCE: Final = 1000  # leaves
COMPARE: Final = "compare your bundle with those of the others: the keeper has shown two histories"
NOT_YET: Final = frozenset({"ahead", "no-stamp", "seen-mismatch", "too-many"})  # rule 1.3c


class Readiness(Protocol):
    """Whether words may leave here (`engine.catchup`)."""

    async def wait(self, live: LiveArrangement) -> None:
        """Return once they may. Raises Unavailable, with what is waited for."""
        ...

    async def doubt(self, live: LiveArrangement, word: str, *, proven: bool, leaf: Leaf | None = None) -> None:
        """A word of ours has turned up that we do not know, an entry in `leaf`; or somebody says so, which is not
        `proven`."""
        ...


class AlwaysReady:
    """Speaks at once: for a node that has no past."""

    async def wait(self, live: LiveArrangement) -> None:
        """Return."""

    async def doubt(self, live: LiveArrangement, word: str, *, proven: bool, leaf: Leaf | None = None) -> None:
        """Nothing."""


class StaleCheckpoint(Refused):
    """The head that we cosigned last is not of the size that the request says: `size`."""

    def __init__(self, size: int) -> None:
        super().__init__("stale", f"the head that we cosigned last has {size} leaves", "old")
        self.size = size


class Recorder:
    """The record side of one node."""

    def __init__(self, repository: Repository, peers: Peers, clock: Clock) -> None:
        self._repository = repository
        self._peers = peers
        self._clock = clock
        self.readiness: Readiness = AlwaysReady()

    def now(self, live: LiveArrangement) -> int:
        """Our time for this arrangement; never less than a time that we gave (rule 2.1d)."""
        return max(self._clock.now(simulated=live.terms.clock == "simulated"), live.witness.time)

    def note_cosignatures(self, live: LiveArrangement, leaves: Sequence[Leaf]) -> None:
        """These leaves are sealed."""
        now = self.now(live)
        for leaf in leaves:
            if isinstance(leaf.entry.body, Seal):
                times = open_checkpoint(live.record.sealed.roster, leaf.entry.body.checkpoint).times
                live.heard.update({name: (now, max(0, now - time)) for name, time in times.items()})

    def next_deadline(self, live: LiveArrangement) -> int | None:
        """The next deadline, once the record has begun."""
        return step.next_deadline(live.terms, live.record.sealed.state) if live.record.sealed.size else None

    def deadline(self, live: LiveArrangement) -> int | None:
        """The next deadline, if it has come."""
        deadline = self.next_deadline(live)
        return deadline if deadline is not None and deadline <= self.now(live) else None

    def is_behind(self, live: LiveArrangement) -> bool:
        """Whether there is something to seal: entries after the last seal, or a deadline that has come (rule 2.5c)."""
        return bool(live.record.tail) or self.deadline(live) is not None

    # --- what others ask ---------------------------------------------------------------------------------------

    async def submit(self, arrangement: str, leaves: Sequence[Leaf]) -> list[SubmissionAnswer]:
        """Answer submissions: our stamp, or why not. The keeper's refusals are signed and final."""
        live = await self._repository.open(arrangement)
        await self._recognise(live, leaves)
        await self.readiness.wait(live)
        async with live.lock:
            now, before = self.now(live), live.record.view.size
            waiting: set[str] = set()  # authors one of whose entries cannot be judged yet: what follows it waits too
            answers = []
            for number, leaf in enumerate(leaves, 1):
                answers.append(self._answer(live, leaf, now, waiting))
                if number % PORTION == 0:  # rule 11.1i
                    if live.record.view.size > before:  # should we end here, this is not stored yet
                        live.unsaved = before if live.unsaved is None else min(before, live.unsaved)
                    await asyncio.sleep(0)  # others have their turn
            placed = live.record.view.size > before
            if placed or live.unsaved is not None or live.refusals.puts:
                await self._repository.save(live, replace(live.witness, time=now), before if placed else None)
            if placed:
                moment = asyncio.get_running_loop().time()
                live.arrived = ((live.arrived or (moment,))[0], moment)
        if live.record.conflicts:
            self._repository.schedule.call(arrangement)
        return answers

    def _answer(self, live: LiveArrangement, leaf: Leaf, now: int, waiting: set[str]) -> SubmissionAnswer:
        name = entry_hash(leaf.entry)
        submission = Submission(entry=leaf.entry, sig=leaf.sig)
        first = live.refusals.get(name)
        if first is not None:
            return SubmissionAnswer(entry=name, refusal=first, code=first.code, reason=first.reason)
        try:
            return SubmissionAnswer(entry=name, stamp=live.record.submit(submission, leaf.stamps, now).stamp)
        except Repeat:
            return SubmissionAnswer(entry=name)
        except ArmslengthError as error:
            if error.code in NOT_YET:
                waiting.add(leaf.entry.author)
            refusal = self._refusal(live, submission, error) if leaf.entry.author not in waiting else None
            return SubmissionAnswer(entry=name, refusal=refusal, code=error.code, reason=str(error)[:500])

    @staticmethod
    def _refusal(live: LiveArrangement, submission: Submission, error: ArmslengthError) -> Refusal | None:
        """The keeper's signed answer, if it may give one: to the author's own words only, else anyone could have a
        valid entry refused by spoiling a copy; and past a gap only where what is missing was refused (rule 1.3b)."""
        entry, record = submission.entry, live.record
        if not record.me.keeper or not record.is_by_its_author(submission):
            return None
        if error.code == "gap" and live.refusals.get(entry.author_prev) is None:
            return None

        def is_placed(name: str) -> bool:
            return record.view.index_of(name) is not None

        refusal, link = record.refusal(submission, error), record.sealed.next_link(entry.author)
        return refusal if live.refusals.add(entry, refusal, link, is_placed) else None

    async def sync(self, arrangement: str, caller: str, start: int, leaves: Sequence[Leaf]) -> SyncAnswer:
        """Take in the keeper's leaves from index `start`. What we stamped and miss in them is answered."""
        live = await self._repository.open(arrangement)
        if caller != live.terms.actors[live.terms.keeper].did or live.record.me.keeper:
            raise Unauthorised("not-keeper", "only the keeper of this record sends leaves", "Authorization")
        live.backoffs.answered(live.terms.keeper)
        await self._recognise(live, leaves[max(0, live.record.sealed.size - start) :])
        async with live.lock:
            before = live.record.sealed.size
            if start > before:
                return SyncAnswer(sealed=before, size=before, missing=())
            missing = await _in_turns(live.record.offering(start, leaves, self.now(live)))
            if live.record.sealed.size > before:
                await self._repository.save(live, from_size=before)
                covered = leaves[: live.record.sealed.size - start]  # what follows may still be reordered or dropped
                await live.journal.sealed(entry_hash(leaf.entry) for leaf in covered)
                self.note_cosignatures(live, covered)
                live.backoffs.own.end()  # what waits may fit now
            size = live.record.offered.replica.size if live.record.offered else before
            lines = tuple(encode(leaf).decode() for leaf in missing)
            return SyncAnswer(sealed=live.record.sealed.size, size=size, missing=lines)

    async def _recognise(self, live: LiveArrangement, leaves: Sequence[Leaf]) -> None:
        """Whether an entry or a cosignature of ours comes from elsewhere that we do not know."""
        me, record = live.record.me, live.record
        for leaf in leaves:
            number, body = leaf.entry.author_seq, leaf.entry.body
            if isinstance(body, Seal):
                size = parse_checkpoint_size(leaf)
                is_later = size > live.witness.size and not me.keeper
                if is_later and me.actor in open_checkpoint(record.sealed.roster, body.checkpoint).times:
                    await self.readiness.doubt(live, f"a head of {size} leaves that we have cosigned", proven=True)
            elif leaf.entry.author == me.actor and number >= record.sealed.next_link(me.actor)[0]:
                known = await live.journal.is_known(leaf.entry)
                if not known and record.is_by_its_author(leaf):
                    await self.readiness.doubt(live, f"entry {number} of ours", proven=True, leaf=leaf)

    async def add_checkpoint(self, data: str) -> str:
        """Cosign a checkpoint (c2sp.org/tlog-witness@v1.0.0).

        Raises NotFound for a record that is not ours to cosign, Malformed, StaleCheckpoint, and Refused with why:
        "bad-log-signature", "bad-proof", or what else speaks against this head.
        """
        request = parse_add_checkpoint(data)
        checkpoint, signatures = parse_checkpoint(request.checkpoint.text), request.checkpoint.signatures
        live = await self._repository.open(checkpoint.origin.removeprefix(ORIGIN))
        roster = live.record.sealed.roster
        if checkpoint.origin != roster.origin or not live.record.me.timekeeper:
            raise NotFound("unknown-log", "we cosign no such record", "origin")
        log = by_keeper(roster, request.checkpoint.text, signatures)
        if log is None:
            raise Refused("bad-log-signature", "not signed by the record's keeper", "signatures")
        note = Note(request.checkpoint.text, (log,))
        await self.readiness.wait(live)
        owed: EntryMissing | None = None
        while owed is None or await self._was_refused(live, owed.leaf):
            async with live.lock:
                last = (
                    live.witness if request.old == live.witness.size else stands_by(live)
                )  # the one we show is as good
                try:
                    _check_growth(last, request.old, checkpoint, request.proof)
                    lines = encode_cosignatures((await self.cosign(live, note),))
                except EntryMissing as error:
                    owed = error
                    continue
                except Refused:
                    self._tell_fork(live)
                    raise
                self._repository.troubles.over(COSIGNATURE, live.terms.keeper, live.arrangement)
                return lines
        raise owed

    def _tell_fork(self, live: LiveArrangement) -> None:
        """If what the keeper shows does not continue the head that we stand by, tell whose word that head is: after a
        restore we may have it from others. What strangers bring tells nothing here."""
        kept, shown, keeper = live.witness, live.record.offered, live.terms.keeper
        if not kept.note or shown is None:
            return
        replica = shown.replica
        if replica.size >= kept.size and replica.head_at(kept.size).tree_root == kept.root:
            return
        who = ", ".join(sorted({keeper, *open_checkpoint(replica.roster, kept.note).times}))
        reason = f"its record does not continue the head of {kept.size} leaves that was signed by {who}"
        self._repository.troubles.at(COSIGNATURE, keeper, live.arrangement).tell(reason, COMPARE)

    async def _was_refused(self, live: LiveArrangement, leaf: Leaf) -> bool:
        """Whether the keeper shows its signed refusal of an entry that we stamped; it is not owed then."""
        name, keeper = entry_hash(leaf.entry), live.terms.actors[live.terms.keeper]
        if live.record.at_tail(name) is None:
            return False
        path = f"{BASE}/submit/{live.arrangement}"
        try:
            answer = await self._peers.post(keeper.did or "", keeper.address or "", path, encode_leaves([leaf]))
            given = [said.refusal for said in decode_answers(answer) if said.refusal]
            refused = any(refuses(live.record.sealed.roster, each, name) for each in given)
        except ArmslengthError:
            return False
        if refused:
            async with live.lock:
                live.record.drop(name)
                await self._repository.save(live, from_size=live.record.sealed.size)
        return refused

    async def cosign(self, live: LiveArrangement, note: Note) -> Signature:
        """Our cosignature; what we cosigned is stored first. Call it under the lock."""
        if live.silence is not None:  # it may have come up meanwhile
            raise Unavailable("silent", live.silence)
        now, kept = self.now(live), live.witness
        written = [leaf_of(each.submission, each.stamps) for each in await live.journal.pending()]
        checkpoint = live.record.may_cosign(note.text, now, kept.size, kept.root, written)
        key = self._repository.keys["checkpoints"]
        signature = cosign(note.text, now, self._repository.did, key.public, key.sign)
        cosigned = Note(note.text, (note.signatures[0], signature)).encode()
        kept = WitnessState(time=now, size=checkpoint.size, root=checkpoint.root.hex(), note=cosigned)
        await self._repository.save(live, kept)
        return signature

    async def own(self, live: LiveArrangement, did: str) -> RecallAnswer:
        """What we hold of the words of this caller that no seal covers, in the signed form in which they came."""
        terms, record = live.terms, live.record
        theirs = {name for name, actor in terms.actors.items() if actor.did == did}
        written = [leaf_of(each.submission, each.stamps) for each in await live.journal.pending()]
        refused = await live.journal.refused() if terms.keeper in theirs else ()
        async with live.lock:
            offered = record.offered.leaves if record.offered else []
            leaves = [*offered, *record.tail, *written]
            waiting = [
                leaf for leaf in leaves if leaf.entry.author in theirs or any(s.by in theirs for s in leaf.stamps)
            ]
            return RecallAnswer(
                now=self._clock.wall(),
                sealed=record.sealed.size,
                waiting=tuple(dict.fromkeys(encode(leaf).decode() for leaf in waiting if leaf.entry.type != "seal")),
                record=tuple(encode(leaf).decode() for leaf in offered) if terms.keeper in theirs else (),
                cosigned=live.witness.note,
                refusals=(*live.refusals.of(theirs), *refused),
            )

    async def last_entry(self, live: LiveArrangement, author: str, mark: bytes) -> Leaf | None:
        """The author's last entry in our view of which these bytes are a part."""
        for leaf in reversed(live.record.tail):
            if leaf.entry.author == author and mark in encode(leaf):
                return leaf
        end = live.record.sealed.size
        while end > 0:
            stored = await self._repository.store.leaves(live.arrangement, max(0, end - READ_AT_ONCE), end)
            for leaf in (decode_leaf(line) for line in reversed(stored) if mark in line):
                if leaf.entry.author == author:
                    return leaf
            end -= READ_AT_ONCE
        return None

    @staticmethod
    def stood_by(live: LiveArrangement) -> str:
        """The head that we stand by: the one that we cosigned last, or a later one whose seal we have adopted. Raises
        NotFound."""
        sealed = live.record.sealed
        note = (sealed.checkpoint or "") if sealed.sealed_size > live.witness.size else live.witness.note
        if not note:
            raise NotFound("nothing-cosigned", "we have cosigned no head of this record yet")
        return note

    async def sealed_leaves(self, live: LiveArrangement, start: int = 0, most: int | None = None) -> list[bytes]:
        """The sealed leaves from `start` on, at most so many."""
        async with live.lock:  # what the record holds is stored
            size = live.record.sealed.size
            stop = size if most is None else min(size, start + most)
            return await self._repository.store.leaves(live.arrangement, start, stop)

    async def bundle(self, live: LiveArrangement) -> dict[str, bytes]:
        """The files of a bundle up to the last seal. Raises Misuse while there is none."""
        from armslength.wire.bundle import build  # a node that starts does not wait for it

        if not live.record.sealed.size:
            raise Misuse("nothing-sealed", "the record has no seal yet; wait until the keeper has sealed it")
        async with live.lock:  # what the record holds is stored
            sealed = live.record.sealed
            leaves = await self._repository.store.leaves(live.arrangement, 0, sealed.size)
            who, sign = live.record.me.actor, self._repository.keys["entries"].sign
            return await asyncio.to_thread(
                build, sealed, leaves, live.engagement.proposal.texts, who, sign
            )  # may take long

    async def sealed_head(self, arrangement: str, entries: Sequence[str] = (), author: str = "") -> SealedHead:
        """The last sealed head, for authors without a node, and proof of those of these entries that it covers; and of
        the last entry of this author."""
        live, included = await self._repository.open(arrangement), []
        async with live.lock:  # what the record holds is stored
            sealed, head = live.record.sealed, live.seen
            for name in dict.fromkeys((*entries[:MAX_ASKED], sealed.next_link(author)[1])):
                index = sealed.index_of(name)
                if index is not None and index < head.size:
                    (line,) = await self._repository.store.leaves(arrangement, index, index + 1)
                    path = tuple(map(to_base64, sealed.inclusion(index, head.size)))
                    included.append(InclusionProof(index=index, leaf=line.decode(), path=path))
        time = sealed.state.clock.tau
        return SealedHead(head=head, checkpoint=sealed.checkpoint or "", time=time, included=tuple(included))


async def _in_turns(steps: Generator[None, None, list[Leaf]]) -> list[Leaf]:
    """What comes of these steps; after a few of them others have their turn."""
    while True:
        for _ in range(PORTION):
            try:
                next(steps)
            except StopIteration as end:
                return list(end.value)
        await asyncio.sleep(0)


def _check_growth(kept: WitnessState, old: int, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> None:
    """Whether the checkpoint extends the head that we cosigned last. Raises Malformed, StaleCheckpoint
    or Refused "bad-proof"."""
    if old > checkpoint.size:
        raise Malformed("bad-old", f"the old size is {old}, the checkpoint's {checkpoint.size}", "old")
    if old != kept.size:
        raise StaleCheckpoint(kept.size)
    before = bytes.fromhex(kept.root) if old else b""
    good = verify_consistency(old, checkpoint.size, before, checkpoint.root, proof) if old else not proof
    if not good:
        raise Refused("bad-proof", f"does not extend the head of {old} leaves that we cosigned", "proof")
