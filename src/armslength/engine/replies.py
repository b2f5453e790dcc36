"""What the others say to terms that we are engaged in: whoever must hear of them is told, and asked until it answers.

Laws:

1. Parties deliver the terms to everyone whom they name with a node; everybody who is engaged asks the others for their
   answer. Nobody else opens a connection because of these terms (rule 10.2a).
2. Who has not been reached, or has not decided, is asked again, with a growing pause that has chance in it, until it
   has answered or `entry_by` has passed. All of it is durable.
3. A node asks only about terms that it is engaged in. So whoever asks us has something to say, and is asked at once.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical
from armslength.engine.backoff import Backoff, cancelled, woken_within
from armslength.engine.troubles import Troubles, advice
from armslength.errors import ArmslengthError, Malformed, NotFound, Refused, Unavailable
from armslength.ports import Batch, Clock, Peers, Put, Store
from armslength.wire.own import ACCEPTED, BASE, DECLINED, MAX_REASON, Proposal, ProposalReply, decode_reply
from armslength.wire.strict import convert, parse

REPLIES: Final = "replies"  # kind in the store, tagged OPEN while somebody is still asked
OPEN, SETTLED = "open", "settled"
UNREACHED, UNKNOWN, REFUSED = "unreached", "unknown", "refused"  # beside what the others answer
FINAL: Final = frozenset({ACCEPTED, DECLINED, REFUSED})
LONGEST_S: Final = 600.0  # between two questions to one node
NOTICE_S: Final = 1.0  # between two questions that its own questions bring about

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What is known of one of the others: how it is reached, its answer, and the reason or what keeps us from it."""

    did: str
    address: str
    answer: str = UNREACHED
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedActors:
    """Whom we ask about an arrangement, by actor, and until when. `deliver`: we bring the terms to them."""

    until: int
    simulated: bool
    deliver: bool
    others: dict[str, Contact]

    @property
    def is_open(self) -> bool:
        """Whether somebody has not answered."""
        return any(each.answer not in FINAL for each in self.others.values())


class Replies:
    """The questions of one node. `run` until cancelled (rule 10.3b)."""

    def __init__(self, store: Store, peers: Peers, clock: Clock, troubles: Troubles) -> None:
        self._store = store
        self._peers = peers
        self._clock = clock
        self._troubles = troubles
        self._asked: dict[str, tuple[AskedActors, int]] = {}  # what is open, with its version
        self._due: list[tuple[float, str, str]] = []  # by the loop's clock: arrangement, actor; may be outdated …
        self._next: dict[tuple[str, str], float] = {}  # … this is when it is due
        self._last: dict[tuple[str, str], float] = {}  # when somebody was asked last
        self._busy: dict[str, asyncio.Task[None]] = {}  # one question at a time to one node, by DID …
        self._queued: dict[str, list[tuple[str, str]]] = {}  # … and what it is asked next
        self._woken = asyncio.Event()
        self._writing = asyncio.Lock()
        self.proposal_of: Callable[[str], Awaitable[Proposal]]
        self.on_answer: Callable[[str, str], Awaitable[None]]  # hears who has answered in which arrangement

    @staticmethod
    def opened(arrangement: str, terms: Arrangement, me: str, *, deliver: bool) -> Put:
        """The row with which questions about these terms begin: put it where we engage, then call `begin`."""
        others = {
            name: Contact(did=actor.did, address=actor.address)
            for name, actor in terms.actors.items()
            if name != me and actor.did and actor.address
        }
        asked = AskedActors(until=terms.entry_by, simulated=terms.clock == "simulated", deliver=deliver, others=others)
        return Put(REPLIES, arrangement, 0, canonical(asked), OPEN if asked.is_open else SETTLED)

    async def begin(self, arrangement: str) -> None:
        """Ask from now on: the row is stored."""
        row = await self._store.get(REPLIES, arrangement)
        if row is not None and row.tag == OPEN and arrangement not in self._asked:
            self._add(arrangement, convert(AskedActors, parse(row.body)), row.version)

    def _add(self, arrangement: str, asked: AskedActors, version: int) -> None:
        self._asked[arrangement] = asked, version
        for actor, heard in asked.others.items():
            if heard.answer not in FINAL:
                self._plan(arrangement, actor, 0.0)

    async def of(self, arrangement: str) -> dict[str, Contact]:
        """What the others have said, by actor."""
        if arrangement in self._asked:
            return self._asked[arrangement][0].others
        row = await self._store.get(REPLIES, arrangement)
        return {} if row is None else convert(AskedActors, parse(row.body)).others

    def noticed(self, arrangement: str, did: str) -> None:
        """This node has asked about these terms, or brought them: it is engaged, and will say so."""
        if arrangement in self._asked:
            for actor, heard in self._asked[arrangement][0].others.items():
                if heard.did == did and heard.answer not in FINAL:
                    self._backoff(arrangement, actor).end()
                    since = asyncio.get_running_loop().time() - self._last.get((arrangement, actor), -NOTICE_S)
                    self._plan(arrangement, actor, max(0.0, NOTICE_S - since))

    async def ask_all(self, arrangement: str) -> dict[str, Contact]:
        """Ask everyone who has not answered now, and wait for what they say."""
        await self.begin(arrangement)
        if arrangement in self._asked:
            asked = self._asked[arrangement][0]
            actors = [actor for actor, heard in asked.others.items() if heard.answer not in FINAL]
            await asyncio.gather(*(self._ask(arrangement, actor) for actor in actors))
        return await self.of(arrangement)

    # --- the loop --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            for row in await self._store.find(REPLIES, OPEN):
                if row.key not in self._asked:
                    self._add(row.key, convert(AskedActors, parse(row.body)), row.version)
            while True:
                self._woken.clear()
                self._begin_due()
                wait = self._due[0][0] - asyncio.get_running_loop().time() if self._due else None
                await woken_within(self._woken, wait)
        finally:
            self._queued.clear()
            await cancelled(list(self._busy.values()))

    def _plan(self, arrangement: str, actor: str, seconds: float) -> None:
        due = asyncio.get_running_loop().time() + seconds
        self._next[arrangement, actor] = due
        heapq.heappush(self._due, (due, arrangement, actor))
        self._woken.set()

    def _backoff(self, arrangement: str, actor: str) -> Backoff:
        return self._troubles.at("the proposal", actor, arrangement, longest=LONGEST_S)

    def _begin_due(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._due and self._due[0][0] <= now:
            due, arrangement, actor = heapq.heappop(self._due)
            if self._next.get((arrangement, actor)) != due or not self._is_asked(arrangement, actor):
                continue
            del self._next[arrangement, actor]
            did = self._asked[arrangement][0].others[actor].did
            if did in self._busy:
                self._queued.setdefault(did, []).append((arrangement, actor))
            else:
                self._ask_in_turn(arrangement, actor, did)

    def _next_of(self, did: str) -> None:
        """Ask a node what is queued for it next, leaving out what has been settled meanwhile."""
        self._busy.pop(did, None)
        queued = self._queued.pop(did, [])
        while queued and did not in self._busy:
            arrangement, actor = queued.pop(0)
            if self._is_asked(arrangement, actor):
                self._ask_in_turn(arrangement, actor, did)
        if queued:
            self._queued[did] = queued

    def _is_asked(self, arrangement: str, actor: str) -> bool:
        return arrangement in self._asked and self._asked[arrangement][0].others[actor].answer not in FINAL

    def _ask_in_turn(self, arrangement: str, actor: str, did: str) -> None:
        self._busy[did] = task = asyncio.create_task(self._turn(arrangement, actor))
        task.add_done_callback(lambda _: self._next_of(did))

    async def _turn(self, arrangement: str, actor: str) -> None:
        if not self._is_asked(arrangement, actor):
            return
        try:
            if self._is_over(arrangement):
                await self._store_changed(arrangement, lambda asked: asked)
                return
            await self._ask(arrangement, actor)
        except Exception:  # whatever it is, the node is asked again
            log.exception("%s: %s cannot be asked", arrangement[:12], actor)
        if self._is_asked(arrangement, actor):
            pause = self._backoff(arrangement, actor)
            pause.grow()
            self._plan(arrangement, actor, pause.left)

    def _is_over(self, arrangement: str) -> bool:
        asked = self._asked[arrangement][0]
        return self._clock.now(simulated=asked.simulated) > asked.until

    async def _ask(self, arrangement: str, actor: str) -> None:
        """One question, and what is remembered of its answer."""
        asked = self._asked[arrangement][0]
        before = asked.others[actor]
        self._last[arrangement, actor] = asyncio.get_running_loop().time()
        try:
            said = await self._answer(arrangement, before, deliver=asked.deliver)
            now = replace(before, answer=said.answer, reason=(said.reason or "")[:MAX_REASON] or None)
            self._backoff(arrangement, actor).tell("")
        except (Malformed, Refused) as error:
            now = replace(before, answer=REFUSED, reason=str(error)[:MAX_REASON])
        except NotFound:
            now = replace(before, answer=UNKNOWN, reason="nobody has brought it these terms")
        except ArmslengthError as error:
            now = replace(before, reason=str(error)[:MAX_REASON])
            self._backoff(arrangement, actor).tell(str(error), advice(error))
        if now == before:
            return

        def heard(asked: AskedActors) -> AskedActors:
            return replace(asked, others=asked.others | {actor: now})

        await self._store_changed(arrangement, heard)
        if now.answer != before.answer:
            log.info("%s: %s: %s %s", arrangement[:12], actor, now.answer, now.reason or "")
            await self.on_answer(arrangement, actor)

    async def _answer(self, arrangement: str, whom: Contact, *, deliver: bool) -> ProposalReply:
        """Bring the terms, or ask whom they were brought to."""
        path = f"{BASE}/propose"
        if deliver and whom.answer in {UNREACHED, UNKNOWN}:
            body = canonical(await self.proposal_of(arrangement))
            return decode_reply(await self._peers.post(whom.did, whom.address, path, body), arrangement)
        try:
            data = await self._peers.get(whom.did, whom.address, f"{path}/{arrangement}")
        except NotFound:
            if not deliver:
                raise
            return await self._answer(arrangement, replace(whom, answer=UNKNOWN), deliver=True)
        return decode_reply(data, arrangement)

    async def _store_changed(self, arrangement: str, change: Callable[[AskedActors], AskedActors]) -> None:
        async with self._writing:
            if arrangement not in self._asked:
                return
            asked, version = self._asked[arrangement]
            asked, is_open = change(asked), not self._is_over(arrangement)
            is_open = is_open and asked.is_open
            put = Put(REPLIES, arrangement, version, canonical(asked), OPEN if is_open else SETTLED)
            if not await self._store.commit(Batch(puts=[put])):
                raise Unavailable("busy", "another process writes to this node's folder")
            if is_open:
                self._asked[arrangement] = asked, version + 1
            else:
                self._forget(arrangement)

    def _forget(self, arrangement: str) -> None:
        asked = self._asked.pop(arrangement, None)
        for actor in asked[0].others if asked else ():
            self._next.pop((arrangement, actor), None)
            self._last.pop((arrangement, actor), None)
            self._troubles.over("the proposal", actor, arrangement)

    async def end(self, arrangement: str) -> None:
        """Ask no more about these terms: we are not engaged in them any longer."""
        async with self._writing:
            self._forget(arrangement)
            await self._store.commit(Batch(deletes=[(REPLIES, arrangement)]))
