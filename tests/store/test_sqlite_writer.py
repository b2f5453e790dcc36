"""What writes to SQLite, on a disk that refuses everything."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import apsw
import pytest

from armslength.errors import Unavailable
from armslength.ports import Batch
from armslength.store.sqlite import _Writer


class Broken:
    """A connection that can neither commit nor roll back until it is mended."""

    def __init__(self) -> None:
        self.in_transaction = False
        self.mended = False

    def execute(self, sql: str, _bindings: Any = ()) -> None:
        if sql in {"COMMIT", "ROLLBACK"}:
            if not self.mended:
                raise apsw.IOError("disk I/O error")
            self.in_transaction = False
        if sql.startswith("BEGIN"):
            if self.in_transaction:
                raise apsw.SQLError("cannot start a transaction within a transaction")
            self.in_transaction = True

    def close(self) -> None:
        """Nothing to give back."""


async def test_everybody_hears_of_a_disk_that_refuses_even_to_roll_back() -> None:
    """Each caller gets an error, none waits for ever; and it goes on once the disk is back."""
    connection = Broken()
    writer = _Writer(connection, lambda: None)  # type: ignore[arg-type]
    for _ in range(2):
        results = await asyncio.wait_for(
            asyncio.gather(*(writer.put(Batch()) for _ in range(3)), return_exceptions=True), 5
        )
        assert [type(each) for each in results] == [Unavailable] * 3
    connection.mended = True
    with pytest.raises(Unavailable):
        await writer.put(Batch())  # what is left over is undone
    assert await writer.put(Batch())
    await writer.close()


async def test_nothing_that_waits_for_the_disk_is_done_on_the_event_loop() -> None:
    """A transaction is flushed, and counted, in a thread of its own: the loop serves others meanwhile."""
    connection, counted = Broken(), list[bool]()
    connection.mended = True
    writer = _Writer(connection, lambda: counted.append(threading.current_thread() is threading.main_thread()))  # type: ignore[arg-type]
    await asyncio.wait_for(writer.put(Batch()), 5)
    assert counted == [False]
    await writer.close()
