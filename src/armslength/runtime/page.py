"""The monitors' page: what this program serves at /attest, and what a node elsewhere does."""

from __future__ import annotations

import asyncio

from armslength.config import Config
from armslength.errors import Unavailable
from armslength.net.client import Client
from armslength.net.ways import ways
from armslength.web.attest import PATH, PageHashes, hashes_of, page_files


def page_hashes() -> PageHashes:
    """What this program serves."""
    return hashes_of(page_files())


def served_hashes(address: str, config: Config) -> PageHashes:
    """What a node serves. Raises Unavailable where it serves no such page."""
    return hashes_of(asyncio.run(_served(f"{address.rstrip('/')}{PATH}/", config)))


async def _served(url: str, config: Config) -> dict[str, bytes]:
    async with Client(ways(config)) as client:
        found = {}
        for name in page_files():
            reply = await client.get(url + ("" if name == "index.html" else name))
            if reply.status != 200:
                raise Unavailable("no-page", f"answers {reply.status}", url + name)
            found[name] = reply.body
        return found
