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
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Self

import apsw

from armslength.errors import Misuse, Unavailable
from armslength.ports import Batch, Row, Send
from armslength.store.counter import Counter, last
from armslength.store.health import RESERVED, Examination, connect, is_corruption, vfs

APPLICATION = 0x41524D53  # "ARMS", in the file's header: tells our databases from other people's
GROUP = 256  # batches in one transaction, at most
WAITING = 1024  # batches queued, at most; further callers wait
BUSY_MS = 10_000  # for our own readers, while the log is recovered
LOOK_S = 0.4  # how long opening waits for the look through all pages; then it goes on beside the work …
SMALL = 64 * 2**20  # … and it does not wait for more bytes than these, which take longer:
LATER_S = 5.0  # that look begins once the node has started
ROOM: Final = 1024 * 1024  # bytes: with fewer left a disk is full
END = 2**63 - 1
FEW = 64  # rows that are read at once: a thread takes longer to wake than they take
HEADS = 16  # sends that are read with one statement; where more wait, they are read peer by peer
_by_due = itemgetter(6, 4)  # of a send's row: when it is due, and its id


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


SqlRow = Any
"""One row of an answer: its columns, of the types that the statement says; None if there is none."""


class SqliteStore:
    """`ports.Store` over one SQLite file. Get one with `open`.

    A `commit` whose caller is cancelled may still happen. Raises Unavailable where the disk refuses.
    """

    def __init__(self, path: Path, lock: apsw.Connection, writer: apsw.Connection, counter: Counter, look: Examination):
        self._lock = lock
        self._counter = counter
        self._look = look
        self._near = _connect(path)  # small reads, in the caller's thread
        self._far = _connect(path)  # long reads, in the reader thread
        self._guard = threading.Lock()
        self._reader = ThreadPoolExecutor(1, "store-reader")
        self._room = asyncio.Semaphore(WAITING)
        self._writer = _Writer(writer, counter.advance)
        self._closed = False
        found: SqlRow = writer.execute(_queries()["history"]).fetchone()
        self.generation: int = found[1]

    @classmethod
    def open(cls, path: Path | str, owner: str = "") -> Self:
        """Open the database at `path`, creating it (mode 0600) or lifting its schema where needed. `owner` is the DID
        whose database it must be.

        Raises Misuse if another process has it open, if a newer version wrote it, if it is no database of ours or one
        of another node, if it is gone, or if a page of it is corrupted.
        """
        path = Path(path)
        if (count := last(path)) and not (path.exists() and path.stat().st_size):
            way = "restore a copy with `armslength restore`; with an empty one it would contradict what it has said"
            raise Misuse("store-missing", f"the database is gone, after {count} transactions: {way}", str(path))
        try:
            lock = _hold(path)
            try:
                return cls(path, lock, *_opened(path, owner))
            except BaseException:
                lock.close()
                raise
        except (OSError, apsw.Error) as error:
            raise Misuse(*_trouble(error, path), str(path)) from error

    @property
    def corruption(self) -> str | None:
        """What the scan of all pages has found so far."""
        return self._look.found

    async def looked_through(self) -> None:
        """Wait until that scan is over."""
        await asyncio.to_thread(self._look.over.wait)

    def listen(self, told: Callable[[str], None]) -> None:
        """From now on call `told` with the reason for each failed write, and with "" for each that succeeded."""
        self._writer.told = told

    async def get(self, kind: str, key: str) -> Row | None:
        self._check_open()
        with self._guard:
            row: SqlRow = self._near.execute(_queries()["get"], (kind, key)).fetchone()
        return None if row is None else Row(*row)

    async def find(self, kind: str, tag: str | None = None, *, start: str = "", limit: int = -1) -> list[Row]:
        name, asked = ("find", (kind, start, limit)) if tag is None else ("find_tagged", (kind, tag, start, limit))
        if not 0 <= limit <= FEW:
            return [Row(*row) for row in await self._read(name, asked)]
        self._check_open()
        with self._guard:
            rows: list[SqlRow] = self._near.execute(_queries()[name], asked).fetchall()
        return [Row(*row) for row in rows]

    async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
        rows = await self._read("leaves", (arrangement, start, END if stop is None else stop))
        return [row[0] for row in rows]

    async def due(self, now: float, limit: int, room: Callable[[str], int] | None = None) -> list[Send]:
        self._check_open()
        found: list[SqlRow] = []
        peers = 0
        with self._guard:
            for peer, rows in self._heads():
                most = limit if room is None else room(peer)
                found += islice(rows, most)
                peers += most > 0
                if peers == limit:  # each has brought one, and none of the others' is earlier
                    break
        return [Send(*row) for row in sorted(found, key=_by_due)[:limit] if row[-1] <= now]

    async def commit(self, batch: Batch) -> bool:
        async with self._room:
            self._check_open()
            return await self._writer.put(batch)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True  # what is queued still goes through
        await asyncio.to_thread(self._look.stop)
        await self._writer.close()
        await asyncio.to_thread(self._reader.shutdown)
        with self._guard:
            for connection in (self._near, self._far, self._lock):
                connection.close()
        self._counter.close()

    def _heads(self) -> Iterator[tuple[str, Iterable[SqlRow]]]:
        """By peer, the sends that are the first of their queues, as they are due; who has the earliest comes first."""
        rows: list[SqlRow] = self._near.execute(_queries()["few"], (HEADS,)).fetchall()
        if len(rows) < HEADS:  # these are all, as a rule
            by_peer: dict[str, list[SqlRow]] = {}
            for row in sorted(rows, key=_by_due):
                by_peer.setdefault(row[1], []).append(row)
            yield from by_peer.items()
            return
        waiting: list[SqlRow] = self._near.execute(_queries()["waiting"]).fetchall()
        for _, _, peer in sorted(waiting):
            yield peer, self._near.execute(_queries()["heads"], (peer,))

    async def _read(self, name: str, bindings: tuple[object, ...]) -> list[SqlRow]:
        self._check_open()

        def run() -> list[SqlRow]:
            return self._far.execute(_queries()[name], bindings).fetchall()

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("store-closed", "the store is closed")
        if self._look.found:
            raise Unavailable("store-corrupt", self._look.found)


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

    def __init__(self, connection: apsw.Connection, noted: Callable[[], None]) -> None:
        self.connection = connection
        self._noted = noted  # is told of each transaction before its callers are
        self.told: Callable[[str], None] = lambda _: None  # hears why a transaction failed, or "" of one that did not
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
            run(_queries()["count"])
            await asyncio.get_running_loop().run_in_executor(self._flusher, self._flush)
            self.told("")
        except Exception as error:  # noqa: BLE001  whatever it is, the task lives on and every caller hears of it
            if self.connection.in_transaction:
                with contextlib.suppress(apsw.Error):  # what stays open fails the next BEGIN, and is undone then
                    run("ROLLBACK")
            for job in group:
                job.error = Unavailable("store-failed", f"nothing was written: {error}")
            self.told(str(error))

    def _flush(self) -> None:
        """Commit, and count it: both wait for the disk, where others may be writing a large file."""
        self.connection.execute("COMMIT")
        with contextlib.suppress(OSError):  # it is on disk all the same: the count says too little
            self._noted()

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
        if put.seen is None:
            changed = _count(run(sql["write"], (put.body, put.tag, put.kind, put.key)))
        elif put.seen == 0:
            changed = _count(run(sql["create"], (put.body, put.tag, put.kind, put.key)))
        else:
            changed = _count(run(sql["update"], (put.body, put.tag, put.kind, put.key, put.seen)))
        if not changed:
            return False
    for place in batch.deletes:
        run(sql["delete"], place)
    _write_leaves(run, batch.leaves)
    for send in batch.sends:
        run(sql["send"], (send.queue, send.peer, send.url, send.body, send.attempts))
    for known in batch.delivered:
        for (queue,) in run(sql["forget"], (known,)).fetchall():
            run(sql["promote"], (queue,))
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
            found: SqlRow = run(sql["size"], (arrangement,)).fetchone()
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
        by = "another process (a node, a console, a command) has this database open"
        raise Misuse("store-in-use", f"{by}; stop it first, or use another folder", str(path)) from None
    return lock


def _opened(path: Path, owner: str) -> tuple[apsw.Connection, Counter, Examination]:
    """What a store rests on, once the database is known to be whole, ours and, as far as can be told, the latest."""
    is_new = not path.stat().st_size
    writer = _connect(path, is_new=is_new)
    _migrate(writer, path)
    writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    is_small = path.stat().st_size <= SMALL
    look = Examination(path, 0.0 if is_small else LATER_S)
    if is_small and look.over.wait(LOOK_S) and look.found:
        raise Misuse("store-corrupt", look.found, str(path))
    try:
        counter = Counter(path)
        _compare(writer, counter, path, owner)
        return writer, counter, look
    except BaseException:
        look.stop()
        raise


def _compare(connection: apsw.Connection, counter: Counter, path: Path, owner: str) -> None:
    """Whether this is the database that the counter was kept for; if it is an older copy, note that it is."""
    sql = _queries()
    known, untouched = counter.read()
    found: SqlRow = connection.execute(sql["history"]).fetchone()
    of: SqlRow = connection.execute(sql["owner"]).fetchone()
    if owner and of[0] not in ("", owner):
        raise Misuse("store-of-another", f"is the database of {of[0]}, and this folder is {owner}'s", str(path))
    commits = max(found[0], known or 0)
    unknown = known is None and bool(owner or found[0])
    restored = unknown or (known is not None and (not untouched or known > found[0]))
    if not restored and of[0] == owner:
        counter.number = commits
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.execute(sql["own"], (commits + 1, owner or of[0], int(restored)))
    connection.execute("COMMIT")
    counter.write(commits + 1)


def _trouble(error: Exception, path: Path) -> tuple[str, str]:
    """Why a database cannot be opened, and what to do."""
    if isinstance(error, apsw.FullError) or "No space left" in str(error):
        return "disk-full", "no space is left on its disk: make room, and start again"
    if isinstance(error, apsw.ReadOnlyError | PermissionError) or "Read-only" in str(error):
        return "store-read-only", "cannot be written to: its owner must be able to, and its disk must allow it"
    if isinstance(error, apsw.NotADBError):
        return "store-corrupt", "is no database, or its first page is corrupted; restore a copy (`armslength restore`)"
    if is_corruption(error):
        return "store-corrupt", f"the database is corrupted ({error}); restore a copy (`armslength restore`)"
    if isinstance(error, apsw.IOError) and shutil.disk_usage(path.parent).free < ROOM:
        return "disk-full", "no space is left on its disk: make room, and start again"
    return "store-unusable", f"cannot be opened as a database: {error}"


def _connect(path: Path, *, is_new: bool = False) -> apsw.Connection:
    connection = connect(path)
    if is_new and vfs():
        connection.reserve_bytes(None, RESERVED)
    connection.set_busy_timeout(BUSY_MS)
    if connection.readonly("main"):
        raise PermissionError("read-only")
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)  # plan a statement once, not again for each value of a limit
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
