"""What a node shows to people who are no peers of it: its owner's calendar, and links for those whom it reminds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from armslength.errors import ArmslengthError, NotFound, Unauthorised
from armslength.notify import catalogue
from armslength.notify.registry import PATH
from armslength.ports import Caller
from armslength.web import errors
from armslength.web.requests import whole_body
from armslength.wire.own import BASE
from armslength.wire.reminders import decode_reminder, encode_reminded

LARGEST: Final = 4096  # bytes of a registration
QUIET: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}


class PublicDesk(Protocol):
    """Who has the calendar, and reminds (`notify.desk`)."""

    async def calendar(self, token: str) -> str | None: ...

    async def register(self, did: str, address: str) -> bool: ...

    async def confirm(self, token: str) -> bool: ...

    async def stop(self, token: str) -> bool: ...


class _Told:
    def __init__(
        self, desk: Callable[[], Awaitable[PublicDesk]], caller: Caller, named: Callable[[str], Awaitable[bool]]
    ) -> None:
        self._desk = desk
        self._caller = caller
        self._named = named

    async def calendar(self, request: Request) -> Response:
        """The calendar, for whoever knows its address."""
        text = await (await self._desk()).calendar(request.path_params["token"])
        if text is None:
            return errors.response(NotFound("unknown", "there is no such calendar"))
        headers = QUIET | {"Cache-Control": "private, max-age=300"}
        return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)

    async def register(self, request: Request) -> Response:
        """A monitor's address, by a token of a key that live terms name."""
        try:
            did = await self._caller(request.headers.get("authorization"), "")
            if not await self._named(did):
                raise Unauthorised("not-named", "only whom an arrangement here names is reminded", "Authorization")
            address = decode_reminder(await whole_body(request, largest=LARGEST)).address
            asked = await (await self._desk()).register(did, address)
            return Response(encode_reminded(asked=asked), 202, media_type="application/json")
        except ArmslengthError as error:
            return errors.response(error)

    async def confirm(self, request: Request) -> Response:
        """A page with a button, and what the button does."""
        if request.method != "POST":
            return _page(catalogue.CONFIRM_PAGE, button=True)
        done = await (await self._desk()).confirm(request.path_params["token"])
        return _page(catalogue.CONFIRMED) if done else _nowhere()

    async def stop(self, request: Request) -> Response:
        """The same to end it; programs of mail press the button by themselves (RFC 8058)."""
        if request.method != "POST":
            return _page(catalogue.STOP_PAGE, button=True)
        done = await (await self._desk()).stop(request.path_params["token"])
        return _page(catalogue.STOPPED) if done else _nowhere()


def routes(
    desk: Callable[[], Awaitable[PublicDesk]], caller: Caller, named: Callable[[str], Awaitable[bool]]
) -> list[Route]:
    """All routes. `named` says whether live terms name a DID."""
    told = _Told(desk, caller, named)
    return [
        Route(BASE + "/calendar/{token}.ics", told.calendar),
        Route(PATH, told.register, methods=["POST"]),
        Route(PATH + "/confirm/{token}", told.confirm, methods=["GET", "POST"]),
        Route(PATH + "/stop/{token}", told.stop, methods=["GET", "POST"]),
    ]


def _page(text: str, *, button: bool = False, status: int = 200) -> Response:
    form = f'<form method="post"><button>{escape(catalogue.YES)}</button></form>' if button else ""
    title = "<title>armslength</title>"
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{title}</head>'
    return HTMLResponse(f"{head}<body><p>{escape(text)}</p>{form}</body></html>\n", status, headers=QUIET)


def _nowhere() -> Response:
    return _page(catalogue.NOWHERE, status=NotFound.status)
