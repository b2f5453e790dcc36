"""What has happened: the balance over time, the lives of duties and tranches, and the record, entry by entry."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.reading import look, page_number
from armslength.console.render import Pages
from armslength.core.canonical import canonical
from armslength.errors import NotFound
from armslength.report.lanes import axis, picture
from armslength.report.lives import lives
from armslength.report.stakes import chart
from armslength.views.exposure import series
from armslength.views.timeline import effects, timeline

LINES = 60  # of the timeline, on one page
ENTRIES = 100


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def story(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        version = str(seen.view.sealed)
        if same := pages.unchanged(request, version):
            return same
        history = await pages.histories.of(seen.arrangement, seen.view.sealed)
        lines = timeline(history.terms, history.placed, history.state)
        page = page_number(request, len(lines), LINES)
        stakes = series(history.terms, history.placed)
        return pages.page(
            request,
            "story.html.j2",
            version=version,
            seen=seen,
            words=seen.words,
            lines=lines[::-1][page * LINES : (page + 1) * LINES],
            number=page,
            why_at=f"{pages.place.base}/a/{seen.arrangement}/why",
            more=(page + 1) * LINES < len(lines),
            picture=picture(history.terms, history.state, history.placed, lives(history.placed)),
            chart=chart(seen.words, stakes, axis(seen.words, history.placed)) if history.placed else None,
        )

    async def record(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        history = await pages.histories.of(seen.arrangement, seen.view.sealed)
        page = page_number(request, len(history.placed), ENTRIES)
        placed = history.placed[::-1][page * ENTRIES : (page + 1) * ENTRIES]
        rows = [(each, effects(seen.words, each.changes)) for each in placed]
        more = (page + 1) * ENTRIES < len(history.placed)
        return pages.page(request, "record.html.j2", seen=seen, words=seen.words, rows=rows, number=page, more=more)

    async def entry(request: Request) -> Response:
        seen = await look(pages.owner, request.path_params["arrangement"])
        history = await pages.histories.of(seen.arrangement, seen.view.sealed)
        index = request.path_params["index"]
        if index >= len(history.placed):
            raise NotFound("no-entry", f"there are {len(history.placed)} sealed entries", f"entry {index}")
        placed = history.placed[index]
        told = effects(seen.words, placed.changes)
        body = canonical(placed.body).decode()
        return pages.page(request, "entry.html.j2", seen=seen, words=seen.words, placed=placed, effects=told, body=body)

    return [
        Route("/a/{arrangement}/story", story),
        Route("/a/{arrangement}/record", record),
        Route("/a/{arrangement}/record/{index:int}", entry),
    ]
