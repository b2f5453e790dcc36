"""Who this node is, who is told what, and how well it reaches the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.render import Pages
from armslength.console.sessions import MANAGE
from armslength.errors import ArmslengthError, Misuse
from armslength.wire.manage import LIST, VIEW, ListPage, NodeView, WhichArrangement
from armslength.wire.news import CALENDAR, NOTIFY_TEST, TODAY, CalendarOrder, NoQuestion

MOST: Final = 20  # arrangements whose members are looked at for one page
ORDERS: Final[Mapping[str, CalendarOrder]] = {
    "show": CalendarOrder(),
    "renew": CalendarOrder(renew=True),
    "revoke": CalendarOrder(revoke=True),
}


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def settings(request: Request) -> Response:
        today = await pages.owner.ask(TODAY, NoQuestion())
        listed = (await pages.owner.ask(LIST, ListPage())).arrangements
        views = [view for each in listed[:MOST] if (view := await _view(pages, each.arrangement))]
        titles = {each.arrangement: each.title for each in listed}
        return pages.page(
            request,
            "settings.html.j2",
            card=pages.card.file().decode() if pages.card else "",
            troubles=today.troubles,
            views=views,
            titles=titles,
            more=len(listed) > MOST,
        )

    async def test(request: Request) -> Response:
        report = await pages.owner.ask(NOTIFY_TEST, NoQuestion())
        return pages.page(request, "notifications.html.j2", report=report)

    async def calendar(request: Request) -> Response:
        order = ORDERS.get(str((await request.form()).get("do", "")))
        if order is None:
            raise Misuse("bad-form", f"one of: {', '.join(ORDERS)}", "do")
        found = await pages.owner.ask(CALENDAR, order)
        return pages.page(request, "calendar.html.j2", url=found.url)

    return [
        Route("/settings", settings),
        Route("/settings/notifications", pages.only(MANAGE, test), methods=["POST"]),
        Route("/settings/calendar", pages.only(MANAGE, calendar), methods=["POST"]),
    ]


async def _view(pages: Pages, arrangement: str) -> NodeView | None:
    """An arrangement as the node sees it; None where it cannot be looked at now."""
    try:
        return await pages.owner.ask(VIEW, WhichArrangement(arrangement=arrangement))
    except ArmslengthError:
        return None
