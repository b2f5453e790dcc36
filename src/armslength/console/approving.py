"""What the policy of approvals asks of an act, and where an official begins to ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from armslength.approvals.drafts import PROPOSE
from armslength.approvals.policy import OWNER, ApprovalPolicy
from armslength.console.guard import session_of
from armslength.console.owner import Owner
from armslength.console.render import Pages
from armslength.core.arrangement.bodies import Body
from armslength.wire.manage import (
    APPROVALS,
    SAY,
    ApprovalsRequest,
    Asker,
    DraftOrder,
    PlainStatement,
    StatementsOrder,
    statements,
)
from armslength.wire.own import Proposal

ASKING = "/approvals/ask"


async def policy_of(owner: Owner) -> ApprovalPolicy:
    """The policy in force. A monitor's folder has none."""
    return OWNER if owner.is_monitor else (await owner.ask(APPROVALS, ApprovalsRequest())).policy


def order_of(
    arrangement: str, acts: Sequence[PlainStatement] = (), proposal: Proposal | None = None, until: int | None = None
) -> DraftOrder:
    """These acts, as somebody will ask for them."""
    return DraftOrder(arrangement=arrangement, statements=tuple(acts), proposal=proposal, asker=Asker(), until=until)


async def asked_first(pages: Pages, request: Request, order: DraftOrder) -> Response | None:
    """The way to the page on which an official asks for these acts, where the policy names them; None where nobody is
    needed."""
    act = PROPOSE if order.proposal else order.statements[0].type
    if (await policy_of(pages.owner)).rule(act) is None:
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
