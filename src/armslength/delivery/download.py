"""Download a sealed file from a counterparty that may stall, send wrong data or disconnect.

The chunk list comes first and is verified against the cipher root; then the file, of which each chunk is verified
against the list as it arrives. Only verified data is written, so `<target>.part` is a correct prefix except for what a
kill in the middle of a write may leave, and it is verified again when the download resumes. Lengths stated by the
sender are ignored: the commitment determines where the file ends.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from armslength.delivery import chunks
from armslength.delivery.chunks import BATCH, HASH, HEADER, SEALED_CHUNK, Commitment
from armslength.delivery.peaks import Peaks
from armslength.errors import ArmslengthError, NotFound, Refused, Unauthorised, Unavailable, Unverified
from armslength.ports import Fetcher, ResponseStream

T = TypeVar("T")
Progress = Callable[[int, int], None]

PAUSES = (0.2, 1.0, 5.0)  # seconds before each new attempt; a verified chunk starts the row again
STALL = 60.0  # seconds without a byte
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


async def download(
    fetcher: Fetcher,
    url: str,
    bearer: str,
    target: Path,
    commit: Commitment,
    progress: Progress | None = None,
    *,
    pauses: Sequence[float] = PAUSES,
    stall: float = STALL,
) -> None:
    """Download the sealed file at `url` to `target`, with its chunk list beside it, resuming an earlier attempt.

    `progress` receives (bytes verified, bytes in all). One call at a time for a target. Raises Unverified when what is
    sent is not what was committed to ("chunk-list", "header", "chunk"), Unauthorised or NotFound when the address or
    its token is no longer valid, Refused for any other invalid answer, Unavailable after `len(pauses)` new attempts
    without progress, Malformed for an invalid commitment. Verified data is kept for the next call.
    """
    header = chunks.header(commit)
    link = _Link(fetcher, bearer, stall)
    listing = chunks.chunk_list(target)
    if not await _aside(_is_listed, listing, commit):
        await _persist(lambda: _fetch_list(link, url, listing, commit), lambda: 0, pauses)
    draft = target.with_name(target.name + ".part")
    await _aside(_take_up, target, draft)
    with draft.open("r+b") as file, listing.open("rb") as leaves:
        part = _Piece(file, leaves, header, commit)
        await _aside(part.recover, ended=part.end)
        if part.verified < commit.cipher_size:
            await _persist(lambda: _fetch_rest(link, url, part, progress), lambda: part.verified, pauses)
        await _aside(part.flush)
    await _aside(chunks.settle, draft, target)


async def _persist(attempt: Callable[[], Awaitable[None]], mark: Callable[[], int], pauses: Sequence[float]) -> None:
    """Retry until it succeeds; give up once every pause was taken and `mark` has not moved."""
    failures = 0
    while True:
        before = mark()
        try:
            return await attempt()
        except Unavailable as error:
            failures = 1 if mark() > before else failures + 1
            if failures > len(pauses):
                raise Unavailable("interrupted", f"{failures} attempts brought nothing new: {error.reason}") from error
        await asyncio.sleep(pauses[failures - 1])


async def _fetch_list(link: _Link, url: str, listing: Path, commit: Commitment) -> None:
    parts = urlsplit(url)
    size = HASH * chunks.count(commit.size)
    peaks, pending, got = Peaks(), bytearray(), 0
    with chunks.drafting(listing) as file:
        async with link.get(parts._replace(path=parts.path + "/chunks").geturl(), {}) as (answer, blocks):
            if answer.status != 200:
                raise _refusal(answer)
            async for block in blocks:
                got += len(block)
                if got > size:
                    raise Unverified("chunk-list", f"the chunk list is longer than the {size} bytes it must have")
                file.write(block)
                pending += block
                whole = len(pending) - len(pending) % HASH
                for start in range(0, whole, HASH):
                    peaks.append(bytes(pending[start : start + HASH]))
                del pending[:whole]
        if got < size:
            raise Unavailable("short", f"the chunk list ends at byte {got} of {size}")
        if peaks.root() != commit.cipher_root:
            raise Unverified("chunk-list", f"the chunk list's root is {peaks.root()}, not the one committed to")
        await _aside(chunks.finish, file, listing)


def _is_listed(listing: Path, commit: Commitment) -> bool:
    """Whether the chunk list is here already, and the right one."""
    if not listing.exists() or listing.stat().st_size != HASH * chunks.count(commit.size):
        return False
    peaks = Peaks()
    with listing.open("rb") as file:
        while leaf := file.read(HASH):
            peaks.append(leaf)
    return peaks.root() == commit.cipher_root


def _take_up(target: Path, draft: Path) -> None:
    """Begin with what an earlier call left; an existing target is verified like anything else."""
    if target.exists() and not draft.exists():
        target.rename(draft)
    draft.touch(0o600)


async def _fetch_rest(link: _Link, url: str, part: _Piece, progress: Progress | None) -> None:
    pending = bytearray()
    start = part.verified
    async with link.get(url, {"Range": f"bytes={start}-"} if start else {}) as (answer, blocks):
        skip = _skip(answer, start)
        try:
            async for block in blocks:
                drop = min(skip, len(block))
                skip -= drop
                pending += block[drop:]
                if len(pending) >= min(BATCH * SEALED_CHUNK, part.size - part.verified):
                    await _aside(part.take, pending)
                    if progress:
                        progress(part.verified, part.size)
                    if part.verified == part.size:
                        return
        except Unavailable:
            part.take(pending)
            raise
        part.take(pending)
    raise Unavailable("short", f"the sender stopped after byte {part.verified} of {part.size}")


def _skip(answer: ResponseStream, start: int) -> int:
    """How many bytes of this answer lie before `start`. Raises for an answer that is not a part of the file."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("encoded", f"the sender encodes the file as {answer.headers['Content-Encoding']}")
    if answer.status == 200:
        return start
    if answer.status == 416:
        raise Unverified("short", f"the sender's file ends before byte {start}, unlike the one committed to")
    if answer.status != 206:
        raise _refusal(answer)
    found = re.match(r"bytes (\d{1,16})-", answer.headers.get("Content-Range", ""))
    if not (start and found and int(found[1]) == start):
        raise Refused("range", f"asked for byte {start} on, the sender answers {answer.headers.get('Content-Range')}")
    return 0


def _refusal(answer: ResponseStream) -> ArmslengthError:
    """What a status other than success means."""
    reason = f"the sender answers {answer.status}"
    if answer.status in _AGAIN:
        return Unavailable("status", reason)
    if answer.status in (401, 403):
        return Unauthorised("bearer", f"{reason}: the token is not, or no longer, good")
    if answer.status in (404, 410):
        return NotFound("address", f"{reason}: the file is not, or no longer, there")
    return Refused("status", reason)


class _Link:
    """GETs with the bearer token, aborted when almost nothing arrives for too long."""

    def __init__(self, fetcher: Fetcher, bearer: str, stall: float) -> None:
        self._fetcher = fetcher
        self._headers = {"Authorization": f"Bearer {bearer}", "Accept-Encoding": "identity"}
        self._stall = stall

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[ResponseStream, AsyncIterator[bytes]]]:
        """The answer and its body. Raises Unavailable, as reading the body does."""
        async with AsyncExitStack() as stack:
            context = self._fetcher.stream(url, {**self._headers, **headers})
            try:
                async with asyncio.timeout(self._stall):
                    answer = await stack.enter_async_context(context)
            except TimeoutError:
                raise Unavailable("stalled", f"the sender did not answer in {self._stall:g} s") from None
            yield answer, self._blocks(answer)

    async def _blocks(self, answer: ResponseStream) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        blocks, got, deadline = aiter(answer.blocks()), 0, now() + self._stall
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    block = await anext(blocks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Unavailable("stalled", f"the sender sent no chunk in {self._stall:g} s") from None
            yield block
            got += len(block)
            if got >= SEALED_CHUNK:
                got, deadline = 0, now() + self._stall


class _Piece:
    """The file so far. `verified` bytes of it are written and correct: the header and whole chunks."""

    def __init__(self, file: BinaryIO, leaves: BinaryIO, header: bytes, commit: Commitment) -> None:
        self._file = file
        self._leaves = leaves
        self._header = header
        self._chunks = chunks.count(commit.size)
        self.size = commit.cipher_size
        self.verified = 0
        self._waiting = 0  # written, and perhaps not on disk
        self._ended = False

    def end(self) -> None:
        """Nobody waits for this any more: work on the whole file is aborted and changes nothing."""
        self._ended = True

    def recover(self) -> None:
        """Verify what an earlier attempt left, and discard what follows the last correct chunk."""
        with suppress(Unverified):
            while block := self._file.read(HEADER if self.verified == 0 else BATCH * SEALED_CHUNK):
                if self._ended:
                    return
                if self._check(memoryview(block)) < len(block):
                    break
        self._file.seek(self.verified)
        self._file.truncate()

    def take(self, pending: bytearray) -> None:
        """Verify and write the complete chunks in `pending`, and leave the rest. Raises Unverified at the first wrong
        byte."""
        before = self.verified
        with memoryview(pending) as view:
            try:
                self._check(view)
            finally:
                self._file.write(view[: self.verified - before])
        self._waiting = chunks.eased(self._file, self._waiting + self.verified - before)
        del pending[: self.verified - before]

    def flush(self) -> None:
        """Flush the file to disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def _check(self, view: memoryview) -> int:
        """Move `verified` over the header and whole chunks at the front of `view`; how many bytes that were."""
        start = 0
        if self.verified == 0:
            if len(view) < HEADER:
                return 0
            if view[:HEADER] != self._header:
                raise Unverified("header", "the file's header is not the one committed to")
            start = self.verified = HEADER
        index = (self.verified - HEADER) // SEALED_CHUNK
        self._leaves.seek(index * HASH)
        while self.verified < self.size:
            stop = start + min(SEALED_CHUNK, self.size - self.verified)
            if stop > len(view):
                break
            if chunks.cipher_leaf(view[start:stop]) != self._leaves.read(HASH):
                raise Unverified("chunk", f"chunk {index} of {self._chunks} is not the one committed to")
            self.verified += stop - start
            start, index = stop, index + 1
        return start


async def _aside(work: Callable[..., T], *args: object, ended: Callable[[], None] | None = None) -> T:
    """Do blocking work in a thread and wait for its end, even when cancelled: it owns the files until then. `ended`
    tells long work that it is no longer wanted."""
    job = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        if ended is not None:
            ended()
        await asyncio.gather(job, return_exceptions=True)
        raise
