"""What one may state in an arrangement, and the reason why not where one may not."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.forms import body_of
from armslength.console.possible import possible_statements
from armslength.console.reading import look
from armslength.console.render import Pages
from armslength.console.sessions import ACT
from armslength.core.arrangement.bodies import Body
from armslength.wire.manage import SAY, StatementResult, StatementsOrder, statements


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def acting(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        return pages.page(request, "act.html.j2", seen=seen, words=seen.words, offers=possible_statements(seen))

    async def say(request: Request) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        arrangement = request.path_params["arrangement"]
        results = await stated(pages, arrangement, [body_of(form)])
        return pages.told(request, f"/a/{arrangement}", results)

    return [
        Route("/a/{arrangement}/act", acting),
        Route("/a/{arrangement}/act", pages.only(ACT, say), methods=["POST"]),
    ]


async def stated(pages: Pages, arrangement: str, bodies: Sequence[Body]) -> Sequence[StatementResult]:
    """Make statements; what became of each."""
    order = StatementsOrder(arrangement=arrangement, statements=statements(bodies))
    return (await pages.owner.ask(SAY, order)).said
