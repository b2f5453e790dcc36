"""Asking other nodes: our token on every request, and error answers turned back into errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from armslength.wire.errors import FROM_PEER, decode_error

if TYPE_CHECKING:
    from armslength.net import client, lazy

LARGEST: Final = 16 * 1024 * 1024


class HttpPeers:
    """`ports.Peers` over HTTP. `bearer` gives the Authorization header for a receiver and a URL of its."""

    def __init__(self, client: client.Client | lazy.LazyClient, bearer: Callable[[str, str], str]) -> None:
        self._client = client
        self._bearer = bearer

    async def post(self, did: str, address: str, path: str, body: bytes) -> bytes:
        """POST and return the answer's body. Raises what the peer answered, or Unavailable."""
        headers = {"Authorization": self._bearer(did, address + path), "Content-Type": "application/octet-stream"}
        return _body(await self._client.post(address + path, body, headers, largest=LARGEST), address)

    async def get(self, did: str, address: str, path: str) -> bytes:
        """GET and return the answer's body. Raises what the peer answered, or Unavailable."""
        headers = {"Authorization": self._bearer(did, address + path)}
        return _body(await self._client.get(address + path, headers, largest=LARGEST), address)


def _body(reply: client.HttpReply, address: str) -> bytes:
    if 200 <= reply.status < 300:
        return reply.body
    raise decode_error(reply.status, reply.body, FROM_PEER, address)
