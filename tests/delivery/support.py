"""Doubles and helpers for the delivery tests."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from armslength.config import Limits
from armslength.core.arrangement.bodies import Commit
from armslength.delivery import sealing
from armslength.delivery.chunks import Ciphertext, chunk_list
from armslength.delivery.sealing import SealedFile
from armslength.errors import Unavailable
from armslength.ports import ResponseStream
from armslength.web.data import routes
from armslength.web.server import server

HERE = sealing.context("ab" * 32, "T1", "did:web:a.example", "did:web:b.example")


def content(size: int, seed: int = 1) -> bytes:
    """Bytes in which no two chunks are alike."""
    return random.Random(seed).randbytes(size)


def sealed_file(folder: Path, size: int, context: bytes = HERE) -> tuple[Path, Path, SealedFile]:
    """A plain file of `size` bytes, and its sealed form."""
    plain, cipher = folder / "plain", folder / "cipher"
    plain.write_bytes(content(size))
    return plain, cipher, sealing.seal(plain, cipher, context)


def commit_of(sealed: SealedFile) -> Commit:
    """The commitment of a sealed file, as it stands in the record."""
    return sealing.describe(sealed, tranche="T1", agreement="urn:uuid:0", media_type="text/csv")


@dataclass
class Sender:
    """A Fetcher that serves bytes from memory and misbehaves as told."""

    data: bytes
    listing: bytes
    cuts: list[int] = field(default_factory=list)  # break the n-th file answer off after so many bytes
    block: int = 50_000
    whole: bool = False  # ignores ranges
    statuses: list[int] = field(default_factory=list)  # answered first, before anything else
    hang: bool = False  # says nothing more where it would break off
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    given: int = 0

    @classmethod
    def of(cls, cipher: Path, **how: object) -> Sender:
        """One that has a sealed file and its list."""
        return cls(cipher.read_bytes(), chunk_list(cipher).read_bytes(), **how)  # type: ignore[arg-type]

    @asynccontextmanager
    async def stream(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[ResponseStream]:
        """See the port."""
        wanted = headers.get("Range")
        self.asked.append((url, wanted))
        if self.statuses:
            yield Said(self.statuses.pop(0), {}, b"", self, None)
        elif url.endswith("/chunks"):
            yield Said(200, {}, self.listing, self, None)
        else:
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and not self.whole else 0
            cut = self.cuts.pop(0) if self.cuts else None
            said = {"Content-Range": f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"} if start else {}
            yield Said(206 if start else 200, said, self.data[start:], self, cut)


@dataclass
class Said:
    """What a Sender answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sender: Sender
    cut: int | None

    async def blocks(self) -> AsyncIterator[bytes]:
        """See the port."""
        stop = len(self.body) if self.cut is None else min(self.cut, len(self.body))
        for start in range(0, stop, self.sender.block):
            block = self.body[start : min(start + self.sender.block, stop)]
            self.sender.given += len(block)
            yield block
        if self.cut is not None:
            if self.sender.hang:
                await asyncio.Event().wait()
            raise Unavailable("connection", "broken off")


@asynccontextmanager
async def serving(
    authorise: Callable[[str, str], Awaitable[Ciphertext | None]], stall: float = 60.0, pace: float = 0.0
) -> AsyncIterator[str]:
    """A node's data routes on a port of this machine, with `pace` seconds before each block; gives the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = Starlette(routes=routes(authorise, stall=stall))

        async def paced(scope: Scope, receive: Receive, send: Send) -> None:
            async def slowly(message: Message) -> None:
                await asyncio.sleep(pace)
                await send(message)

            await app(scope, receive, slowly if pace else send)

        served = server(paced, Limits(), 100)
        served.config.timeout_graceful_shutdown = 1
        running = asyncio.create_task(served.serve([listener]))
        while not served.started:
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            served.should_exit = True
            await running


def one_file(path: Path, root: str) -> Callable[[str, str], Awaitable[Ciphertext | None]]:
    """Authorises the token "good" for id "t1"."""

    async def authorise(identifier: str, token: str) -> Ciphertext | None:
        return Ciphertext(path, root) if (identifier, token) == ("t1", "good") else None

    return authorise
