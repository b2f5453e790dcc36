"""All arrangements of the owner's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.render import Pages
from armslength.wire.manage import LIST, ListPage


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def listed(request: Request) -> Response:
        start = request.query_params.get("start", "")
        found = await pages.owner.ask(LIST, ListPage(start=start))
        return pages.page(request, "arrangements.html.j2", found=found)

    return [Route("/arrangements", listed)]
