"""Our own statements, from their wording to the keeper's answer: what the owner says, and what the plan asks for. They
are sent to the timekeepers for their stamps, then to the keeper, until they are sealed.

One at a time writes in an arrangement (`LiveArrangement.writing`). Statements that the plan asks for at the same time
are written and sent together: whoever has its turn takes along what has come meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Body, Commit, Evidence
from armslength.core.arrangement.state import State
from armslength.core.record import evidence
from armslength.core.record.entry import TYPE_OF, entry_hash
from armslength.engine.approvals import WAITS, Approvals, Unapproved
from armslength.engine.clearance import Clearance
from armslength.engine.contents import Contents
from armslength.engine.journal import opening
from armslength.engine.keeper import Keeper
from armslength.engine.proposals import Proposals
from armslength.engine.recorder import Recorder
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.statements import Making, is_said, standing, stored
from armslength.engine.transport import NodeTransport, said
from armslength.engine.troubles import advice, advise
from armslength.errors import ArmslengthError, NotFound, Refused, Unavailable
from armslength.ports import Peers
from armslength.wire.manage import StatementResult
from armslength.wire.own import PENDING, JournalEntry, SubmissionAnswer

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Outgoing:
    """A statement that waits to be written: what became of it is `reason`, if it is not valid, or `error`."""

    body: Body
    reason: str | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Ahead:
    """The state once these entries of ours, which wait, are placed: what follows from the state `base` of our view."""

    base: State
    names: tuple[str, ...]
    state: State


class Writer:
    """Writes and sends the statements of one node."""

    def __init__(
        self,
        repository: Repository,
        recorder: Recorder,
        keeper: Keeper,
        peers: Peers,
        proposals: Proposals,
        contents: Contents,
        approvals: Approvals,
    ) -> None:
        self._repository = repository
        self._recorder = recorder
        self._keeper = keeper
        self._peers = peers
        self._proposals = proposals
        self._contents = contents
        self._approvals = approvals

    # --- what the owner says ---------------------------------------------------------------------------------------

    async def say(self, live: LiveArrangement, bodies: Sequence[Body]) -> list[StatementResult]:
        """Write these statements and send them at once, but for those that stand already. Raises Refused, and writes
        nothing, where one is not valid by what we know."""
        try:
            await self._recorder.readiness.wait(live)
        except Unavailable as error:
            if live.restored:  # else it is written, and leaves once the others have answered
                raise Refused("restored", error.reason, live.arrangement[:12]) from None
        async with live.writing:
            if live.record.me.keeper and await is_unsent(live):  # a crash came between journal and record
                await self._send(live)
            before, made = await self.ahead(live), list[tuple[Body, JournalEntry | None]]()
            state = before
            for body in bodies:
                state, stands = await self._judged(live, state, body)
                made.append((body, stands))
            new = [body for body, stands in made if stands is None]
            return await self._write(live, made, self._approvals.clear(live.arrangement, before, new))

    async def check(self, live: LiveArrangement, bodies: Sequence[Body]) -> State:
        """Our state as it is before statements that could be made now. Raises Refused where one could not be."""
        async with live.writing:
            before = state = await self.ahead(live)
            for body in bodies:
                state, _ = await self._judged(live, state, body)
            return before

    async def review(self, live: LiveArrangement) -> None:
        """End the drafts of this arrangement whose objects have changed."""
        if self._approvals.has_drafts(live.arrangement):
            await self._approvals.review(live.arrangement, await self.ahead(live))

    async def _judged(self, live: LiveArrangement, state: State, body: Body) -> tuple[State, JournalEntry | None]:
        """The state after a statement; and the entry that says the very same, if making it again adds nothing. Raises
        Refused where it is not valid, and nothing says so yet."""
        stands = await standing(live.journal, body)
        if stands is not None and (stands.status == PENDING or is_said(state, body)):
            return state, stands
        try:
            return await self._after(live, state, body), None
        except Refused as error:
            if stands is None and error.code == "repeat":  # our journal may be an older copy
                placed = await self._recorder.last_entry(live, live.record.me.actor, opening(body))
                stands = None if placed is None else stored(placed, body)
            if stands is None:
                raise
            return state, stands

    # --- what the plan asks for ------------------------------------------------------------------------------------

    async def write(self, live: LiveArrangement, body: Body) -> str | None:
        """Write a statement that the plan asks for, and send it. Why it is not valid, by what we know or by the
        keeper's word; None if nothing speaks against it. Raises Unavailable where nothing may be said now."""
        mine = Outgoing(body)
        live.outgoing.append(mine)
        async with live.writing:
            together, live.outgoing = live.outgoing, []
            if together:
                await self._write_together(live, together)
        if mine.error is not None:
            raise mine.error
        return mine.reason

    async def _write_together(self, live: LiveArrangement, together: Sequence[Outgoing]) -> None:
        try:
            await self._recorder.readiness.wait(live)
            before, valid = await self.ahead(live), list[Outgoing]()
            state = before
            for each in together:
                try:
                    after = await self._after(live, state, each.body)
                    self._approvals.clear(live.arrangement, before, [each.body])
                    state = after
                    valid.append(each)
                except Unapproved as error:
                    each.error = await self._asked(live, error)
                except Unavailable as error:
                    each.error = error
                except ArmslengthError as error:
                    each.reason = str(error)
            cleared = self._approvals.clear(live.arrangement, before, [each.body for each in valid])
            results = await self._write(live, [(each.body, None) for each in valid], cleared) if valid else []
            for each, became in zip(valid, results, strict=True):
                each.reason = (became.reason or "") if became.status == "refused" else None
        except Exception as error:  # noqa: BLE001  each of them is told
            for each in together:
                each.error = each.error or error
        except BaseException:  # the node stops in the middle
            for each in together:
                each.error = each.error or Unavailable("stopped", "the node was told to stop")
            raise

    async def _asked(self, live: LiveArrangement, error: Unapproved) -> ArmslengthError:
        """What the plan is told of a statement that the policy names: it waits (rule 12.4d)."""
        try:
            return await self._approvals.ask(live.arrangement, error)
        except Unapproved as final:
            return Unavailable(WAITS, final.reason, final.place)

    async def ahead(self, live: LiveArrangement) -> State:
        """The state in our view once what we have written is placed."""
        entries = [each.entry for each in await live.journal.pending()]
        waiting = {entry_hash(each): each.body for each in entries}
        view = live.record.view
        names, known = tuple(name for name in waiting if view.index_of(name) is None), live.ahead
        if known is None or known.base is not view.state or names[: len(known.names)] != known.names:
            known = Ahead(view.state, (), view.state)
        state = known.state
        for name in names[len(known.names) :]:
            with suppress(Refused):
                state = self._applied(live, state, waiting[name], name)
        live.ahead = Ahead(view.state, names, state)
        return state

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _after(self, live: LiveArrangement, state: State, body: Body) -> State:
        """The state after a new statement of ours; call it under `live.writing`. Raises Refused where it is not valid,
        and Unavailable where a commitment is not to what is published by now."""
        after = self._applied(live, state, body)
        if isinstance(body, Commit) and not await self._contents.is_published(live, body):
            raise Unavailable("replaced", "another file was just published for it", body.tranche)
        return after

    def _applied(self, live: LiveArrangement, state: State, body: Body, entry: str = "") -> State:
        me, now = live.record.me.actor, self._recorder.now(live)
        culprit = evidence.culprit(live.record.view.roster, body) if isinstance(body, Evidence) else None
        act = step.EntryInput(author=me, stamp=now, type=TYPE_OF[type(body)], body=body, entry=entry, culprit=culprit)
        return step.apply(live.terms, state, act).state

    async def _write(
        self, live: LiveArrangement, made: Sequence[tuple[Body, JournalEntry | None]], cleared: Clearance
    ) -> list[StatementResult]:
        """Write and send statements, but for those that stand. Call it under `live.writing`."""
        if live.forgotten:
            raise NotFound("unknown-arrangement", "it has just been declined", live.arrangement[:16])
        link = (live.record.view if live.record.me.keeper else live.record.sealed).next_link(live.record.me.actor)
        making = Making(live.journal, made)
        while making.is_open:
            names = await live.journal.write(cleared, live.seen, link, making.left)
            live.backoffs.own.end()  # no backoff delays what has just been written
            await making.note(names, await self._send(live))
        sent = [
            replace(each, answer=SubmissionAnswer(entry=each.entry))
            if each.answer is None and live.record.view.index_of(each.entry) is not None
            else each
            for each in await making.results()
        ]
        self._repository.schedule.call(live.arrangement)
        waiting = await self._why_waiting(live) if any(each.answer is None for each in sent) else ""
        return [said(each, waiting) for each in sent]

    async def _why_waiting(self, live: LiveArrangement) -> str:
        """Why there is no answer of the keeper, in words."""
        keeper = live.terms.keeper
        heard = (await self._proposals.absent(live)).get(keeper)
        if heard is not None:
            answer = f"{heard.answer}: {heard.reason}" if heard.reason else heard.answer
            return f"{keeper}, the keeper, has not accepted its office yet ({answer}); it is sent again"
        return "the keeper does not answer; it is sent again"

    # --- sending ---------------------------------------------------------------------------------------------------

    async def send_again(self, live: LiveArrangement) -> None:
        """Send what waits, unless it was just sent, or the keeper cannot be reached."""
        if live.backoffs.own.is_over and silent_keeper(live) is None and await is_unsent(live):
            async with live.writing:
                await self._send(live)

    async def _send(self, live: LiveArrangement) -> dict[str, SubmissionAnswer]:
        """Send what is pending; the keeper's answers by entry hash. Call it under `live.writing`.

        Where that fails nothing is raised: it is reported, and retried after a growing backoff.
        """
        live.backoffs.own.grow()  # what comes of it is seen when the record moves on
        try:
            await self._recorder.readiness.wait(live)
            if live.record.me.keeper:
                await self._keeper.prepare(live)
            mine = (live.record.me.actor, self._recorder)
            transport = NodeTransport(live.terms, live.arrangement, self._peers, mine, live.backoffs)
            answers = await live.journal.send(transport)
        except ArmslengthError as error:
            log.info("entries wait: %s", error)
            live.backoffs.own.tell(str(error), advice(error))
            return {}
        waiting = next((each for each in answers.values() if each.code and each.refusal is None), None)
        reason = "" if waiting is None else waiting.reason or waiting.code or ""
        live.backoffs.own.tell(reason, "" if waiting is None else advise(waiting.code))
        return answers


def silent_keeper(live: LiveArrangement) -> str | None:
    """The keeper's DID, if it could not be reached and is left alone: nothing is placed without it."""
    pause = live.backoffs.of(live.terms.keeper)
    return pause.did if pause.is_silent else None


async def is_unsent(live: LiveArrangement) -> bool:
    """Whether entries of ours wait to be sent: until they are sealed or, to ourselves, until they are placed."""
    names = [entry_hash(each.entry) for each in await live.journal.pending()]
    sealed = {name for name in names if live.record.sealed.index_of(name) is not None}
    if sealed:  # a crash, or a full disk, came between the seal and our journal
        await live.journal.sealed(sealed)
    if not live.record.me.keeper:
        return len(sealed) < len(names)
    return any(live.record.view.index_of(name) is None for name in names)
