"""What somebody has kept, and what not, in the arrangements of a node: line by line, with the entries it rests on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from armslength.console.render import Pages
from armslength.errors import Malformed
from armslength.views.dealings import Dealing, dealings
from armslength.views.history import history_of_leaves
from armslength.views.words import Words
from armslength.wire.manage import NAMING, RECORD, NamingPage, SealedRecord, WhichArrangement

MOST_DID: Final = 500  # characters
TONES: Final = {
    "kept": "good", "late": "warning", "cured": "mended", "breached": "broken", "remedied": "mended",
    "disputed": "warning", "unknown": "waiting", "open": "running", "discharged": "ended", "contradicted": "broken",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DealingsPart:
    """What is known of somebody in one arrangement, as `who` of it."""

    arrangement: str
    title: str
    who: str
    name: str
    state: str
    words: Words
    at: int
    lines: tuple[Dealing, ...]


def routes(pages: Pages) -> list[Route]:
    """This part's pages."""

    async def counterparty(request: Request) -> Response:
        did, start = request.path_params["did"], request.query_params.get("from", "")
        if len(did) > MOST_DID or len(start) > MOST_DID:
            raise Malformed("bad-did", f"at most {MOST_DID} characters", "did")
        named = await pages.owner.ask(NAMING, NamingPage(did=did, start=start))
        parts: list[DealingsPart] = []
        for name in dict.fromkeys(named.arrangements):
            record = await pages.owner.ask(RECORD, WhichArrangement(arrangement=name))
            if record.leaves:
                parts += await asyncio.to_thread(_parts, did, name, record)
        return pages.page(request, "counterparty.html.j2", did=did, found=parts, more=named.next, tones=TONES)

    return [Route("/counterparty/{did:path}", counterparty)]


def _parts(did: str, arrangement: str, record: SealedRecord) -> list[DealingsPart]:
    history = history_of_leaves(record)
    return [
        DealingsPart(
            arrangement=arrangement,
            title=history.terms.title,
            who=who,
            name=actor.name,
            state=history.state.shown,
            words=Words.of(history.terms, history.state),
            at=history.state.clock.tau,
            lines=dealings(history.terms, history.state, history.placed, who),
        )
        for who, actor in sorted(history.terms.actors.items())
        if actor.did == did
    ]
