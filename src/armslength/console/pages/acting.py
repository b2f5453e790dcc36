"""What one may state in an arrangement, and the reason why not where one may not."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.approving import policy_of, said
from armslength.console.forms import body_of
from armslength.console.possible import possible_statements
from armslength.console.reading import look
from armslength.console.render import Pages
from armslength.console.sessions import BEGIN


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def acting(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        offers, policy = possible_statements(seen), await policy_of(pages.owner)
        return pages.page(request, "act.html.j2", seen=seen, words=seen.words, offers=offers, policy=policy)

    async def say(request: Request) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        arrangement = request.path_params["arrangement"]
        return await said(pages, request, arrangement, [body_of(form)], f"/a/{arrangement}")

    return [
        Route("/a/{arrangement}/act", acting),
        Route("/a/{arrangement}/act", pages.only(BEGIN, say), methods=["POST"]),
    ]
