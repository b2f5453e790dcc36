"""The client, loaded when something is sent for the first time.

Its library takes a third of a second to load, which is much for a node that starts; loaded in a thread, it keeps nobody
waiting who asks meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from armslength.net.ways import Ways

if TYPE_CHECKING:
    from armslength.net.client import Client as Loaded
    from armslength.net.client import HttpReply, Streamed


class LazyClient:
    """`net.client.Client`, as far as a node needs it."""

    def __init__(self, ways: Ways, **limits: Any) -> None:
        self._ways = ways
        self._limits = limits
        self._loaded: Loaded | None = None
        self._loading = asyncio.Lock()

    async def _client(self) -> Loaded:
        async with self._loading:
            if self._loaded is None:
                module = await asyncio.to_thread(import_module, "armslength.net.client")
                loaded: Loaded = module.Client(self._ways, **self._limits)
                self._loaded = loaded
            return self._loaded

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], **limits: Any) -> HttpReply:
        """See `net.client.Client`, as for all that follows."""
        return await (await self._client()).post(url, body, headers, **limits)

    async def get(self, url: str, headers: Mapping[str, str] | None = None, **limits: Any) -> HttpReply:
        return await (await self._client()).get(url, headers, **limits)

    @asynccontextmanager
    async def stream(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Streamed]:
        async with (await self._client()).stream(url, headers) as answer:
            yield answer

    async def close(self) -> None:
        if self._loaded is not None:
            await self._loaded.close()
