"""What officials ask and decide, as verbs of the owner's socket. Whoever reaches it is believed nothing here: every ask
and decision is proven by an official's own key or login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

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
    act_of,
)
from armslength.approvals.ledger import DraftRecord
from armslength.approvals.subjects import ActObject
from armslength.core.canonical import digest
from armslength.engine.officials import Officials
from armslength.engine.proposals import declining, proposing
from armslength.engine.repository import Repository
from armslength.engine.selection import Selection
from armslength.engine.transport import check_events
from armslength.errors import ArmslengthError, Misuse, NotFound
from armslength.wire import manage
from armslength.wire.approvals import decode_line
from armslength.wire.manage import Verb
from armslength.wire.own import Proposal
from armslength.wire.strict import convert
from armslength.wire.terms_json import decode_terms

LINES_AT_ONCE: Final = 200


class ApprovalVerbs:
    """The verbs, each with what it does."""

    def __init__(self, officials: Officials, repository: Repository, selection: Selection) -> None:
        self._officials = officials
        self._approvals = officials.approvals
        self._repository = repository
        self._selection = selection
        self.table: list[tuple[Verb[Any, Any], Callable[[Any], Awaitable[object]]]] = [
            (manage.APPROVALS, self.approvals),
            (manage.DRAFT, self.draft),
            (manage.ASK, self.ask),
            (manage.DECIDE, self.decide),
            (manage.POLICY, self.policy),
            (manage.LINES, self.lines),
            (manage.DRAFTED, self.drafted),
        ]

    async def approvals(self, asked: manage.ApprovalsRequest) -> manage.ApprovalsView:
        """The policy in force, and drafts."""
        for arrangement in {record.draft.arrangement for record in self._approvals.ledger.live()}:
            await self._officials.review(arrangement)
        ledger = self._approvals.ledger
        found = [record for record in ledger.drafts.values() if _is_asked(record, asked)]
        over = [record.hash for record in found if record.is_over]
        left_out = set(over[: -asked.most] if asked.most else ())
        listed = [await self._listed(record) for record in found if record.hash not in left_out]
        if asked.draft and len(listed) == 1 and not found[0].is_over:
            listed = [replace(listed[0], refused=ledger.refusals(found[0], self._approvals.now()))]
        return manage.ApprovalsView(
            policy=ledger.policy,
            policies={each.draft.policy: ledger.policies[each.draft.policy] for each in listed},
            lines=ledger.number,
            head=ledger.head,
            drafts=tuple(listed),
        )

    async def draft(self, asked: manage.DraftOrder) -> manage.DraftReply:
        """A draft to be signed by its asker."""
        arrangement, acts = await self._meant(asked)
        made = await self._officials.draft(arrangement, acts, asked.asker, asked.why, asked.until)
        return manage.DraftReply(draft=made, hash=made.hash, title=await self._title(made))

    async def ask(self, asked: manage.AskOrder) -> manage.DraftResult:
        """Ask for a draft."""
        record = await self._officials.ask(asked.draft, asked.proof, asked.proposal)
        return manage.DraftResult(draft=await self._listed(record))

    async def decide(self, asked: Decision) -> manage.DraftResult:
        """Take in an official's word, and do what is approved by it."""
        record, said = await self._officials.decide(asked)
        return manage.DraftResult(draft=await self._listed(record), said=said)

    async def policy(self, asked: manage.PolicyOrder) -> manage.ApprovalsView:
        """Adopt the first policy; the one in force, without drafts."""
        if asked.policy is not None:
            await self._officials.adopt(asked.policy)
        ledger = self._approvals.ledger
        return manage.ApprovalsView(policy=ledger.policy, lines=ledger.number, head=ledger.head, drafts=())

    async def lines(self, asked: manage.LinesRequest) -> manage.LinesPage:
        """A page of the journal."""
        lines = await self._approvals.lines(asked.start, LINES_AT_ONCE + 1)
        more = asked.start + LINES_AT_ONCE if len(lines) > LINES_AT_ONCE else None
        shown = lines[:LINES_AT_ONCE]
        who = tuple(self._approvals.ledger.name_of(decode_line(line)) for line in shown)
        return manage.LinesPage(lines=tuple(line.decode() for line in shown), who=who, next=more)

    async def drafted(self, asked: manage.WhichDraft) -> manage.ShownTerms:
        """The terms that a draft asks to propose."""
        record = self._approvals.ledger.find(asked.draft)
        found = await self._officials.proposal(record.draft.acts[0])
        return manage.ShownTerms(
            arrangement=record.draft.arrangement,
            document=found.document,
            texts=found.texts,
            replaces=found.replaces,
            note=found.note,
        )

    async def _meant(self, asked: manage.DraftOrder) -> tuple[str, list[Act]]:
        """The arrangement and the acts of an order. Raises Misuse, Malformed, NotFound."""
        if asked.proposal is not None:
            return digest(asked.proposal.document.encode()), [proposing(asked.proposal)]
        types = {each.type for each in asked.statements}
        plain = [Act(name=each.type, body=each.body) for each in asked.statements]
        if types == {"policy"} or (asked.until is not None and not asked.arrangement):
            return "", plain
        if asked.until is not None:
            live = await self._selection.live(asked.arrangement)
            for tranche in {ActObject.of(each).tranche for each in plain} - {"", *live.terms.tranches}:
                raise NotFound("unknown-tranche", "there is no such tranche in these terms", tranche)
            return live.arrangement, plain
        if types == {ACCEPT}:
            return await self._selection.waiting(asked.arrangement), [Act(name=ACCEPT, body={})]
        if types == {DECLINE}:
            reasons = [convert(Declining, each.body, DECLINE).reason for each in asked.statements]
            name = await self._selection.waiting(asked.arrangement, or_held=True)
            return name, [declining(reason) for reason in reasons]
        if types == {SIGN}:
            return await self._to_sign(asked.arrangement), plain
        live = await self._selection.live(asked.arrangement)
        if types == {PUBLISH}:
            names = [ActObject.of(each).tranche for each in plain]
            return live.arrangement, [await self._officials.publishing(live, name) for name in names]
        if PROPOSE in types:
            raise Misuse("no-proposal", "give the proposal", "proposal")
        check_events(live.terms, asked.events)
        bodies = manage.bodies_of(manage.StatementsOrder(statements=asked.statements))
        return live.arrangement, [act_of(body) for body in bodies]

    async def _to_sign(self, begins: str) -> str:
        """The terms that are meant, where they wait or are held: asking for a signature engages in nothing."""
        try:
            return (await self._selection.live(begins)).arrangement
        except NotFound:
            return await self._selection.waiting(begins)

    async def _listed(self, record: DraftRecord) -> manage.ListedDraft:
        return manage.ListedDraft(
            hash=record.hash,
            state=str(record.state),
            draft=record.draft,
            title=await self._title(record.draft),
            needs=self._approvals.ledger.policies[record.draft.policy].rule(record.draft.act),
            approved=record.approved,
            objected=record.objected,
            left=self._approvals.ledger.left(record),
            used=record.used,
            why=record.why,
            reason=record.reason,
            at=record.at,
        )

    async def _title(self, draft: DraftedAct) -> str | None:
        """The title of what a draft is about: of terms that are held, wait, or are to be proposed."""
        if not draft.arrangement:
            return None
        try:
            if draft.act == PROPOSE:
                return _title_of(await self._officials.proposal(draft.acts[0]))
            return await self._repository.title(draft.arrangement)
        except NotFound:
            pass
        try:
            return _title_of((await self._selection.terms(draft.arrangement))[1])
        except ArmslengthError:  # declined meanwhile, or never to be read
            return None


def _title_of(proposal: Proposal) -> str:
    return decode_terms(proposal.document.encode()).title


def _is_asked(record: DraftRecord, asked: manage.ApprovalsRequest) -> bool:
    """Whether a draft is among those that are asked for."""
    if asked.arrangement and record.draft.arrangement != asked.arrangement:
        return False
    return record.hash.startswith(asked.draft) if asked.draft else asked.over or not record.is_over
