"""Terms to read and to answer: clause by clause beside what it means, with what `check` finds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.analysis.check import check
from armslength.console.approving import asked_first, drafts_of, order_of, policy_of, said
from armslength.console.render import Pages
from armslength.console.sessions import BEGIN
from armslength.core.arrangement.bodies import Sign
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import ArmslengthError, Misuse
from armslength.report.clauses import clauses, general
from armslength.report.differences import Difference, differences
from armslength.wire.manage import (
    ACCEPT,
    DECLINE,
    INBOX,
    LIST,
    TERMS,
    DeclineOrder,
    InboxRequest,
    ListPage,
    PlainStatement,
    ShownTerms,
    WhichArrangement,
)
from armslength.wire.own import MAX_REASON
from armslength.wire.terms_json import decode_terms

MAX_SOURCE = 1024 * 1024  # characters of terms that are written here
SHOWN = 200  # differences on one page


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def inbox(request: Request) -> Response:
        found = await pages.owner.ask(INBOX, InboxRequest())
        return pages.page(request, "inbox.html.j2", proposals=found.proposals, drafts=await drafts_of(pages.owner))

    async def shown(request: Request) -> Response:
        name = request.path_params["arrangement"]
        found = await pages.owner.ask(TERMS, WhichArrangement(arrangement=name))
        waiting = [
            each
            for each in (await pages.owner.ask(INBOX, InboxRequest())).proposals
            if each.arrangement == found.arrangement
        ]
        held = (await pages.owner.ask(LIST, ListPage(arrangement=found.arrangement))).arrangements
        terms = decode_terms(found.document.encode())
        against, changes = request.query_params.get("against", found.replaces or ""), list[Difference]()
        if against:
            changes = await changes_of(pages, against, terms, found.texts)
        findings = await asyncio.to_thread(check, terms, found.texts)
        known = (await pages.owner.ask(LIST, ListPage())).arrangements
        return pages.page(
            request,
            "terms.html.j2",
            found=found,
            terms=terms,
            clauses=clauses(terms, found.texts),
            general=general(terms),
            findings=findings,
            against=against,
            changes=changes[:SHOWN],
            waiting=waiting[0] if waiting else None,
            held=held[0] if held else None,
            policy=await policy_of(pages.owner),
            drafts=await drafts_of(pages.owner, found.arrangement),
            others=[each for each in known if each.arrangement != found.arrangement],
        )

    async def answer(request: Request) -> Response:
        name, form = request.path_params["arrangement"], await request.form()
        match str(form.get("answer", "")):
            case "accept":
                if asked := await asked_first(pages, request, order_of(name, [PlainStatement(type="accept", body={})])):
                    return asked
                accepted = await pages.owner.ask(ACCEPT, WhichArrangement(arrangement=name))
                return pages.back(request, f"/a/{accepted.arrangement}", pages.text("terms.accepted"))
            case "decline":
                reason = str(form.get("reason", ""))[:MAX_REASON]
                act = PlainStatement(type="decline", body={"reason": reason})
                if asked := await asked_first(pages, request, order_of(name, [act])):
                    return asked
                await pages.owner.ask(DECLINE, DeclineOrder(arrangement=name, reason=reason))
                return pages.back(request, "/inbox", pages.text("terms.declined"))
            case "sign":
                return await said(pages, request, name, [Sign()], f"/a/{name}")
            case _:
                raise Misuse("bad-form", "accept, decline or sign", "answer")

    return [
        Route("/inbox", inbox),
        Route("/terms/{arrangement}", shown),
        Route("/terms/{arrangement}", pages.only(BEGIN, answer), methods=["POST"]),
    ]


async def changes_of(pages: Pages, name: str, terms: Arrangement, texts: Mapping[str, str]) -> list[Difference]:
    """What these terms change of others; nothing where those are not here."""
    try:
        old: ShownTerms = await pages.owner.ask(TERMS, WhichArrangement(arrangement=name))
    except ArmslengthError:
        return []
    return list(differences(decode_terms(old.document.encode()), terms, old.texts, texts))
