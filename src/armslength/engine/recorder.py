"""Keeping a record: stamping and placing submissions, following the keeper, cosigning, and sealing.

Every answer is durable before it is given: a stamp, a place and a cosignature are promises.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Seal
from armslength.core.arrangement.terms import Actor
from armslength.core.record.checkpoint import ORIGIN, Checkpoint, parse_checkpoint
from armslength.core.record.cosignature import cosign, lower_median
from armslength.core.record.entry import Leaf, Refusal, Submission, entry_hash, leaf_of, sign_entry
from armslength.core.record.merkle import verify_consistency
from armslength.core.record.note import Note, Signature, parse, sign_note, verify_note
from armslength.core.record.roster import Roster
from armslength.core.record.seal import assemble, open_checkpoint, open_cosignature, quorum
from armslength.core.record.witness import AddCheckpoint, encode_cosignatures, parse_add_checkpoint, parse_cosignatures
from armslength.engine.author import Post
from armslength.engine.book import AHEAD, Owed
from armslength.engine.shelf import Kept, Open, Shelf
from armslength.errors import ArmslengthError, Malformed, NotFound, Refused, Repeat, Unauthorised, Unavailable
from armslength.ports import Clock, Peers
from armslength.wire.own import (
    BASE,
    MAX_BODY,
    MAX_LEAVES,
    Answer,
    Sealed,
    Synced,
    decode_answers,
    decode_synced,
    encode_leaves,
)
from armslength.wire.record import decode_leaf, encode

SEAL_AT_MOST: Final = 400  # leaves under one seal
# May come right by itself: never refused for good.
NOT_YET: Final = frozenset({"ahead", "no-stamp", "seen-mismatch", "too-many"})
LINGER_S: Final = 0.15  # how long the keeper waits for further cosignatures once there are enough
PATIENCE_S: Final = 5.0  # how long it waits for enough
SHOW_S: Final = 15.0  # how long one follower may take to take in what it lacks
RETRY_DEADLINE_S: Final = 1.0
QUIET_S: Final = 0.06  # entries that follow each other this closely share a seal …
HURRY_S: Final = 0.3  # … but none waits longer than this for the others


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
        self._sizes: dict[tuple[str, str], int] = {}  # how far each follower is
        self._arrived: dict[str, tuple[float, float]] = {}  # when the first and last unsealed entries came
        self._heard: dict[str, dict[str, tuple[int, int]]] = {}  # by arrangement and timekeeper: see `heard`
        self._reminded: dict[str, float] = {}  # when laggards were last asked to cosign the sealed head
        self._reminding: set[asyncio.Task[None]] = set()
        self._cosigned: dict[tuple[str, str], int] = {}  # the size that each timekeeper cosigned last
        self._tried: dict[str, tuple[int, float]] = {}  # deadlines that a seal did not reach, and when we tried

    def now(self, held: Open) -> int:
        """Our time for this arrangement; never less than a time that we gave."""
        return max(self._clock.now(simulated=held.terms.clock == "simulated"), held.kept.time)

    def heard(self, held: Open) -> dict[str, tuple[int, int]]:
        """When each timekeeper's last cosignature reached us in a seal, by our clock, and how far its clock then lay
        behind ours."""
        return self._heard.get(held.arrangement, {})

    def _hear(self, held: Open, leaves: Sequence[Leaf]) -> None:
        now, heard = self.now(held), self._heard.setdefault(held.arrangement, {})
        for leaf in leaves:
            if isinstance(leaf.entry.body, Seal):
                times = open_checkpoint(held.book.sealed.roster, leaf.entry.body.checkpoint).times
                heard.update({name: (now, max(0, now - time)) for name, time in times.items()})

    # --- what others ask ---------------------------------------------------------------------------------------

    async def submit(self, arrangement: str, leaves: Sequence[Leaf]) -> list[Answer]:
        """Answer submissions: our stamp, or why not. The keeper's refusals are signed and final."""
        held = await self._shelf.open(arrangement)
        async with held.lock:
            now, before = self.now(held), held.book.view.size
            waiting: set[str] = set()  # authors one of whose entries cannot be judged yet: what follows it waits too
            answers = [self._answer(held, leaf, now, waiting) for leaf in leaves]
            placed = held.book.view.size > before
            if placed or held.unsaved is not None or held.refusals.puts:
                await self._shelf.save(held, replace(held.kept, time=now), before if placed else None)
            if placed:
                moment = asyncio.get_running_loop().time()
                self._arrived[arrangement] = (self._arrived.get(arrangement, (moment,))[0], moment)
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
        refusal = book.refusal(submission, error)
        return refusal if held.refusals.add(entry, refusal, book.sealed.next_link(entry.author)[0]) else None

    async def sync(self, arrangement: str, caller: str, start: int, leaves: Sequence[Leaf]) -> Synced:
        """Take in the keeper's leaves from index `start`. What we stamped and miss in them is answered."""
        held = await self._shelf.open(arrangement)
        if caller != held.terms.actors[held.terms.keeper].did or held.book.me.keeper:
            raise Unauthorised("not-keeper", "only the keeper of this record sends leaves", "Authorization")
        async with held.lock:
            before = held.book.sealed.size
            if start > before:
                return Synced(sealed=before, size=before, missing=())
            missing = held.book.offer(start, leaves, self.now(held))
            if held.book.sealed.size > before:
                await self._shelf.save(held, from_size=before)
                covered = leaves[: held.book.sealed.size - start]  # what follows may still be reordered or dropped
                await held.author.sealed(entry_hash(leaf.entry) for leaf in covered)
                self._hear(held, covered)
            size = held.book.offered.replica.size if held.book.offered else before
            lines = tuple(encode(leaf).decode() for leaf in missing)
            return Synced(sealed=held.book.sealed.size, size=size, missing=lines)

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
        owed: Owed | None = None
        while owed is None or await self._was_refused(held, owed.leaf):
            async with held.lock:
                _check_growth(held.kept, request.old, checkpoint, request.proof)
                try:
                    return encode_cosignatures((await self._cosign(held, note),))
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
            refused = any(held.book.is_keepers(said.refusal, name) for said in decode_answers(answer))
        except ArmslengthError:
            return False
        if refused:
            async with held.lock:
                held.book.drop(name)
                await self._shelf.save(held, from_size=held.book.sealed.size)
        return refused

    async def _cosign(self, held: Open, note: Note) -> Signature:
        """Our cosignature; what we cosigned is stored first. Call it under the lock."""
        now, kept = self.now(held), held.kept
        written = [leaf_of(each.submission, each.stamps) for each in await held.author.pending()]
        checkpoint = held.book.may_cosign(note.text, now, kept.size, kept.root, written)
        key = self._shelf.keys["checkpoints"]
        signature = cosign(note.text, now, self._shelf.did, key.public, key.sign)
        cosigned = Note(note.text, (note.signatures[0], signature)).encode()
        kept = Kept(time=now, size=checkpoint.size, root=checkpoint.root.hex(), note=cosigned)
        await self._shelf.save(held, kept)
        return signature

    async def sealed_head(self, arrangement: str) -> Sealed:
        """The last sealed head, for authors without a node."""
        held = await self._shelf.open(arrangement)
        return Sealed(
            head=held.seen, checkpoint=held.book.sealed.checkpoint or "", time=held.book.sealed.state.clock.tau
        )

    # --- the keeper --------------------------------------------------------------------------------------------

    def pause(self, held: Open) -> float:
        """How many seconds the next seal waits for further entries."""
        if held.arrangement not in self._arrived or not held.book.tail:
            return 0.0
        first, last = self._arrived[held.arrangement]
        return max(0.0, min(last + QUIET_S, first + HURRY_S) - asyncio.get_running_loop().time())

    def is_behind(self, held: Open) -> bool:
        """Whether there is something to seal: entries after the last seal, or a deadline that has come."""
        return bool(held.book.tail) or self._deadline(held) is not None

    def is_due(self, held: Open) -> bool:
        """Whether to try to seal now: a deadline that a seal did not reach is tried again after a while."""
        if held.book.tail:
            return True
        deadline, tried = self._deadline(held), self._tried.get(held.arrangement)
        if deadline is None or tried is None or tried[0] != deadline:
            return deadline is not None
        return asyncio.get_running_loop().time() - tried[1] > RETRY_DEADLINE_S

    def _deadline(self, held: Open) -> int | None:
        """The next deadline, if it has come and the record has begun."""
        deadline = step.next_deadline(held.terms, held.book.sealed.state)
        has_come = deadline is not None and deadline <= self.now(held) and held.book.sealed.size > 0
        return deadline if has_come else None

    async def round(self, held: Open, post: Post) -> bool:
        """One attempt to seal what is there. True if a seal was placed.

        The keeper writes nothing else meanwhile: a seal must not take a number that an entry of ours has.
        """
        if not self.is_due(held):
            return False
        async with held.writing:
            if not await self._own_are_placed(held, post):
                return False
            self._arrived.pop(held.arrangement, None)
            deadline = self._deadline(held)
            if not held.book.tail and deadline is not None:
                self._tried[held.arrangement] = (deadline, asyncio.get_running_loop().time())
            followers = self._followers(held)
            timekeepers = {name: actor for name, actor in followers.items() if name in held.terms.timekeepers.of}
            size = await self._gather_missing(held, timekeepers)
            note = await self._collect(held, timekeepers, size)
            if note is None:
                return False
            await self._place_seal(held, note, size)
        await self.push(held)
        return True

    async def _own_are_placed(self, held: Open, post: Post) -> bool:
        """Whether every entry that we signed is in our view or refused; sends those that are not."""
        pending = await held.author.pending()
        if any(held.book.view.index_of(entry_hash(each.entry)) is None for each in pending):
            try:
                await self.push(held)
                await held.author.send(post)
            except Unavailable:
                return False
            pending = await held.author.pending()
        return all(held.book.view.index_of(entry_hash(each.entry)) is not None for each in pending)

    def _portion_size(self, held: Open) -> int:
        """How many leaves the next seal covers: our own entries must all be among them."""
        book = held.book
        mine = [index for index, leaf in enumerate(book.tail) if leaf.entry.author == book.me.actor]
        return book.sealed.size + max(min(len(book.tail), SEAL_AT_MOST), mine[-1] + 1 if mine else 0)

    async def _gather_missing(self, held: Open, timekeepers: dict[str, Actor]) -> int:
        """Show the head to the timekeepers and take in what they have stamped and miss, until nothing is missing.

        Returns the size of the head that they have seen last; entries that came meanwhile wait for the next seal.
        """
        size = 0
        for _ in range(3):
            size = self._portion_size(held)
            missing = await self._show(held, timekeepers, size)
            missing = [leaf for leaf in missing if held.refusals.get(entry_hash(leaf.entry)) is None]
            if not missing:
                break
            async with held.lock:
                before = held.book.tail
                held.book.merge(missing, self.now(held))
                if held.book.tail != before:
                    await self._shelf.save(held, replace(held.kept, time=self.now(held)), held.book.sealed.size)
        return min(size, held.book.view.size)

    def _followers(self, held: Open) -> dict[str, Actor]:
        """Everyone else with a node: by actor."""
        me = held.book.me.actor
        return {name: actor for name, actor in held.terms.actors.items() if name != me and actor.address and actor.did}

    async def _show(self, held: Open, followers: dict[str, Actor], size: int) -> list[Leaf]:
        """Send the leaves below `size` to these followers; what they miss in them."""
        results = await asyncio.gather(
            *(self._show_one(held, name, actor, size) for name, actor in followers.items()), return_exceptions=True
        )
        missing: list[Leaf] = []
        for result in results:
            if isinstance(result, list):
                missing += result
            elif not isinstance(result, ArmslengthError):
                raise result
        return missing

    async def _show_one(self, held: Open, name: str, actor: Actor, size: int) -> list[Leaf]:
        """Bring one follower up to `size`: sealed leaves first, in portions that each end in a seal or at `size`.

        It may take its time, but not ours: what it has not taken by then is shown another time.
        """
        place, back = (held.arrangement, name), False
        try:
            async with asyncio.timeout(SHOW_S):
                while True:
                    start = self._sizes.get(place, 0)
                    leaves = await self._portion(held, start, size)
                    path = f"{BASE}/sync/{held.arrangement}?start={start}"
                    answer = decode_synced(await self._peers.post(actor.did or "", actor.address or "", path, leaves))
                    self._sizes[place] = min(answer.sealed, held.book.sealed.size)
                    if answer.size >= size:
                        return [decode_leaf(line.encode()) for line in answer.missing]
                    if answer.sealed <= start and (back or answer.sealed == start):
                        raise Unavailable("stuck", f"{name} does not take leaves from {start} on", name)
                    back = back or answer.sealed < start
        except TimeoutError:
            raise Unavailable("slow", f"{name} is slow to take leaves", name) from None

    async def _portion(self, held: Open, start: int, size: int) -> bytes:
        """Leaves from `start` on, as many as go into one message: at least up to the next seal, or to `size`."""
        stop = min(size, start + MAX_LEAVES)
        async with held.lock:
            sealed = held.book.sealed.size
            tail = held.book.tail[max(0, start - sealed) : max(0, stop - sealed)]
        stored = await self._shelf.store.leaves(held.arrangement, start, min(stop, sealed)) if start < sealed else []
        lines = [*stored, *(encode(leaf) for leaf in tail)]
        sizes = accumulate(len(line) + 1 for line in lines)
        return b"".join(line + b"\n" for line, total in zip(lines, sizes, strict=True) if total <= MAX_BODY)

    async def _collect(self, held: Open, timekeepers: dict[str, Actor], size: int) -> Note | None:
        """Have the head of `size` leaves cosigned. None without a quorum."""
        roster = held.book.sealed.roster
        key = self._shelf.keys["checkpoints"]
        async with held.lock:
            root = bytes.fromhex(held.book.view.head_at(size).tree_root)
            text = Checkpoint(roster.origin, size, root).text
            log = sign_note(text, roster.origin, key.public, key.sign)
            mine = await self._cosign(held, Note(text, (log,)))
            held.book.fix(size)
        got: dict[str, Signature] = {held.book.me.actor: mine}
        times = {held.book.me.actor: open_cosignature(roster, text, mine)[1]}
        note = Note(text, (log,))
        asked = [asyncio.create_task(self._ask(held, name, note, size)) for name in timekeepers]
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        pending: set[asyncio.Task[tuple[Signature, ...]]] = set(asked)
        try:
            while pending and loop.time() < until:
                done, pending = await asyncio.wait(pending, timeout=until - loop.time(), return_when="FIRST_COMPLETED")
                for task in done:
                    for actor, (line, time) in _cosigners(roster, text, task).items():
                        got[actor], times[actor] = line, time
                # Clocks that lag may answer first, and hold time back: then the others are worth the wait.
                if pending and quorum(held.terms, got) and lower_median(list(times.values())) >= self.now(held) - AHEAD:
                    until = min(until, loop.time() + LINGER_S)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return assemble(roster, text, log, got) if quorum(held.terms, got) else None

    async def _ask(self, held: Open, name: str, note: Note, size: int) -> tuple[Signature, ...]:
        """A timekeeper's answer; once more if it has cosigned another head last than we thought."""
        actor, place = held.terms.actors[name], (held.arrangement, name)
        for last_try in (False, True):
            old = self._cosigned.get(place, 0)
            proof = tuple(held.book.view.consistency(old, size)) if 0 < old < size else ()
            body = AddCheckpoint(old, proof, note).encode().encode()
            try:
                answer = await self._peers.post(actor.did or "", actor.address or "", f"{BASE}/add-checkpoint", body)
                self._cosigned[place] = size
                return parse_cosignatures(answer.decode("utf-8", "replace"))
            except Refused:
                self._cosigned[place] = await self._last_cosigned(held, actor)
                if last_try or self._cosigned[place] == old:
                    raise
        return ()

    async def _last_cosigned(self, held: Open, actor: Actor) -> int:
        """The size of the head that a timekeeper cosigned last."""
        try:
            note = await self._peers.get(actor.did or "", actor.address or "", f"{BASE}/cosigned/{held.arrangement}")
        except NotFound:
            return 0
        return open_checkpoint(held.book.sealed.roster, note).checkpoint.size

    async def _place_seal(self, held: Open, note: Note, size: int) -> None:
        async with held.lock:
            book = held.book
            head = book.view.head_at(size)
            link = book.view.next_link(book.me.actor)  # nothing of ours lies beyond `size`
            body = Seal(checkpoint=note.encode(), state_root=head.state_root)
            entry = held.author.compose(body, head, link)
            signed = sign_entry(entry, book.me.sign)
            placed = book.seal(leaf_of(signed, ()))
            await self._shelf.save(held, replace(held.kept, time=self.now(held)), size)
            await held.author.sealed(entry_hash(leaf.entry) for leaf in placed)
            self._hear(held, placed)

    def remind(self, held: Open) -> None:
        """Ask timekeepers that have not cosigned the last sealed head to do so still, now and then and in the
        background: their heads vouch for releases, though the seal does without them."""
        sealed, now = held.book.sealed, asyncio.get_running_loop().time()
        if sealed.checkpoint is None or now < self._reminded.get(held.arrangement, 0.0) + RETRY_DEADLINE_S:
            return
        note = parse(sealed.checkpoint)
        size = parse_checkpoint(note.text).size
        names = [name for name in held.terms.timekeepers.of if name != held.book.me.actor]
        late = [name for name in names if self._cosigned.get((held.arrangement, name), 0) < size]
        self._reminded[held.arrangement] = now
        for name in late:
            task = asyncio.create_task(self._remind_one(held, name, Note(note.text, note.signatures[:1]), size))
            self._reminding.add(task)
            task.add_done_callback(self._reminding.discard)

    async def _remind_one(self, held: Open, name: str, note: Note, size: int) -> None:
        with contextlib.suppress(ArmslengthError):
            await self._ask(held, name, note, size)

    async def push(self, held: Open) -> None:
        """Bring every follower up to the last seal; those that do not answer are tried again later."""
        size = held.book.sealed.size
        behind = {
            name: actor
            for name, actor in self._followers(held).items()
            if self._sizes.get((held.arrangement, name), 0) < size
        }
        await self._show(held, behind, size)


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


def _cosigners(
    roster: Roster, text: str, task: asyncio.Task[tuple[Signature, ...]]
) -> dict[str, tuple[Signature, int]]:
    """The valid cosignatures in an answer and their times, by actor; none from one that refused or did not answer."""
    found: dict[str, tuple[Signature, int]] = {}
    try:
        for line in task.result():
            actor, time = open_cosignature(roster, text, line)
            found[actor] = line, time
    except ArmslengthError:
        return {}
    return found
