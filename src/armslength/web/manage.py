"""What the owner of a node asks of it (`wire.manage` has the verbs and their messages).

An application of its own, for the socket in the node's folder alone (`net.local`): whoever reaches it is the owner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.core.arrangement.bodies import Body, Sign
from armslength.core.arrangement.terms import roles
from armslength.core.process import Role
from armslength.core.transfer import Transfer
from armslength.engine.clock import Clocks
from armslength.engine.contents import Publication
from armslength.engine.jobs import Job
from armslength.engine.node import Node
from armslength.engine.officials import Officials
from armslength.engine.publishing import PublishRequest
from armslength.engine.replies import Contact
from armslength.engine.repository import LiveArrangement
from armslength.engine.selection import Selection
from armslength.engine.transport import check_events
from armslength.errors import Refused, misused, not_kept
from armslength.views.idle import without_effect
from armslength.web import errors
from armslength.web.approvals import ApprovalVerbs
from armslength.web.news import Desk, NewsVerbs
from armslength.web.requests import whole_body
from armslength.wire import manage
from armslength.wire.manage import Verb
from armslength.wire.own import MAX_PROPOSAL, Proposal

MOMENT_S: Final = 1.0  # that a call waits for the end of long work
PAGE: Final = 50  # arrangements listed at once


OwnerVerbs = list[tuple[Verb[Any, Any], Callable[[Any], Awaitable[object]]]]
"""Everything that the owner may ask, each with what it does."""


def owner_verbs(node: Node, clock: Clocks, officials: Officials, desk: Callable[[], Awaitable[Desk]]) -> OwnerVerbs:
    """What a node does for its owner. `desk` tells news once somebody asks for them."""
    verbs = Management(node, clock)
    return [
        *verbs.table,
        *ApprovalVerbs(officials, node.repository, verbs.selection).table,
        *NewsVerbs(node, clock, officials, desk).table,
    ]


def build_management(verbs: OwnerVerbs) -> Starlette:
    """The owner's application."""

    def endpoint(verb: Verb[Any, Any], work: Callable[[Any], Awaitable[object]]) -> Route:
        async def answer(request: Request) -> Response:
            try:
                asked = manage.decode_question(verb, await whole_body(request, largest=MAX_PROPOSAL))
                return Response(manage.encode_message(await work(asked)), media_type="application/json")
            except Exception as error:  # noqa: BLE001  every failure gets our error body
                return errors.response(misused(not_kept(error)))

        return Route(f"/{verb.name}", answer, methods=["POST"])

    return Starlette(routes=[endpoint(verb, work) for verb, work in verbs])


class Management:
    """What a node does for its owner, verb by verb."""

    def __init__(self, node: Node, clock: Clocks) -> None:
        self._node = node
        self._clock = clock
        self.selection = Selection(node.repository, node.proposals)
        self.table: list[tuple[Verb[Any, Any], Callable[[Any], Awaitable[object]]]] = [
            (manage.LIST, self.list),
            (manage.NAMING, self.naming),
            (manage.INBOX, self.inbox),
            (manage.TERMS, self.terms),
            (manage.PROPOSE, self.propose),
            (manage.ACCEPT, self.accept),
            (manage.DECLINE, self.decline),
            (manage.SAY, self.say),
            (manage.PUBLISH, self.publish),
            (manage.PUBLISHING, self.publishing),
            (manage.FETCH, self.fetch),
            (manage.VIEW, self.view),
            (manage.RECORD, self.record),
            (manage.REST, self.rest),
            (manage.EXPORT, self.export),
            (manage.CLOCK, self.set_clock),
        ]

    async def list(self, asked: manage.ListPage) -> manage.ArrangementList:
        """A page of the arrangements here whose hash begins as asked, with where they stand."""
        repository = self._node.repository
        names = await repository.beginning(asked.arrangement, PAGE + 1, start=asked.start)
        found = [_summary(live) async for live in repository.opened(names[:PAGE])]
        return manage.ArrangementList(arrangements=tuple(found), next=names[PAGE] if len(names) > PAGE else None)

    async def naming(self, asked: manage.NamingPage) -> manage.NamingList:
        """A page of the arrangements here whose terms name a DID, those that have ended among them."""
        found: list[str] = []
        async for place, name in self._node.repository.names.naming(asked.did, asked.start):
            if len(found) == PAGE:
                return manage.NamingList(arrangements=tuple(found), next=place)
            found.append(name)
        return manage.NamingList(arrangements=tuple(found))

    async def inbox(self, _: manage.InboxRequest) -> manage.InboxList:
        """What waits for the owner."""
        return manage.InboxList(proposals=tuple(await self._node.proposals.waiting()))

    async def terms(self, asked: manage.WhichArrangement) -> manage.ShownTerms:
        """Terms that were proposed to us or by us, whole."""
        name, found = await self.selection.terms(asked.arrangement)
        return manage.ShownTerms(
            arrangement=name, document=found.document, texts=found.texts, replaces=found.replaces, note=found.note
        )

    async def propose(self, proposal: Proposal) -> manage.ProposalResult:
        """Propose terms of ours, and tell what everyone says who was reached."""
        proposals = self._node.proposals
        arrangement = await proposals.propose(proposal)
        answers = _replies(await proposals.replies.ask_all(arrangement))
        return manage.ProposalResult(arrangement=arrangement, answers=answers)

    async def accept(self, asked: manage.WhichArrangement) -> manage.AcceptedOffices:
        """Accept our offices in terms that wait."""
        name = await self.selection.waiting(asked.arrangement, or_held=True)
        live = await self._node.proposals.accept(name)
        me = live.record.me.actor
        return manage.AcceptedOffices(
            arrangement=name, title=live.terms.title, me=me, roles=tuple(roles(live.terms, me))
        )

    async def decline(self, asked: manage.DeclineOrder) -> manage.DeclinedTerms:
        """Decline terms that we have neither signed nor accepted; the others hear why."""
        name = await self.selection.waiting(asked.arrangement, or_held=True)
        title = await self._node.proposals.decline(name, asked.reason)
        return manage.DeclinedTerms(arrangement=name, title=title, reason=asked.reason or None)

    async def say(self, asked: manage.StatementsOrder) -> manage.StatementResults:
        """Sign and send statements."""
        bodies = manage.bodies_of(asked)
        signs = any(isinstance(body, Sign) for body in bodies)
        live = await (self.selection.to_sign(asked.arrangement) if signs else self.selection.live(asked.arrangement))
        check_events(live.terms, asked.events)
        notes = [self._note(live, body) for body in bodies]
        try:
            said = await self._node.writer.say(live, bodies)
        except Refused as error:
            about = f"(in {live.terms.title}, {live.arrangement[:12]})"
            raise Refused(error.code, f"{error.reason} {about}", error.place) from None
        told = tuple(replace(each, note=each.note or note) for each, note in zip(said, notes, strict=True))
        return manage.StatementResults(arrangement=live.arrangement, title=live.terms.title, said=told)

    def _note(self, live: LiveArrangement, body: Body) -> str | None:
        """If all that is known by now says that a statement of ours will change nothing, why."""
        state, now = live.record.view.state, self._node.recorder.now(live)
        reason = without_effect(live.terms, state, live.record.me.actor, body, now)
        return f"changes nothing: {reason}" if reason else None

    async def publish(self, asked: manage.PublishOrder) -> manage.SealingReport:
        """Begin to seal a file, or join the job that does."""
        live = await self.selection.live(asked.arrangement)
        request = PublishRequest(Path(asked.file), asked.media_type, asked.release_after)
        return await _sealing(live, asked.tranche, self._node.tranches.publisher.publish(live, asked.tranche, request))

    async def publishing(self, asked: manage.WhichTranche) -> manage.SealingReport:
        """How far the sealing of a file has come: after a moment, or at once when it has ended."""
        live = await self.selection.live(asked.arrangement)
        return await _sealing(live, asked.tranche, self._node.tranches.publisher.job(live.arrangement, asked.tranche))

    async def fetch(self, asked: manage.WhichTranche) -> manage.FetchReport:
        """Where the opened file of a tranche lies, or how far it has come."""
        live, tranche = await self.selection.live(asked.arrangement), asked.tranche
        ours = self._node.tranches.recipient(live, tranche)
        reception = await ours.reception()
        opened, (done, total) = ours.opened(reception), ours.progress
        return manage.FetchReport(
            stage=live.record.sealed.state.tranches[tranche].shown,
            plain=str(opened) if opened else None,
            outcome=reception.outcome if reception else None,
            done=done,
            total=total,
            trouble=self._node.tranches.troubles(live).get(tranche),
        )

    async def view(self, asked: manage.WhichArrangement) -> manage.NodeView:
        """The state as far as we see it, and what of it is sealed."""
        live, node = await self.selection.live(asked.arrangement), self._node
        book, transfers = live.record, await node.tranches.transfers(live)
        ahead = await node.writer.ahead(live)
        return manage.NodeView(
            arrangement=live.arrangement,
            document=live.engagement.proposal.document,
            state=book.view.state,
            sealed_state=book.sealed.state,
            state_root=book.sealed.state_root,
            tree_root=book.sealed.tree_root,
            size=book.view.size,
            sealed=book.sealed.size,
            now=node.recorder.now(live),
            heard=live.heard if node.recorder.is_behind(live) else {},
            transfers={name: str(each.state) for name, each in transfers.items()},
            suspended={name: _suspender(live, name, each) for name, each in transfers.items() if each.suspended_by},
            sealing=node.tranches.publisher.running(live.arrangement),
            troubles=tuple(node.troubles(live)),
            me=book.me.actor,
            absent=_replies(await node.proposals.absent(live)),
            others=await self.selection.others(live.arrangement),
            arrangements=len(node.repository.schedule),
            ahead=None if ahead is book.view.state else ahead,
        )

    async def record(self, asked: manage.WhichArrangement) -> manage.SealedRecord:
        """The sealed leaves, with everything needed to fold them."""
        live = await self.selection.live(asked.arrangement)
        lines = await self._node.recorder.sealed_leaves(live)
        proposal = live.engagement.proposal
        leaves = tuple(line.decode() for line in lines)
        return manage.SealedRecord(document=proposal.document, texts=proposal.texts, leaves=leaves)

    async def rest(self, asked: manage.WhichArrangement) -> manage.RestReport:
        """What is still going on at the nodes of an arrangement."""
        live = await self.selection.live(asked.arrangement)
        me, ours = live.record.me.actor, await self._node.pending_work(live)
        here = f"{live.terms.actors[me].name} ({me}): {ours}" if ours else None
        pending_work = here or await self._node.pending_elsewhere(live)
        return manage.RestReport(
            pending=pending_work, sealed=live.record.sealed.size, state=live.record.sealed.state.shown
        )

    async def export(self, asked: manage.WhichArrangement) -> manage.BundleFiles:
        """The files of a bundle up to the last seal."""
        live = await self.selection.live(asked.arrangement)
        files = await self._node.recorder.bundle(live)
        return manage.BundleFiles(arrangement=live.arrangement, files={name: d.decode() for name, d in files.items()})

    async def set_clock(self, asked: manage.ClockOrder) -> manage.ClockTime:
        """Move the simulated clock forward."""
        await self._clock.set(asked.to)
        self._node.repository.schedule.call()
        return manage.ClockTime(now=asked.to)


async def _sealing(live: LiveArrangement, tranche: str, job: Job[Publication]) -> manage.SealingReport:
    over = await job.wait(MOMENT_S)
    told = manage.SealingReport(
        arrangement=live.arrangement, over=over, done=job.progress.done, total=job.progress.total
    )
    if not over:
        return told
    done = await job.result()
    return replace(
        told,
        size=done.size,
        plain_root=done.plain_root,
        cipher_root=done.cipher_root,
        release_after=done.release_after or None,
        release_by=live.terms.tranches[tranche].release_by,
    )


def _replies(heard: Mapping[str, Contact]) -> dict[str, manage.ActorReply]:
    return {name: manage.ActorReply(answer=said.answer, reason=said.reason) for name, said in heard.items()}


def _suspender(live: LiveArrangement, tranche: str, transfer: Transfer) -> manage.Suspender:
    terms = live.terms.tranches[tranche]
    by = terms.provider if transfer.suspended_by is Role.PROVIDER else terms.recipient
    return manage.Suspender(by=by, reason=transfer.reason)


def _summary(live: LiveArrangement) -> manage.ArrangementSummary:
    proposal = live.engagement.proposal
    return manage.ArrangementSummary(
        arrangement=live.arrangement,
        title=live.terms.title,
        state=live.record.sealed.state.shown,
        proposed_by=live.engagement.by,
        replaces=proposal.replaces,
        note=proposal.note,
        signed=tuple(sorted(live.record.view.state.arrangement.signed)),
        me=live.record.me.actor,
        document=proposal.document,
        texts=proposal.texts,
    )
