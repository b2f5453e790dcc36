"""A node at work: for each arrangement in which something is to be done one task seals what we keep, acts where the
record asks us to, and sends what we have written. Where nothing is, there is no task: `engine.schedule` says when there
will be, and whatever changes an arrangement wakes it.

Web, command line, timers and deliveries only make inputs for what is here; everything durable happens in the shelf,
the recorder, the exchange and the hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Body, Commit, Evidence
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Actor
from armslength.core.record import evidence
from armslength.core.record.entry import TYPE_OF, Submission, entry_hash
from armslength.engine import name_index, schedule
from armslength.engine.actions import Action
from armslength.engine.backoff import Backoff, cancelled, woken_within
from armslength.engine.catchup import LONGEST_S as SILENCE_S
from armslength.engine.catchup import SILENCE
from armslength.engine.greeting import greet
from armslength.engine.hand import Hand
from armslength.engine.journal import PENDING, Transport
from armslength.engine.keeper import Keeper
from armslength.engine.proposals import ENDED, Proposals
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.statements import is_said, opening, place, standing, stored
from armslength.engine.transport import NodeTransport, said
from armslength.engine.troubles import advice, advise
from armslength.errors import ArmslengthError, NotFound, Refused, Unavailable
from armslength.ports import Clock, Peers
from armslength.wire.manage import StatementResult
from armslength.wire.own import BASE, IdleReport, JournalEntry, SubmissionAnswer, Trouble, decode_idle

LOOK_S: Final = 0.5  # the least between two looks at an arrangement in which nothing moves
LONGEST_S: Final = 60.0  # and the most, while something is left to do there
CALM_S: Final = 1.0  # how long nothing has been left to do before an arrangement is at rest
TICK_S: Final = 5.0  # between looks at the clock: it may leap
LEAP_S: Final = 2.0
DOUBT_S: Final = 60.0  # between looks whether it was right to leap …
LOOKED_AT: Final = 3  # … at so many arrangements

log = logging.getLogger(__name__)


class Node:
    """One node. `run` until cancelled."""

    def __init__(
        self,
        recorder: Recorder,
        keeper: Keeper,
        hand: Hand,
        repository: Repository,
        peers: Peers,
        proposals: Proposals,
        clock: Clock,
    ) -> None:
        self.recorder = recorder
        self.keeper = keeper
        self.hand = hand
        self.repository = repository
        self.proposals = proposals
        self._peers = peers
        self._working: dict[str, asyncio.Task[None]] = {}  # by arrangement
        self._wakes: dict[str, asyncio.Event] = {}
        self._clock = clock
        self._is_running = False
        self._called: set[str] = set()  # what is to be looked at once we run
        self._woken = asyncio.Event()
        self.turns = 0  # looks at an arrangement so far
        repository.on_change = self.wake
        repository.on_close = self._closed

    def wake(self, arrangement: str = "") -> None:
        """Something has changed in this arrangement, or wherever something is to be done: look at once."""
        if not arrangement:
            self._woken.set()
            for woken in self._wakes.values():
                woken.set()
        elif arrangement in self._wakes:
            self._wakes[arrangement].set()
        elif self._is_running:
            self._begin(arrangement)
        else:
            self._called.add(arrangement)

    async def heard(self, did: str) -> None:
        """A peer is up: what waits for it is sent at once."""
        async for live in self.repository.opened(list(self._working)):
            for name, actor in live.terms.actors.items():
                if actor.did == did and live.backoffs.heard(name):
                    self.wake(live.arrangement)

    # --- statements ------------------------------------------------------------------------------------------------

    async def say(self, live: LiveArrangement, bodies: Sequence[Body]) -> list[StatementResult]:
        """Write these statements and send them at once, but for those that stand already. Raises Refused, and writes
        nothing, where one is not valid by what we know."""
        try:
            await self.recorder.voice.speak(live)
        except Unavailable as error:
            if live.restored:  # else it is written, and leaves once the others have answered
                raise Refused("restored", error.reason, live.arrangement[:12]) from None
        async with live.writing:
            if live.record.me.keeper and await self._unsent(live):  # a crash came between journal and record
                await self._send(live)
            state, made = await self._state(live), list[tuple[Body, JournalEntry | None]]()
            for body in bodies:
                state, stands = await self._judged(live, state, body)
                made.append((body, stands))
            return await self._write(live, made)

    async def _judged(self, live: LiveArrangement, state: State, body: Body) -> tuple[State, JournalEntry | None]:
        """The state after a statement; and the entry that says the very same, if making it again adds nothing. Raises
        Refused where it is not valid, and nothing says so yet."""
        stands = await standing(live.journal, body)
        if stands is not None and (stands.status == PENDING or is_said(state, body)):
            return state, stands
        try:
            return self._after(live, state, body), None
        except Refused as error:
            if stands is None and error.code == "repeat":  # our journal may be an older copy
                placed = await self.recorder.last_entry(live, live.record.me.actor, opening(body))
                stands = None if placed is None else stored(placed, body)
            if stands is None:
                raise
            return state, stands

    async def _state(self, live: LiveArrangement) -> State:
        """The state in our view once what we have written is placed."""
        state = live.record.view.state
        for written in await live.journal.pending():
            name = entry_hash(written.entry)
            if live.record.view.index_of(name) is None:
                with suppress(Refused):
                    state = self._after(live, state, written.entry.body, name)
        return state

    def _after(self, live: LiveArrangement, state: State, body: Body, entry: str = "") -> State:
        """The state after a statement of ours. Raises Refused where it is not valid."""
        me, now = live.record.me.actor, self.recorder.now(live)
        culprit = evidence.culprit(live.record.view.roster, body) if isinstance(body, Evidence) else None
        act = step.EntryInput(author=me, stamp=now, type=TYPE_OF[type(body)], body=body, entry=entry, culprit=culprit)
        return step.apply(live.terms, state, act).state

    async def _write(
        self, live: LiveArrangement, made: Sequence[tuple[Body, JournalEntry | None]]
    ) -> list[StatementResult]:
        """Write and send statements, but for those that stand. Call it under `live.writing`."""
        if live.forgotten:
            raise NotFound("unknown-arrangement", "it has just been declined", live.arrangement[:16])
        for body, _ in made:
            if isinstance(body, Commit) and not await self.hand.stands(live, body):
                raise Unavailable("replaced", "another file has just been published for it", body.tranche)
        link = (live.record.view if live.record.me.keeper else live.record.sealed).next_link(live.record.me.actor)

        async def send() -> dict[str, SubmissionAnswer]:
            live.backoffs.own.end()
            return await self._send(live)

        sent = [
            replace(each, answer=SubmissionAnswer(entry=each.entry))
            if each.answer is None and live.record.view.index_of(each.entry) is not None
            else each
            for each in await place(live.journal, made, (live.seen, link), send)
        ]
        self.wake(live.arrangement)
        waiting = await self._why_waiting(live) if any(each.answer is None for each in sent) else ""
        return [said(each, waiting) for each in sent]

    async def _why_waiting(self, live: LiveArrangement) -> str:
        """Why there is no answer of the keeper, in words."""
        keeper = live.terms.keeper
        heard = (await self.proposals.absent(live)).get(keeper)
        if heard is not None:
            said = f"{heard.answer}: {heard.reason}" if heard.reason else heard.answer
            return f"{keeper}, the keeper, has not accepted its office yet ({said}); it is sent again"
        return "the keeper does not answer; it is sent again"

    async def _send(self, live: LiveArrangement) -> dict[str, SubmissionAnswer]:
        live.backoffs.own.grow()  # what comes of it is seen when the record moves on
        try:
            await self.recorder.voice.speak(live)
            if live.record.me.keeper:
                await self.keeper.prepare(live)
            answers = await live.journal.send(self._mail(live))
        except ArmslengthError as error:
            log.info("entries wait: %s", error)
            live.backoffs.own.tell(str(error), advice(error))
            return {}
        waiting = next((each for each in answers.values() if each.code and each.refusal is None), None)
        said = "" if waiting is None else waiting.reason or waiting.code or ""
        live.backoffs.own.tell(said, "" if waiting is None else advise(waiting.code))
        return answers

    def _mail(self, live: LiveArrangement) -> Transport:
        return NodeTransport(
            live.terms, live.arrangement, self._peers, (live.record.me.actor, self.recorder), live.backoffs
        )

    # --- the work --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled: on each arrangement by itself, so that none waits for the peers of another."""
        loop = asyncio.get_running_loop()
        self._is_running, ahead = True, self._clock.now(simulated=False) - loop.time()
        doubt = 0.0  # when the machine's clock was last found to have leapt
        greeting = asyncio.create_task(greet(self.repository.names, self._peers, self.repository.did))
        try:
            while True:
                self._woken.clear()
                for arrangement in sorted({*self._called, *self.repository.agenda.ripe(self._clock)}):
                    self._begin(arrangement)
                self._called.clear()
                await woken_within(self._woken, self._until_ripe())
                was_ahead, ahead = ahead, self._clock.now(simulated=False) - loop.time()
                if abs(ahead - was_ahead) > LEAP_S:  # whoever waits for an instant waits anew
                    self.wake()
                if self._clock.wall() > self._clock.now(simulated=False) + LEAP_S and loop.time() >= doubt + DOUBT_S:
                    doubt = loop.time()
                    self._find_out()
        finally:
            self._is_running = False
            await cancelled([greeting, *self._working.values()])
            await self.hand.stop()

    def _find_out(self) -> None:
        """If the machine's clock is right, something is due that is not by the time that we believe: looking at a few
        of those asks the others which it is."""
        for arrangement in self.repository.agenda.upcoming(self._clock.wall(), LOOKED_AT):
            self._begin(arrangement)

    def _until_ripe(self) -> float:
        """Seconds until the next instant; the machine's clock is looked at now and then, since it may leap."""
        instant = self.repository.agenda.next_instant()
        if instant is None:
            return TICK_S
        return min(TICK_S, max(0.1, instant - self._clock.now(simulated=False)))

    def _begin(self, arrangement: str) -> None:
        if arrangement not in self._working:
            self._wakes[arrangement] = asyncio.Event()
            self._working[arrangement] = asyncio.create_task(self._work(arrangement))

    async def _work(self, arrangement: str) -> None:
        """Work on one arrangement until nothing is left to do there."""
        woken, is_calm, is_over = self._wakes[arrangement], False, False
        trouble = self.repository.troubles.at("work", "", arrangement)
        try:
            while not is_over:
                woken.clear()
                since, wait = self.repository.agenda.moves(arrangement), None
                try:
                    live = await self.repository.open(arrangement)
                    wait = await self._look(live)
                    is_over = live.forgotten or (wait is None and is_calm and await self._settle(live, since))
                    trouble.end()
                except NotFound:  # it has been declined, or names us with another key than ours
                    is_over = await self.repository.agenda.settle(schedule.row(arrangement), since)
                except Exception as error:  # noqa: BLE001  trouble here must not end the work
                    wait = self._failed(arrangement, error, trouble)
                if not is_over and wait != 0.0:
                    was_woken = await woken_within(woken, CALM_S if wait is None else wait)
                    is_calm = wait is None and not was_woken
        finally:
            del self._wakes[arrangement], self._working[arrangement]
            if not is_over or not self.repository.is_kept(arrangement):
                await self.keeper.close(arrangement)
                self._closed(arrangement)

    def _failed(self, arrangement: str, error: Exception, trouble: Backoff) -> float:
        """Something came in the way of our work; for how many seconds it is left alone."""
        silence = self.repository.troubles.at(SILENCE, "", arrangement, longest=SILENCE_S)
        if isinstance(error, Unavailable) and silence.reason:  # that is told, and tried again, for itself
            return max(LOOK_S, silence.left)
        log.warning("%s: %s", arrangement[:12], error, exc_info=_unexpected(error))
        trouble.fail(str(error), advice(error))
        return trouble.left

    async def _look(self, live: LiveArrangement) -> float | None:
        """One turn; for how many seconds the next may wait, None if nothing is left to do."""
        pause = self.keeper.pause(live)  # looked at first: during the turn it may run out
        if await self._turn(live):
            return 0.0
        if pause:
            return pause
        waits = self.keeper.left(live) if live.record.me.keeper else []
        if await self._unsent(live):
            waits.append(live.backoffs.own.left)
        if live.record.doubles or live.unsaved is not None:
            waits.append(TICK_S)
        now = self.recorder.now(live)
        if live.record.sealed.size:
            waits += await self.hand.left(live, now)
        if not waits:
            return None
        instant = await self._next_instant(live, now)
        if instant is not None and live.terms.clock == "utc":
            waits.append(float(max(0, instant - now)))
        return min(LONGEST_S, max(LOOK_S, min(waits)))

    async def _next_instant(self, live: LiveArrangement, now: int) -> int | None:
        """When there will be something to do here though nobody says anything."""
        deadline = self.recorder.next_deadline(live) if live.record.me.keeper else None
        return min((each for each in (deadline, await self.hand.next_embargo(live, now)) if each), default=None)

    async def _settle(self, live: LiveArrangement, since: int) -> bool:
        """Nothing is left to do here until the next instant; False if something has just happened."""
        instant = await self._next_instant(live, self.recorder.now(live))
        tag, is_simulated = schedule.TO_SIGN if live.asks_to_sign else "", live.terms.clock == "simulated"
        put = schedule.row(live.arrangement, instant, simulated=is_simulated, tag=tag)
        has_ended = live.record.sealed.state.arrangement.phase in ENDED
        also = name_index.ended(live.arrangement, live.terms) if has_ended and not live.ended else None
        if not await self.repository.agenda.settle(put, since, also):
            return False
        live.ended = has_ended
        if instant is not None and instant < self.recorder.now(live) + TICK_S:
            self._woken.set()
        return True

    def _closed(self, arrangement: str) -> None:
        """Forget what is at hand of an arrangement that nobody needs now."""
        if arrangement not in self._working:
            self.keeper.drop(arrangement)
            self.recorder.drop(arrangement)
            self.hand.drop(arrangement)
            self.repository.troubles.drop(arrangement)

    async def _turn(self, live: LiveArrangement) -> bool:
        """Do what is to be done now; whether something moved."""
        self.turns += 1
        moved = False
        await self.recorder.voice.speak(live)
        if live.backoffs.own.is_over and await self._unsent(live):
            async with live.writing:
                await self._send(live)
        if live.record.me.keeper:
            if not self.keeper.pause(live):
                moved = await self.keeper.round(live)
            self.keeper.push(live)
            self.keeper.remind(live)
        await self._accuse(live)
        if live.record.sealed.size > 0:
            statements = await self.hand.turn(live, self.recorder.now(live))
            if await self._make(live, statements):
                return True
        return moved

    async def _accuse(self, live: LiveArrangement) -> None:
        """Put on record who has signed two entries with one number; an entry in place of a refused one is none such."""
        book, doubles = live.record, live.record.doubles
        book.doubles = {}
        for author, leaf in doubles.items():
            number = leaf.entry.author_seq
            placed = await self.recorder.last_entry(live, author, b'"author_seq":%d,' % number)
            if placed is None or author in book.view.state.arrangement.excluded:
                continue
            try:
                two = [Submission(entry=each.entry, sig=each.sig) for each in (placed, leaf)]
                await self.say(live, [evidence.equivocation(*two)])
                book.accused.add(author)
            except ArmslengthError as error:
                if isinstance(error, Unavailable) or error.code == "too-many":  # of ours waits just now
                    book.doubles.setdefault(author, leaf)
                else:  # they do not contradict each other
                    book.cleared.add(entry_hash(leaf.entry))

    async def _make(self, live: LiveArrangement, statements: Sequence[tuple[str, Action, Body]]) -> bool:
        """Write the hand's statements; whether there was one that is valid by what we know."""
        if not statements:
            return False
        async with live.writing:
            state, valid = await self._state(live), []
            for tranche, act, body in statements:
                try:
                    state = self._after(live, state, body)
                    valid.append((tranche, act, body))
                except ArmslengthError as error:
                    self.hand.refused(live, tranche, act, str(error))
            if not valid:
                return False
            results = await self._write(live, [(body, None) for _, _, body in valid])
        for (tranche, act, _), became in zip(valid, results, strict=True):
            if became.status == "refused":
                self.hand.refused(live, tranche, act, became.reason or "")
        return True

    @staticmethod
    async def _unsent(live: LiveArrangement) -> bool:
        """Whether entries of ours wait to be sent: until they are sealed or, to ourselves, until they are placed."""
        names = [entry_hash(each.entry) for each in await live.journal.pending()]
        sealed = {name for name in names if live.record.sealed.index_of(name) is not None}
        if sealed:  # a crash, or a full disk, came between the seal and our journal
            await live.journal.sealed(sealed)
        if not live.record.me.keeper:
            return len(sealed) < len(names)
        return any(live.record.view.index_of(name) is None for name in names)

    # --- waiting ---------------------------------------------------------------------------------------------------

    async def pending_work(self, live: LiveArrangement) -> str | None:
        """What is still going on here, in words; None when everything is sealed and done."""
        if live.restored:
            return live.silence
        if live.record.me.keeper and self.recorder.is_behind(live):
            return "the keeper has something to seal"
        if await live.journal.pending():
            return "entries of ours are not sealed yet"
        if live.record.doubles:
            return "an entry in whose place another one stands is looked into"
        if self.hand.is_busy(live.arrangement):
            return "an act of ours is under way"
        open_acts = await self.hand.open_acts(live, self.recorder.now(live)) if live.record.sealed.size else []
        if open_acts:
            return f"{open_acts[0][1]} of {open_acts[0][0]} is open"
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
            return f"{actor.name} ({name}) does not say whether it is at rest: {error}"
        if rest.pending_work:
            return f"{actor.name} ({name}): {rest.pending_work[:500]}"
        if rest.sealed != live.record.sealed.size:
            return f"{actor.name} ({name}) has {rest.sealed} sealed leaves, we have {live.record.sealed.size}"
        return None


def _unexpected(error: Exception) -> Exception | None:
    """An error that only its trace explains."""
    return None if isinstance(error, ArmslengthError) else error
