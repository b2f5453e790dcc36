"""Terms to write: as one text, checked while it is typed, and proposed when they are sound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.analysis.check import ERROR, check
from armslength.analysis.finding import Finding
from armslength.console.approving import asked_first, order_of, policy_of
from armslength.console.pages.terms import SHOWN, changes_of
from armslength.console.render import NOTHING, Pages
from armslength.console.sessions import BEGIN
from armslength.errors import Misuse
from armslength.report.clauses import ClauseText, clauses, general
from armslength.report.differences import Difference
from armslength.report.english import Sentence
from armslength.views.words import count
from armslength.wire.manage import PROPOSE, TERMS, WhichArrangement
from armslength.wire.own import MAX_NOTE, Proposal
from armslength.wire.terms import BadTerms, Compiled, compile_terms, decompile_terms
from armslength.wire.terms_json import decode_terms, encode_terms

MAX_SOURCE = 1024 * 1024  # characters of terms that are written here
MOST_SCRIPTS = 8  # that go along with terms
MOST_PROBLEMS, LONGEST_PROBLEM = 100, 500  # on one page; characters


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTerms:
    """Terms as they are being written, and what is to be said of them. `scripts` are rehearsals that go with them."""

    source: str
    replaces: str
    note: str = ""
    scripts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    compiled: Compiled | None = None
    findings: tuple[Finding, ...] = ()
    changes: tuple[Difference, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether they may be proposed."""
        return self.compiled is not None and all(each.severity != ERROR for each in self.findings)

    @property
    def clauses(self) -> list[ClauseText]:
        """What they mean, clause by clause."""
        return clauses(self.compiled.terms, self.compiled.texts) if self.compiled else []

    @property
    def general(self) -> list[Sentence]:
        """What they mean beside that."""
        return general(self.compiled.terms) if self.compiled else []


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def write(request: Request) -> Response:
        base = request.query_params.get("from", "")
        source = ""
        if base:
            found = await pages.owner.ask(TERMS, WhichArrangement(arrangement=base))
            source, base = decompile_terms(decode_terms(found.document.encode()), found.texts), found.arrangement
        draft, policy = await drafted(pages, source, base), await policy_of(pages.owner)
        return pages.page(request, "write.html.j2", draft=draft, policy=policy)

    async def written(request: Request) -> Response:
        form = await request.form()
        draft = await _of_form(pages, form)
        if form.get("do") != "propose" or not draft.is_sound or draft.compiled is None:
            return pages.page(request, "write.html.j2", draft=draft, policy=await policy_of(pages.owner))
        made = draft.compiled
        proposal = Proposal(
            document=encode_terms(made.terms).decode(),
            texts=dict(made.texts),
            replaces=draft.replaces or None,
            note=draft.note,
        )
        if to_ask := await asked_first(pages, request, order_of("", proposal=proposal)):
            return to_ask
        answer = await pages.owner.ask(PROPOSE, proposal)
        return pages.back(request, f"/terms/{answer.arrangement}", pages.text("terms.proposed"))

    async def checked(request: Request) -> Response:
        request.state.outcome = NOTHING
        return pages.page(request, "write_side.html.j2", draft=await _of_form(pages, await request.form()))

    return [
        Route("/write", write),
        Route("/write", pages.only(BEGIN, written), methods=["POST"]),
        Route("/write/check", pages.only(BEGIN, checked), methods=["POST"]),
    ]


async def _of_form(pages: Pages, form: FormData) -> WrittenTerms:
    source = str(form.get("source", "")).replace("\r\n", "\n")
    if form.get("do") == "take":
        source = await _taken(form.get("file"))
    scripts = tuple(str(each) for each in form.getlist("script"))[:MOST_SCRIPTS]
    note = str(form.get("note", ""))[:MAX_NOTE]
    return await drafted(pages, source, str(form.get("replaces", "")), note, scripts)


async def _taken(file: object) -> str:
    """The text of a file that was chosen. Raises Misuse."""
    if not isinstance(file, UploadFile) or not file.filename:
        raise Misuse("no-file", "choose a file", "file")
    data = await file.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        raise Misuse("too-large", f"at most {MAX_SOURCE} bytes", "file")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Misuse("no-text", "is no text in UTF-8", "file") from None


async def drafted(
    pages: Pages, source: str, replaces: str = "", note: str = "", scripts: tuple[str, ...] = ()
) -> WrittenTerms:
    """What a text would be as terms. Nothing beside it is read: cards and clauses stand in it."""
    draft = WrittenTerms(source=source, replaces=replaces, note=note, scripts=scripts)
    if not source.strip():
        return draft
    try:
        compiled = await asyncio.to_thread(compile_terms, source.encode(), None, file="terms")
    except BadTerms as error:
        return replace(draft, problems=told(error.problems))
    findings = await asyncio.to_thread(check, compiled.terms, compiled.texts)
    changes = await changes_of(pages, replaces, compiled.terms, compiled.texts) if replaces else []
    return replace(draft, compiled=compiled, findings=tuple(findings), changes=tuple(changes[:SHOWN]))


def told(problems: Sequence[object]) -> tuple[str, ...]:
    """What is wrong with a text: the first of it. What somebody made up to be wrong everywhere makes no large page."""
    shown = [str(each)[:LONGEST_PROBLEM] for each in problems[:MOST_PROBLEMS]]
    more = len(problems) - len(shown)
    return (*shown, *([Pages.text("write.more_problems", many=count(more, "problem"))] if more else ()))
