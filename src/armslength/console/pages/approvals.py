"""What waits for the word of officials, the policy in force, and the journal of both.

Officials sign in the browser, with keys that stay there; or bring what was signed elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from armslength.approvals.drafts import APPROVE, ASK, MAX_WHY, OBJECT, Decision, DraftedAct, Proof, word_message
from armslength.approvals.ledger import DraftState
from armslength.approvals.policy import ApprovalPolicy, Login
from armslength.console.approving import asked_for, policy_of
from armslength.console.guard import session_of
from armslength.console.render import Pages
from armslength.console.sessions import APPROVE as MAY_APPROVE
from armslength.core.canonical import canonical
from armslength.errors import Misuse, NotFound
from armslength.wire import manage
from armslength.wire.approvals import MAX_DECISION, decode_decision, decode_line
from armslength.wire.manage import ApprovalsRequest, Asker, DraftOrder, LinesRequest, ListedDraft

SHOWN: Final = 100  # drafts that are over, on one page
LINES: Final = 50  # of the journal, on one page
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
        found = await pages.owner.ask(manage.APPROVALS, ApprovalsRequest(over=True))
        version = str(found.lines)
        if same := pages.unchanged(request, version):
            return same
        waiting = [each for each in found.drafts if each.state == DraftState.OPEN]
        standing = [each for each in found.drafts if each.state == DraftState.APPROVED]
        over = [each for each in reversed(found.drafts) if each.state in {DraftState.DONE, DraftState.ENDED}]
        return pages.page(
            request,
            "approvals.html.j2",
            version=version,
            found=found,
            waiting=waiting,
            standing=standing,
            over=over[:SHOWN],
        )

    async def shown(request: Request) -> Response:
        name = request.path_params["draft"]
        found = await pages.owner.ask(manage.APPROVALS, ApprovalsRequest(over=True))
        listed = _draft(found.drafts, name)
        words = (APPROVE, OBJECT) if listed.state in {DraftState.OPEN, DraftState.APPROVED} else ()
        return pages.page(
            request,
            "draft.html.j2",
            **_signable(listed.draft, words, found.policy),
            listed=listed,
        )

    async def file(request: Request) -> Response:
        found = await pages.owner.ask(manage.APPROVALS, ApprovalsRequest(over=True))
        draft = _draft(found.drafts, request.path_params["draft"])
        headers = {"content-disposition": f'attachment; filename="draft-{draft.hash[:12]}.json"'}
        return Response(canonical(draft.draft), media_type="application/json", headers=headers)

    return [
        Route("/approvals", listed),
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
        return pages.page(request, "draft.html.j2", **_signable(reply.draft, (ASK,), policy), listed=None)

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
        number = request.query_params.get("page", "0")
        page = int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else 0
        found = await pages.owner.ask(manage.APPROVALS, ApprovalsRequest())
        end = found.lines - page * LINES
        start = max(0, end - LINES)
        lines = (await pages.owner.ask(manage.LINES, LinesRequest(start=start))).lines[: max(0, end - start)]
        told = [_line(each, found.policy) for each in reversed(lines)]
        return pages.page(request, "journal.html.j2", lines=told, head=found.head, number=page, more=start > 0)

    async def export(_: Request) -> Response:
        headers = {"content-disposition": 'attachment; filename="journal.jsonl"'}
        return StreamingResponse(_journal(pages), media_type="application/x-ndjson", headers=headers)

    return [
        Route("/approvals/journal", journal),
        Route("/approvals/journal.jsonl", export),
    ]


def _draft(drafts: tuple[ListedDraft, ...], name: str) -> ListedDraft:
    found = next((each for each in drafts if each.hash == name), None)
    if found is None or found.draft.hash != name:
        raise NotFound("unknown-draft", "no such draft was asked for here", name[:16])
    return found


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


def _signable(draft: DraftedAct, words: tuple[str, ...], policy: ApprovalPolicy) -> dict[str, Any]:
    """A draft for its page: its bytes, which the browser hashes, and each message that may be signed."""
    text = canonical(draft)
    return {
        "draft": draft,
        "hash": draft.hash,
        "exact": base64.b64encode(text).decode(),
        "acts": [(act.name, canonical(act.body).decode()) for act in draft.acts],
        "messages": [(word, word_message(draft.hash, word).decode()) for word in words],
        "policy": policy,
    }


def _proof(form: FormData) -> Proof:
    """What the page's script has signed."""
    key, sig = str(form.get("key", "")), str(form.get("sig", ""))
    if len(key) != KEY or len(sig) != SIGNATURE:
        raise Misuse("no-key", "an official signs with a key of its own: make it known to this browser first", "key")
    return Proof(key=key, sig=sig)


def _line(text: str, policy: ApprovalPolicy) -> JournalLine:
    """What a line says. Who it is is told by the policy in force: a key that it does not know any more is shown."""
    line = decode_line(text.encode())
    draft, who, more = "", "", ""
    if line.adopted:
        kind, draft = "adopted", line.adopted.draft
    elif line.requested:
        asked = line.requested.draft
        kind, draft, who, more = "requested", asked.hash, _called(policy, asked.by), asked.act
    elif line.decided:
        proof = line.decided.proof
        name = policy.with_key(proof.key) if proof.key else policy.with_login(proof.login) if proof.login else None
        kind, draft = line.decided.word, line.decided.draft
        who = _called(policy, name) if name else (proof.key or "")
    elif line.fulfilled:
        kind, draft = "fulfilled", line.fulfilled.draft
    else:
        kind, draft, more = "ended", *((line.ended.draft, line.ended.why) if line.ended else ("", ""))
    return JournalLine(number=line.number, at=line.at, kind=kind, draft=draft, who=who, more=more)


def _called(policy: ApprovalPolicy, name: str) -> str:
    return policy.officials[name].name if name in policy.officials else name


async def _journal(pages: Pages) -> AsyncIterator[bytes]:
    start: int | None = 0
    while start is not None:
        page = await pages.owner.ask(manage.LINES, LinesRequest(start=start))
        yield b"".join(_ended(page.lines))
        start = page.next


def _ended(lines: tuple[str, ...]) -> Iterator[bytes]:
    for line in lines:
        yield f"{line}\n".encode()
