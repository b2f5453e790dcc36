"""A consistent copy of a database that is in use."""

from __future__ import annotations

import contextlib
from pathlib import Path

import apsw

from armslength.errors import Misuse
from armslength.store.health import RESERVED, Examination, connect, vfs


def copy_database(source: Path, target: Path) -> None:
    """Copy the database as it is at one instant, while it is in use.

    Raises Misuse if it is corrupted, or cannot be read or written.
    """
    try:
        with (
            contextlib.closing(connect(source, readonly=True)) as reader,
            contextlib.closing(connect(target)) as writer,
        ):
            if vfs() and reader.reserve_bytes() == RESERVED:
                writer.reserve_bytes(None, RESERVED)
            with writer.backup("main", reader, "main") as copying:
                while not copying.done:
                    copying.step(-1)
    except apsw.Error as error:
        raise Misuse("store-corrupt", f"cannot be copied: {error}", str(source)) from error
    look = Examination(target)
    look.over.wait()
    if look.found:
        raise Misuse("store-corrupt", look.found, str(source))
    for log in ("-wal", "-shm"):
        target.with_name(target.name + log).unlink(missing_ok=True)
