"""The console's ASGI application: its pages, behind the guard."""

from __future__ import annotations

import gzip
import hashlib
import time
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from armslength.console.entering import Access, Entrance, login_page, onward
from armslength.console.guard import SAFE, Endpoint, Guard, Place, check_form, session_of, with_cookie
from armslength.console.histories import Histories
from armslength.console.owner import Owner
from armslength.console.pages import (
    acting,
    approvals,
    arrangement,
    arrangements,
    attesting,
    auditing,
    beginning,
    counterparty,
    deciding,
    evidence,
    files,
    governing,
    home,
    rehearsing,
    settings,
    story,
    terms,
    writing,
)
from armslength.console.render import NOTHING, Pages
from armslength.console.sessions import LOOK, Sessions
from armslength.errors import ArmslengthError
from armslength.report.page import shared_style
from armslength.wire.card import Card

PAGES: Final = (
    home, arrangements, arrangement, acting, attesting, terms, beginning, writing, rehearsing, story, files, evidence,
    counterparty, governing, approvals, settings,
)  # fmt: skip
OPEN: Final = ("/enter", "/login", "/static/")  # what needs no session
TYPES: Final = {"css": "text/css", "js": "text/javascript", "txt": "text/plain", "svg": "image/svg+xml"}


def build_console(
    owner: Owner,
    place: Place,
    sessions: Sessions,
    uploads: Path,
    access: Access | None = None,
    card: Card | None = None,
) -> ASGIApp:
    """The console of one owner, reached at `place`. `uploads`: a folder for files until they are sealed. `access`: how
    others than the folder's owner get in; `card` is the owner's, for terms that are begun here."""
    files.swept(uploads, time.time() - files.LEFT_S)
    who = (access.audit, access.provider.issuer) if access else (None, "")
    pages = Pages(owner, place, uploads, Histories(owner), card, *who)
    entrance = Entrance(access, pages, sessions, sessions.now) if access else None
    ways: list[BaseRoute] = [*entrance.routes()] if entrance else [Route("/enter", _enter(place, sessions, owner))]
    own = [
        Route("/logout", pages.only(LOOK, _logout(place, sessions)), methods=["POST"]),
        *(deciding.routes(pages, entrance) if entrance else ()),
        *(auditing.routes(pages, access.audit) if access else ()),
    ]
    routes = [
        *ways,
        Route("/login", _login(place, by_provider=access is not None)),
        Route("/static/{name}", _static),
        *(guarded(pages, each) for each in own),
        *(guarded(pages, each) for module in PAGES for each in module.routes(pages)),
    ]
    app = Starlette(routes=[Mount(place.base, routes=routes)] if place.base else routes)
    return Guard(app, place, sessions, OPEN)


def guarded(pages: Pages, route: Route) -> Route:
    """A page that shows an error as a page, and takes forms of its own session only, from those who may. Who sends a
    form without saying whose it is has written a page wrongly."""
    work: Endpoint = route.endpoint
    methods = list(route.methods or ())
    needs = pages.needs.get(work)
    if needs is None and not set(methods) <= SAFE:
        raise TypeError(f"{route.path}: takes forms, and does not say who may send them (`pages.only`)")

    async def shown(request: Request) -> Response:
        try:
            if request.method not in SAFE:
                pages.demand(request, needs or LOOK)
                if work not in pages.uploads_of:
                    await check_form(request)
            return await work(request)
        except ArmslengthError as error:
            request.state.outcome = f"refused: {error.code}: {error.reason}"
            return pages.page(request, "error.html.j2", status=error.http_status, error=error)
        except BaseException:
            request.state.outcome = "failed"
            raise

    async def kept(request: Request) -> Response:
        if request.method in SAFE or pages.audit is None:
            return await shown(request)
        try:
            return await shown(request)
        finally:
            if getattr(request.state, "outcome", "done") != NOTHING:
                await pages.audit.note(*_line(request, route.path))

    return Route(route.path, kept, methods=methods)


def _line(request: Request, path: str) -> tuple[str, str, str, str, str]:
    """A form, for the audit trail: whose, what, about what, and what came of it."""
    session, about = session_of(request), request.path_params
    outcome = getattr(request.state, "outcome", "done")
    return session.subject, session.name, path, " ".join(f"{name}={about[name]}" for name in about), outcome


def _enter(place: Place, sessions: Sessions, owner: Owner) -> Endpoint:
    async def enter(request: Request) -> Response:
        secret = sessions.enter(request.query_params.get("key", ""), owner.name)
        if secret is None:
            return RedirectResponse(f"{place.base}/login", 303)
        home = f"{place.base}/"
        is_sent = request.headers.get("sec-fetch-site", "none") != "none"  # by a page, such as that of `doorway`
        return with_cookie(onward(place.base, home) if is_sent else RedirectResponse(home, 303), place, secret)

    return enter


def _login(place: Place, *, by_provider: bool) -> Endpoint:
    async def login(_: Request) -> Response:
        return login_page(place, by_provider=by_provider)

    return login


def _logout(place: Place, sessions: Sessions) -> Endpoint:
    async def logout(request: Request) -> Response:
        sessions.end(request.cookies.get(place.cookie, ""))
        response = RedirectResponse(f"{place.base}/login", 303)
        response.delete_cookie(place.cookie, path=place.path, secure=place.is_secure, httponly=True, samesite="strict")
        return response

    return logout


async def _static(request: Request) -> Response:
    """A file of the pages. Browsers keep it, and ask each time whether it is still the same."""
    name = request.path_params["name"]
    path = resources.files("armslength.console").joinpath("static", name)
    kind = TYPES.get(name.rpartition(".")[2])
    if kind is None or "/" in name or name.startswith(".") or not path.is_file():
        return PlainTextResponse("no such file\n", 404)
    data = (shared_style().encode() if name == "console.css" else b"") + path.read_bytes()
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"cache-control": "private, no-cache", "etag": tag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_packed(data), media_type=kind, headers=headers | {"content-encoding": "gzip"})
    return Response(data, media_type=kind, headers=headers)


@cache
def _packed(data: bytes) -> bytes:
    """A file of ours, compressed: nothing in it is secret, so that its size tells nothing."""
    return gzip.compress(data, mtime=0)
