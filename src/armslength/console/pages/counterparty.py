"""What somebody has kept, and what not, in the arrangements of a node: line by line, with the entries it rests on.

A record is read for it from its beginning, so each arrangement is a part of its own: the page names them all, and a
browser asks for those that come into sight.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.reading import look
from armslength.console.render import Pages
from armslength.errors import Malformed
from armslength.views.dealings import ArrangementDealings, dealings_of
from armslength.views.history import History
from armslength.views.words import Words
from armslength.wire.manage import NAMING, NamingPage

MOST_DID: Final = 500  # characters
IN: Final = "in"  # the query field that asks for one arrangement's part
TONES: Final = {
    "kept": "good", "late": "warning", "cured": "mended", "breached": "broken", "remedied": "mended",
    "disputed": "warning", "unknown": "waiting", "open": "running", "discharged": "ended", "contradicted": "broken",
}  # fmt: skip


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def counterparty(request: Request) -> Response:
        did, start = request.path_params["did"], request.query_params.get("from", "")
        one = request.query_params.get(IN, "")
        if max(len(did), len(start), len(one)) > MOST_DID:
            raise Malformed("bad-did", f"at most {MOST_DID} characters", "did")
        names, more = [one], None
        if not one:
            named = await pages.owner.ask(NAMING, NamingPage(did=did, start=start))
            names, more = list(dict.fromkeys(named.arrangements)), named.next
        found = await _parts(pages, did, names[0]) if one or (len(names) == 1 and not more) else None
        return pages.page(
            request, "counterparty.html.j2", did=did, names=names, found=found, alone=bool(one), more=more, tones=TONES
        )

    return [Route("/counterparty/{did:path}", counterparty)]


async def _parts(pages: Pages, did: str, name: str) -> list[tuple[ArrangementDealings, Words]]:
    """What one arrangement's record tells of whoever has this DID in it, with the words for it."""
    seen = await look(pages.owner, name)
    history = await pages.histories.of(seen.arrangement, seen.view.sealed)
    return await asyncio.to_thread(_told, did, seen.arrangement, history) if history.placed else []


def _told(did: str, name: str, history: History) -> list[tuple[ArrangementDealings, Words]]:
    words = Words.of(history.terms, history.state)
    return [(each, words) for each in dealings_of(did, name, history)]
