"""Who this node or monitor is, who is told what, and how well the others are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.gathering import Gathering
from armslength.console.render import Pages
from armslength.console.sessions import MANAGE
from armslength.errors import ArmslengthError, Misuse, NotFound
from armslength.wire.manage import LIST, VIEW, ListPage, NodeView, WhichArrangement
from armslength.wire.news import (
    CALENDAR,
    NODES,
    NOTIFY,
    NOTIFY_AGAIN,
    NOTIFY_TEST,
    REMIND,
    AgainOrder,
    CalendarOrder,
    NoQuestion,
    ReminderOrder,
)

MOST: Final = 20  # arrangements whose members are looked at for one page
LINES: Final = """\
[notify]
zone = "Europe/Berlin"
quiet = "22:00-07:00"
digest = "08:00"
silence = "6h"
lead = { attest = ["6h", "1h"], any = ["24h", "2h"], term = ["7d", "1d"] }
calendar = true

[notify.mail]
host = "smtp.example.org"
port = 587
security = "starttls"
sender = "armslength@example.org"
user = "armslength"
password_file = "smtp.password"

[[notify.to]]
mail = "coordinator@example.org"
digest = ["happened"]
invitations = true

[[notify.to]]
webhook = "https://hooks.example.org/armslength"
secret_file = "hook.secret"
"""
ORDERS: Final[Mapping[str, CalendarOrder]] = {
    "show": CalendarOrder(),
    "renew": CalendarOrder(renew=True),
    "revoke": CalendarOrder(revoke=True),
}


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    gathering = Gathering(pages.owner)

    async def settings(request: Request) -> Response:
        shown = pages.card.file().decode() if pages.card else ""
        if pages.owner.is_monitor:
            answers = await pages.owner.ask(NODES, NoQuestion())
            return pages.page(request, "settings_monitor.html.j2", card=shown, nodes=answers.nodes)
        today = await gathering.today()
        listed = (await pages.owner.ask(LIST, ListPage())).arrangements
        views = [view for each in listed[:MOST] if (view := await _view(pages, each.arrangement))]
        titles = {each.arrangement: each.title for each in listed}
        return pages.page(
            request,
            "settings.html.j2",
            card=shown,
            told=await pages.owner.ask(NOTIFY, NoQuestion()),
            lines=LINES,
            troubles=today.troubles if today else (),
            gathering=today is None,
            views=views,
            titles=titles,
            more=len(listed) > MOST,
        )

    async def card(_: Request) -> Response:
        if pages.card is None:
            raise NotFound("no-card", "this console has no card to give", "card")
        headers = {"content-disposition": 'attachment; filename="card.yaml"'}
        return Response(pages.card.file(), media_type="application/yaml", headers=headers)

    async def test(request: Request) -> Response:
        report = await pages.owner.ask(NOTIFY_TEST, NoQuestion())
        return pages.page(request, "notifications.html.j2", report=report)

    async def again(request: Request) -> Response:
        found = await pages.owner.ask(NOTIFY_AGAIN, AgainOrder(id=str((await request.form()).get("id", ""))))
        if found.found:
            return pages.back(request, "/settings#notify", pages.text("settings.again_sent"))
        return pages.back(request, "/settings#notify", pages.text("settings.again_gone"), "warning")

    async def calendar(request: Request) -> Response:
        order = ORDERS.get(str((await request.form()).get("do", "")))
        if order is None:
            raise Misuse("bad-form", f"one of: {', '.join(ORDERS)}", "do")
        found = await pages.owner.ask(CALENDAR, order)
        return pages.page(request, "calendar.html.j2", url=found.url)

    async def reminders(request: Request) -> Response:
        form = await request.form()
        is_over = form.get("do") == "stop"
        address = "" if is_over else str(form.get("address", "")).strip()
        if not address and not is_over:
            raise Misuse("no-address", "give an address of mail", "address")
        found = await pages.owner.ask(REMIND, ReminderOrder(address=address))
        request.state.outcome = "stopped" if is_over else "asked"
        return pages.page(request, "reminders.html.j2", nodes=found.nodes)

    return [
        Route("/settings", settings),
        Route("/settings/card", card),
        Route("/settings/reminders", pages.only(MANAGE, reminders), methods=["POST"]),
        Route("/settings/notifications", pages.only(MANAGE, test), methods=["POST"]),
        Route("/settings/again", pages.only(MANAGE, again), methods=["POST"]),
        Route("/settings/calendar", pages.only(MANAGE, calendar), methods=["POST"]),
    ]


async def _view(pages: Pages, arrangement: str) -> NodeView | None:
    """An arrangement as the node sees it; None where it cannot be looked at now."""
    try:
        return await pages.owner.ask(VIEW, WhichArrangement(arrangement=arrangement))
    except ArmslengthError:
        return None
