"""A node at work: for each arrangement in which something is to be done one task seals what we keep, acts where the
record asks us to, and sends what we have written. Where nothing is, there is no task: `engine.schedule` says when there
will be, and whatever changes an arrangement wakes it.

Web, command line, timers and deliveries only make inputs for what is here; everything durable happens in the
repository, the recorder, the exchange, the writer and the tranches.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

from armslength.core.arrangement.tables import ENDED
from armslength.core.arrangement.terms import Actor
from armslength.core.record import evidence
from armslength.core.record.entry import Leaf, Submission, entry_hash
from armslength.engine import name_index, schedule
from armslength.engine.backoff import Backoff, Wait, cancelled, woken_within
from armslength.engine.catchup import LONGEST_S as SILENCE_S
from armslength.engine.catchup import SILENCE
from armslength.engine.greeting import greet
from armslength.engine.keeper import Keeper
from armslength.engine.proposals import Proposals
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.tranches import LiveTranches
from armslength.engine.transport import NodeTransport
from armslength.engine.troubles import advice
from armslength.engine.writer import Writer, is_unsent, silent_keeper
from armslength.errors import ArmslengthError, NotFound, Unavailable
from armslength.ports import Clock, Peers
from armslength.wire.own import BASE, IdleReport, SubmissionAnswer, Trouble, decode_idle

LOOK_S: Final = 0.5  # the least between two looks at an arrangement in which nothing moves
LONGEST_S: Final = 60.0  # and the most, while something is left to do there
IDLE_AFTER_S: Final = 1.0  # how long nothing has been left to do before an arrangement is idle
TICK_S: Final = 5.0  # between looks at the clock: it may leap
CLOCK_JUMP_S: Final = 2.0
RECHECK_S: Final = 60.0  # between looks whether it was right to leap …
PORTION: Final = 20  # arrangements that are begun at once …
PACE_S: Final = 0.25  # … and how long after each other, where there are more
LOOKED_AT: Final = 3  # … at so many arrangements

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """The work on one arrangement, and what wakes it."""

    task: asyncio.Task[None]
    woken: asyncio.Event


class Observer(Protocol):
    """Whoever looks at an arrangement when its turn is over, and at an instant of its clock that it names (`notify`).

    It changes nothing of the arrangement."""

    async def look(self, live: LiveArrangement) -> None:
        """Look; cheap if nothing has happened since."""
        ...

    def instant(self, live: LiveArrangement) -> int | None:
        """When to look again though nobody says anything."""
        ...

    def let_go(self, live: LiveArrangement) -> None:
        """Nobody needs the arrangement now, or we have forgotten it."""
        ...


class Nobody:
    """Looks at nothing."""

    async def look(self, live: LiveArrangement) -> None:
        """Return."""

    def instant(self, live: LiveArrangement) -> int | None:
        """Never."""

    def let_go(self, live: LiveArrangement) -> None:
        """Nothing."""


class Node:
    """One node. `run` until cancelled."""

    def __init__(
        self,
        recorder: Recorder,
        keeper: Keeper,
        tranches: LiveTranches,
        writer: Writer,
        repository: Repository,
        peers: Peers,
        proposals: Proposals,
        clock: Clock,
    ) -> None:
        self.recorder = recorder
        self.keeper = keeper
        self.tranches = tranches
        self.writer = writer
        self.repository = repository
        self.proposals = proposals
        self.observer: Observer = Nobody()
        self._peers = peers
        self._working: dict[str, Work] = {}  # by arrangement, opened or not
        self._clock = clock
        self._probes: dict[str, str] = {}  # the arrangement in which a silent peer is tried, by its DID
        self._has_more = False  # is ripe than was begun at once
        self.turns = 0  # looks at an arrangement so far
        repository.on_close = self._closed
        repository.troubles.on_answer = self._reached

    async def answered(self, did: str) -> None:
        """A peer is up: what waits for it is sent at once."""
        self.repository.troubles.answered(did)
        named = [name async for _, name in self.repository.names.naming(did) if name in self._working]
        async for live in self.repository.opened(dict.fromkeys(named)):
            for name, actor in live.terms.actors.items():
                if actor.did == did and live.backoffs.answered(name):
                    self.repository.schedule.call(live.arrangement)

    def _reached(self, did: str) -> None:
        """A peer can be reached again: whatever waits for it goes on."""
        for arrangement in self.repository.schedule.waiting(did):
            self.repository.schedule.resume(arrangement)
        for arrangement, work in self._working.items():
            live = self.repository.peek(arrangement)
            if live is not None and any(actor.did == did for actor in live.terms.actors.values()):
                live.backoffs.retry()
                work.woken.set()
        self.repository.schedule.woken.set()

    async def submit_for(self, live: LiveArrangement, leaves: list[Leaf]) -> list[SubmissionAnswer]:
        """Bring statements of somebody who has no node to the keeper; its answers. Raises Unavailable."""
        mine = (live.record.me.actor, self.recorder)
        transport = NodeTransport(live.terms, live.arrangement, self._peers, mine, live.backoffs)
        return await transport.submit(live.terms.keeper, leaves)

    # --- the work --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled: on each arrangement by itself, so that none waits for the peers of another."""
        loop = asyncio.get_running_loop()
        ahead = self._clock.now(simulated=False) - loop.time()
        doubt = 0.0  # when the machine's clock was last found to have leapt
        greeting = asyncio.create_task(greet(self.repository.names, self._peers, self.repository.did))
        try:
            while True:
                self._look_at(self.repository.schedule.called())
                self._begin_ripe()
                await woken_within(self.repository.schedule.woken, self._until_ripe())
                was_ahead, ahead = ahead, self._clock.now(simulated=False) - loop.time()
                if abs(ahead - was_ahead) > CLOCK_JUMP_S:  # whoever waits for an instant waits anew
                    self.repository.schedule.call()
                if (
                    self._clock.wall() > self._clock.now(simulated=False) + CLOCK_JUMP_S
                    and loop.time() >= doubt + RECHECK_S
                ):
                    doubt = loop.time()
                    self._find_out()
        finally:
            await cancelled([greeting, *(work.task for work in self._working.values())])
            await self.tranches.stop()

    def _look_at(self, called: set[str]) -> None:
        """Look at what was called, at all that is under way if that is everything."""
        for arrangement in called:
            if arrangement and arrangement not in self._working:
                self._begin(arrangement)
        for arrangement, work in self._working.items():
            if arrangement in called or "" in called:
                work.woken.set()

    def _begin_ripe(self) -> None:
        """Begin with what is ripe, a portion at a time; and try each silent peer whose pause is over in one of the
        arrangements that wait for it."""
        schedule, troubles = self.repository.schedule, self.repository.troubles
        for did in schedule.waited_for():
            if troubles.peer(did).is_over and self._probes.get(did) not in self._working:
                self._probes[did] = schedule.waiting(did)[0]
                schedule.resume(self._probes[did])
        ripe = sorted(schedule.ripe(self._clock) - self._working.keys())
        for arrangement in ripe[:PORTION]:
            self._begin(arrangement)
        self._has_more = len(ripe) > PORTION

    def _find_out(self) -> None:
        """If the machine's clock is right, something is due that is not by the time that we believe: looking at a few
        of those asks the others which it is."""
        for arrangement in self.repository.schedule.upcoming(self._clock.wall(), LOOKED_AT):
            self._begin(arrangement)

    def _until_ripe(self) -> float:
        """Seconds until the next instant, or the end of a pause; the machine's clock is looked at now and then, since
        it may leap."""
        schedule, troubles = self.repository.schedule, self.repository.troubles
        waits = [left for did in schedule.waited_for() if (left := troubles.peer(did).left)]
        if (instant := schedule.next_instant()) is not None:
            waits.append(instant - self._clock.now(simulated=False))
        if self._has_more:
            waits.append(PACE_S)
        return max(0.1, min([TICK_S, *waits]))

    def _begin(self, arrangement: str) -> None:
        if arrangement not in self._working:
            self.repository.schedule.resume(arrangement)
            woken = asyncio.Event()
            self._working[arrangement] = Work(asyncio.create_task(self._work(arrangement, woken)), woken)

    async def _work(self, arrangement: str, woken: asyncio.Event) -> None:
        """Work on one arrangement until nothing is left to do there."""
        is_idle, is_over = False, False
        trouble = self.repository.troubles.at("work", "", arrangement)
        try:
            while not is_over:
                woken.clear()
                since, wait = self.repository.schedule.moves(arrangement), None
                try:
                    live = await self.repository.open(arrangement)
                    wait, whom = await self._look(live)
                    is_over = live.forgotten or (wait is None and is_idle and await self._settle(live, since, whom))
                    trouble.end()
                except NotFound:  # it has been declined, or names us with another key than ours
                    is_over = await self.repository.schedule.settle(schedule.row(arrangement), since)
                except Exception as error:  # noqa: BLE001  trouble here must not end the work
                    wait = self._failed(arrangement, error, trouble)
                if not is_over and wait != 0.0:
                    was_woken = await woken_within(woken, IDLE_AFTER_S if wait is None else wait)
                    is_idle = wait is None and not was_woken
        finally:
            del self._working[arrangement]
            used = self.repository.peek(arrangement)
            if used is not None and not (is_over and self.repository.is_kept(arrangement)):
                await self.keeper.close(used)
                self._closed(used)

    def _failed(self, arrangement: str, error: Exception, trouble: Backoff) -> float:
        """Something came in the way of our work; for how many seconds it is left alone."""
        silence = self.repository.troubles.at(SILENCE, "", arrangement, longest=SILENCE_S)
        if isinstance(error, Unavailable) and silence.reason:  # that is told, and tried again, for itself
            return max(LOOK_S, silence.left)
        log.warning("%s: %s", arrangement[:12], error, exc_info=_unexpected(error))
        trouble.fail(str(error), advice(error))
        return trouble.left

    async def _look(self, live: LiveArrangement) -> tuple[float | None, frozenset[str]]:
        """One turn; for how many seconds the next may wait, None if nothing is left to do but what waits for these
        silent peers."""
        pause = self.keeper.pause(live)  # looked at first: during the turn it may run out
        if await self._turn(live):
            return 0.0, frozenset()
        await self.observer.look(live)
        if pause:
            return pause, frozenset()
        waits = self.keeper.left(live) if live.record.me.keeper else []
        if await is_unsent(live):
            waits.append(Wait(live.backoffs.own.left, silent_keeper(live)))
        if live.record.conflicts or live.unsaved is not None:
            waits.append(Wait(TICK_S))
        if live.record.sealed.size:
            waits += map(Wait, await self.tranches.left(live))
        if all(each.whom for each in waits):
            return None, frozenset(each.whom for each in waits if each.whom)
        seconds, instant = [each.seconds for each in waits], await self._next_instant(live)
        if instant is not None and live.terms.clock == "utc":
            seconds.append(float(max(0, instant - self.recorder.now(live))))
        return min(LONGEST_S, max(LOOK_S, min(seconds))), frozenset()

    async def _next_instant(self, live: LiveArrangement) -> int | None:
        """When there will be something to do here though nobody says anything."""
        deadline = self.recorder.next_deadline(live) if live.record.me.keeper else None
        instants = (deadline, await self.tranches.next_embargo(live), self.observer.instant(live))
        return min((each for each in instants if each), default=None)

    async def _settle(self, live: LiveArrangement, since: int, whom: frozenset[str]) -> bool:
        """Nothing is left to do here until the next instant, or until one of these silent peers can be reached; False
        if something has just happened."""
        instant = await self._next_instant(live)
        tag, is_simulated = schedule.TO_SIGN if live.asks_to_sign else "", live.terms.clock == "simulated"
        put = schedule.row(live.arrangement, instant, simulated=is_simulated, tag=tag)
        if whom:
            return await self.repository.schedule.park(put, since, whom)
        has_ended = live.record.sealed.state.arrangement.phase in ENDED
        also = name_index.ended(live.arrangement, live.terms) if has_ended and not live.ended else None
        if not await self.repository.schedule.settle(put, since, also):
            return False
        live.ended = has_ended
        if instant is not None and instant < self.recorder.now(live) + TICK_S:
            self.repository.schedule.woken.set()
        return True

    def _closed(self, live: LiveArrangement) -> None:
        """Let go of what is only known while an arrangement is in use: nobody needs it now, and all of it is stored."""
        if live.arrangement not in self._working:
            live.followers = None
            self.tranches.let_go(live)
            self.observer.let_go(live)
            self.repository.troubles.drop(live.arrangement)

    async def _turn(self, live: LiveArrangement) -> bool:
        """Do what is to be done now; whether something moved."""
        self.turns += 1
        moved = False
        await self.recorder.readiness.wait(live)
        await self.writer.review(live)
        await self.writer.send_again(live)
        if live.record.me.keeper:
            if not self.keeper.pause(live):
                moved = await self.keeper.round(live)
            self.keeper.push(live)
            self.keeper.remind(live)
        await self._accuse(live)
        if live.record.sealed.size > 0:
            await self.tranches.turn(live)
        return moved

    async def _accuse(self, live: LiveArrangement) -> None:
        """Put on record who has signed two entries with one number; an entry in place of a refused one is none such."""
        record, conflicts = live.record, live.record.conflicts
        record.conflicts = {}
        for author, leaf in conflicts.items():
            number = leaf.entry.author_seq
            placed = await self.recorder.last_entry(live, author, b'"author_seq":%d,' % number)
            if placed is None or author in record.view.state.arrangement.excluded:
                continue
            try:
                two = [Submission(entry=each.entry, sig=each.sig) for each in (placed, leaf)]
                await self.writer.say(live, [evidence.equivocation(*two)])
                record.accused.add(author)
            except ArmslengthError as error:
                if isinstance(error, Unavailable) or error.code == "too-many":  # of ours waits just now
                    record.conflicts.setdefault(author, leaf)
                else:  # they do not contradict each other
                    record.cleared.add(entry_hash(leaf.entry))

    # --- waiting ---------------------------------------------------------------------------------------------------

    async def pending_work(self, live: LiveArrangement) -> str | None:
        """What is still going on here, in words; None when everything is sealed and done."""
        if live.restored:
            return live.silence
        if live.record.me.keeper and self.recorder.is_behind(live):
            return "the keeper has something to seal"
        if await live.journal.pending():
            return "entries of ours are not sealed yet"
        if live.record.conflicts:
            return "an entry in whose place another one stands is looked into"
        if self.tranches.is_busy(live):
            return "an action of ours is under way"
        begun = live.record.sealed.size > 0
        open_action = await self.tranches.next_action(live) if begun else None
        if open_action:
            name, action = open_action
            return f"{action} of {name} is open"
        sends = await self.repository.store.due(2.0**40, 1)
        if sends:
            return f"messages to {sends[0].peer} are on their way"
        return None

    def troubles(self, live: LiveArrangement) -> list[Trouble]:
        """What this node does not get done here, or anywhere with those whom the terms name."""
        dids = frozenset(actor.did for actor in live.terms.actors.values() if actor.did)
        return self.repository.troubles.listed(live.arrangement, dids)

    async def idle_report(self, live: LiveArrangement) -> IdleReport:
        """Our own rest and head, as shown to peers that wait."""
        return IdleReport(
            sealed=live.record.sealed.size, now=self.recorder.now(live), pending_work=await self.pending_work(live)
        )

    async def pending_elsewhere(self, live: LiveArrangement) -> str | None:
        """What is still going on at the other nodes, each by its name, or None."""
        others = {name: actor for name, actor in live.terms.actors.items() if name != live.record.me.actor}
        asked = [self._pending_at(name, actor, live) for name, actor in others.items() if actor.address]
        return next((pending_work for pending_work in await asyncio.gather(*asked) if pending_work), None)

    async def _pending_at(self, name: str, actor: Actor, live: LiveArrangement) -> str | None:
        path = f"{BASE}/rest/{live.arrangement}"
        try:
            rest = decode_idle(await self._peers.get(actor.did or "", actor.address or "", path))
        except Unavailable as error:
            return f"{actor.name} ({name}) does not answer: {error.reason}"
        except NotFound:
            return f"{actor.name} ({name}) is not engaged in these terms yet"
        except ArmslengthError as error:
            return f"{actor.name} ({name}) does not say whether it is idle: {error}"
        if rest.pending_work:
            return f"{actor.name} ({name}): {rest.pending_work[:500]}"
        if rest.sealed != live.record.sealed.size:
            return f"{actor.name} ({name}) has {rest.sealed} sealed leaves, we have {live.record.sealed.size}"
        return None


def _unexpected(error: Exception) -> Exception | None:
    """An error that only its trace explains."""
    return None if isinstance(error, ArmslengthError) else error
