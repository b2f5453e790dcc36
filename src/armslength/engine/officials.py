"""What officials ask, decide and get done. The door itself is `engine.approvals`; here are its visitors.

Laws:

1. A draft is made by the node, signed by its asker, and compared with what the node would make of it then: only what
   could be done now is asked for.
2. With the quorum it is done at once, by the same way as without a policy. What cannot be done for a while is tried
   again, what is refused ends the draft (rule 12.4c).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from armslength.approvals.drafts import (
    ACCEPT,
    DECLINE,
    PROPOSE,
    PUBLISH,
    SIGN,
    Act,
    Decision,
    Declining,
    DraftedAct,
    Proof,
    Proposing,
    Subject,
    act_of,
    check_draft,
)
from armslength.approvals.ledger import (
    REJECTED,
    Adoption,
    DraftRecord,
    DraftRequest,
    DraftState,
    Ending,
    Fulfilment,
)
from armslength.approvals.policy import AUTOMATIC, POLICY, ApprovalPolicy, check_policy
from armslength.approvals.subjects import PROPOSED, ActObject, subject_of
from armslength.core.arrangement.bodies import BODIES, Body
from armslength.core.canonical import canonical, digest
from armslength.engine.approvals import Approvals
from armslength.engine.proposals import Proposals, proposing
from armslength.engine.repository import LiveArrangement, Repository
from armslength.engine.tranches import LiveTranches
from armslength.engine.troubles import advice
from armslength.engine.writer import Writer
from armslength.errors import ArmslengthError, Misuse, NotFound, Refused, Unauthorised, Unavailable
from armslength.ports import Batch, Logins, Put
from armslength.wire.approvals import with_login
from armslength.wire.manage import Asker, StatementResult
from armslength.wire.own import Proposal
from armslength.wire.strict import convert, parse

PROPOSALS: Final = "approval-proposal"  # kind in the store: proposals that wait for approval, by digest
ALONE: Final = frozenset({PROPOSE, ACCEPT, DECLINE, SIGN, POLICY})  # acts of which a draft has one
READ_LATER: Final = 50  # proposals that are kept after they were decided on
AGAIN_S: Final = 5.0  # before what is approved and could not be done is tried again
WHAT: Final = "acts that are approved"  # a trouble

log = logging.getLogger(__name__)


class Officials:
    """The officials of one node's owner. `logins` verifies what is proven by a login; whoever serves logins sets it."""

    def __init__(
        self,
        approvals: Approvals,
        repository: Repository,
        writer: Writer,
        proposals: Proposals,
        tranches: LiveTranches,
        logins: Logins | None = None,
    ) -> None:
        self.approvals = approvals
        self._repository = repository
        self._writer = writer
        self._proposals = proposals
        self._tranches = tranches
        self.logins = logins
        self._doing = asyncio.Lock()
        self._woken = asyncio.Event()

    # --- asking ----------------------------------------------------------------------------------------------------

    async def draft(
        self, arrangement: str, acts: Sequence[Act], asker: Asker, why: str, until: int | None = None
    ) -> DraftedAct:
        """A draft of these acts, to be signed by its asker. Raises Refused where they could not be done now, or need
        nobody; Unauthorised where the asker is no official."""
        for act in acts:
            if self.approvals.ledger.rule(act.name) is None:
                raise Refused("needs-nobody", f"the policy asks for nobody's approval of {act.name}: do it", act.name)
        policy = self.approvals.ledger.policy
        by = policy.speaker(asker.key, asker.login)
        if by is None:
            raise Unauthorised("no-official", "only officials of the policy in force ask", "asker")
        if until is not None:
            about = [PROPOSED] * len(acts)
        else:
            about = await self._about(arrangement, acts)
        made = self.approvals.drafted(arrangement, list(zip(acts, about, strict=True)), by, why, until)
        check_draft(made)
        return made

    async def ask(self, draft: DraftedAct, proof: Proof, proposal: Proposal | None = None) -> DraftRecord:
        """Ask for a draft as it was made, if it would be made like that now. Raises Refused, Unauthorised."""
        check_draft(draft)
        await self.review(draft.arrangement)
        if draft.until is None and tuple(await self._about(draft.arrangement, draft.acts)) != draft.about:
            raise Refused("changed", "what it is about has changed since it was drafted: draft it again", "about")
        if draft.lapses > self.approvals.now() + self.approvals.ledger.policy.lapse:
            raise Refused("bad-time", "it would wait for longer than the policy says", "lapses")
        also = Batch()
        if any(act.name == PROPOSE for act in draft.acts):
            if proposal is None or draft.acts != (proposing(proposal),):
                raise Misuse("no-proposal", "give the proposal that is drafted", "proposal")
            name = digest(canonical(proposal))
            gone = [(PROPOSALS, each) for each in self._read_no_more() if each != name]
            also = Batch(puts=[Put(PROPOSALS, name, None, canonical(proposal))], deletes=gone)
        await self.approvals.append(DraftRequest(draft=draft, proof=await self._proven(proof)), also)
        return self.approvals.ledger.find(draft.hash)

    def _read_no_more(self) -> set[str]:
        """Proposals that were decided on long ago: the last that were can still be read."""
        drafts = [each for each in self.approvals.ledger.drafts.values() if each.draft.act == PROPOSE]
        names = {each.hash: convert(Proposing, each.draft.acts[0].body, PROPOSE).proposal for each in drafts}
        over = [names[each.hash] for each in drafts if each.is_over]
        waiting = {names[each.hash] for each in drafts if not each.is_over}
        return set(over[-2 * READ_LATER : -READ_LATER]) - set(over[-READ_LATER:]) - waiting

    async def adopt(self, policy: ApprovalPolicy) -> None:
        """The first policy, by the owner's word. Raises Refused while one is in force."""
        if self.approvals.ledger.policy.acts:
            raise Refused("not-approved", "a policy is in force: an official asks for another, with --as KEY", POLICY)
        check_policy(policy)
        await self.approvals.append(Adoption(policy=policy))

    async def _about(self, arrangement: str, acts: Sequence[Act]) -> list[Subject]:
        """Where the objects of these acts stand. Raises Refused where the acts could not be done now."""
        names = {act.name for act in acts}
        if names & ALONE and len(acts) > 1:
            raise Misuse("one-act", "is asked for by itself", acts[0].name)
        if names == {SIGN}:
            body_of(acts[0])
        if names == {POLICY}:
            check_policy(convert(ApprovalPolicy, acts[0].body, POLICY))
            return [PROPOSED]
        if names & {PROPOSE, ACCEPT, DECLINE} or (names == {SIGN} and not await self._repository.holds(arrangement)):
            return [PROPOSED] * len(acts)
        live = await self._repository.open(arrangement)
        if names == {PUBLISH}:
            state = live.record.view.state
            for act in acts:
                if act != await self._tranches.publishing(live, ActObject.of(act).tranche):
                    raise Refused("changed", "another file is sealed for it by now", ActObject.of(act).tranche)
        else:
            state = await self._writer.check(live, [body_of(act) for act in acts])
        return [subject_of(state, act) for act in acts]

    # --- deciding --------------------------------------------------------------------------------------------------

    async def decide(self, decision: Decision) -> tuple[DraftRecord, tuple[StatementResult, ...]]:
        """Take in an official's word, and do what is approved by it; what became of its statements. Raises Refused,
        Unauthorised, NotFound."""
        ledger = self.approvals.ledger
        record = ledger.find(decision.draft)
        await self.review(record.draft.arrangement)
        await self.approvals.append(replace(decision, proof=await self._proven(decision.proof)))
        said = await self._do(decision.draft)
        self._woken.set()
        return self.approvals.ledger.find(decision.draft), said

    async def review(self, arrangement: str) -> None:
        """End what has lapsed, or whose object has changed."""
        if arrangement and await self._repository.holds(arrangement):
            await self._writer.review(await self._repository.open(arrangement))
        else:
            await self.approvals.review(arrangement, None)

    async def _proven(self, proof: Proof) -> Proof:
        """The proof of a word, a login verified with its provider. Raises Unauthorised, Refused."""
        if proof.token is None:
            return proof
        if self.logins is None:
            raise Refused("no-provider", "this node has no OpenID Connect provider: sign with a key", "token")
        found, told = await self.logins.proven(proof.token), with_login(proof)
        if told.login is None or (found.issuer, found.subject, found.nonce) != (
            told.login.issuer,
            told.login.subject,
            told.nonce,
        ):
            raise Unauthorised("bad-login", "the provider tells of another login", "token")
        return replace(told, jwk=found.jwk)

    async def publishing(self, live: LiveArrangement, tranche: str) -> Act:
        """The act of giving out what is sealed for a tranche. Raises NotFound, Misuse."""
        return await self._tranches.publishing(live, tranche)

    async def proposal(self, act: Act) -> Proposal:
        """What an act proposes. Raises NotFound."""
        row = None
        if act.name == PROPOSE:
            row = await self._repository.store.get(PROPOSALS, convert(Proposing, act.body, PROPOSE).proposal)
        if row is None:
            raise NotFound("no-proposal", "no proposal that waits for approval is here", PROPOSE)
        return convert(Proposal, parse(row.body))

    # --- doing -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do what was approved and is not done: a crash came between, or a peer was away."""
        while True:
            self._woken.clear()
            for record in list(self.approvals.ledger.live()):
                try:
                    await self._do(record.hash)
                except ArmslengthError as error:  # nothing could be noted: the disk is full, for one
                    log.warning("draft %s: %s", record.hash[:12], error)
            try:
                async with asyncio.timeout(AGAIN_S if any(map(_is_due, self.approvals.ledger.live())) else None):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _do(self, name: str) -> tuple[StatementResult, ...]:
        """Do what a draft asks for, if it is approved. Whatever is in the way is told in `status`."""
        trouble = self._repository.troubles.at(WHAT)
        async with self._doing:
            record = self.approvals.ledger.find(name)
            if not _is_due(record):
                self._hurry(record)
                return ()
            try:
                await self.review(record.draft.arrangement)
                said = await self._done(self.approvals.ledger.find(name))
            except ArmslengthError as error:
                if not isinstance(error, Unavailable) and error.code != "restored":
                    await self.approvals.append(Ending(draft=name, why=REJECTED, reason=str(error)[:500]))
                    return ()
                trouble.tell(str(error), advice(error))
                return ()
            trouble.end()
            return said

    def _hurry(self, record: DraftRecord) -> None:
        """What the node does by itself once it is approved is looked at now."""
        draft = record.draft
        if draft.act in AUTOMATIC or draft.act == PUBLISH:
            if draft.arrangement:
                self._repository.schedule.call(draft.arrangement)
            for live in self._repository.in_use():
                if draft.arrangement in {live.arrangement, ""}:
                    self._tranches.hurry(live)

    async def _done(self, record: DraftRecord) -> tuple[StatementResult, ...]:
        draft = record.draft
        if not _is_due(record):  # it has ended meanwhile
            return ()
        if draft.act == POLICY:
            policy = convert(ApprovalPolicy, draft.acts[0].body, POLICY)
            await self.approvals.append(Adoption(policy=policy, draft=record.hash))
            return ()
        if draft.act == PROPOSE:
            await self._proposals.propose(await self.proposal(draft.acts[0]))
        elif draft.act == ACCEPT:
            await self._proposals.accept(draft.arrangement)
        elif draft.act == DECLINE:
            await self._proposals.decline(draft.arrangement, convert(Declining, draft.acts[0].body, DECLINE).reason)
        else:
            return await self._say(record)
        return ()

    async def _say(self, record: DraftRecord) -> tuple[StatementResult, ...]:
        draft = record.draft
        if draft.act == SIGN:
            await self._proposals.engage(draft.arrangement)
        live = await self._repository.open(draft.arrangement)
        said = await self._writer.say(live, [body_of(act) for act in draft.acts])
        if not self.approvals.ledger.find(record.hash).is_over:  # all of it stood already
            await self.approvals.append(Fulfilment(draft=record.hash))
        return tuple(said)


def body_of(act: Act) -> Body:
    """The statement that an act is. Raises Malformed, or Misuse for one that is none."""
    kind = BODIES.get(act.name)
    if kind is None:
        raise Misuse("unknown-act", "is no act that can be asked for", act.name)
    body = convert(kind, act.body, act.name)
    if act_of(body) != act:
        raise Misuse("unknown-act", "has fields that such a statement does not have", act.name)
    return body


def _is_due(record: DraftRecord) -> bool:
    """Whether it is for us to do: approved, and nothing that the node does by itself."""
    draft = record.draft
    automatic = draft.until is not None or draft.act in AUTOMATIC or draft.act == PUBLISH
    return record.state is DraftState.APPROVED and not automatic
