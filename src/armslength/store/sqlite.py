"""A store in one SQLite file.

Commits wait for each other. Those that have queued up run together, each in its own savepoint inside one transaction,
and one flush serves them all (write-ahead log, synchronous=FULL). Only the flush runs in a thread: statements are
microseconds, and would take far longer in a thread that competes with the event loop for the interpreter. So do small
reads, on a connection of their own; reads of unknown size (`find`, `leaves`) run in a reader thread.

One process owns the database: `<path>.lock` is held for as long as the store is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import apsw

from armslength.errors import Misuse, Unavailable
from armslength.ports import Batch, Row, Send

APPLICATION = 0x41524D53  # "ARMS", in the file's header: tells our databases from other people's
GROUP = 256  # batches in one transaction, at most
WAITING = 1024  # batches queued, at most; further callers wait
BUSY_MS = 10_000  # for our own readers, while the log is recovered
END = 2**63 - 1


@cache
def _queries() -> dict[str, str]:
    text = (files(__package__) / "sql" / "sqlite" / "queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


@cache
def _migrations() -> tuple[str, ...]:
    """The schema's steps, in order; migration n lifts a database from version n - 1 to n."""
    folder = files(__package__) / "sql" / "sqlite"
    steps = sorted((item.name, item) for item in folder.iterdir() if re.match(r"\d{4}_", item.name))
    return tuple(item.read_text(encoding="utf-8") for _, item in steps)


class SqliteStore:
    """`ports.Store` over one SQLite file. Get one with `open`.

    A `commit` whose caller is cancelled may still happen. Raises Unavailable where the disk refuses.
    """

    def __init__(self, lock: apsw.Connection, writer: apsw.Connection, near: apsw.Connection, far: apsw.Connection):
        self._lock = lock
        self._near = near  # small reads, in the caller's thread
        self._far = far  # long reads, in the reader thread
        self._guard = threading.Lock()
        self._reader = ThreadPoolExecutor(1, "store-reader")
        self._room = asyncio.Semaphore(WAITING)
        self._writer = _Writer(writer)
        self._closed = False

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open the database at `path`, creating it (mode 0600) or lifting its schema where needed.

        Raises Misuse if another process has it open, if a newer version wrote it, or if it is no database of ours.
        """
        path = Path(path)
        try:
            lock = _hold(path)
            try:
                writer = _connect(path)
                _migrate(writer, path)
                return cls(lock, writer, _connect(path), _connect(path))
            except BaseException:
                lock.close()
                raise
        except (OSError, apsw.Error) as error:
            raise Misuse("store-unusable", f"cannot be opened as a database: {error}", str(path)) from error

    async def get(self, kind: str, key: str) -> Row | None:
        self._check_open()
        with self._guard:
            row: Any = self._near.execute(_queries()["get"], (kind, key)).fetchone()
        return None if row is None else Row(*row)

    async def find(self, kind: str, tag: str | None = None) -> list[Row]:
        if tag is None:
            return [Row(*row) for row in await self._read("find", (kind,))]
        return [Row(*row) for row in await self._read("find_tagged", (kind, tag))]

    async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
        rows = await self._read("leaves", (arrangement, start, END if stop is None else stop))
        return [row[0] for row in rows]

    async def due(self, now: float, limit: int) -> list[Send]:
        self._check_open()
        with self._guard:
            rows: list[Any] = self._near.execute(_queries()["due"], (now, limit)).fetchall()
        return [Send(*row) for row in rows]

    async def commit(self, batch: Batch) -> bool:
        async with self._room:
            self._check_open()
            return await self._writer.put(batch)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True  # what is queued still goes through
        await self._writer.close()
        await asyncio.to_thread(self._reader.shutdown)
        with self._guard:
            for connection in (self._near, self._far, self._lock):
                connection.close()

    async def _read(self, name: str, bindings: tuple[Any, ...]) -> list[Any]:
        self._check_open()

        def run() -> list[Any]:
            return self._far.execute(_queries()[name], bindings).fetchall()

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("store-closed", "the store is closed")


@dataclass(slots=True)
class _Job:
    batch: Batch
    done: asyncio.Future[bool]
    result: bool = False
    error: Exception | None = None

    def settle(self) -> None:
        if self.done.done():  # its caller was cancelled
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class _Writer:
    """What writes: a queue of batches, and a task for as long as there are some."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._flusher = ThreadPoolExecutor(1, "store-flusher")
        self._jobs: deque[_Job] = deque()
        self._working: asyncio.Task[None] | None = None

    def put(self, batch: Batch) -> asyncio.Future[bool]:
        """The batch's result, once it is on disk."""
        job = _Job(batch, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return job.done

    async def close(self) -> None:
        """Finish what is queued."""
        if self._working is not None:
            await asyncio.wait([self._working])  # it may have been cancelled, at the end of its loop
        self._flusher.shutdown()
        self.connection.close()

    async def _work(self) -> None:
        while self._jobs:
            group = [self._jobs.popleft() for _ in range(min(GROUP, len(self._jobs)))]
            await self._together(group)
            for job in group:
                job.settle()

    async def _together(self, group: list[_Job]) -> None:
        """Run a group in one transaction. A batch that fails undoes itself only; a failing flush fails them all."""
        run = self.connection.execute
        try:
            run("BEGIN IMMEDIATE")
            for job in group:
                self._alone(job)
            await asyncio.get_running_loop().run_in_executor(self._flusher, run, "COMMIT")
        except Exception as error:  # noqa: BLE001  whatever it is, the task lives on and every caller hears of it
            if self.connection.in_transaction:
                with contextlib.suppress(apsw.Error):  # what stays open fails the next BEGIN, and is undone then
                    run("ROLLBACK")
            for job in group:
                job.error = Unavailable("store-failed", f"nothing was written: {error}")

    def _alone(self, job: _Job) -> None:
        run = self.connection.execute
        run("SAVEPOINT batch")
        try:
            job.result = _apply(run, job.batch)
        except (ValueError, TypeError, OverflowError, apsw.ConstraintError) as error:  # the caller's mistake, not ours
            job.error = error
        if job.error is not None or not job.result:
            run("ROLLBACK TO batch")
        run("RELEASE batch")


def _apply(run: Callable[..., apsw.Cursor], batch: Batch) -> bool:
    """Carry out a batch inside a transaction; False iff a version was not the one seen."""
    sql = _queries()
    for put in batch.puts:
        if put.seen == 0:
            changed = _count(run(sql["create"], (put.body, put.tag, put.kind, put.key)))
        else:
            changed = _count(run(sql["update"], (put.body, put.tag, put.kind, put.key, put.seen)))
        if not changed:
            return False
    for place in batch.deletes:
        run(sql["delete"], place)
    _write_leaves(run, batch.leaves)
    for send in batch.sends:
        run(sql["send"], (send.lane, send.peer, send.url, send.body, send.attempts))
    for known in batch.delivered:
        for (lane,) in run(sql["forget"], (known,)).fetchall():
            run(sql["promote"], (lane,))
    for known, due in batch.retries:
        run(sql["retry"], (known, due))
    return True


def _count(cursor: apsw.Cursor) -> int:
    return cursor.connection.changes()


def _write_leaves(run: Callable[..., apsw.Cursor], leaves: Iterable[tuple[str, int, bytes]]) -> None:
    sql = _queries()
    sizes: dict[str, int] = {}
    for arrangement, index, leaf in leaves:
        if arrangement not in sizes:
            found: Any = run(sql["size"], (arrangement,)).fetchone()
            sizes[arrangement] = found[0]
        size = sizes[arrangement]
        if not 0 <= index <= size:
            raise ValueError(f"leaf {index} would leave a gap: the record has {size}")
        if index < size:
            run(sql["truncate"], (arrangement, index))
        run(sql["append"], (arrangement, index, leaf))
        sizes[arrangement] = index + 1


def _hold(path: Path) -> apsw.Connection:
    """Take the lock beside the database, which the system gives back however the process ends."""
    place = path.with_name(path.name + ".lock")
    for one in (path, place):  # made by us and not by SQLite, for its mode; the log beside it takes the same
        os.close(os.open(one, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        one.chmod(0o600)
    lock = apsw.Connection(str(place))
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError:
        lock.close()
        raise Misuse(
            "store-in-use", "another process has this database open; stop it first, or use another folder", str(path)
        ) from None
    return lock


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    return connection


def _migrate(connection: apsw.Connection, path: Path) -> None:
    """Bring the schema up to this version, in one transaction."""
    steps = _migrations()
    version, owner = connection.pragma("user_version"), connection.pragma("application_id")
    if owner != APPLICATION and (owner or version or connection.execute("SELECT 1 FROM sqlite_schema").fetchone()):
        raise Misuse("store-foreign", "is a database of another program", str(path))
    if version > len(steps):
        raise Misuse(
            "store-newer", f"was written by a newer version (schema {version}; this one knows {len(steps)})", str(path)
        )
    if version == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for step in steps[version:]:
            connection.execute(step)
        connection.pragma("application_id", APPLICATION)
        connection.pragma("user_version", len(steps))
    connection.execute("COMMIT")
