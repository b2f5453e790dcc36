"""One arrangement: where it stands, what is asked of us, and why everything is as it is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.approving import drafts_of
from armslength.console.reading import look
from armslength.console.render import Pages
from armslength.console.standing import grids, members
from armslength.views.explain import why
from armslength.views.status import status
from armslength.views.tasks import tasks


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def overview(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        drafts = await drafts_of(pages.owner, seen.arrangement)
        version = f"{seen.version}-{drafts.lines}"
        if same := pages.unchanged(request, version):
            return same
        history = await pages.histories.of(seen.arrangement, seen.view.sealed)
        return pages.page(
            request,
            "arrangement.html.j2",
            version=version,
            seen=seen,
            drafts=drafts,
            words=seen.words,
            told=status(seen.terms, seen.state, seen.facts),
            people=members(seen, history),
            grids=list(grids(seen, everything="all" in request.query_params)),
            asked=tasks(seen.terms, seen.ahead, seen.me, seen.view.now),
        )

    async def explained(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        if same := pages.unchanged(request, seen.version):
            return same
        answer = why(seen.terms, seen.state, request.path_params["subject"], seen.facts)
        return pages.page(request, "why.html.j2", version=seen.version, seen=seen, words=seen.words, answer=answer)

    return [
        Route("/a/{arrangement}", overview),
        Route("/a/{arrangement}/why/{subject:path}", explained),
    ]
