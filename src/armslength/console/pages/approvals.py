"""What waits for the word of officials, the policy in force, and the journal of both.

Officials sign in the browser, with keys that stay there; or bring what was signed elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from armslength.analysis.check import check
from armslength.approvals.drafts import APPROVE, ASK, MAX_WHY, OBJECT, Decision, DraftedAct, Proof, word_message
from armslength.approvals.ledger import DraftState
from armslength.approvals.policy import POLICY, ApprovalPolicy, Login
from armslength.approvals.policy_changes import policy_changes
from armslength.console.approving import asked_for, policy_of, sentences
from armslength.console.guard import session_of
from armslength.console.pages.terms import SHOWN as CHANGES
from armslength.console.pages.terms import changes_of
from armslength.console.reading import page_number
from armslength.console.render import Pages
from armslength.console.sessions import APPROVE as MAY_APPROVE
from armslength.core.canonical import canonical, digest
from armslength.errors import Misuse, NotFound
from armslength.report.clauses import clauses, general
from armslength.wire import manage
from armslength.wire.approvals import MAX_DECISION, decode_decision, decode_line
from armslength.wire.manage import (
    ApprovalsRequest,
    Asker,
    DraftOrder,
    LinesRequest,
    ListedDraft,
    PolicyOrder,
    WhichDraft,
)
from armslength.wire.strict import convert
from armslength.wire.terms_json import decode_terms

SHOWN: Final = 100  # drafts that are over, on one page
LINES: Final = 50  # of the journal, on one page
NAMED: Final = 12  # digits of a hash that name a draft
KEY: Final = 44  # characters of a key in base64
SIGNATURE: Final = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """A line of the journal, for people: its number, when, what kind, which draft, who, and what else."""

    number: int
    at: int
    kind: str
    draft: str = ""
    who: str = ""
    more: str = ""


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""
    return [*_asks(pages), *_journals(pages), *_decides(pages), *_shows(pages)]


def _shows(pages: Pages) -> list[Route]:
    async def listed(request: Request) -> Response:
        found = await pages.owner.ask(manage.APPROVALS, ApprovalsRequest(over=True, most=SHOWN))
        version = str(found.lines)
        if same := pages.unchanged(request, version):
            return same
        waiting = [each for each in found.drafts if each.state == DraftState.OPEN]
        approved = [each for each in found.drafts if each.state == DraftState.APPROVED]
        over = [each for each in reversed(found.drafts) if each.state in {DraftState.DONE, DraftState.ENDED}]
        return pages.page(
            request,
            "approvals.html.j2",
            version=version,
            found=found,
            waiting=waiting,
            standing=[each for each in approved if each.draft.until],
            due=[each for each in approved if not each.draft.until],
            over=over,
        )

    async def shown(request: Request) -> Response:
        listed, policy = await _found(pages, request)
        words = (APPROVE, OBJECT) if listed.state in {DraftState.OPEN, DraftState.APPROVED} else ()
        return pages.page(
            request,
            "draft.html.j2",
            **await _signable(pages, listed.draft, words, policy),
            listed=listed,
            refused=_refused(pages, request, listed, policy),
        )

    async def file(request: Request) -> Response:
        draft, _ = await _found(pages, request)
        headers = {"content-disposition": f'attachment; filename="draft-{draft.hash[:12]}.json"'}
        return Response(canonical(draft.draft), media_type="application/json", headers=headers)

    async def proposed(request: Request) -> Response:
        listed, _ = await _found(pages, request)
        found = await pages.owner.ask(manage.DRAFTED, WhichDraft(draft=listed.hash))
        if digest(found.document.encode()) != listed.draft.arrangement:
            raise Misuse("bad-answer", "the node shows other terms than the draft names", "terms")
        terms = decode_terms(found.document.encode())
        changes = await changes_of(pages, found.replaces, terms, found.texts) if found.replaces else []
        return pages.page(
            request,
            "drafted.html.j2",
            found=found,
            draft=listed.hash,
            terms=terms,
            clauses=clauses(terms, found.texts),
            general=general(terms),
            findings=await asyncio.to_thread(check, terms, found.texts),
            changes=changes[:CHANGES],
        )

    return [
        Route("/approvals", listed),
        Route("/approvals/{draft}/terms", proposed),
        Route("/approvals/{draft}", shown),
        Route("/approvals/{draft}/file", file),
    ]


def _decides(pages: Pages) -> list[Route]:
    async def decide(request: Request) -> Response:
        form = await request.form()
        word = str(form.get("word", ""))
        if word not in {APPROVE, OBJECT}:
            raise Misuse("bad-form", "approve or object", "word")
        return await decided(request, Decision(draft=request.path_params["draft"], word=word, proof=_proof(form)))

    async def submit(request: Request) -> Response:
        given = (await request.form(max_files=1)).get("file")
        if not isinstance(given, UploadFile) or not given.filename:
            raise Misuse("no-file", "choose a file", "file")
        return await decided(request, decode_decision(await given.read(MAX_DECISION + 1)))

    async def decided(request: Request, decision: Decision) -> Response:
        told = await pages.owner.ask(manage.DECIDE, decision)
        path = f"/approvals/{told.draft.hash}"
        request.state.outcome = f"{decision.word} {told.draft.hash[:12]}: {told.draft.state}"
        if told.said:
            return pages.told(request, path, told.said)
        return pages.back(request, path, pages.text("approvals.taken"))

    return [
        Route("/approvals/submit", pages.only(MAY_APPROVE, submit), methods=["POST"]),
        Route("/approvals/{draft}", pages.only(MAY_APPROVE, decide), methods=["POST"]),
    ]


def _asks(pages: Pages) -> list[Route]:
    async def ask(request: Request) -> Response:
        order, policy = _asking(request), await policy_of(pages.owner)
        return pages.page(request, "ask.html.j2", order=order, policy=policy)

    async def draft(request: Request) -> Response:
        order, form = _asking(request), await request.form()
        why = str(form.get("why", "")).strip()[:MAX_WHY]
        reply = await pages.owner.ask(manage.DRAFT, replace(order, asker=_asker(pages, request, form), why=why))
        if reply.draft.hash != reply.hash:
            raise Misuse("bad-answer", "the node has drafted something else than it names", "draft")
        session_of(request).drafted = reply.draft
        policy = await policy_of(pages.owner)
        return pages.page(
            request, "draft.html.j2", **await _signable(pages, reply.draft, (ASK,), policy), listed=None, refused=""
        )

    async def asked(request: Request) -> Response:
        form = await request.form()
        told = await asked_for(pages, session_of(request), str(form.get("draft", "")), _proof(form))
        request.state.outcome = f"asked for {told.hash[:12]}"
        return pages.back(request, f"/approvals/{told.hash}", pages.text("approvals.asked"))

    return [
        Route("/approvals/ask", ask),
        Route("/approvals/draft", pages.only(MAY_APPROVE, draft), methods=["POST"]),
        Route("/approvals/asked", pages.only(MAY_APPROVE, asked), methods=["POST"]),
    ]


def _journals(pages: Pages) -> list[Route]:
    async def journal(request: Request) -> Response:
        found = await pages.owner.ask(manage.POLICY, PolicyOrder())
        page = page_number(request, found.lines, LINES)
        end = found.lines - page * LINES
        start = max(0, end - LINES)
        read = await pages.owner.ask(manage.LINES, LinesRequest(start=start))
        told = [_line(*each) for each in list(zip(read.lines, read.who, strict=True))[: max(0, end - start)]]
        lines = list(reversed(told))
        return pages.page(request, "journal.html.j2", lines=lines, head=found.head, number=page, more=start > 0)

    async def export(_: Request) -> Response:
        headers = {"content-disposition": 'attachment; filename="journal.jsonl"'}
        return StreamingResponse(_journal(pages), media_type="application/x-ndjson", headers=headers)

    return [
        Route("/approvals/journal", journal),
        Route("/approvals/journal.jsonl", export),
    ]


async def _found(pages: Pages, request: Request) -> tuple[ListedDraft, ApprovalPolicy]:
    """The draft that a path names by its hash, or the beginning of it, and the policy under which it was asked for."""
    name = request.path_params["draft"]
    found = await pages.owner.ask(manage.APPROVALS, ApprovalsRequest(draft=name))
    if len(name) < NAMED or len(found.drafts) != 1 or found.drafts[0].draft.hash != found.drafts[0].hash:
        raise NotFound("unknown-draft", "no such draft was asked for here", name[:16])
    return found.drafts[0], found.policies[found.drafts[0].draft.policy]


def _asking(request: Request) -> DraftOrder:
    order = session_of(request).asking
    if order is None:
        raise NotFound("nothing-asked", "there is nothing to ask for here any more", "draft")
    return order


def _asker(pages: Pages, request: Request, form: FormData) -> Asker:
    """Who asks: by the key in the browser, or by the login that whoever is in this session has come in with."""
    if form.get("by") == "login" and pages.issuer:
        return Asker(login=Login(issuer=pages.issuer, subject=session_of(request).subject))
    key = str(form.get("key", ""))
    if len(key) != KEY:
        raise Misuse("no-key", "an official asks with a key of its own: make it known to this browser first", "key")
    return Asker(key=key)


def _refused(pages: Pages, request: Request, listed: ListedDraft, policy: ApprovalPolicy) -> str:
    """Why whoever is in this session by a login could not approve it; nothing is known of who has keys."""
    who = policy.with_login(Login(issuer=pages.issuer, subject=session_of(request).subject)) if pages.issuer else None
    return listed.refused.get(who, "") if who else ""


async def _signable(pages: Pages, draft: DraftedAct, words: tuple[str, ...], policy: ApprovalPolicy) -> dict[str, Any]:
    """A draft for its page: what it does, its bytes, which the browser hashes, and each message that may be signed."""
    text, changes = canonical(draft), None
    if draft.act == POLICY:
        changes = policy_changes(policy, convert(ApprovalPolicy, draft.acts[0].body, POLICY))
    return {
        "draft": draft,
        "hash": draft.hash,
        "exact": base64.b64encode(text).decode(),
        "acts": [(act.name, canonical(act.body).decode()) for act in draft.acts],
        "messages": [(word, word_message(draft.hash, word).decode()) for word in words],
        "said": await sentences(pages.owner, draft),
        "changes": changes,
        "policy": policy,
    }


def _proof(form: FormData) -> Proof:
    """What the page's script has signed."""
    key, sig = str(form.get("key", "")), str(form.get("sig", ""))
    if len(key) != KEY or len(sig) != SIGNATURE:
        raise Misuse("no-key", "an official signs with a key of its own: make it known to this browser first", "key")
    return Proof(key=key, sig=sig)


def _line(text: str, who: str) -> JournalLine:
    """What a line says, and who says it."""
    line = decode_line(text.encode())
    draft, more = "", ""
    if line.adopted:
        kind, draft = "adopted", line.adopted.draft
    elif line.requested:
        asked = line.requested.draft
        kind, draft, more = "requested", asked.hash, asked.act
    elif line.decided:
        kind, draft = line.decided.word, line.decided.draft
    elif line.fulfilled:
        kind, draft = "fulfilled", line.fulfilled.draft
    else:
        kind, draft, more = "ended", *((line.ended.draft, line.ended.why) if line.ended else ("", ""))
    return JournalLine(number=line.number, at=line.at, kind=kind, draft=draft, who=who, more=more)


async def _journal(pages: Pages) -> AsyncIterator[bytes]:
    start: int | None = 0
    while start is not None:
        page = await pages.owner.ask(manage.LINES, LinesRequest(start=start))
        yield b"".join(_ended(page.lines))
        start = page.next


def _ended(lines: tuple[str, ...]) -> Iterator[bytes]:
    for line in lines:
        yield f"{line}\n".encode()
