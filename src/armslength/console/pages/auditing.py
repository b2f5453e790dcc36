"""Who did what at this console, for those who administer it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.render import Pages
from armslength.console.sessions import MANAGE
from armslength.errors import Misuse
from armslength.ports import Audit


def routes(pages: Pages, audit: Audit) -> list[Route]:
    """This part's pages."""

    async def trail(request: Request) -> Response:
        given = request.query_params.get("before")
        if given is not None and not (given.isascii() and given.isdecimal() and 0 < len(given) <= 12):
            raise Misuse("bad-form", "is no number of a line", "before")
        lines = await audit.lines(int(given) if given else None)
        check = "check" in request.query_params
        chain = await audit.chain(check=check)
        return pages.page(request, "audit.html.j2", lines=lines, chain=chain, checked=check)

    return [Route("/audit", pages.only(MANAGE, trail))]
