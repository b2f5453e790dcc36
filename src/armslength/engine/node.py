"""A node at work: for each arrangement in which something is to be done one task seals what we keep, acts where the
record asks us to, and sends what we have written. Where nothing is, there is no task: `engine.agenda` says when there
will be, and whatever changes an arrangement wakes it.

Web, command line, timers and deliveries only make inputs for what is here; everything durable happens in the shelf,
the recorder, the exchange and the hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Body, Commit, Evidence
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Actor
from armslength.core.record import evidence
from armslength.core.record.entry import TYPE_OF, Submission, entry_hash
from armslength.engine import agenda, names
from armslength.engine.acts import Act
from armslength.engine.author import Post
from armslength.engine.catchup import LONGEST_S as SILENCE_S
from armslength.engine.catchup import SILENCE
from armslength.engine.greeting import greet
from armslength.engine.hand import Hand
from armslength.engine.keeper import Keeper
from armslength.engine.mail import Mail, Said, said
from armslength.engine.patience import Pause, cancelled, woken_within
from armslength.engine.proposals import ENDED, Proposals
from armslength.engine.recorder import Recorder
from armslength.engine.shelf import Open, Shelf
from armslength.engine.troubles import advice, advise
from armslength.errors import ArmslengthError, NotFound, Refused, Unavailable
from armslength.ports import Clock, Peers
from armslength.wire.own import BASE, Answer, Rest, Trouble, decode_rest
from armslength.wire.record import decode_leaf

LOOK_S: Final = 0.5  # the least between two looks at an arrangement in which nothing moves
LONGEST_S: Final = 60.0  # and the most, while something is left to do there
CALM_S: Final = 1.0  # how long nothing has been left to do before an arrangement is at rest
TICK_S: Final = 5.0  # between looks at the clock: it may leap
LEAP_S: Final = 2.0
DOUBT_S: Final = 60.0  # between looks whether it was right to leap …
LOOKED_AT: Final = 3  # … at so many arrangements
PORTION: Final = 1000  # leaves read at once

log = logging.getLogger(__name__)


class Node:
    """One node. `run` until cancelled."""

    def __init__(
        self,
        recorder: Recorder,
        keeper: Keeper,
        hand: Hand,
        shelf: Shelf,
        peers: Peers,
        proposals: Proposals,
        clock: Clock,
    ) -> None:
        self.recorder = recorder
        self.keeper = keeper
        self.hand = hand
        self.shelf = shelf
        self.proposals = proposals
        self._peers = peers
        self._working: dict[str, asyncio.Task[None]] = {}  # by arrangement
        self._wakes: dict[str, asyncio.Event] = {}
        self._clock = clock
        self._is_running = False
        self._called: set[str] = set()  # what is to be looked at once we run
        self._woken = asyncio.Event()
        self.turns = 0  # looks at an arrangement so far
        shelf.on_change = self.wake
        shelf.on_close = self._closed

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
        async for held in self.shelf.opened(list(self._working)):
            for name, actor in held.terms.actors.items():
                if actor.did == did and held.pauses.heard(name):
                    self.wake(held.arrangement)

    # --- statements ------------------------------------------------------------------------------------------------

    async def say(self, held: Open, bodies: Sequence[Body]) -> list[Said]:
        """Write these statements and send them at once. Raises Refused, and writes nothing, where one is not valid
        by what we know."""
        try:
            await self.recorder.voice.speak(held)
        except Unavailable as error:
            if held.restored:  # else it is written, and leaves once the others have answered
                raise Refused("restored", error.reason, held.arrangement[:12]) from None
        state = held.book.view.state
        for body in bodies:
            state = self._after(held, state, body)
        return await self._write(held, bodies)

    def _after(self, held: Open, state: State, body: Body) -> State:
        """The state after a statement of ours. Raises Refused where it is not valid."""
        me, now = held.book.me.actor, self.recorder.now(held)
        culprit = evidence.culprit(held.book.view.roster, body) if isinstance(body, Evidence) else None
        act = step.Act(author=me, stamp=now, type=TYPE_OF[type(body)], body=body, entry="", culprit=culprit)
        return step.apply(held.terms, state, act).state

    async def _write(self, held: Open, bodies: Sequence[Body]) -> list[Said]:
        async with held.writing:
            if held.forgotten:
                raise NotFound("unknown-arrangement", "it has just been declined", held.arrangement[:16])
            for body in bodies:
                if isinstance(body, Commit) and not await self.hand.stands(held, body):
                    raise Unavailable("replaced", "another file has just been published for it", body.tranche)
            link = (held.book.view if held.book.me.keeper else held.book.sealed).next_link(held.book.me.actor)
            names = await held.author.write(bodies, held.seen, link)
            held.pauses.own.end()
            answers = await self._send(held)
            refused = {entry_hash(w.entry): refusal for w, refusal in await held.author.refusals(names)}
        self.wake(held.arrangement)
        waiting = await self._why_waiting(held) if len(answers) < len(names) else ""
        return [
            said(name, body, answers.get(name), refused.get(name), waiting)
            for name, body in zip(names, bodies, strict=True)
        ]

    async def _why_waiting(self, held: Open) -> str:
        """Why there is no answer of the keeper, in words."""
        keeper = held.terms.keeper
        heard = (await self.proposals.absent(held)).get(keeper)
        if heard is not None:
            said = f"{heard.answer}: {heard.reason}" if heard.reason else heard.answer
            return f"{keeper}, the keeper, has not accepted its office yet ({said}); it is sent again"
        return "the keeper does not answer; it is sent again"

    async def _send(self, held: Open) -> dict[str, Answer]:
        held.pauses.own.grow()  # what comes of it is seen when the record moves on
        try:
            await self.recorder.voice.speak(held)
            if held.book.me.keeper:
                await self.keeper.prepare(held)
            answers = await held.author.send(self._mail(held))
        except ArmslengthError as error:
            log.info("entries wait: %s", error)
            held.pauses.own.tell(str(error), advice(error))
            return {}
        waiting = next((each for each in answers.values() if each.code and each.refusal is None), None)
        said = "" if waiting is None else waiting.reason or waiting.code or ""
        held.pauses.own.tell(said, "" if waiting is None else advise(waiting.code))
        return answers

    def _mail(self, held: Open) -> Post:
        return Mail(held.terms, held.arrangement, self._peers, (held.book.me.actor, self.recorder), held.pauses)

    # --- the work --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled: on each arrangement by itself, so that none waits for the peers of another."""
        loop = asyncio.get_running_loop()
        self._is_running, ahead = True, self._clock.now(simulated=False) - loop.time()
        doubt = 0.0  # when the machine's clock was last found to have leapt
        greeting = asyncio.create_task(greet(self.shelf.names, self._peers, self.shelf.did))
        try:
            while True:
                self._woken.clear()
                for arrangement in sorted({*self._called, *self.shelf.agenda.ripe(self._clock)}):
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
        for arrangement in self.shelf.agenda.upcoming(self._clock.wall(), LOOKED_AT):
            self._begin(arrangement)

    def _until_ripe(self) -> float:
        """Seconds until the next instant; the machine's clock is looked at now and then, since it may leap."""
        instant = self.shelf.agenda.next_instant()
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
        trouble = self.shelf.troubles.at("work", "", arrangement)
        try:
            while not is_over:
                woken.clear()
                since, wait = self.shelf.agenda.moves(arrangement), None
                try:
                    held = await self.shelf.open(arrangement)
                    wait = await self._look(held)
                    is_over = held.forgotten or (wait is None and is_calm and await self._settle(held, since))
                    trouble.end()
                except NotFound:  # it has been declined, or names us with another key than ours
                    is_over = await self.shelf.agenda.settle(agenda.row(arrangement), since)
                except Exception as error:  # noqa: BLE001  trouble here must not end the work
                    wait = self._failed(arrangement, error, trouble)
                if not is_over and wait != 0.0:
                    was_woken = await woken_within(woken, CALM_S if wait is None else wait)
                    is_calm = wait is None and not was_woken
        finally:
            del self._wakes[arrangement], self._working[arrangement]
            if not is_over or not self.shelf.is_kept(arrangement):
                await self.keeper.close(arrangement)
                self._closed(arrangement)

    def _failed(self, arrangement: str, error: Exception, trouble: Pause) -> float:
        """Something came in the way of our work; for how many seconds it is left alone."""
        silence = self.shelf.troubles.at(SILENCE, "", arrangement, longest=SILENCE_S)
        if isinstance(error, Unavailable) and silence.reason:  # that is told, and tried again, for itself
            return max(LOOK_S, silence.left)
        log.warning("%s: %s", arrangement[:12], error, exc_info=_unexpected(error))
        trouble.fail(str(error), advice(error))
        return trouble.left

    async def _look(self, held: Open) -> float | None:
        """One turn; for how many seconds the next may wait, None if nothing is left to do."""
        pause = self.keeper.pause(held)  # looked at first: during the turn it may run out
        if await self._turn(held):
            return 0.0
        if pause:
            return pause
        waits = self.keeper.left(held) if held.book.me.keeper else []
        if await self._unsent(held):
            waits.append(held.pauses.own.left)
        if held.book.doubles or held.unsaved is not None:
            waits.append(TICK_S)
        now = self.recorder.now(held)
        if held.book.sealed.size:
            waits += await self.hand.left(held, now)
        if not waits:
            return None
        instant = await self._next_instant(held, now)
        if instant is not None and held.terms.clock == "utc":
            waits.append(float(max(0, instant - now)))
        return min(LONGEST_S, max(LOOK_S, min(waits)))

    async def _next_instant(self, held: Open, now: int) -> int | None:
        """When there will be something to do here though nobody says anything."""
        deadline = self.recorder.next_deadline(held) if held.book.me.keeper else None
        return min((each for each in (deadline, await self.hand.next_embargo(held, now)) if each), default=None)

    async def _settle(self, held: Open, since: int) -> bool:
        """Nothing is left to do here until the next instant; False if something has just happened."""
        instant = await self._next_instant(held, self.recorder.now(held))
        tag, is_simulated = agenda.TO_SIGN if held.asks_to_sign else "", held.terms.clock == "simulated"
        put = agenda.row(held.arrangement, instant, simulated=is_simulated, tag=tag)
        has_ended = held.book.sealed.state.arrangement.phase in ENDED
        also = names.ended(held.arrangement, held.terms) if has_ended and not held.ended else None
        if not await self.shelf.agenda.settle(put, since, also):
            return False
        held.ended = has_ended
        if instant is not None and instant < self.recorder.now(held) + TICK_S:
            self._woken.set()
        return True

    def _closed(self, arrangement: str) -> None:
        """Forget what is at hand of an arrangement that nobody needs now."""
        if arrangement not in self._working:
            self.keeper.drop(arrangement)
            self.recorder.drop(arrangement)
            self.hand.drop(arrangement)
            self.shelf.troubles.drop(arrangement)

    async def _turn(self, held: Open) -> bool:
        """Do what is to be done now; whether something moved."""
        self.turns += 1
        moved = False
        await self.recorder.voice.speak(held)
        if held.pauses.own.is_over and await self._unsent(held):
            async with held.writing:
                await self._send(held)
        if held.book.me.keeper:
            if not self.keeper.pause(held):
                moved = await self.keeper.round(held)
            self.keeper.push(held)
            self.keeper.remind(held)
        await self._accuse(held)
        if held.book.sealed.size > 0:
            statements = await self.hand.turn(held, self.recorder.now(held))
            if await self._make(held, statements):
                return True
        return moved

    async def _accuse(self, held: Open) -> None:
        """Put on record who has signed two entries with one number; an entry in place of a refused one is none such."""
        book, doubles = held.book, held.book.doubles
        book.doubles = {}
        for author, leaf in doubles.items():
            placed = await self._placed(held, author, leaf.entry.author_seq)
            if placed is None or author in book.view.state.arrangement.excluded:
                continue
            try:
                await self.say(held, [evidence.equivocation(placed, Submission(entry=leaf.entry, sig=leaf.sig))])
                book.accused.add(author)
            except ArmslengthError as error:
                if isinstance(error, Unavailable) or error.code == "too-many":  # of ours waits just now
                    book.doubles.setdefault(author, leaf)
                else:  # they do not contradict each other
                    book.cleared.add(entry_hash(leaf.entry))

    async def _placed(self, held: Open, author: str, number: int) -> Submission | None:
        """The author's entry with this number in our view, looked for from the end."""
        mark, end = b'"author_seq":%d,' % number, held.book.sealed.size
        found = list(held.book.tail)
        while True:
            for leaf in found:
                if (leaf.entry.author, leaf.entry.author_seq) == (author, number):
                    return Submission(entry=leaf.entry, sig=leaf.sig)
            if end <= 0:
                return None
            stored = await self.shelf.store.leaves(held.arrangement, max(0, end - PORTION), end)
            found, end = [decode_leaf(line) for line in stored if mark in line], end - PORTION

    async def _make(self, held: Open, statements: Sequence[tuple[str, Act, Body]]) -> bool:
        """Write the hand's statements; whether there was one that is valid by what we know."""
        state, valid = held.book.view.state, []
        for tranche, act, body in statements:
            try:
                state = self._after(held, state, body)
                valid.append((tranche, act, body))
            except ArmslengthError as error:
                self.hand.refused(held, tranche, act, str(error))
        if not valid:
            return False
        results = await self._write(held, [body for _, _, body in valid])
        for (tranche, act, _), became in zip(valid, results, strict=True):
            if became.status == "refused":
                self.hand.refused(held, tranche, act, became.reason or "")
        return True

    @staticmethod
    async def _unsent(held: Open) -> bool:
        """Whether entries of ours wait to be sent: until they are sealed or, to ourselves, until they are placed."""
        names = [entry_hash(each.entry) for each in await held.author.pending()]
        sealed = {name for name in names if held.book.sealed.index_of(name) is not None}
        if sealed:  # a crash, or a full disk, came between the seal and our journal
            await held.author.sealed(sealed)
        if not held.book.me.keeper:
            return len(sealed) < len(names)
        return any(held.book.view.index_of(name) is None for name in names)

    # --- waiting ---------------------------------------------------------------------------------------------------

    async def unrest(self, held: Open) -> str | None:
        """What is still going on here, in words; None when everything is sealed and done."""
        if held.restored:
            return held.silence
        if held.book.me.keeper and self.recorder.is_behind(held):
            return "the keeper has something to seal"
        if await held.author.pending():
            return "entries of ours are not sealed yet"
        if held.book.doubles:
            return "an entry in whose place another one stands is looked into"
        if self.hand.is_busy(held.arrangement):
            return "an act of ours is under way"
        open_acts = await self.hand.open_acts(held, self.recorder.now(held)) if held.book.sealed.size else []
        if open_acts:
            return f"{open_acts[0][1]} of {open_acts[0][0]} is open"
        sends = await self.shelf.store.due(2.0**40, 1)
        if sends:
            return f"messages to {sends[0].peer} are on their way"
        return None

    def troubles(self, held: Open) -> list[Trouble]:
        """What this node does not get done here, or anywhere with those whom the terms name."""
        dids = frozenset(actor.did for actor in held.terms.actors.values() if actor.did)
        return self.shelf.troubles.listed(held.arrangement, dids)

    async def rest_of(self, held: Open) -> Rest:
        """Our own rest and head, as shown to peers that wait."""
        return Rest(sealed=held.book.sealed.size, now=self.recorder.now(held), unrest=await self.unrest(held))

    async def others_at_rest(self, held: Open) -> str | None:
        """What is still going on at the other nodes, each by its name, or None."""
        others = {name: actor for name, actor in held.terms.actors.items() if name != held.book.me.actor}
        asked = [self._rest_at(name, actor, held) for name, actor in others.items() if actor.address]
        return next((unrest for unrest in await asyncio.gather(*asked) if unrest), None)

    async def _rest_at(self, name: str, actor: Actor, held: Open) -> str | None:
        path = f"{BASE}/rest/{held.arrangement}"
        try:
            rest = decode_rest(await self._peers.get(actor.did or "", actor.address or "", path))
        except Unavailable as error:
            return f"{actor.name} ({name}) does not answer: {error.reason}"
        except NotFound:
            return f"{actor.name} ({name}) is not engaged in these terms yet"
        except ArmslengthError as error:
            return f"{actor.name} ({name}) does not say whether it is at rest: {error}"
        if rest.unrest:
            return f"{actor.name} ({name}): {rest.unrest[:500]}"
        if rest.sealed != held.book.sealed.size:
            return f"{actor.name} ({name}) has {rest.sealed} sealed leaves, we have {held.book.sealed.size}"
        return None


def _unexpected(error: Exception) -> Exception | None:
    """An error that only its trace explains."""
    return None if isinstance(error, ArmslengthError) else error
