"""Before the first word of a life: whether we know everything that we have said (rule 11.4b).

A node may have been put back as it was some time ago: its folder, its database, the disk below it. Were it to go on as
if nothing had happened, it would sign a second entry with an old number, or cosign below what it has cosigned. Laws:

1. In each arrangement, before the first word of a life, the other timekeepers are asked what they hold of ours. A node
   that goes on where it ended waits for one of them, and a moment for the others; without any nothing could be placed.
2. A node that is an older copy (its store says so, or somebody shows a word of ours that we do not know) says nothing
   until all other timekeepers have answered, or after a day as many as every quorum has one of; it has then taken back
   its own entries, seals, stamps, cosigned heads, times and refusals. That is stored, for each arrangement.
3. What others show counts only with our signature, or the keeper's where it is the keeper's word; whoever shows what
   does not verify has not answered.
4. What shows later that we have forgotten something silences us at once.
5. A clock that leaps may mean that the machine was put back, or slept, or is wrong: the others are asked again, and
   which time is right is theirs to say (`engine.clock`). Who agrees with none of them says nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from armslength.core.arrangement.bodies import Seal
from armslength.core.arrangement.draft import iso
from armslength.core.canonical import canonical
from armslength.core.record.entry import Leaf, entry_hash
from armslength.engine.backoff import Backoff, in_time
from armslength.engine.clock import Clocks
from armslength.engine.recall import COPY, DAY_S, KIND, Silence, ask_for_ours, least
from armslength.engine.recalled import RecalledWords, carried, cosigned_at, put_in_order, take_in
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository, stands_by
from armslength.engine.troubles import SHOWN
from armslength.errors import ArmslengthError, Refused, Unavailable
from armslength.ports import Batch, Peers, Put
from armslength.wire.own import BASE, RecallAnswer, decode_leaves
from armslength.wire.queries import LeavesQuery
from armslength.wire.strict import convert, parse

SILENCE: Final = "our silence"  # as `status` names it
TIMEOUT_S: Final = 5.0  # how long the others may take to answer …
LINGER_S: Final = 1.0  # … and, if nothing speaks against us, once one of them has
DOUBTS_S: Final = 60.0  # between two doubts that nobody has proven
LONGEST_S: Final = 10.0  # the longest backoff before the others are asked again
JUMP_RECHECK_S: Final = 60.0  # between two looks whether a clock that has leapt is right after all
UNCONFIRMED_JUMP_S: Final = 600.0  # after which a clock that has leapt is followed where there is nobody to ask
FOREVER: Final = 2**53
CLOCK: Final = "our clock"  # as `status` names it
ASK_THEM: Final = "ask its operator: what its node shows was changed, or made up"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Standing:
    """Where one arrangement stands in this life."""

    silence: Silence
    version: int
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    noting: asyncio.Lock = field(default_factory=asyncio.Lock)
    doubted: float = -DOUBTS_S
    leaps: int = 0  # of our clock that are settled, as far as they can be
    settled: float = 0.0  # when they were


class Catchup:
    """Who may speak where. `wait` before every word."""

    def __init__(
        self, repository: Repository, peers: Peers, recorder: Recorder, clock: Callable[[], float], machine: Clocks
    ) -> None:
        self._machine = machine
        self._has_told_leap = False
        self._repository = repository
        self._peers = peers
        self._recorder = recorder
        self._clock = clock
        self._standings: dict[str, _Standing] = {}
        self._turned_up: dict[str, list[Leaf]] = {}  # entries of ours that we did not know, by arrangement
        self._doubtful: set[str] | None = None  # arrangements in which a word of ours has turned up; None: not read

    async def wait(self, live: LiveArrangement) -> None:
        """Return once words may leave in this arrangement. Raises Unavailable, with what is waited for."""
        self._machine.look()
        if self._has_told_leap and not self._machine.leap:
            self._has_told_leap = False
            self._repository.troubles.over(CLOCK)
        if live.silence is None and self._is_settled(live):
            return
        standing, pause = await self._standing(live), self._backoff(live)
        async with standing.asking:  # whoever has waited here finds out what came of it
            if pause.is_over:
                await self._compare(live, standing, pause)
        _raise_if_silent(live)

    def _is_settled(self, live: LiveArrangement) -> bool:
        """Whether our clock has not leapt since the others were asked; if it has, we are silent until they are."""
        machine, standing = self._machine, self._standings.get(live.arrangement)
        if standing is None or not (machine.leap or machine.leaps != standing.leaps):
            return True
        if machine.leaps == standing.leaps and asyncio.get_running_loop().time() - standing.settled < JUMP_RECHECK_S:
            return True
        live.silence = "compares with the others first: this machine's clock has leapt"
        return False

    def _settle(self, live: LiveArrangement, standing: _Standing, times: Sequence[int], alone: bool) -> str | None:
        """Find out which time is right, by the others' clocks; what speaks against ours, or None."""
        machine, now = self._machine, asyncio.get_running_loop().time()
        if live.terms.clock == "simulated":
            standing.leaps, standing.settled = machine.leaps, now
            return None
        if alone and machine.leaps == standing.leaps and machine.leap:  # nobody to ask: what lasts is right
            if now - standing.settled >= UNCONFIRMED_JUMP_S:
                machine.follow()
        else:
            standing.leaps, standing.settled = machine.leaps, now
        agrees = alone or machine.believe(times)
        trouble, said = self._repository.troubles.at(CLOCK), None
        if not agrees and times:
            off = min((machine.now(simulated=False) - each for each in times), key=abs)
            said = f"it is {abs(off)} s {'ahead of' if off > 0 else 'behind'} those of the others"
            trouble.tell(said, "set this machine's clock by a time server")
        elif machine.leap:
            way = "ahead" if machine.leap > 0 else "back"
            self._has_told_leap = True
            trouble.tell(f"it leapt {abs(int(machine.leap))} s {way}, and the others' clocks did not")
        else:
            self._repository.troubles.over(CLOCK)
        return said and f"this machine's clock is wrong: {said}"

    async def speak_to(self, did: str) -> None:
        """Return once messages of the Dataspace Protocol may be exchanged with a party. Raises Unavailable while we
        have not caught up in an arrangement that names it: what we would say may contradict what we have said."""
        if self._doubtful is None:
            rows = await self._repository.store.find(KIND)
            self._doubtful = {row.key for row in rows if convert(Silence, parse(row.body)).since}
        if not self._doubtful and not self._repository.store.generation:
            return
        async for _, name in self._repository.names.naming(did):
            if await self._has_caught_up(name):
                continue
            live = await self._repository.open(name)
            await self._standing(live)
            if live.restored:
                _raise_if_silent(live)

    async def _has_caught_up(self, arrangement: str) -> bool:
        """Whether nothing is to be caught up with here, by what is stored."""
        row = await self._repository.store.get(KIND, arrangement)
        silence = convert(Silence, parse(row.body)) if row else Silence()
        return not silence.since and silence.cleared >= self._repository.store.generation

    async def doubt(self, live: LiveArrangement, word: str, *, proven: bool, leaf: Leaf | None = None) -> None:
        """Somebody shows a `word` of ours that we do not know, or (not `proven`) says that there is one."""
        if leaf is not None:
            self._turned_up.setdefault(live.arrangement, []).append(leaf)
        standing, now = await self._standing(live), asyncio.get_running_loop().time()
        if proven and not live.restored:
            log.warning("%s: %s: %s", live.arrangement[:12], COPY, word)
            await self._store(live, standing, replace(standing.silence, since=int(self._clock())))
            self._repository.spoken.discard(live.arrangement)
            live.restored, live.silence = True, f"{COPY}: {word} is not known here"
        elif not proven and live.silence is None and now - standing.doubted >= DOUBTS_S:
            self._repository.spoken.discard(live.arrangement)
            standing.doubted, live.silence = now, f"compares with the others first: {word}"
        self._repository.schedule.call(live.arrangement)

    # --- what is stored --------------------------------------------------------------------------------------------

    async def _standing(self, live: LiveArrangement) -> _Standing:
        found = self._standings.get(live.arrangement)
        if found is None:
            row = await self._repository.store.get(KIND, live.arrangement)
            silence = convert(Silence, parse(row.body)) if row else Silence()
            found = self._standings.setdefault(live.arrangement, _Standing(silence, row.version if row else 0))
        silence = found.silence
        if live.silence is not None and (silence.since or silence.cleared < self._repository.store.generation):
            live.restored = True
            async with found.noting:  # once, whoever else comes here meanwhile
                if not found.silence.since:
                    await self._store(live, found, replace(found.silence, since=int(self._clock())))
        return found

    async def _store(self, live: LiveArrangement, standing: _Standing, silence: Silence) -> None:
        put = Put(KIND, live.arrangement, standing.version, canonical(silence))
        if not await self._repository.store.commit(Batch(puts=[put])):
            raise Unavailable("busy", "another process writes to this node's folder")
        standing.silence, standing.version = silence, standing.version + 1
        if self._doubtful is not None:
            (self._doubtful.add if silence.since else self._doubtful.discard)(live.arrangement)

    def _backoff(self, live: LiveArrangement) -> Backoff:
        return self._repository.troubles.at(SILENCE, "", live.arrangement, longest=LONGEST_S)

    # --- asking ----------------------------------------------------------------------------------------------------

    async def _compare(self, live: LiveArrangement, standing: _Standing, pause: Backoff) -> None:
        """Ask the others; take back what they show; and speak again if that suffices."""
        if live.silence is None:
            return
        others = _others(live)
        answers, silent = await self._ask(live, others)
        times, answered = [shown.now for shown in answers.values() if shown.now], sorted(answers)
        missing = await self._take_back(live, answers, silent)
        self._tell_false(live, {name: silent[name] for name in answered if name not in answers})
        missing = missing or self._settle(live, standing, times, alone=not others)
        late = int(self._clock()) - standing.silence.since >= DAY_S
        enough = len(answers) >= (least(live.terms, others) if live.restored and late else len(others))
        if missing is None and (enough or (answers and not live.restored)):
            if live.restored or standing.silence.cleared < self._repository.store.generation:
                await self._store(live, standing, Silence(cleared=self._repository.store.generation))
                log.warning("%s: has caught up with its own words", live.arrangement[:12])
            live.silence, live.restored = None, False
            self._turned_up.pop(live.arrangement, None)
            self._repository.spoken.add(live.arrangement)
            self._repository.troubles.over(SILENCE, "", live.arrangement)
            self._repository.schedule.call(live.arrangement)
            return
        waits = missing or "waits for " + ", ".join(f"{name} ({why})" for name, why in sorted(silent.items()))
        live.silence = f"{COPY if live.restored else 'compares with the others first'}: {waits}"
        pause.fail(live.silence, "see that their nodes run and can be reached" if silent else "")

    def _tell_false(self, live: LiveArrangement, false: dict[str, str]) -> None:
        """Tell who shows something that does not hold: it is of no use to wait for those."""
        for name in live.terms.actors:
            if name in false:
                self._repository.troubles.at(SHOWN, name, live.arrangement).tell(false[name], ASK_THEM)
            else:
                self._repository.troubles.over(SHOWN, name, live.arrangement)

    async def _ask(
        self, live: LiveArrangement, others: Sequence[str]
    ) -> tuple[dict[str, RecallAnswer], dict[str, str]]:
        """The answers by actor, and why the others have not answered."""
        asked = {
            asyncio.create_task(ask_for_ours(self._peers, live.terms.actors[name], live.arrangement)): name
            for name in others
        }

        def enough(ended: set[asyncio.Task[RecallAnswer]]) -> bool:
            return not live.restored and any(task.exception() is None for task in ended)

        done = await in_time(asked, TIMEOUT_S, LINGER_S, enough)
        failed = {asked[task]: task.exception() for task in asked if not task.cancelled()}
        answers = {asked[task]: task.result() for task in done if task.exception() is None}
        silent = {name: str(error) for name, error in failed.items() if error is not None}
        late = {name: "has not answered in time" for name in others if name not in answers and name not in silent}
        return answers, silent | late

    # --- taking back -----------------------------------------------------------------------------------------------

    async def _take_back(
        self, live: LiveArrangement, answers: dict[str, RecallAnswer], silent: dict[str, str]
    ) -> str | None:
        """Take back what the answers show; what does not verify is moved to the silent. What is missing, or None."""
        sealed = list[Leaf]()
        for name in sorted(answers, key=lambda name: -answers[name].sealed):
            try:
                sealed += await self._adopt(live, name, answers[name].sealed)
            except ArmslengthError as error:
                silent[name] = f"shows a record that does not hold: {error}"
                del answers[name]
        words = RecalledWords(refusals=[carried(leaf, each) for leaf in sealed for each in leaf.entry.refused or ()])
        words.refusals = [each for each in words.refusals if each.author == live.record.me.actor]
        for name, shown in list(answers.items()):
            try:
                take_in(live, name, shown, words)
            except ArmslengthError as error:
                silent[name] = f"shows words of ours that do not verify: {error}"
                del answers[name]
        if not live.restored and (word := await self._unknown(live, words, sealed)):
            await self.doubt(live, word, proven=True)
        if not live.restored:
            return None  # nothing was shown that we do not know
        index, turned_up = live.record.sealed.index_of, self._turned_up.get(live.arrangement, ())
        words.loose += [leaf for leaf in turned_up if index(entry_hash(leaf.entry)) is None]
        async with live.lock:
            put_in_order(live, answers.values(), words)
            await self._keep(live, words)
            link = live.record.sealed.next_link(live.record.me.actor)
            mine = [leaf for leaf in (*words.ordered, *words.loose) if leaf.entry.author == live.record.me.actor]
            refusals = [each for each in words.refusals if each.author == live.record.me.actor]
            missing = await live.journal.recover(link, mine, refusals)
        return words.lost or missing

    async def _adopt(self, live: LiveArrangement, name: str, size: int) -> list[Leaf]:
        """Take in the sealed leaves that an actor shows beyond ours. Raises what is wrong with them."""
        actor, found = live.terms.actors[name], list[Leaf]()
        while (start := live.record.sealed.size) < size:
            path = f"{BASE}/leaves/{live.arrangement}?{LeavesQuery(start=start)}"
            leaves = decode_leaves(await self._peers.get(actor.did or "", actor.address or "", path))
            async with live.lock:
                if live.record.sealed.size != start:
                    continue
                if live.record.me.keeper:
                    covered = live.record.adopt(leaves)
                else:
                    # A simulated clock is as old as the copy: what the others have sealed tells how late it is.
                    simulated = live.terms.clock == "simulated"
                    live.record.offer(start, leaves, FOREVER if simulated else self._recorder.now(live))
                    covered = leaves[: live.record.sealed.size - start]
                if not covered:
                    raise Refused("gap", f"shows nothing that a seal covers after leaf {start}", "leaves")
                await self._repository.save(live, from_size=start)
                self._recorder.note_cosignatures(live, covered)
            found += covered
        pending = [entry_hash(each.entry) for each in await live.journal.pending()]
        await live.journal.sealed([each for each in pending if live.record.sealed.index_of(each) is not None])
        return found

    async def _unknown(self, live: LiveArrangement, words: RecalledWords, sealed: Sequence[Leaf]) -> str | None:
        """A word of ours that we do not know, among what is shown; in words."""
        me, kept, size = live.record.me, live.witness, words.head.checkpoint.size if words.head else 0
        if me.keeper and sealed:
            return f"the record from leaf {live.record.sealed.size - len(sealed)} on"
        if size > kept.size and words.head is not None and (me.keeper or me.actor in words.head.times):
            return f"a head of {size} leaves that we have signed"
        times = [
            words.time,
            *(cosigned_at(live, leaf.entry.body.checkpoint) for leaf in sealed if isinstance(leaf.entry.body, Seal)),
        ]
        if me.timekeeper and max(times) > kept.time:
            return f"a time that we gave, {iso(max(times))},"
        link, names = live.record.sealed.next_link(me.actor), await live.journal.names()
        for leaf in (*sealed, *words.loose):
            if leaf.entry.author == me.actor and not await live.journal.is_known(leaf.entry):
                return f"entry {leaf.entry.author_seq} of ours"
        for each in words.refusals:
            if each.author == me.actor and each.number >= link[0] and each.refusal.entry not in names:
                return f"entry {each.number} of ours, which the keeper has refused,"
        return None

    async def _keep(self, live: LiveArrangement, words: RecalledWords) -> None:
        """Make what was taken back durable, under the record's lock."""
        record, kept, now = live.record, live.witness, self._recorder.now(live)
        kept = replace(
            stands_by(live), time=max(kept.time, words.time, cosigned_at(live, live.record.sealed.checkpoint))
        )
        head = words.head
        if head is not None and head.checkpoint.size > kept.size:
            kept = replace(kept, size=head.checkpoint.size, root=head.checkpoint.root.hex(), note=head.note.encode())
        if record.me.timekeeper and (words.ordered or words.loose):
            loose = [leaf for leaf in words.loose if record.me.keeper or leaf.entry.author != record.me.actor]
            fixed = kept.size if record.me.keeper and words.lost is None else record.sealed.size
            record.take_back(words.ordered, loose, fixed, max(now, kept.time))
        if record.me.keeper:
            for each in words.refusals:
                if each.author != record.me.actor:
                    live.refusals.take_back(each)
        await self._repository.save(live, kept if record.me.timekeeper else None, record.sealed.size)


def _raise_if_silent(live: LiveArrangement) -> None:
    if live.silence is not None:
        raise Unavailable("restored" if live.restored else "comparing", live.silence, live.arrangement[:12])


def _others(live: LiveArrangement) -> list[str]:
    """Whom to ask: the other timekeepers; a sole one asks everyone else with a node."""
    actors, me = live.terms.actors, live.record.me.actor
    found = [name for name in live.terms.timekeepers.of if name != me and actors[name].address]
    return found or sorted(name for name, actor in actors.items() if name != me and actor.address and actor.did)
