"""Terms to read, to answer and to write: clause by clause beside what it means, with what `check` finds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.analysis.check import ERROR, check
from armslength.analysis.finding import Finding
from armslength.console.pages.acting import stated
from armslength.console.render import Pages
from armslength.console.sessions import ACT
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
    PROPOSE,
    TERMS,
    DeclineOrder,
    InboxRequest,
    ListPage,
    ShownTerms,
    WhichArrangement,
)
from armslength.wire.own import MAX_NOTE, MAX_REASON, Proposal
from armslength.wire.terms import BadTerms, Compiled, compile_terms, decompile_terms
from armslength.wire.terms_json import decode_terms, encode_terms

MAX_SOURCE = 1024 * 1024  # characters of terms that are written here
SHOWN = 200  # differences on one page


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTerms:
    """Terms as they are being written, and what is to be said of them."""

    source: str
    replaces: str
    note: str = ""
    problems: tuple[str, ...] = ()
    compiled: Compiled | None = None
    findings: tuple[Finding, ...] = ()
    changes: tuple[Difference, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether they may be proposed."""
        return self.compiled is not None and all(each.severity != ERROR for each in self.findings)


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def inbox(request: Request) -> Response:
        found = await pages.owner.ask(INBOX, InboxRequest())
        return pages.page(request, "inbox.html.j2", proposals=found.proposals)

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
            changes = await _changes(pages, against, terms, found.texts)
        findings = await asyncio.to_thread(check, terms, found.texts)
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
            others=(await pages.owner.ask(LIST, ListPage())).arrangements,
        )

    async def answer(request: Request) -> Response:
        name, form = request.path_params["arrangement"], await request.form()
        match str(form.get("answer", "")):
            case "accept":
                accepted = await pages.owner.ask(ACCEPT, WhichArrangement(arrangement=name))
                return pages.back(request, f"/a/{accepted.arrangement}", pages.text("terms.accepted"))
            case "decline":
                reason = str(form.get("reason", ""))[:MAX_REASON]
                await pages.owner.ask(DECLINE, DeclineOrder(arrangement=name, reason=reason))
                return pages.back(request, "/inbox", pages.text("terms.declined"))
            case "sign":
                return pages.told(request, f"/a/{name}", await stated(pages, name, [Sign()]))
            case _:
                raise Misuse("bad-form", "accept, decline or sign", "answer")

    async def write(request: Request) -> Response:
        base = request.query_params.get("from", "")
        source = ""
        if base:
            found = await pages.owner.ask(TERMS, WhichArrangement(arrangement=base))
            source, base = decompile_terms(decode_terms(found.document.encode()), found.texts), found.arrangement
        return pages.page(request, "write.html.j2", draft=WrittenTerms(source=source, replaces=base), asked=False)

    async def written(request: Request) -> Response:
        form = await request.form(max_part_size=MAX_SOURCE)
        source = str(form.get("source", "")).replace("\r\n", "\n")
        replaces, note = str(form.get("replaces", "")), str(form.get("note", ""))[:MAX_NOTE]
        draft = await _drafted(pages, source, replaces, note)
        if form.get("do") != "propose" or not draft.is_sound or draft.compiled is None:
            return pages.page(request, "write.html.j2", draft=draft, asked=True)
        made = draft.compiled
        answer = await pages.owner.ask(
            PROPOSE,
            Proposal(
                document=encode_terms(made.terms).decode(), texts=dict(made.texts), replaces=replaces or None, note=note
            ),
        )
        return pages.back(request, f"/terms/{answer.arrangement}", pages.text("terms.proposed"))

    return [
        Route("/inbox", inbox),
        Route("/terms/{arrangement}", shown),
        Route("/terms/{arrangement}", pages.only(ACT, answer), methods=["POST"]),
        Route("/write", write),
        Route("/write", pages.only(ACT, written), methods=["POST"]),
    ]


async def _drafted(pages: Pages, source: str, replaces: str, note: str) -> WrittenTerms:
    """What a text would be as terms. Nothing beside it is read: cards and clauses stand in it."""
    try:
        compiled = await asyncio.to_thread(compile_terms, source.encode(), None, file="terms")
    except BadTerms as error:
        return WrittenTerms(source=source, replaces=replaces, note=note, problems=tuple(map(str, error.problems)))
    findings = await asyncio.to_thread(check, compiled.terms, compiled.texts)
    changes = await _changes(pages, replaces, compiled.terms, compiled.texts) if replaces else []
    return WrittenTerms(
        source=source, replaces=replaces, note=note, compiled=compiled, findings=tuple(findings),
        changes=tuple(changes[:SHOWN]),
    )  # fmt: skip


async def _changes(pages: Pages, name: str, terms: Arrangement, texts: Mapping[str, str]) -> list[Difference]:
    """What these terms change of others; nothing where those are not here."""
    try:
        old: ShownTerms = await pages.owner.ask(TERMS, WhichArrangement(arrangement=name))
    except ArmslengthError:
        return []
    return list(differences(decode_terms(old.document.encode()), terms, old.texts, texts))
