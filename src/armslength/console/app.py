"""The console's ASGI application: its pages, behind the guard."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from armslength.console.guard import Endpoint, Guard, Place, is_ours, with_cookie
from armslength.console.histories import Histories
from armslength.console.owner import Owner
from armslength.console.pages import (
    acting,
    arrangement,
    arrangements,
    attesting,
    beginning,
    evidence,
    files,
    home,
    story,
    terms,
    writing,
)
from armslength.console.render import Pages, environment
from armslength.console.sessions import Sessions
from armslength.errors import ArmslengthError
from armslength.wire.card import Card

PAGES: Final = (home, arrangements, arrangement, acting, attesting, terms, beginning, writing, story, files, evidence)
OPEN: Final = ("/enter", "/login", "/static/")  # what needs no session
TYPES: Final = {"css": "text/css", "js": "text/javascript", "txt": "text/plain", "svg": "image/svg+xml"}


def build_console(
    owner: Owner,
    place: Place,
    sessions: Sessions,
    uploads: Path,
    extra: Sequence[BaseRoute] = (),
    card: Card | None = None,
) -> ASGIApp:
    """The console of one owner, reached at `place`. `uploads`: a folder for files until they are sealed. `extra` are
    ways to log in; `card` is the owner's, for terms that are begun here."""
    pages = Pages(owner, place, uploads, Histories(owner), card)
    routes: list[BaseRoute] = [
        Route("/enter", _enter(place, sessions, owner)),
        *extra,
        Route("/login", _login(place)),
        Route("/logout", _guarded(pages, _logout(place, sessions)), methods=["POST"]),
        Route("/static/{name}", _static),
    ]
    for module in PAGES:
        routes += [
            Route(each.path, _guarded(pages, each.endpoint), methods=list(each.methods or ()))
            for each in module.routes(pages)
        ]
    app = Starlette(routes=[Mount(place.base, routes=routes)] if place.base else routes)
    return Guard(app, place, sessions, OPEN)


def _guarded(pages: Pages, work: Endpoint) -> Endpoint:
    """A page that shows an error as a page, and takes forms of its own session only."""

    async def endpoint(request: Request) -> Response:
        try:
            if request.method == "POST" and not await is_ours(request):
                return PlainTextResponse("this form has expired: go back, reload the page and send it again\n", 403)
            return await work(request)
        except ArmslengthError as error:
            return pages.page(request, "error.html.j2", status=error.http_status, error=error)

    return endpoint


def _enter(place: Place, sessions: Sessions, owner: Owner) -> Endpoint:
    async def enter(request: Request) -> Response:
        secret = sessions.enter(request.query_params.get("key", ""), owner.name)
        if secret is None:
            return RedirectResponse(f"{place.base}/login", 303)
        return with_cookie(RedirectResponse(f"{place.base}/", 303), place, secret)

    return enter


def _login(place: Place) -> Endpoint:
    async def login(_: Request) -> Response:
        html = environment().get_template("login.html.j2").render(base=place.base)
        return Response(html, 401, media_type="text/html")

    return login


def _logout(place: Place, sessions: Sessions) -> Endpoint:
    async def logout(request: Request) -> Response:
        sessions.end(request.cookies.get(place.cookie, ""))
        response = RedirectResponse(f"{place.base}/login", 303)
        response.delete_cookie(place.cookie, path="/", secure=place.is_secure, httponly=True, samesite="strict")
        return response

    return logout


async def _static(request: Request) -> Response:
    """A file of the pages. Its address bears the version of the program, so that browsers may keep it."""
    name = request.path_params["name"]
    path = resources.files("armslength.console").joinpath("static", name)
    kind = TYPES.get(name.rpartition(".")[2])
    if kind is None or "/" in name or name.startswith(".") or not path.is_file():
        return PlainTextResponse("no such file\n", 404)
    return Response(path.read_bytes(), media_type=kind, headers={"cache-control": "private, max-age=86400"})
