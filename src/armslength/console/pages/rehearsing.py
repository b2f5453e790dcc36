"""Playing what could happen under terms, before anybody signs: a script in, the timeline with its reasons out."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from armslength.analysis.check import ERROR, check
from armslength.console.computations import Computations
from armslength.console.guard import session_of
from armslength.console.pages.writing import MAX_SOURCE, MOST_SCRIPTS, told
from armslength.console.rehearsed import MOST_LINES
from armslength.console.render import Pages
from armslength.console.sessions import LOOK
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Misuse
from armslength.views.words import iso, start_case
from armslength.wire.computation import EXPLORE, PLAY, ComputationOrder
from armslength.wire.manage import LIST, TERMS, ListPage, WhichArrangement
from armslength.wire.terms import BadTerms, compile_terms
from armslength.wire.terms_json import decode_terms, encode_terms

SOON_S: Final = 1.0  # for which a page waits for what it asked for
AS_AGREED: Final = "rehearse: Everybody does as agreed\notherwise: agreed\n\nscript: []\n"
TITLE: Final = re.compile(r"^rehearse:\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalDesk:
    """Terms and a script about them: both as they came, and what is wrong with either."""

    terms: Arrangement | None
    source: str = ""
    arrangement: str = ""
    script: str = AS_AGREED
    scripts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def titles(self) -> list[str]:
        """What the scripts that go with the terms are called."""
        return [found[1] if (found := TITLE.search(each)) else each[:40] for each in self.scripts]


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""
    computations = Computations()

    async def begin(request: Request) -> Response:
        name = request.query_params.get("from", "")
        known = () if name else (await pages.owner.ask(LIST, ListPage())).arrangements
        desk = RehearsalDesk(terms=await _terms(pages, name, "") if name else None, arrangement=name)
        return pages.page(request, "rehearse.html.j2", desk=desk, known=known, work=None, wrong=desk.problems)

    async def rehearse(request: Request) -> Response:
        form = await request.form()
        desk = _given(form)
        try:
            terms = await _terms(pages, desk.arrangement, desk.source)
        except BadTerms as error:
            desk = replace(desk, problems=told(error.problems))
        except Misuse as error:
            desk = replace(desk, problems=(start_case(error.reason),))
        else:
            desk, kind = replace(desk, terms=terms), EXPLORE if form.get("do") == EXPLORE else PLAY
            step = _number(form, "step") if form.get("do") == "show" else MOST_LINES
            order = ComputationOrder(kind=kind, terms=encode_terms(terms).decode(), script=desk.script, step=step)
            name = computations.begin(session_of(request), order, desk)
            return RedirectResponse(f"{pages.place.base}/rehearse/{name}", 303)
        return pages.page(request, "rehearse.html.j2", desk=desk, known=(), work=None, wrong=desk.problems)

    async def shown(request: Request) -> Response:
        work = computations.of(session_of(request), request.path_params["work"])
        with suppress(TimeoutError):  # then the page says how far it is, and asks again
            await asyncio.wait_for(work.over.wait(), SOON_S)
        return pages.page(request, "rehearse.html.j2", desk=work.about, known=(), work=work, wrong=told(work.problems))

    async def stopped(request: Request) -> Response:
        name = request.path_params["work"]
        computations.stop(computations.of(session_of(request), name))
        return RedirectResponse(f"{pages.place.base}/rehearse/{name}", 303)

    return [
        Route("/rehearse", begin),
        Route("/rehearse", pages.only(LOOK, rehearse), methods=["POST"]),
        Route("/rehearse/{work}", shown),
        Route("/rehearse/{work}/stop", pages.only(LOOK, stopped), methods=["POST"]),
    ]


def _given(form: FormData) -> RehearsalDesk:
    """The terms' text or name, and the script that is asked for."""
    scripts = tuple(_text(each) for each in form.getlist("script"))[:MOST_SCRIPTS]
    worst, example = _text(form.get("worst", "")), scripts[-1] if scripts else AS_AGREED
    written = worst or _text(form.get("played", "")) or example
    if form.get("do") == "take" and scripts:
        written = scripts[min(_number(form, "example"), len(scripts) - 1)]
    if form.get("do") == "silence":
        written = then_nobody_speaks(written, _number(form, "from"))
    return RehearsalDesk(
        terms=None,
        source=_text(form.get("source", "")),
        arrangement=str(form.get("arrangement", "")),
        script=written,
        scripts=scripts,
    )


async def _terms(pages: Pages, name: str, source: str) -> Arrangement:
    """Terms that are here, or those of a text. Raises BadTerms."""
    if name:
        found = await pages.owner.ask(TERMS, WhichArrangement(arrangement=name))
        return decode_terms(found.document.encode())
    compiled = await asyncio.to_thread(compile_terms, source.encode(), None, file="terms")
    findings = await asyncio.to_thread(check, compiled.terms, compiled.texts)
    broken = [each for each in findings if each.id == "S01" and each.severity == ERROR]
    if broken:
        raise Misuse("unsound-terms", broken[0].message, broken[0].place)
    return compiled.terms


def then_nobody_speaks(script: str, since: int) -> str:
    """The script, and from this instant on (UTC seconds) nobody says anything."""
    text = re.sub(r"^script: \[\]\s*\Z", "script:", script.rstrip(), flags=re.MULTILINE)
    indents = re.findall(r"^( *)- ", text, re.MULTILINE)
    indent = indents[0] if indents else "  "
    return f'{text}\n{indent}- silence: "nobody speaks from {iso(since)}"\n'


def _text(given: object) -> str:
    return str(given)[:MAX_SOURCE].replace("\r\n", "\n")


def _number(form: FormData, name: str) -> int:
    given = str(form.get(name, ""))
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 12 else 0
