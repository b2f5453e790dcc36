"""Keeping a record: gathering what was submitted, having its head cosigned, sealing it, and pushing it to the others.

A seal waits for nobody who is not needed for it: once there are enough timekeepers for a quorum, the others have a
moment to join in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from armslength.core.arrangement.bodies import Seal
from armslength.core.record.checkpoint import Checkpoint, parse_checkpoint
from armslength.core.record.cosignature import lower_median
from armslength.core.record.entry import Leaf, entry_hash, leaf_of, sign_entry
from armslength.core.record.note import Note, Signature, parse, sign_note
from armslength.core.record.roster import Roster
from armslength.core.record.seal import assemble, open_cosignature
from armslength.engine.backoff import Wait, in_time
from armslength.engine.follower import SLOW, Follower
from armslength.engine.local_record import AHEAD
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.errors import ArmslengthError, Unavailable
from armslength.ports import Peers

SEAL_AT_MOST: Final = 400  # leaves under one seal
TIMEOUT_S: Final = 5.0  # how long the keeper waits for enough timekeepers to take leaves, and to cosign
LOOK_LINGER_S: Final = 0.5  # how long it then waits for the others to take leaves …
LINGER_S: Final = 0.15  # … and to cosign
QUIET_S: Final = 0.06  # entries that follow each other this closely share a seal …
LONGEST_WAIT_S: Final = 0.3  # … but none waits longer than this for the others
WHILE_RUNNING_S: Final = 60.0  # whoever runs in the background says so when it ends


class Keeper:
    """The arrangements of which one node keeps the record."""

    def __init__(self, repository: Repository, peers: Peers, recorder: Recorder) -> None:
        self._repository = repository
        self._peers = peers
        self._recorder = recorder

    def followers(self, live: LiveArrangement) -> dict[str, Follower]:
        """Everyone else with a node, by actor."""
        if live.followers is None:
            actors, me, repository = live.terms.actors, live.record.me.actor, self._repository
            names = [name for name, actor in actors.items() if name != me and actor.address and actor.did]
            readiness = self._recorder.readiness
            live.followers = {
                n: Follower(live, n, repository.store, self._peers, readiness, repository.schedule.call) for n in names
            }
        return live.followers

    def _timekeepers(self, live: LiveArrangement) -> list[Follower]:
        return [each for name, each in self.followers(live).items() if name in live.terms.timekeepers.of]

    @staticmethod
    async def close(live: LiveArrangement) -> None:
        """End what is under way for an arrangement, and forget where its followers stand."""
        followers, live.followers = live.followers or {}, None
        for each in followers.values():
            await each.stop()

    # --- when ----------------------------------------------------------------------------------------------------

    def left(self, live: LiveArrangement) -> list[Wait]:
        """What is still to be done, and what it waits for: nothing if nothing is."""
        found = self._seal_waits(live) if self._recorder.is_behind(live) else []
        sealed = live.record.sealed
        for each in self.followers(live).values():
            lacks = not each.has(sealed.size)
            owes = each.name in live.terms.timekeepers.of and each.cosigned < sealed.sealed_size - 1
            if each.is_running:
                found.append(Wait(WHILE_RUNNING_S))
            elif lacks or owes:
                seconds = max(each.pause.left, 0.0 if lacks else each.reminder.left)
                found.append(Wait(seconds, each.pause.did if each.pause.is_silent else None))
        return found

    def _seal_waits(self, live: LiveArrangement) -> list[Wait]:
        """The next seal waits for its moment; or for a peer, if there is no quorum without those that are silent."""
        wait = Wait(max(self.pause(live), live.backoffs.seal.left))
        timekeepers = self._timekeepers(live)
        there = [each for each in timekeepers if not each.pause.is_silent]
        if live.arrived is not None or self._is_quorum(live, there):
            return [wait]
        return [Wait(wait.seconds, each.pause.did) for each in timekeepers if each.pause.is_silent] or [wait]

    def pause(self, live: LiveArrangement) -> float:
        """How many seconds the next seal waits for further entries."""
        if live.arrived is None or not live.record.tail:
            return 0.0
        first, last = live.arrived
        return max(0.0, min(last + QUIET_S, first + LONGEST_WAIT_S) - asyncio.get_running_loop().time())

    def is_due(self, live: LiveArrangement) -> bool:
        """Whether to try to seal now: what did not succeed is tried again after a while, or once more has come."""
        return self._recorder.is_behind(live) and (live.arrived is not None or live.backoffs.seal.is_over)

    # --- sealing ---------------------------------------------------------------------------------------------------

    async def round(self, live: LiveArrangement) -> bool:
        """One attempt to seal what is there. True if a seal was placed.

        The keeper writes nothing else meanwhile: a seal must not take a number that an entry of ours has.
        """
        async with live.writing:
            if not self.is_due(live) and not (live.backoffs.seal.is_over and await self._is_unplaced(live)):
                return False
            live.arrived = None
            live.backoffs.seal.grow()
            size, shown = await self._gather_missing(live)
            if await self._is_unplaced(live):
                return False  # ours go first; what the others know and we did not may tell why they are not stamped
            note = await self._collect(live, shown, size) if self._is_quorum(live, shown) else None
            if note is None:
                live.backoffs.seal.tell(
                    f"too few timekeepers have cosigned it: it takes {live.terms.timekeepers.count}"
                )
                return False
            await self._place_seal(live, note, size)
        live.backoffs.own.end()
        live.backoffs.seal.end()
        self.push(live)
        return True

    @staticmethod
    async def _is_unplaced(live: LiveArrangement) -> bool:
        """Whether an entry of ours waits to be placed: its number is taken."""
        pending = await live.journal.pending()
        return any(live.record.view.index_of(entry_hash(each.entry)) is None for each in pending)

    @staticmethod
    def _is_quorum(live: LiveArrangement, others: Iterable[Follower]) -> bool:
        """Whether we and these suffice for a seal."""
        return live.terms.timekeepers.met(live.terms.actors, {live.record.me.actor, *(each.name for each in others)})

    def _portion_size(self, live: LiveArrangement) -> int:
        """How many leaves the next seal covers: our own entries must all be among them."""
        record = live.record
        mine = [index for index, leaf in enumerate(record.tail) if leaf.entry.author == record.me.actor]
        return record.sealed.size + max(min(len(record.tail), SEAL_AT_MOST), mine[-1] + 1 if mine else 0)

    async def _gather_missing(self, live: LiveArrangement) -> tuple[int, list[Follower]]:
        """Show the head to the timekeepers and take in what they have stamped and miss, until nothing is missing.

        Returns the size of the head that they have seen last, and who has; entries that came meanwhile wait for the
        next seal.
        """
        size, shown = 0, list[Follower]()
        for _ in range(3):
            size = self._portion_size(live)
            shown, missing = await self._reach(live, self._timekeepers(live), size)
            missing = [leaf for leaf in missing if live.refusals.get(entry_hash(leaf.entry)) is None]
            if not missing:
                break
            async with live.lock:
                before = live.record.tail
                live.record.merge(missing, self._recorder.now(live))
                if live.record.tail != before:
                    kept = replace(live.witness, time=self._recorder.now(live))
                    await self._repository.save(live, kept, live.record.sealed.size)
                    live.backoffs.own.end()  # what waits is judged again
        return min(size, live.record.view.size), shown

    async def _reach(self, live: LiveArrangement, whom: list[Follower], size: int) -> tuple[list[Follower], list[Leaf]]:
        """Show the leaves below `size` to these timekeepers. Who has taken them in, and what they miss.

        Those that have just failed are passed over, and whoever is late is left behind once there is a quorum.
        """
        clock = asyncio.get_running_loop().time
        asked, began = {asyncio.create_task(each.show(size)): each for each in whom if each.pause.is_over}, clock()

        def shown(ended: set[asyncio.Task[list[Leaf]]]) -> list[Follower]:
            return [asked[task] for task in ended if task.exception() is None]

        done = await in_time(asked, TIMEOUT_S, LOOK_LINGER_S, lambda ended: self._is_quorum(live, shown(ended)))
        for task in asked.keys() - done:
            asked[task].pause.late(SLOW, clock() - began)
        return shown(done), [leaf for task in done if task.exception() is None for leaf in task.result()]

    async def _collect(self, live: LiveArrangement, timekeepers: list[Follower], size: int) -> Note | None:
        """Have the head of `size` leaves cosigned. None without a quorum."""
        roster = live.record.sealed.roster
        key = self._repository.keys["checkpoints"]
        async with live.lock:
            root = bytes.fromhex(live.record.view.head_at(size).tree_root)
            text = Checkpoint(roster.origin, size, root).text
            log = sign_note(text, roster.origin, key.public, key.sign)
            mine = await self._recorder.cosign(live, Note(text, (log,)))
            live.record.fix(size)
        ours = {live.record.me.actor: (mine, open_cosignature(roster, text, mine)[1])}
        asked = [asyncio.create_task(each.cosign(Note(text, (log,)), size)) for each in timekeepers]

        def is_enough(ended: set[asyncio.Task[tuple[Signature, ...]]]) -> bool:
            # Clocks that lag may answer first, and hold time back: then the others are worth the wait.
            got = ours | _cosigners(roster, text, ended)
            on_time = lower_median([time for _, time in got.values()]) >= self._recorder.now(live) - AHEAD
            return live.terms.timekeepers.met(live.terms.actors, got) and on_time

        got = ours | _cosigners(roster, text, await in_time(asked, TIMEOUT_S, LINGER_S, is_enough))
        lines = {actor: line for actor, (line, _) in got.items()}
        return assemble(roster, text, log, lines) if live.terms.timekeepers.met(live.terms.actors, got) else None

    async def _place_seal(self, live: LiveArrangement, note: Note, size: int) -> None:
        async with live.lock:
            if live.silence is not None:  # it may have come up meanwhile
                raise Unavailable("silent", live.silence)
            record = live.record
            head = record.view.head_at(size)
            link = record.view.next_link(record.me.actor)  # nothing of ours lies beyond `size`
            body = Seal(checkpoint=note.encode(), state_root=head.state_root)
            entry = live.journal.compose(body, head, link)
            signed = sign_entry(entry, record.me.sign)
            placed = record.seal(leaf_of(signed, ()))
            await self._repository.save(live, replace(live.witness, time=self._recorder.now(live)), size)
            await live.journal.sealed(entry_hash(leaf.entry) for leaf in placed)
            self._recorder.note_cosignatures(live, placed)

    # --- followers -------------------------------------------------------------------------------------------------

    async def prepare(self, live: LiveArrangement) -> None:
        """See that enough timekeepers know our last seal: only then can they stamp what follows it."""
        size = live.record.sealed.size
        lacking = [each for each in self._timekeepers(live) if not each.has(size)]
        if lacking:
            await self._reach(live, lacking, size)

    def push(self, live: LiveArrangement) -> None:
        """Bring every follower up to the last seal, in the background; those that fail are tried again later."""
        for each in self.followers(live).values():
            each.push()

    def remind(self, live: LiveArrangement) -> None:
        """Ask timekeepers that have not cosigned the last sealed head to do so still, now and then and in the
        background: their heads vouch for releases, though the seal does without them."""
        sealed = live.record.sealed
        lacking = [each for each in self._timekeepers(live) if each.cosigned < sealed.sealed_size - 1]
        if sealed.checkpoint is None or not lacking:
            return
        note = parse(sealed.checkpoint)
        for each in lacking:
            each.remind(Note(note.text, note.signatures[:1]), parse_checkpoint(note.text).size)


def _cosigners(
    roster: Roster, text: str, answers: Iterable[asyncio.Task[tuple[Signature, ...]]]
) -> dict[str, tuple[Signature, int]]:
    """The valid cosignatures in these answers and their times, by actor; none from who refused or did not answer."""
    found: dict[str, tuple[Signature, int]] = {}
    for task in answers:
        try:
            found |= {
                who: (line, time) for line in task.result() for who, time in (open_cosignature(roster, text, line),)
            }
        except ArmslengthError:
            continue
    return found
