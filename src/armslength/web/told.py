"""What a node shows to people who are no peers of it: its owner's calendar."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.errors import NotFound
from armslength.web import errors
from armslength.wire.own import BASE

QUIET: Final = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff"}


class CalendarDesk(Protocol):
    """Who has the calendar (`notify.desk`)."""

    async def calendar(self, token: str) -> str | None:
        """The calendar, for whoever knows its address."""
        ...


def routes(desk: Callable[[], Awaitable[CalendarDesk]]) -> list[Route]:
    """The calendar's route."""

    async def calendar(request: Request) -> Response:
        text = await (await desk()).calendar(request.path_params["token"])
        if text is None:
            return errors.response(NotFound("unknown", "there is no such calendar"))
        headers = QUIET | {"Cache-Control": "private, max-age=300"}
        return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)

    return [Route(BASE + "/calendar/{token}.ics", calendar)]
