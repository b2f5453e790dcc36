"""The HTTP server: uvicorn, with a bound on everything that a client can make it hold.

uvicorn itself bounds neither the time nor the size of a header (with httptools), counts silent connections against
those that ask, queues as many pipelined requests as fit into a packet, and waits for ever for whoever does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from armslength.config import Limits
from armslength.errors import Misuse
from armslength.web.crowd import HOME, BodyLimits, Connections, Networks, networks, reported
from armslength.web.data import CUT

DRAIN_S: Final = 5  # how long a server that is told to stop finishes what it has begun (rule 8.4c)
FIELDS: Final = 100  # of a header
QUEUED: Final = 16  # requests of one connection that wait for the answer to an earlier one
UNREAD: Final = 16 * 1024  # bytes of a body that wait for whoever reads them; no more is taken from the network
STALL_S: Final = 60.0  # for which a client may read nothing of its answer (rule 11.1b)
OWN: Final = 128  # file descriptors that a node needs beside connections: database, files, its owner's socket …
OWNERS: Final = 32  # … with so many connections at once (rule 11.1j)
OWNER: Final = Limits(connections=OWNERS, connections_by_address=OWNERS, bodies_by_address=Limits().bodies)
OUTGOING: Final = 512  # connections to peers, at most
_DROP: Final = struct.pack("ii", 1, 0)  # SO_LINGER: a connection that is closed drops what waits
FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def server(app: ASGIApp, limits: Limits, most: int) -> uvicorn.Server:
    """A server of at most `most` connections at a time."""
    try:
        proxies = networks(limits.trusted_proxies)
    except ValueError as error:
        raise Misuse("bad-config", f"limits.trusted_proxies: {error}") from None
    connections = Connections(limits, most, proxies)

    class Bounded(_Bounded):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.limits, self.crowd, self.proxies = limits, connections, proxies

    settings = uvicorn.Config(
        BodyLimits(app, limits),
        http=Bounded,
        ws="none",
        log_level="error",  # uvicorn's warnings are about what strangers send
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_S,
        timeout_keep_alive=limits.idle_seconds,
        lifespan="off",
    )
    return _Server(settings)


@dataclass(frozen=True, slots=True)
class ConnectionShares:
    """How many connections of peers, and to peers, there may be at once."""

    peers: int
    outgoing: int


def shares(limits: Limits) -> ConnectionShares:
    """What this process's file descriptors allow, of which it takes as many as it may have: none of the connections
    can leave the database or the owner's socket without one. Raises Misuse where there are too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OWN + OUTGOING + 2 * limits.connections
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, wanted)
    if soft != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    left = (wanted if soft == resource.RLIM_INFINITY else soft) - OWN
    if left < OWN:
        reason = f"this process may open {soft} files, and needs {2 * OWN}: raise its limit"
        raise Misuse("few-descriptors", f"{reason} (ulimit -n, or LimitNOFILE of its systemd unit)")
    outgoing = min(OUTGOING, left // 4)
    return ConnectionShares(
        min(limits.connections, (left - outgoing) // 2), outgoing
    )  # a peer may have a file open, too


class _Server(uvicorn.Server):
    """One of two servers in a process: signals are for both."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class _Bounded(HttpToolsProtocol):
    """A connection."""

    limits: Limits
    crowd: Connections
    proxies: Networks
    _since = 0.0  # when it began to wait for a request, or for its body
    _timer: asyncio.TimerHandle | None = None  # for the header, or for an answer that nobody reads
    _in_header = True
    _fruitless = 0  # bytes that have led to nothing yet: a field, say, that does not end
    _fields = _size = 0  # of the header: how many, and bytes

    @property
    def host(self) -> str:
        """The address of whoever is at the other end: a client, or a proxy."""
        return self.client[0] if self.client else HOME

    @property
    def waiting_since(self) -> float | None:
        """Since when it waits for its client; None while a request that is there is answered."""
        return None if self._is_under_way and not self.cycle.more_body else self._since

    @property
    def _is_under_way(self) -> bool:
        """Whether the answer to a request is not complete yet."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first, whatever uvicorn's types say
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        if self.crowd.enter(self, self.host):
            self._start_timer(self.limits.header_seconds, TOO_SLOW)
        else:
            self._refuse(FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.leave(self, self.host)
        self._stop_timer()
        super().connection_lost(exc)

    def turn_out(self) -> None:
        """Give the connection's place to another one."""
        self.crowd.leave(self, self.host)
        self.transport.abort()

    def cut(self) -> None:
        """End it without sending what waits: closing alone would first do that."""
        with contextlib.suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        self.transport.abort()

    # --- the header ------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_header and self._timer is None:  # the first of it, after an answer
            self._start_timer(self.limits.header_seconds, TOO_SLOW)
        self._fruitless += len(data)
        super().data_received(data)
        if self._fruitless > self.limits.header_bytes:
            self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header, self._fields, self._size = True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._measure(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._measure(name, value)
        if self._in_header and not self.transport.is_closing():  # after the body nobody looks at any
            super().on_header(name, value)

    def _measure(self, *pieces: bytes) -> None:
        self._size += sum(map(len, pieces))
        if self._fields > FIELDS or self._size > self.limits.header_bytes:
            self._refuse(TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._in_header, self._fruitless, self._since = False, 0, self.loop.time()
        if self.transport.is_closing():
            return
        if len(self.pipeline) >= QUEUED:
            self.transport.abort()
            return
        self.scope["extensions"] = {CUT: self.cut}  # type: ignore[dict-item]
        self.scope["client"] = (reported(self.host, self.headers, self.proxies), self.client[1] if self.client else 0)
        super().on_headers_complete()

    # --- body and answer -------------------------------------------------------------------------------------------

    def on_body(self, body: bytes) -> None:
        self._fruitless = 0
        if not self.transport.is_closing():
            super().on_body(body)
            if len(self.cycle.body) > UNREAD:
                self.flow.pause_reading()

    def on_message_complete(self) -> None:
        self._in_header, self._fruitless = True, 0
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait until it is read
        super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_timer(STALL_S, b"")

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_timer()

    # --- timers ----------------------------------------------------------------------------------------------------

    def _start_timer(self, seconds: float, last_words: bytes) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._refuse, last_words)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, last_words: bytes) -> None:
        """End it, with these last words unless an answer is under way."""
        if self.transport.is_closing():
            return
        if last_words and not self._is_under_way:
            self.transport.write(last_words)
            self.transport.close()
        else:
            self.transport.abort()
