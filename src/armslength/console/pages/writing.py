"""Terms to write: as one text, checked as often as one likes, and proposed when they are sound."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.analysis.check import ERROR, check
from armslength.analysis.finding import Finding
from armslength.console.pages.terms import SHOWN, changes_of
from armslength.console.render import Pages
from armslength.console.sessions import ACT
from armslength.report.differences import Difference
from armslength.wire.manage import PROPOSE, TERMS, WhichArrangement
from armslength.wire.own import MAX_NOTE, Proposal
from armslength.wire.terms import BadTerms, Compiled, compile_terms, decompile_terms
from armslength.wire.terms_json import decode_terms, encode_terms

MAX_SOURCE = 1024 * 1024  # characters of terms that are written here


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
    changes = await changes_of(pages, replaces, compiled.terms, compiled.texts) if replaces else []
    return WrittenTerms(
        source=source, replaces=replaces, note=note, compiled=compiled, findings=tuple(findings),
        changes=tuple(changes[:SHOWN]),
    )  # fmt: skip
