"""A word to every peer when a node starts: whoever waits for it need wait no longer.

One request for each peer of live arrangements, however many those are, and for so many peers at most; whoever does not
hear it finds out in time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from armslength.engine.name_index import NameIndex
from armslength.errors import ArmslengthError, Malformed
from armslength.ports import Peers
from armslength.wire.own import BASE
from armslength.wire.place import address_of

AT_ONCE: Final = 4  # peers
MOST: Final = 200

log = logging.getLogger(__name__)


async def greet(names: NameIndex, peers: Peers, me: str) -> None:
    """Tell every node that live terms name that ours is up."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(did: str) -> None:
        try:
            async with room:
                await peers.post(did, address_of(did), f"{BASE}/hello", b"")
        except Malformed:  # it has no node
            return
        except ArmslengthError as error:
            log.info("%s hears nothing of our start: %s", did, error)

    found = []
    async for did in names.dids("did:web:"):
        if did != me:
            found.append(one(did))
            if len(found) == MOST:
                break
    await asyncio.gather(*found)
