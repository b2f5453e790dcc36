"""Playing what could happen under terms, before anybody signs: a script in, the timeline with its reasons out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.analysis.check import ERROR, check
from armslength.analysis.exploration import Exploration, explore
from armslength.console.guard import session_of
from armslength.console.pages.writing import MAX_SOURCE, MOST_SCRIPTS, told
from armslength.console.render import Pages
from armslength.console.sessions import LOOK
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Misuse
from armslength.rehearsal.play import Play, Rehearsal
from armslength.report.exploration import drawn, ends
from armslength.report.lanes import Picture, axis, picture
from armslength.report.lives import lives
from armslength.report.stakes import Chart, StakesRow, chart, rows
from armslength.views.exposure import series
from armslength.views.timeline import TimelineLine, timeline
from armslength.views.words import Words, iso, start_case
from armslength.wire.manage import LIST, TERMS, ListPage, WhichArrangement
from armslength.wire.script import BadScript, Script
from armslength.wire.script_read import read_script
from armslength.wire.terms import BadTerms, compile_terms
from armslength.wire.terms_json import decode_terms

T = TypeVar("T")

PLAY_S: Final = 8.0  # that one rehearsal may take
MOST_LINES: Final = 300  # of a timeline on one page
AS_AGREED: Final = "rehearse: Everybody does as agreed\notherwise: agreed\n\nscript: []\n"
TITLE: Final = re.compile(r"^rehearse:\s*(.+)$", re.MULTILINE)
EXPLORE_S: Final = 60.0  # that one exploration may take
ONE_AT_A_TIME: Final = asyncio.Semaphore(1)
AT_WORK: Final = set[str]()  # whose work waits or is done, by subject


class TimeLimit:
    """The end of the time that one piece of work may take; `passes` raises Misuse from then on."""

    def __init__(self, seconds: float, command: str) -> None:
        self._until = time.monotonic() + seconds
        self._reason = f"it takes more than {seconds:.0f} seconds here; `armslength {command}` has no such bound"

    def passes(self) -> None:
        """Called again and again."""
        if time.monotonic() > self._until:
            raise Misuse("too-long", self._reason, "script")


class BoundedPlay(Play):
    """A rehearsal that ends when its time is over."""

    def __init__(self, terms: Arrangement, script: Script, end: TimeLimit) -> None:
        super().__init__(terms, script)
        self._end = end

    def play(self, when: int) -> None:
        """Play all that happens at this instant. Raises Misuse once it has taken too long."""
        self._end.passes()
        super().play(when)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A rehearsal as the page shows it. `step`: the line of the timeline up to which it is shown; `begun` and `held`
    are the states before everything, and then, each as (kind, subject, state)."""

    found: Rehearsal
    words: Words
    lines: tuple[TimelineLine, ...]
    more: int
    step: int
    begun: list[tuple[str, str, str]]
    held: list[tuple[str, str, str]]
    stakes: list[StakesRow]
    picture: Picture
    chart: Chart | None

    @property
    def at(self) -> int:
        """The instant up to which it is shown."""
        return self.lines[self.step].at if self.lines else self.words.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalDesk:
    """Terms and a script about them: both as they came, what is wrong with either, and what was played or explored."""

    terms: Arrangement | None
    source: str = ""
    arrangement: str = ""
    script: str = AS_AGREED
    scripts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    played: Played | None = None
    explored: Exploration | None = None
    exploration_chart: tuple[Chart, object] | None = None

    @property
    def words(self) -> Words | None:
        """How the terms name things."""
        return Words.of(self.terms) if self.terms else None

    @property
    def titles(self) -> list[str]:
        """What the scripts that go with the terms are called."""
        return [found[1] if (found := TITLE.search(each)) else each[:40] for each in self.scripts]


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def begin(request: Request) -> Response:
        name = request.query_params.get("from", "")
        known = () if name else (await pages.owner.ask(LIST, ListPage())).arrangements
        desk = RehearsalDesk(terms=await _terms(pages, name, "") if name else None, arrangement=name)
        return pages.page(request, "rehearse.html.j2", desk=desk, known=known, ends=ends)

    async def rehearse(request: Request) -> Response:
        form = await request.form()
        desk = _given(form)
        try:
            terms = await _terms(pages, desk.arrangement, desk.source)
            desk = replace(desk, terms=terms)
            desk = await _done(desk, terms, form, session_of(request).subject)
        except (BadTerms, BadScript) as error:
            desk = replace(desk, problems=told(error.problems))
        except Misuse as error:
            desk = replace(desk, problems=(start_case(error.reason),))
        return pages.page(request, "rehearse.html.j2", desk=desk, known=(), ends=ends)

    return [Route("/rehearse", begin), Route("/rehearse", pages.only(LOOK, rehearse), methods=["POST"])]


def _given(form: FormData) -> RehearsalDesk:
    """The terms' text or name, and the script that is asked for."""
    scripts = tuple(_text(each) for each in form.getlist("script"))[:MOST_SCRIPTS]
    written = _text(form.get("played", "")) or (scripts[-1] if scripts else AS_AGREED)
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


async def _done(desk: RehearsalDesk, terms: Arrangement, form: FormData, subject: str) -> RehearsalDesk:
    """What the form asks for. Raises BadScript; Misuse where it takes too long."""
    if form.get("do") == "explore":
        found = await _alone(subject, lambda: explore(terms, watch=TimeLimit(EXPLORE_S, "check --explore").passes))
        return replace(desk, explored=found, exploration_chart=drawn(terms, found))
    read = await asyncio.to_thread(read_script, desk.script.encode(), terms, file="script")
    step = _number(form, "step") if form.get("do") == "show" else MOST_LINES
    return replace(desk, played=await _alone(subject, lambda: _played(terms, read, step)))


async def _alone(subject: str, work: Callable[[], T]) -> T:
    """Long work in a thread, one at a time, and one of each person. Raises Misuse."""
    if subject in AT_WORK:
        raise Misuse("busy", "something of yours is still being played: wait for it", "script")
    AT_WORK.add(subject)
    try:
        async with ONE_AT_A_TIME:
            return await asyncio.to_thread(work)
    finally:
        AT_WORK.discard(subject)


def _played(terms: Arrangement, script: Script, step: int) -> Played:
    found = BoundedPlay(terms, script, TimeLimit(PLAY_S, "rehearse")).run()
    words = Words.of(terms, found.state)
    lines = timeline(terms, found.placed, found.state)
    shown = lines[:MOST_LINES]
    step = max(0, min(step, len(shown) - 1))
    lines_of = series(terms, found.placed)
    return Played(
        found=found,
        words=words,
        lines=shown,
        more=len(lines) - len(shown),
        step=step,
        begun=_states(terms, found.at(0)),
        held=_states(terms, found.at(shown[step].until) if shown and step < len(lines) - 1 else found.state),
        stakes=[row for row in rows(lines_of) if row.kind != "claim"],
        picture=picture(terms, found.state, found.placed, lives(found.placed)),
        chart=chart(words, lines_of, axis(words, found.placed)) if found.placed else None,
    )


def _states(terms: Arrangement, state: State) -> list[tuple[str, str, str]]:
    """Where everything stands: kind, subject, state."""
    duties = [("duty", name, state.duties[name].state) for name in terms.duties]
    tranches = [("tranche", name, state.tranches[name].shown) for name in terms.tranches]
    return [("arrangement", "arrangement", state.shown), *tranches, *duties]


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
