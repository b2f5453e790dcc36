"""A network in memory between whole nodes: their real ASGI applications, called with what can go wrong in between.

Requests may be lost, their answers too; they may arrive twice, late and out of order; nodes may be cut off. What goes
over the wire is kept, so that a test can look for two entries with one number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

from armslength.errors import Unavailable
from armslength.net.client import TOTAL_S, HttpReply

App = Callable[..., Any]
LOOPBACK = ("127.0.0.1", 50000)


class Headers(dict[str, str]):
    """Header fields; looking one up ignores case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


async def ask(
    app: App,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    client: tuple[str, int] = LOOPBACK,
) -> HttpReply:
    """One request to an ASGI application."""
    parts = urlsplit(url)
    given = {name.lower(): value for name, value in (headers or {}).items()} | {"host": parts.netloc}
    given.setdefault("content-length", str(len(body)))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": client,
        "server": (parts.hostname, parts.port),
    }
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    data = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    fields = Headers({name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]})
    return HttpReply(start["status"], fields, data)


@dataclass
class Network:
    """`nodes` by origin. `chances` of mishaps are drawn from the seed: "lost", "answer lost", "twice", "slow"."""

    seed: int = 0
    chances: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.nodes: dict[str, Host] = {}
        self.apart: set[str] = set()  # names that nobody reaches and that reach nobody
        self.happened: dict[str, int] = {}
        self.submitted: set[bytes] = set()  # lines of leaves on the wire
        self.cosigned: list[tuple[str, bytes, bytes]] = []  # who, what was asked, the answer

    def mishap(self, name: str) -> bool:
        """Whether this goes wrong now."""
        if self.random.random() < self.chances.get(name, 0):
            self.happened[name] = self.happened.get(name, 0) + 1
            return True
        return False

    def calm(self) -> None:
        """From here on nothing goes wrong any more."""
        self.chances = {}
        self.apart = set()

    async def carry(self, sender: str, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> HttpReply:
        """A request from `sender` and its answer. Raises Unavailable."""
        parts = urlsplit(url)
        host = self.nodes.get(f"{parts.scheme}://{parts.netloc}")
        self._look(parts.path, body)
        await self._travel()
        if host is None or not host.is_up or self.apart & {sender, host.name}:
            raise Unavailable("unreachable", "nobody there", url)
        if self.mishap("lost"):
            await asyncio.sleep(1.0)
            raise Unavailable("timeout", "did not answer in time", url)
        if self.mishap("twice"):
            host.spawn(self._again(host, method, url, body, headers))
        reply = await host.answer(method, url, body, headers)
        if parts.path.endswith("/add-checkpoint") and reply.status == 200:
            self.cosigned.append((host.name, body, reply.body))
        if self.mishap("answer lost"):
            await asyncio.sleep(1.0)
            raise Unavailable("timeout", "did not answer in time", url)
        await self._travel()
        return reply

    async def _travel(self) -> None:
        await asyncio.sleep(0.001 + (self.random.uniform(0, 2.0) if self.mishap("slow") else 0))

    async def _again(self, host: Host, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        await asyncio.sleep(self.random.uniform(0, 3.0))
        await host.answer(method, url, body, headers)

    def _look(self, path: str, body: bytes) -> None:
        if "/submit/" in path or "/sync/" in path:
            self.submitted.update(line for line in body.split(b"\n") if line)


class Host:
    """A place in the network where a node may run. Its requests die with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.app: App | None = None
        self.tasks: set[asyncio.Task[Any]] = set()

    @property
    def is_up(self) -> bool:
        return self.app is not None

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Do something as part of this host's life: another process, which knows nothing of what the caller's context
        holds."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def answer(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> HttpReply:
        """What the node answers. Raises Unavailable if it dies meanwhile."""
        if self.app is None:
            raise Unavailable("unreachable", "nobody there", url)
        task = self.spawn(ask(self.app, method, url, body, headers))
        await asyncio.wait({task})
        if task.cancelled():
            raise Unavailable("unreachable", "the connection broke", url)
        reply: HttpReply = task.result()
        return reply

    async def kill(self) -> None:
        """Everything that runs here ends at once."""
        self.app = None
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Wire:
    """`net.client.Client` over the network, for one life of one node."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name
        self.dead = False

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total: float | None = None, largest: int = 1 << 20
    ) -> HttpReply:
        return await self._ask("POST", url, body, headers, largest)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, total: float | None = None, largest: int = 1 << 20
    ) -> HttpReply:
        return await self._ask("GET", url, b"", headers or {}, largest)

    @asynccontextmanager
    async def stream(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Streamed]:
        reply = await self._ask("GET", url, b"", headers, 1 << 30)
        yield Streamed(reply, broken=self._network.mishap("broken"))

    async def close(self) -> None:
        self.dead = True

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str], largest: int) -> HttpReply:
        if self.dead:
            raise Unavailable("closed", "this life is over", url)
        try:
            async with asyncio.timeout(TOTAL_S):
                reply = await self._network.carry(self._name, method, url, body, headers)
        except TimeoutError:
            raise Unavailable("timeout", "did not answer in time", url) from None
        if len(reply.body) > largest:
            raise Unavailable("answer-too-large", f"more than {largest} bytes", url)
        return reply


class Streamed:
    """`ports.Answer` with a body that may break off."""

    def __init__(self, reply: HttpReply, *, broken: bool) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._body = reply.body
        self._broken = broken

    async def blocks(self) -> AsyncIterator[bytes]:
        half = len(self._body) // 2
        yield self._body[:half]
        if self._broken:
            raise Unavailable("broken", "the connection broke")
        yield self._body[half:]
