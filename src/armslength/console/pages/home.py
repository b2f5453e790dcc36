"""What waits for the owner over all arrangements, what stalls and at whom, and what has happened since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.gathering import Gathering
from armslength.console.guard import session_of
from armslength.console.reading import page_number
from armslength.console.render import HAVE, Pages
from armslength.console.sessions import Session
from armslength.core.canonical import canonical, digest
from armslength.wire.news import NEWS, NewsQuestion, TodayView, ToldEvent

ASKED: Final = "asked"  # the kind of news that stands above them
SHOWN: Final = 40  # tasks on one page, and as many that stall
KEPT: Final = 30  # events that are shown
WHERE: Final[Mapping[str, str]] = {  # on which page a task is done
    "sign": "/terms/{}",
    "accept": "/terms/{}",
    "attest": "/a/{}/attest#attest-{}",
    "publish": "/a/{}/files#publish-{}",
    "perform": "/a/{}/act#perform-{}",
    "answer": "/a/{}/act#respond-{}",
    "determine": "/a/{}/act#determine-{}",
    "resume": "/a/{}/act#resume",
    "approve": "/approvals/{1}",
}


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    gathering = Gathering(pages.owner)

    async def home(request: Request) -> Response:
        today = await gathering.today()
        if today is None:
            is_shown = "hx-request" in request.headers and request.query_params.get(HAVE)
            return Response(status_code=204) if is_shown else pages.page(request, "gathering.html.j2")
        longest = max(map(len, (today.asked, today.stalled, today.said)))
        number = page_number(request, longest, SHOWN)
        more = any(len(each) > (number + 1) * SHOWN for each in (today.asked, today.stalled, today.said))
        events = [] if pages.owner.is_monitor else await _news(pages, session_of(request))
        version = _version(today, events)
        if same := pages.unchanged(request, version):
            return same
        return pages.page(
            request,
            "home.html.j2",
            version=version,
            today=_part(today, number),
            number=number,
            more=more,
            events=events,
            marks=_marks(today),
            where=lambda task: WHERE[task.kind].format(task.arrangement, quote(task.subject)),
        )

    return [Route("/", home)]


def _part(today: TodayView, number: int) -> TodayView:
    """What is shown on one page."""
    part = slice(number * SHOWN, (number + 1) * SHOWN)
    return replace(today, asked=today.asked[part], stalled=today.stalled[part], said=today.said[part])


async def _news(pages: Pages, session: Session) -> list[ToldEvent]:
    """What has happened since this session began, latest first."""
    cursor, events = session.news
    found = await pages.owner.ask(NEWS, NewsQuestion(after=cursor))
    fresh = [each for each in reversed(found.events) if each.kind != ASKED]  # that stands above
    events = [*fresh, *events][:KEPT] if cursor else []
    session.news = found.cursor, events
    return events


def _marks(today: TodayView) -> str:
    """What tells the tasks apart, and says nothing of them: a page that sees a new one may say that there is one."""
    tasks = [[each.arrangement, each.kind, each.subject, *each.periods] for each in today.asked]
    return " ".join(digest(canonical(task))[:16] for task in tasks)


def _version(today: TodayView, events: list[ToldEvent]) -> str:
    """What a page says it was made from."""
    tasks = [(task.arrangement, task.kind, task.subject, task.periods) for task in today.asked]
    stalled = [(task.arrangement, task.kind, task.subject, task.who) for task in today.stalled]
    troubles = [(each.what, each.whom, each.reason) for each in today.troubles]
    newest = events[0].id if events else ""
    shown = hash((tuple(tasks), tuple(stalled), tuple(troubles), newest)) & 0xFFFFFFFF
    return f"{shown:x}-{today.now // 60}-{today.simulated // 60}"
