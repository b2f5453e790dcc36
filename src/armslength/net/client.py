"""Outgoing HTTP: bounded in size and time, no redirects, no cookies, and only to permitted addresses, or through the
one proxy that the configuration names.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from armslength.errors import ArmslengthError, Refused, Unavailable
from armslength.net.addresses import ForbiddenAddress, Reach, checked_socket
from armslength.net.ways import Ways

LARGEST: Final = 1 << 20  # bytes of an answer that is read whole
TOTAL_S: Final = 15.0  # for a request whose answer is read whole
CONNECT_S: Final = 5.0
STALL_S: Final = 60.0  # without a byte, while streaming
CONNECTIONS: Final = 512  # at once, of which to one host
PER_HOST: Final = 32
BLOCK: Final = 1 << 20
_STREAMING: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=STALL_S)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer that has been read whole. Looking up a header ignores case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Streamed:
    """An answer whose body has not been read yet (`ports.Answer`)."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def blocks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises Unavailable if it breaks off."""
        try:
            async for block in self._response.content.iter_chunked(BLOCK):
                yield block
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unavailable(error, str(self._response.url)) from error


def _deaf(_: str, __: str) -> None:
    return None


class FilteringResolver(AbstractResolver):
    """Resolves names, and refuses a name as soon as one of its addresses may not be connected to."""

    def __init__(self, inner: AbstractResolver, reach: Reach) -> None:
        self._inner = inner
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            if not self._reach.allows(result["host"]):
                raise ForbiddenAddress(f"{host} leads to {result['host']}, which may not be connected to")
        return found

    async def close(self) -> None:
        await self._inner.close()


class Client:
    """Everything a node sends. Use as an async context, or `close` it.

    Raises Refused for an address that may not be asked, Unavailable where nobody answers in time. Every status is an
    answer, a redirect included. `dated` hears the date of each, as its sender's clock had it.
    """

    def __init__(
        self,
        ways: Ways | None = None,
        *,
        total: float = TOTAL_S,
        resolver: AbstractResolver | None = None,
        connections: int = CONNECTIONS,
        dated: Callable[[str, str], None] = _deaf,
    ) -> None:
        self._dated = dated
        self._most = connections
        self._ways = ways or Ways()
        self._limits = aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_S)
        self._resolver = resolver
        self._direct: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None  # connects to the proxy alone, wherever that is

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._direct, self._proxied):
            if session is not None:
                await session.close()
        self._direct = self._proxied = None

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total: float | None = None, largest: int = LARGEST
    ) -> HttpReply:
        """POST `body` and read the answer whole."""
        return await self._whole("POST", url, body, headers, total, largest)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, total: float | None = None, largest: int = LARGEST
    ) -> HttpReply:
        """GET, and read the answer whole."""
        return await self._whole("GET", url, None, headers or {}, total, largest)

    @asynccontextmanager
    async def stream(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Streamed]:
        """GET an answer of any size (`ports.Fetcher`); a Range header asks for part of it."""
        response = await self._ask("GET", url, None, headers, _STREAMING)
        try:
            yield Streamed(response)
        finally:
            _let_go(response)

    async def _whole(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        total: float | None,
        largest: int,
    ) -> HttpReply:
        limits = self._limits if total is None else aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_S)
        response = await self._ask(method, url, body, headers, limits)
        try:
            if (response.content_length or 0) > largest:
                raise Unavailable("answer-too-large", f"announces {response.content_length} bytes", url)
            read = bytearray()
            async for block in response.content.iter_any():
                read += block
                if len(read) > largest:
                    raise Unavailable("answer-too-large", f"more than {largest} bytes", url)
            return HttpReply(response.status, response.headers, bytes(read))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unavailable(error, url) from error
        finally:
            _let_go(response)

    async def _ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        self._ways.reach.check_url(url)
        proxy = self._ways.proxy_for(url)
        session = self._session() if proxy is None else self._session_to_proxy()
        try:
            response = await session.request(
                method, url, data=body, headers=headers, timeout=limits, allow_redirects=False, proxy=proxy
            )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _refused_or_unavailable(error, url) from error
        if date := response.headers.get("Date"):
            self._dated(url, date)
        return response

    def _session(self) -> aiohttp.ClientSession:
        if self._direct is None:
            inner, reach = self._resolver or aiohttp.ThreadedResolver(), self._ways.reach
            connector = aiohttp.TCPConnector(
                limit=self._most,
                limit_per_host=PER_HOST,
                resolver=FilteringResolver(inner, reach),
                socket_factory=functools.partial(checked_socket, reach=reach),
                ttl_dns_cache=30,
                ssl=self._ways.trust or True,
            )
            self._direct = _made(connector)
        return self._direct

    def _session_to_proxy(self) -> aiohttp.ClientSession:
        if self._proxied is None:
            connector = aiohttp.TCPConnector(
                limit=self._most, limit_per_host=PER_HOST, ttl_dns_cache=30, ssl=self._ways.trust or True
            )
            self._proxied = _made(connector)
        return self._proxied


def _made(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a small body must not become a large one
        headers={"User-Agent": "armslength", "Accept-Encoding": "identity"},
    )


def _let_go(response: aiohttp.ClientResponse) -> None:
    if response.content.is_eof():
        response.release()
    else:
        response.close()  # the rest is not wanted: the connection is of no more use


def _refused_or_unavailable(error: BaseException, url: str) -> ArmslengthError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddress):
            return Refused("forbidden-address", str(cause), url)
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    return _unavailable(error, url)


def _unavailable(error: BaseException, url: str) -> Unavailable:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Unavailable("unreachable", "nobody answers at its address", url)
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return Unavailable("timeout", "did not answer in time", url)
    return Unavailable("unreachable", _words(error), url)


def _words(error: BaseException) -> str:
    """Why nobody answers, for people."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refuses to connect: {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return "the proxy cannot be reached"
        case aiohttp.ClientConnectorDNSError():
            return "nobody knows an address of this name"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not accepted: {error.certificate_error}"
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            return os.strerror(error.os_error.errno).lower()
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionError():
            return "the connection broke"
        case _:
            return f"no answer that can be read: {error}"
