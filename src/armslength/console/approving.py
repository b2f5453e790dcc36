"""What the policy of approvals asks of an act, and where an official begins to ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from armslength.approvals.drafts import PROPOSE, DraftedAct, Proof
from armslength.approvals.policy import OWNER, ApprovalPolicy
from armslength.console.guard import session_of
from armslength.console.owner import Owner
from armslength.console.reading import look
from armslength.console.render import Pages
from armslength.console.sessions import ACT, Session
from armslength.core.arrangement.bodies import BODIES, Body
from armslength.errors import ArmslengthError, NotFound
from armslength.views.sayings import would_say
from armslength.wire.manage import (
    APPROVALS,
    ASK,
    POLICY,
    SAY,
    ApprovalsRequest,
    ApprovalsView,
    Asker,
    AskOrder,
    DraftOrder,
    ListedDraft,
    PlainStatement,
    PolicyOrder,
    StatementsOrder,
    statements,
)
from armslength.wire.own import Proposal
from armslength.wire.strict import convert

ASKING = "/approvals/ask"


async def policy_of(owner: Owner) -> ApprovalPolicy:
    """The policy in force. A monitor's folder has none."""
    return OWNER if owner.is_monitor else (await owner.ask(POLICY, PolicyOrder())).policy


async def drafts_of(owner: Owner, arrangement: str = "") -> ApprovalsView:
    """What waits for officials or stands by their approval, in one arrangement or in all."""
    if owner.is_monitor:
        return ApprovalsView(policy=OWNER, lines=0, head="", drafts=())
    return await owner.ask(APPROVALS, ApprovalsRequest(arrangement=arrangement))


def order_of(
    arrangement: str, acts: Sequence[PlainStatement] = (), proposal: Proposal | None = None, until: int | None = None
) -> DraftOrder:
    """These acts, as somebody will ask for them."""
    return DraftOrder(arrangement=arrangement, statements=tuple(acts), proposal=proposal, asker=Asker(), until=until)


async def asked_first(pages: Pages, request: Request, order: DraftOrder) -> Response | None:
    """The way to the page on which an official asks for these acts, where the policy names them; None where nobody is
    needed. Raises Unauthorised, where nobody is, for those who may not act."""
    act = PROPOSE if order.proposal else order.statements[0].type
    if (await policy_of(pages.owner)).rule(act) is None:
        pages.demand(request, ACT)
        return None
    session_of(request).asking = order
    request.state.outcome = "not done: needs approval"
    return RedirectResponse(f"{pages.place.base}{ASKING}", 303)


async def said(pages: Pages, request: Request, arrangement: str, bodies: Sequence[Body], path: str) -> Response:
    """Make statements, and show at `path` what became of them; where the policy names them, ask for them."""
    plain = statements(bodies)
    asked = await asked_first(pages, request, order_of(arrangement, plain))
    if asked is not None:
        return asked
    results = (await pages.owner.ask(SAY, StatementsOrder(arrangement=arrangement, statements=plain))).said
    return pages.told(request, path, results)


async def sentences(owner: Owner, draft: DraftedAct) -> list[str]:
    """What a draft's acts will say on record, one by one: nothing where they are no statements of ours, or where the
    arrangement cannot be looked at."""
    if draft.act not in BODIES or draft.until is not None:
        return []
    try:
        seen = await look(owner, draft.arrangement)
        return [would_say(seen.words, seen.me, convert(BODIES[each.name], each.body)) for each in draft.acts]
    except (ArmslengthError, LookupError):  # terms that are not taken up yet, or an act about what is not there
        return []


def check_drafted(session: Session, name: str) -> tuple[DraftOrder, DraftedAct]:
    """What was begun in this session and is drafted under this hash. Raises NotFound where it is another by now."""
    if session.asking is None or session.drafted is None or session.drafted.hash != name:
        raise NotFound("nothing-asked", "there is nothing to ask for here any more", "draft")
    return session.asking, session.drafted


async def asked_for(pages: Pages, session: Session, name: str, proof: Proof) -> ListedDraft:
    """Ask for the draft with this hash, which this session has made. Raises NotFound where it is another by now."""
    order, drafted = check_drafted(session, name)
    told = await pages.owner.ask(ASK, AskOrder(draft=drafted, proof=proof, proposal=order.proposal))
    session.asking = session.drafted = None
    return told.draft
