"""What the owner of a provider gives out: a file is sealed for a tranche, exchanged for another, held back.

Laws:

1. Sealing is a job: one for a tranche at a time. Asked for again, the same wish joins it, another is refused.
2. What was sealed is not sealed again: the same file, unchanged, changes the embargo alone.
3. A file can be exchanged for another until our `commit` entry is written; from then on the others may have it.
4. A job that a crash or a full disk ended leaves nothing behind but what is swept away at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from armslength.core.arrangement.bodies import Commit
from armslength.core.arrangement.tables import Stage
from armslength.core.record.keys import from_base64, to_base64
from armslength.delivery import chunks, sealing
from armslength.engine.contents import PUBLICATION, Contents, Publication, blob, context
from armslength.engine.jobs import AT_ONCE, Job, Progress, Tell, aside
from armslength.engine.repository import LiveArrangement, Repository
from armslength.errors import NO_ROOM, ArmslengthError, Misuse, NotFound, Unavailable, unusable
from armslength.ports import Batch, Put
from armslength.wire.strict import convert, parse

LEFTOVER: Final = "leftover"  # kind: files that are in nobody's use once no publication names them, by name
AGAIN: Final = "see what it says, and publish the file again"
COMMITTED: Final = "its content is committed to already and cannot change: the others have our word for it, or will"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What the owner wants to publish."""

    file: Path
    media_type: str
    release_after: int

    def __str__(self) -> str:
        return f"{self.file} ({self.media_type})"


class Publisher:
    """Seals files for tranches of ours."""

    def __init__(self, repository: Repository, contents: Contents) -> None:
        self._repository = repository
        self._contents = contents
        self._jobs: dict[tuple[str, str], Job[Publication]] = {}  # the last one for each tranche
        self._pool = ThreadPoolExecutor(AT_ONCE, "sealing")

    def is_busy(self, arrangement: str) -> bool:
        """Whether a file is being sealed for this arrangement."""
        return any(place[0] == arrangement and not job.is_over for place, job in self._jobs.items())

    def job(self, arrangement: str, tranche: str) -> Job[Publication]:
        """The job for a tranche that runs, or has ended last. Raises NotFound."""
        found = self._jobs.get((arrangement, tranche))
        if found is None:
            raise NotFound("no-job", "nothing is being sealed for it (was the node restarted?): publish it", tranche)
        return found

    def running(self, arrangement: str) -> dict[str, tuple[int, int]]:
        """Bytes done and bytes in all of what is being sealed, by tranche."""
        return {
            tranche: (job.progress.done, job.progress.total)
            for (name, tranche), job in self._jobs.items()
            if name == arrangement and not job.is_over
        }

    async def stop(self) -> None:
        """Break off what is under way; nothing of it is left."""
        for job in self._jobs.values():
            await job.stop()
        self._pool.shutdown()

    async def sweep(self) -> None:
        """Remove what earlier lives of this node have left half done; call it before there are jobs."""
        store = self._contents.store
        try:
            left = await store.find(LEFTOVER)
            there = await store.find(PUBLICATION) if left else []
            named = {convert(Publication, parse(row.body)).path for row in there}
            for row in left:
                if row.key not in named:
                    await asyncio.to_thread(_remove, self._contents.file(row.key))
                await store.commit(Batch(deletes=[(LEFTOVER, row.key)]))
        except (Unavailable, OSError) as error:  # it is swept another time
            log.warning("what is left of earlier work cannot be removed: %s", error)

    def publish(self, live: LiveArrangement, tranche: str, request: PublishRequest) -> Job[Publication]:
        """Begin to seal a file for a tranche of ours, or join the job that does. Raises Misuse where that makes no
        sense.

        Of a file that is committed to and not released yet, the very same bytes may be given again: that changes our
        embargo alone.
        """
        place = (live.arrangement, tranche)
        running = self._jobs.get(place)
        if running is not None and not running.is_over:
            if running.what == request:
                return running
            how = "is being sealed for it: wait until that is done, or ask for the same again to watch it"
            raise Misuse("busy", f"{running.what} {how}", tranche)
        _check(live, tranche, request)
        self._repository.troubles.over(f"the sealing of {tranche}", "", live.arrangement)
        progress = Progress(0)
        task = asyncio.create_task(self._work(live, tranche, request, progress))
        task.add_done_callback(lambda ended: self._ended(live, tranche, ended))
        job = self._jobs[place] = Job(request, progress, task)
        return job

    def _ended(self, live: LiveArrangement, tranche: str, task: asyncio.Task[Publication]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._repository.troubles.at(f"the sealing of {tranche}", "", live.arrangement).tell(str(error), AGAIN)
            unexpected = None if isinstance(error, ArmslengthError) else error
            log.warning("publish %s: %s", tranche, error, exc_info=unexpected)
        self._repository.schedule.call(live.arrangement)

    async def _work(
        self, live: LiveArrangement, tranche: str, request: PublishRequest, progress: Progress
    ) -> Publication:
        try:
            looks, progress.total = await asyncio.to_thread(_look, request.file)
            present = await self._contents.publication(live, tranche)
            if present is not None and await _is_committed(live, tranche):
                if present.source != looks:
                    await self._compare(request, present, tranche, progress)
                return await self._hold_back(live, tranche, request.release_after)
            terms = live.terms.tranches[tranche]
            if request.media_type not in terms.media_types:
                allowed = ", ".join(terms.media_types)
                raise Misuse("media-type", f"{request.media_type} is not among {allowed}", tranche)
            if progress.total > terms.max_size:
                reason = f"{progress.total} bytes, the terms allow {terms.max_size}"
                raise Misuse("too-large", reason, str(request.file))
            if (
                present is not None
                and (present.source, present.media_type) == (looks, request.media_type)
                and await asyncio.to_thread(_is_whole, self._contents.file(present.path), present)
            ):
                return await self._hold_back(live, tranche, request.release_after)
            return await self._seal(live, tranche, request, looks, progress)
        except OSError as error:
            where = self._contents.folder if error.errno in NO_ROOM else request.file
            raise unusable(error, where) from error

    async def _compare(self, request: PublishRequest, present: Publication, tranche: str, progress: Progress) -> None:
        """Raise Misuse unless the file holds the very bytes that are committed to."""
        key = from_base64(present.key, "key")
        if progress.total == present.size:
            found = await aside(lambda tell: sealing.plain_root(request.file, key, tell), progress, self._pool)
            if found == present.plain_root:
                return
        raise Misuse("committed", COMMITTED, tranche)

    async def _hold_back(self, live: LiveArrangement, tranche: str, release_after: int) -> Publication:
        """Change the embargo of what is sealed. Raises Misuse if its release is written."""

        def later(publication: Publication) -> Publication:
            if publication.wrapped is not None:
                raise Misuse("released", "it is already released and cannot be held back", tranche)
            return replace(publication, release_after=release_after)

        return await self._contents.amend(live, tranche, later)

    async def _seal(
        self, live: LiveArrangement, tranche: str, request: PublishRequest, looks: str, progress: Progress
    ) -> Publication:
        """Seal it beside what is there, and put it in its place unless our word has been given for that meanwhile."""
        name = blob(live, tranche, f"{secrets.token_hex(4)}.sealed")
        target = self._contents.file(name)
        store, bound = self._contents.store, context(live, tranche)
        await store.commit(Batch(puts=[Put(LEFTOVER, name, 0, b"")]))
        try:
            sealed = await aside(lambda tell: _sealed(request.file, looks, target, bound, tell), progress, self._pool)
            publication = _publication(name, sealed, request, looks)
            old = await self._exchange(live, tranche, publication)
        except BaseException:
            _remove(target)
            raise
        if old is not None:
            await asyncio.to_thread(_remove, self._contents.file(old.path))
            await store.commit(Batch(deletes=[(LEFTOVER, old.path)]))
        return publication

    async def _exchange(self, live: LiveArrangement, tranche: str, publication: Publication) -> Publication | None:
        """Put a publication in the place of the one that is there, which is returned. Raises Misuse once the `commit`
        entry of that one is written."""
        async with live.writing:  # no entry of ours is written meanwhile, and those that are count
            if await _is_committed(live, tranche):
                raise Misuse("committed", COMMITTED, tranche)
            old = await self._contents.publication(live, tranche)
            puts = [] if old is None else [Put(LEFTOVER, old.path, 0, b"")]
            also = Batch(puts=puts, deletes=[(LEFTOVER, publication.path)])
            await self._contents.keep(live, tranche, publication, also)
        return old


def _check(live: LiveArrangement, tranche: str, request: PublishRequest) -> None:
    terms = live.terms.tranches.get(tranche)
    if terms is None or terms.provider != live.record.me.actor:
        raise Misuse("not-provider", f"{tranche} is not a tranche that we provide", tranche)
    if live.record.view.state.tranches[tranche].stage == Stage.FORFEITED:
        raise Misuse("forfeited", "it is forfeited and can no longer be delivered", tranche)
    if request.release_after >= live.terms.end:
        raise Misuse("too-late", "the key would be released only after the end of the term", tranche)


async def _is_committed(live: LiveArrangement, tranche: str) -> bool:
    """Whether our commitment is written: others have it, or will."""
    if live.record.view.state.tranches[tranche].commit is not None:
        return True
    bodies = [written.entry.body for written in await live.journal.pending()]
    return any(isinstance(body, Commit) and body.tranche == tranche for body in bodies)


def _publication(name: str, sealed: sealing.SealedFile, request: PublishRequest, looks: str) -> Publication:
    return Publication(
        path=name,
        media_type=request.media_type,
        key=to_base64(sealed.key),
        size=sealed.size,
        plain_root=sealed.plain_root,
        cipher_size=sealed.cipher_size,
        cipher_root=sealed.cipher_root,
        header=sealed.header,
        release_after=request.release_after,
        source=looks,
    )


def _look(file: Path) -> tuple[str, int]:
    """What tells a file from a changed one, and its size. Raises OSError, Misuse if it is no plain file."""
    with chunks.plain_file(file) as reader:
        found = os.fstat(reader.fileno())
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}", found.st_size


def _sealed(file: Path, looks: str, target: Path, bound: bytes, tell: Tell) -> sealing.SealedFile:
    """Seal a file as it looked when that was asked. Raises Misuse if it changes, or grows, meanwhile."""
    size = _look(file)[1]

    def told(done: int) -> None:
        tell(done)
        if done > size:
            raise _changed(file)

    sealed = sealing.seal(file, target, bound, tell=told)
    if _look(file)[0] != looks:
        raise _changed(file)
    return sealed


def _changed(file: Path) -> Misuse:
    return Misuse("changed", "it was changed while it was sealed: publish it again", str(file))


def _is_whole(path: Path, publication: Publication) -> bool:
    """Whether the sealed file is there still."""
    return path.is_file() and path.stat().st_size == publication.cipher_size and chunks.chunk_list(path).is_file()


def _remove(sealed: Path) -> None:
    """Remove a sealed file and what lies beside it."""
    for path in (sealed, chunks.chunk_list(sealed)):
        for each in (path, chunks.draft(path)):
            each.unlink(missing_ok=True)
