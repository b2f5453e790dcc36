"""Verifies that every page of a database is as it was written.

Each page carries a checksum (SQLite's cksumvfs), which is verified on every read, so corrupted data is never used. A
scan of all pages at the start finds it earlier. A page of zeros has a checksum of zeros, so the scan also looks for
pages in use that contain only zeros.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import apsw
import apsw.sqlite_extra

VFS: Final = "cksmvfs"
RESERVED: Final = 8  # bytes of a page that its checksum takes
PENDING: Final = 0x40000000  # SQLite never uses the page with this byte
BLOCK: Final = 256  # pages read at once
AGAIN_S: Final = 0.2

_UNREADABLE: Final = frozenset(
    {apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_IOERR_READ}
)

_faults: deque[str] = deque(maxlen=16)


def _log(_: int, message: str) -> None:
    if "checksum fault" in message:
        _faults.append(message)


with contextlib.suppress(apsw.MisuseError):  # another part of the program has begun to use SQLite: pages go unnamed
    apsw.config(apsw.SQLITE_CONFIG_LOG, _log)


@cache
def vfs() -> str | None:
    """The file system layer that keeps checksums; None where it has not been built for this machine."""
    try:
        with contextlib.closing(apsw.Connection(":memory:")) as connection:
            apsw.sqlite_extra.load(connection, "cksumvfs")
    except (apsw.Error, apsw.sqlite_extra.NotAvailable, OSError):
        return None
    return VFS


def connect(path: Path, *, readonly: bool = False) -> apsw.Connection:
    """A connection whose reads verify checksums."""
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    return apsw.Connection(str(path), flags=flags, vfs=vfs())


def is_corruption(error: Exception) -> bool:
    """Whether an error says that what is stored is not what was written; others come from the disk as it is now."""
    if isinstance(error, apsw.IOError):
        return getattr(error, "extendedresult", 0) in _UNREADABLE
    return isinstance(error, apsw.CorruptError | apsw.NotADBError)


class Examination:
    """One scan of all pages, in a thread of its own. `found` is what is wrong, once it is `over`."""

    def __init__(self, path: Path, later: float = 0.0) -> None:
        self._path = path
        self._later = later
        self._stopped = threading.Event()
        self.found: str | None = None
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-health", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Abort it."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        wrong: str | None = None
        try:
            wrong = None if self._stopped.wait(self._later) else self._look()
        except (apsw.InterruptError, OSError):
            pass
        except apsw.Error as error:
            wrong = _named(str(error)) if is_corruption(error) else None
        if wrong is not None:
            self.found = f"the database is corrupted: {wrong}; restore a copy with `armslength restore`"
        self.over.set()

    def _look(self) -> str | None:
        _faults.clear()
        with contextlib.closing(connect(self._path, readonly=True)) as connection:
            connection.set_progress_handler(self._stopped.is_set, 1000)
            ((said, *_),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if said != "ok":
            return _named(str(said).removeprefix("*** in database main ***\n"))
        before = set(self._zeros())
        if before and not self._stopped.wait(AGAIN_S):  # a page may be about to be written, or freed
            page = min(before & set(self._zeros()), default=0)
            return f"page {page} is nothing but zeros" if page else None
        return None

    def _zeros(self) -> Iterator[int]:
        """Pages in use that contain only zeros."""
        with self._path.open("rb") as file:
            header = file.read(100)
            size = int.from_bytes(header[16:18], "big")
            size = 65536 if size == 1 else size
            free: set[int] | None = None
            file.seek(0)
            for start in range(1, 2**32, BLOCK):
                block = file.read(size * BLOCK)
                if not block or self._stopped.is_set():
                    return
                if bytes(size) not in block:
                    continue
                for offset in range(0, len(block) - size + 1, size):
                    if any(block[offset : offset + size]):
                        continue
                    free = _free(self._path, header, size) if free is None else free
                    page = start + offset // size
                    if page not in free and page != PENDING // size + 1:
                        yield page


def _free(path: Path, header: bytes, size: int) -> set[int]:
    """The pages that are not in use."""
    found: set[int] = set()
    trunk = int.from_bytes(header[32:36], "big")
    with path.open("rb") as file:
        while trunk and trunk not in found:
            found.add(trunk)
            file.seek((trunk - 1) * size)
            page = file.read(size)
            count = min(int.from_bytes(page[4:8], "big"), size // 4 - 2)
            found |= {int.from_bytes(page[8 + 4 * n : 12 + 4 * n], "big") for n in range(count)}
            trunk = int.from_bytes(page[0:4], "big")
    return found


def _named(said: str) -> str:
    """The first thing that is wrong, with the page whose checksum does not fit."""
    offsets = (re.search(r"offset (\d+)", fault) for fault in list(_faults))
    pages = sorted({int(found[1]) // 4096 + 1 for found in offsets if found})
    return f"page {pages[0]} is not as it was written ({said})" if pages else said
