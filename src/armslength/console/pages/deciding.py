"""An official's word on a draft, by a login that is made for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.entering import Entrance
from armslength.console.guard import session_of
from armslength.console.render import Pages
from armslength.console.sessions import APPROVE


def routes(pages: Pages, entrance: Entrance) -> list[Route]:
    """This part's pages: a form with `word`, which leads to the provider and back."""

    async def decide(request: Request) -> Response:
        word = str((await request.form()).get("word", ""))
        return await entrance.leave_to_decide(request, session_of(request), request.path_params["draft"], word)

    return [Route("/approvals/{draft}/login", pages.only(APPROVE, decide), methods=["POST"])]
