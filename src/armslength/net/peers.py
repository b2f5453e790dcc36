"""Asking other nodes: our token on every request, and error answers turned back into errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from armslength.errors import ArmslengthError, Malformed, NotFound, Refused, Unauthorised, Unavailable
from armslength.wire.strict import UNREADABLE

if TYPE_CHECKING:
    from armslength.net import client, lazy

LARGEST: Final = 16 * 1024 * 1024

_BY_STATUS: Final[dict[int, type[ArmslengthError]]] = {
    400: Malformed,
    401: Unauthorised,
    404: NotFound,
    409: Refused,
    422: Refused,
}


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
    try:
        said = msgspec.json.decode(reply.body, type=dict[str, object])
    except UNREADABLE:
        said = {}
    code, reason = str(said.get("error", f"http-{reply.status}"))[:64], str(said.get("reason", "no reason given"))[:500]
    place = said.get("place")
    kind = _BY_STATUS.get(reply.status, Unavailable)
    raise kind(code, reason, str(place)[:200] if place else address)
