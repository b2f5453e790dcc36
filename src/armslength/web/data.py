"""Hand out sealed files over HTTP: `/data/{id}` and its chunk list `/data/{id}/chunks`, to whoever holds the token.

The body is read a mebibyte ahead in a thread, so neither disk nor slow reader holds up the loop, and a reader costs
two mebibytes however large the file. (Starlette's own file response is three times slower and keeps 64 KiB steps.)

A token is asked about for as long as its body lasts: once it is dead, the connection is cut and what waits in it is
dropped, however slow its reader.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from armslength.delivery.chunks import Ciphertext, chunk_list
from armslength.errors import NotFound, Unauthorised, Unavailable

BLOCK = 1024 * 1024
STALL = 60.0  # seconds that one block may take to leave
ASKED = 0.5  # seconds after which it is asked again whether a token is good (rule 6.6c)
CUT: Final = "armslength.cut"  # extension of the scope: ends the connection, and drops what waits to be sent

log = logging.getLogger(__name__)

Authorise = Callable[[str, str], Awaitable[Ciphertext | None]]
"""What the (id, bearer token) of a request opens at present, or None."""


def routes(authorise: Authorise, *, stall: float = STALL) -> list[Route]:
    """The two routes. A missing or dead token gets 401, a file that is gone 404; single ranges are honoured."""

    async def file(request: Request) -> Response:
        return await _answer(request, authorise, stall, listing=False)

    async def listing(request: Request) -> Response:
        return await _answer(request, authorise, stall, listing=True)

    return [Route("/data/{id}", file, methods=["GET"]), Route("/data/{id}/chunks", listing, methods=["GET"])]


async def _answer(request: Request, authorise: Authorise, stall: float, *, listing: bool) -> Response:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return Response("a bearer token is needed\n", Unauthorised.status, {"WWW-Authenticate": "Bearer"})
    found = await authorise(request.path_params["id"], token)
    if found is None:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return Response("the token is not, or no longer, good for this\n", Unauthorised.status, challenge)
    path = chunk_list(found.path) if listing else found.path
    try:
        file = await asyncio.to_thread(path.open, "rb", 0)
    except FileNotFoundError:
        return Response("no longer here\n", NotFound.status)
    except OSError as error:
        log.warning("%s cannot be handed out: %s", path.name, error)
        return Response("cannot be read just now\n", Unavailable.status)
    tag = f'"{found.root}-chunks"' if listing else f'"{found.root}"'
    headers = {"Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": "private, no-store"}
    size = os.fstat(file.fileno()).st_size
    wanted = request.headers.get("Range", "")
    if request.headers.get("If-Range", tag) != tag:
        wanted = ""
    try:
        span = _span(wanted, size)
    except ValueError:
        file.close()
        return Response("no such range\n", 416, {**headers, "Content-Range": f"bytes */{size}"})
    grant = _Grant(authorise, request.path_params["id"], token, found)
    if span is None:
        return _Streamed(file, (0, size), 200, headers, stall, grant)
    headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{size}"
    return _Streamed(file, span, 206, headers, stall, grant)


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """The [start, stop) that a Range field asks for; None for the whole file, as for a field that is not one range
    (RFC 9110 §14.2 lets a server answer whole). Raises ValueError if nothing of it is in the file.
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted.strip())
    if not found or found[0] == "bytes=-" or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return None
    if found[1]:
        start, stop = int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
    else:
        start, stop = max(size - int(found[2]), 0), size
    if start >= stop:
        raise ValueError("outside the file")
    return start, stop


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a token was good for when its request came."""

    authorise: Authorise
    id: str
    token: str
    found: Ciphertext

    async def over(self) -> None:
        """Wait until it is good for that no more, or until nobody can say so."""
        with suppress(Exception):  # whatever fails: who cannot be sure hands out nothing
            while True:
                if await self.authorise(self.id, self.token) != self.found:
                    return
                await asyncio.sleep(ASKED)


class _Streamed(Response):
    """The bytes [start, stop) of an open file, which it closes. Ends early when the reader leaves or stalls, or when
    its token dies."""

    def __init__(
        self, file: BinaryIO, span: tuple[int, int], status: int, headers: dict[str, str], stall: float, grant: _Grant
    ) -> None:
        self._file = file
        self._span = span
        self._stall = stall
        self._grant = grant
        self.status_code = status
        self.background = None
        self.media_type = "application/octet-stream"
        self.init_headers({**headers, "Content-Length": str(span[1] - span[0])})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            body = asyncio.create_task(self._body(send))
            leaving = asyncio.create_task(_leaving(receive))
            over = asyncio.create_task(self._grant.over())
            try:
                await asyncio.wait({body, leaving, over}, return_when=asyncio.FIRST_COMPLETED)
                if over.done() and not body.done():
                    scope.get("extensions", {}).get(CUT, _nothing)()
            finally:
                for task in (body, leaving, over):
                    task.cancel()
                await asyncio.gather(body, leaving, over, return_exceptions=True)
        if not body.cancelled():
            body.result()

    async def _body(self, send: Send) -> None:
        offset, stop = self._span
        ahead = self._read(offset, stop)
        try:
            while offset < stop and (block := await asyncio.shield(ahead)):  # nothing: the file has shrunk, break off
                offset += len(block)
                ahead = self._read(offset, stop)
                if not await self._sent(send, block, more=offset < stop):
                    return
        except OSError as error:
            log.warning("a file breaks off at byte %d: %s", offset, error)
        finally:
            await asyncio.gather(ahead, return_exceptions=True)  # the file stays open until its last read is over

    async def _sent(self, send: Send, block: bytes, *, more: bool) -> bool:
        """Whether the block has left in time; not if the reader stalls or has gone."""
        try:
            async with asyncio.timeout(self._stall):
                await send({"type": "http.response.body", "body": block, "more_body": more})
        except OSError:  # TimeoutError is one
            return False
        return True

    def _read(self, offset: int, stop: int) -> asyncio.Future[bytes]:
        size = min(BLOCK, stop - offset)
        return asyncio.ensure_future(asyncio.to_thread(os.pread, self._file.fileno(), size, offset))


async def _leaving(receive: Receive) -> None:
    """Wait until the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing() -> None:
    """For servers that cannot cut a connection: it ends once what waits has left."""
