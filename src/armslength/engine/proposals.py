"""How terms come to bind this node: proposed, received, accepted, declined (part 10 of the rules).

Laws:

1. What others bring waits in the inbox as bytes. It is read for the owner alone, and off the event loop: for its list,
   for its word, or by the standing rule that it has configured.
2. A party engages by proposing or signing; whoever else is named with a node, by accepting its offices. Nothing else
   puts terms into the repository.
3. What the owner has neither signed nor accepted it can decline, with a reason that the others hear.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from armslength.approvals.drafts import ACCEPT, DECLINE, PROPOSE, Act, Declining, Proposing, act_of
from armslength.approvals.subjects import PROPOSED
from armslength.config import Accept
from armslength.core.arrangement.bodies import Sign
from armslength.core.arrangement.tables import ENDED
from armslength.core.arrangement.terms import Arrangement, roles
from armslength.core.canonical import canonical, digest, plain
from armslength.engine.approvals import Approvals
from armslength.engine.clearance import Clearance
from armslength.engine.inbox import DeclinedProposal, Inbox, WaitingProposal
from armslength.engine.replies import Contact, Replies
from armslength.engine.repository import Engagement, LiveArrangement, Repository
from armslength.errors import ArmslengthError, Malformed, Misuse, NotFound, Refused, Unauthorised
from armslength.ports import Batch, Clock, Put
from armslength.wire.manage import ListedProposal
from armslength.wire.own import ACCEPTED, DECLINED, MAX_REASON, WAITING, Proposal, ProposalReply
from armslength.wire.terms_json import MAX_TERMS, decode_terms

ACCEPTING: Final = Act(name=ACCEPT, body={})
SIGNING: Final = act_of(Sign())
RULED: Final = "ruled"  # kind of the index of what the standing rule has accepted, tagged with the proposer

log = logging.getLogger(__name__)


class Proposals:
    """The terms that are proposed to one node, and by it."""

    def __init__(
        self,
        repository: Repository,
        inbox: Inbox,
        replies: Replies,
        clock: Clock,
        rule: Accept,
        approvals: Approvals,
        *,
        development: bool,
    ) -> None:
        self._repository = repository
        self._inbox = inbox
        self.replies = replies
        self._clock = clock
        self._rule = rule
        self._approvals = approvals
        self._development = development
        self._engaging = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._one_by_one = asyncio.Lock()  # what the rule looks at, so that the owner waits for one of them at most
        self._ruling: set[asyncio.Task[None]] = set()
        replies.proposal_of = self._proposal_of
        replies.on_answer = self._answered

    # --- what others bring, and ask ----------------------------------------------------------------------------------

    async def receive(self, proposal: Proposal, by: str) -> ProposalReply:
        """Take in what `by` delivers: bytes of any terms at all. Raises Unavailable where there is no room now."""
        if not by.startswith("did:web:"):
            raise Unauthorised("no-node", "terms are proposed by parties, and each has a node with a did:web", by)
        document = proposal.document.encode("utf-8", "surrogatepass")
        if len(document) > MAX_TERMS:
            raise Malformed("too-large", f"terms have at most {MAX_TERMS} bytes", "document")
        arrangement = digest(document)
        try:
            said = await self.reply(arrangement, by)
        except NotFound:
            said = ProposalReply(arrangement=arrangement, answer=WAITING)
        if said.answer != WAITING:
            return said
        size = len(canonical(proposal))  # whatever of it is stored takes room
        new = WaitingProposal(arrangement=arrangement, by=by, at=self._now(), size=size, known=await self._is_known(by))
        if await self._inbox.put(proposal, new) and self._is_ruled(new):
            task = asyncio.create_task(self._apply_rule(arrangement))
            self._ruling.add(task)
            task.add_done_callback(self._ruling.discard)
        return said

    async def reply(self, arrangement: str, by: str) -> ProposalReply:
        """What we say to these terms, to `by` who asks. Raises NotFound (rule 10.2b)."""
        if await self._repository.holds(arrangement):
            self.replies.noticed(arrangement, by)
            return ProposalReply(arrangement=arrangement, answer=ACCEPTED)
        declined = await self._inbox.declined(arrangement)
        if declined is not None:
            return ProposalReply(arrangement=arrangement, answer=DECLINED, reason=declined.reason or None)
        if await self._inbox.holds(arrangement):
            return ProposalReply(arrangement=arrangement, answer=WAITING)
        raise NotFound("unknown-arrangement", "no such terms here", arrangement[:16])

    async def _is_known(self, did: str) -> bool:
        """Whether this is a party of an arrangement that we are engaged in and that has not ended."""
        return await self._repository.names.is_party(did)

    # --- what the owner sees, and says -------------------------------------------------------------------------------

    async def pending(self) -> list[WaitingProposal]:
        """The copies that wait, oldest first, unread."""
        return await self._inbox.waiting()

    async def waiting(self) -> list[ListedProposal]:
        """What waits for the owner, oldest first."""
        found: dict[str, None] = dict.fromkeys(each.arrangement for each in await self._inbox.waiting())
        return [await self._listed(arrangement) for arrangement in found]

    async def _listed(self, arrangement: str) -> ListedProposal:
        copies = await self._inbox.copies(arrangement)
        return await asyncio.to_thread(_list, self._repository, arrangement, copies)

    async def proposal(self, arrangement: str) -> tuple[ListedProposal, Proposal]:
        """Terms that wait, with the copy of them that would be taken. Raises NotFound."""
        copies = await self._inbox.copies(arrangement)
        if not copies:
            raise NotFound("unknown-arrangement", "there is no such proposal in the inbox", arrangement[:16])
        return await self._listed(arrangement), await asyncio.to_thread(_taken, copies)

    async def propose(self, proposal: Proposal) -> str:
        """Engage as a party in terms of ours; returns their hash. Raises Malformed or Refused with the reason."""
        terms = await self._read(proposal)
        arrangement, me = digest(proposal.document.encode()), self._repository.actor(terms)
        if me not in terms.parties:
            raise Refused("not-a-party", "these terms do not name us with our current key as a party", "parties")
        live = Engagement(proposal=proposal, by=self._repository.did, at=self._now())
        await self._engage(arrangement, terms, live, self._permit(arrangement, proposing(proposal)))
        return arrangement

    async def engage(self, arrangement: str) -> None:
        """As a party: take these terms from the inbox, in order to sign them. Raises NotFound, Refused, Misuse
        (rule 10.1a)."""
        async with self._engaging:
            if await self._repository.holds(arrangement):
                return
            terms, proposal, by = await self._sound(arrangement)
            if self._repository.actor(terms) not in terms.parties:
                raise Misuse("not-a-party", "you are not a party of these terms: accept your role in them, or decline")
            self._permit(arrangement, SIGNING)  # noted once we sign
            live = Engagement(proposal=proposal, by=by, at=self._now())
            await self._engage(arrangement, terms, live, Clearance())

    async def accept(self, arrangement: str, *, rule: bool = False) -> LiveArrangement:
        """Accept our offices in these terms. Raises NotFound, Refused, Misuse."""
        async with self._engaging:
            if not await self._repository.holds(arrangement):
                terms, proposal, by = await self._sound(arrangement, self._rule.proposers if rule else None)
                me = self._repository.actor(terms) or ""
                if me in terms.parties:
                    raise Misuse("party", "you are a party of these terms: sign them, with `armslength sign HASH`", me)
                if not roles(terms, me):
                    raise Misuse("no-office", "these terms give your node no office", me)
                if rule:
                    await self._check_rule(terms, me, by)
                live = Engagement(proposal=proposal, by=by, at=self._now(), office=True, rule=rule)
                await self._engage(arrangement, terms, live, self._permit(arrangement, ACCEPTING))
        return await self._repository.open(arrangement)

    async def decline(self, arrangement: str, reason: str) -> str | None:
        """Decline terms that we have neither signed nor accepted; returns their title. Raises Refused, NotFound
        (rule 10.2d)."""
        if len(reason) > MAX_REASON:
            raise Misuse("too-long", f"at most {MAX_REASON} characters", "--reason")
        async with self._engaging:
            said = DeclinedProposal(arrangement=arrangement, reason=reason, at=self._now())
            cleared = self._permit(arrangement, declining(reason))
            if await self._repository.holds(arrangement):
                live = await self._repository.open(arrangement)
                await _leave(self._repository, live)
                await self._inbox.decline(said, cleared)
                await self.replies.end(arrangement)
                return live.terms.title
            if not await self._inbox.holds(arrangement):
                raise NotFound("unknown-arrangement", "there is no such proposal in the inbox", arrangement[:16])
            title = (await self._listed(arrangement)).title
            await self._inbox.decline(said, cleared)
            return title

    async def absent(self, live: LiveArrangement) -> dict[str, Contact]:
        """Who has not engaged in these terms, as far as we have heard, by actor."""
        signed = live.record.view.state.arrangement.signed
        found = await self.replies.of(live.arrangement)
        return {name: said for name, said in found.items() if said.answer != ACCEPTED and name not in signed}

    async def explained(self, error: NotFound, begins: str) -> NotFound:
        """That there is no such arrangement, with the way to what waits in the inbox instead."""
        there = any(each.arrangement.startswith(begins) for each in await self._inbox.waiting())
        if error.code != "unknown-arrangement" or not there:
            return error
        which = "these terms wait" if begins else "what was proposed waits"
        return NotFound(error.code, f"{error.reason}: {which} for your word, see `armslength inbox`", error.place)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.now(simulated=False)

    async def _proposal_of(self, arrangement: str) -> Proposal:
        return (await self._repository.open(arrangement)).engagement.proposal

    async def _answered(self, arrangement: str, actor: str) -> None:
        """Somebody has answered: what waits for it is sent at once (rule 10.3a)."""
        try:
            live = await self._repository.open(arrangement)
        except NotFound:  # declined meanwhile
            return
        live.backoffs.answered(actor)
        live.backoffs.own.end()
        self._repository.schedule.call(arrangement)

    async def _read(self, proposal: Proposal) -> Arrangement:
        """The terms, if they are sound; read off the event loop, one at a time. Raises Malformed or Refused."""
        async with self._reading:
            return await asyncio.to_thread(_sound, proposal, development=self._development)

    async def _sound(self, arrangement: str, among: Sequence[str] | None = None) -> tuple[Arrangement, Proposal, str]:
        """The terms that wait, if they are sound and name us and a party (`among` these DIDs) has brought them; and
        that party's DID."""
        copies, fault = await self._inbox.copies(arrangement), None
        if not copies:
            raise NotFound("unknown-arrangement", "there is no such proposal in the inbox", arrangement[:16])
        for copy, proposal in copies:
            if among is not None and copy.by not in among:
                continue
            try:
                terms = await self._read(proposal)
            except ArmslengthError as error:  # another copy may have the right texts
                fault = fault or error
                continue
            if self._repository.actor(terms) is None:
                raise Refused("not-named", "these terms do not name us with our current key", "actors")
            if copy.by in {terms.actors[party].did for party in terms.parties}:
                return terms, proposal, copy.by
            fault = Refused("not-a-party", f"{copy.by}, who proposes these terms, is no party of them", "parties")
        raise fault or Refused("not-a-party", "none who proposes these terms is a party of them", "parties")

    def _permit(self, arrangement: str, act: Act) -> Clearance:
        """See that our officials have approved it, where the policy names it. Raises Unapproved (rule 12.4b)."""
        return self._approvals.permit(arrangement, act, PROPOSED)

    async def _engage(self, arrangement: str, terms: Arrangement, live: Engagement, cleared: Clearance) -> None:
        me, rows = self._repository.actor(terms) or "", await self._inbox.rows_of(arrangement)
        if fault := _fault(self._repository, terms, me):
            raise Refused("not-our-key", fault, f"actors.{me}.keys")
        puts = [self.replies.opened(arrangement, terms, me, deliver=me in terms.parties)]
        if live.rule:
            puts.append(_ruled(arrangement, live.by))
        if await self._repository.add(arrangement, live, puts, rows, cleared):
            await self._inbox.forget(rows)
        await self.replies.begin(arrangement)
        self._repository.schedule.call(arrangement)

    # --- the standing rule -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Apply the rule to what waits already: it may be newer, or the node was stopped before it could."""
        for each in await self._inbox.waiting():
            if self._is_ruled(each):
                await self._apply_rule(each.arrangement)

    def _is_ruled(self, waiting: WaitingProposal) -> bool:
        """Whether the rule looks at this copy at all."""
        return bool(self._rule.roles) and waiting.by in self._rule.proposers and waiting.size <= self._rule.bytes

    async def _apply_rule(self, arrangement: str) -> None:
        try:
            async with self._one_by_one:
                await self.accept(arrangement, rule=True)
        except ArmslengthError as error:
            log.info("%s waits for its reader: %s", arrangement[:12], error)
        except Exception:  # it waits, then
            log.exception("%s waits for its reader", arrangement[:12])

    async def _check_rule(self, terms: Arrangement, me: str, by: str) -> None:
        """Raise Refused where the standing rule leaves these terms to the owner (rule 10.1b)."""
        beyond = set(roles(terms, me)) - set(self._rule.roles)
        if beyond:
            raise Refused("beyond-rule", f"the standing rule accepts no {', '.join(sorted(beyond))}", "roles")
        rows = await self._repository.store.find(RULED, by)
        if len(rows) < self._rule.number:
            return
        over = [row for row in rows if await self._has_ended(row.key)]
        await self._repository.store.commit(Batch(deletes=[(RULED, row.key) for row in over]))
        if len(rows) - len(over) >= self._rule.number:
            raise Refused("beyond-rule", f"the standing rule accepts {self._rule.number} of {by} at a time", "number")

    async def _has_ended(self, arrangement: str) -> bool:
        try:
            return (await self._repository.open(arrangement)).record.view.state.arrangement.phase in ENDED
        except NotFound:
            return True


def proposing(proposal: Proposal) -> Act:
    """The act of proposing these very terms, texts and words."""
    return Act(name=PROPOSE, body=plain(Proposing(proposal=digest(canonical(proposal)))))


def declining(reason: str) -> Act:
    """The act of declining terms with this reason."""
    return Act(name=DECLINE, body=plain(Declining(reason=reason)))


def _sound(proposal: Proposal, *, development: bool) -> Arrangement:
    """Terms that can be read, and in which `check` finds no error. Raises Malformed or Refused. Slow for large ones."""
    from armslength.analysis.check import check_well_formed  # what reads and checks terms takes a while to load
    from armslength.wire.terms import read_terms

    terms = read_terms(proposal.document.encode(), proposal.texts)
    if terms.clock == "simulated" and not development:  # rule 2.7a
        raise Refused("simulated-clock", "this node is not in development: it keeps real time only", "clock")
    error = next((each for each in check_well_formed(terms, proposal.texts) if each.severity == "error"), None)
    if error is not None:
        raise Refused("unsound-terms", f"{error.id} {error.message}", error.place)
    return terms


def _taken(copies: Sequence[tuple[WaitingProposal, Proposal]]) -> Proposal:
    """Of copies of the same terms, the first with the right texts that a party of them has brought: whatever anybody
    else brings beside the terms is not shown in a party's place. The first of all where there is none."""
    from armslength.wire.terms import text_faults  # slow to load

    try:
        terms = decode_terms(copies[0][1].document.encode())
    except (ArmslengthError, UnicodeError):
        return copies[0][1]
    parties = {terms.actors[party].did for party in terms.parties}
    own = [proposal for copy, proposal in copies if copy.by in parties]
    right = (proposal for proposal in own if not text_faults(terms, proposal.texts))
    return next(right, (own or [copies[0][1]])[0])


def _list(
    repository: Repository, arrangement: str, copies: Sequence[tuple[WaitingProposal, Proposal]]
) -> ListedProposal:
    """What their reader is shown of terms; whatever cannot be read is shown as that."""
    first, proposal = copies[0][0], _taken(copies)
    by: dict[str, str | None] = {copy.by: None for copy, _ in copies}
    size, told = sum(copy.size for copy, _ in copies), (proposal.replaces, proposal.note)
    try:
        terms = decode_terms(proposal.document.encode())
    except (ArmslengthError, UnicodeError) as error:
        return ListedProposal(
            arrangement=arrangement, title=None, by=by, me=None, roles=(), replaces=told[0], note=told[1],
            size=size, at=first.at, fault=str(error)[:MAX_REASON],
        )  # fmt: skip
    parties = {terms.actors[party].did: party for party in terms.parties}
    me = repository.actor(terms)
    return ListedProposal(
        arrangement=arrangement,
        title=terms.title,
        by={did: parties.get(did) for did in by},
        me=me,
        roles=roles(terms, me) if me else (),
        replaces=told[0],
        note=told[1],
        size=size,
        at=first.at,
        fault=_fault(repository, terms, me),
    )


def _fault(repository: Repository, terms: Arrangement, me: str | None) -> str | None:
    """Why terms that can be read are none that we engage in, or None."""
    if not me:
        return "these terms do not name us with our current key"
    foreign = repository.foreign_keys(terms, me)
    return f"these terms pin a key under our name that is not ours, for {' and '.join(foreign)}" if foreign else None


async def _leave(repository: Repository, live: LiveArrangement) -> None:
    """Forget terms. Raises Refused where we have signed them, or accepted an office in them."""
    place = live.arrangement[:12]
    if live.engagement.office:
        raise Refused("accepted", "we have accepted our role in these terms and cannot drop them", place)
    if live.record.me.actor in live.record.view.state.arrangement.signed:
        raise Refused("signed", "we have signed these terms and cannot drop them", place)
    if not await repository.forget(live):
        raise Refused("signing", "we are about to sign these terms", place)


def _ruled(arrangement: str, by: str) -> Put:
    return Put(RULED, arrangement, 0, b"{}", by)
