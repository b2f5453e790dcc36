"""Terms that others propose: how many are kept, which make room for new ones, and how to be rid of one.

Laws:

1. What others propose waits for us as long as there is room: 50 from one proposer and 200 in all. Terms that we have
   proposed or signed do not count, nor do arrangements that have ended.
2. A new proposal takes the room of an older one of its own proposer; where too many proposers share the room, of one of
   those that take most of it. Those go first that nobody has signed, and of these the oldest.
3. Nothing makes room that we have proposed or signed, or that is in force.
4. A proposal that is dropped can come again. What we said about its record is kept: it goes on from there.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

from armslength.engine.shelf import Open, Shelf
from armslength.errors import Refused

PROPOSALS: Final = 200  # held at once, from all peers together …
EACH: Final = 50  # … and from one of them
WAITING: Final = frozenset({"PROPOSED", "LAPSED"})  # not in force
ENDED: Final = frozenset({"COMPLETED", "TERMINATED"})

log = logging.getLogger(__name__)


async def make_room(shelf: Shelf, by: str) -> None:
    """Make room for one more proposal of this proposer. Raises Refused where there is none to be had."""
    others = [held for held in await shelf.everything() if _counts(shelf, held)]
    crowd = [held for held in others if held.held.by == by]
    if len(crowd) < EACH:
        if len(others) < PROPOSALS:
            return
        waiting = Counter(held.held.by for held in others if _waits(held))
        most = max(waiting.values(), default=0)
        crowd = [held for held in others if waiting[held.held.by] == most]
    found = (held for held in crowd if _waits(held))
    for held in sorted(found, key=lambda held: (bool(_signed(held)), held.held.at, held.arrangement)):
        if await shelf.forget(held):
            log.warning("terms %s of %s have made room for others", held.arrangement[:12], held.held.by)
            return
    raise Refused("too-many", "too many arrangements are held here already", "proposal")


async def decline(shelf: Shelf, held: Open) -> None:
    """Drop terms that we have not signed. Raises Refused where they bind already."""
    if held.book.me.actor in _signed(held):
        raise Refused("signed", "we have signed these terms: they stay", held.arrangement[:12])
    if not _waits(held):
        raise Refused("in-force", "all parties have signed these terms: they stay", held.arrangement[:12])
    if not await shelf.forget(held):
        raise Refused("signing", "we are about to sign these terms", held.arrangement[:12])


def _signed(held: Open) -> dict[str, int]:
    return held.book.view.state.arrangement.signed


def _counts(shelf: Shelf, held: Open) -> bool:
    ours = held.held.by == shelf.did or held.book.me.actor in _signed(held)
    return not ours and held.book.view.state.arrangement.phase not in ENDED


def _waits(held: Open) -> bool:
    return held.book.view.state.arrangement.phase in WAITING
