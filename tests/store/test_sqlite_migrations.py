"""A database that an earlier version wrote is lifted to this version's schema, and holds what it held."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from armslength.ports import Batch, Send
from armslength.store import sqlite
from armslength.store.sqlite import SqliteStore


async def test_names_of_the_first_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited in queues, which were called lanes, waits still, in its order; the schedule is found by its name."""
    path, steps = tmp_path / "node.db", sqlite._migrations()
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "_migrations", lambda: steps[:3])
        await SqliteStore.open(path).close()
    older = apsw.Connection(str(path), vfs=sqlite.vfs())
    for number, lane in enumerate("aba"):
        older.execute(
            "INSERT INTO sends (lane, peer, url, body, attempts, due, first) VALUES (?, 'p', 'u', ?, 0, 0, ?)",
            (lane, b"%d" % number, number < 2),
        )
    older.execute("INSERT INTO documents (kind, key, version, tag, body) VALUES ('agenda', 'x', 1, '', ?)", (b"never",))
    older.close()
    store = SqliteStore.open(path)
    assert [row.body for row in await store.find("schedule")] == [b"never"]
    first = await store.due(1.0, 10)
    assert [(send.queue, send.body) for send in first] == [("a", b"0"), ("b", b"1")]
    batch = Batch(delivered=[first[0].id], sends=[Send("b", "p", "u", b"3")])
    assert await store.commit(batch)
    assert [(send.queue, send.body) for send in await store.due(1.0, 10)] == [("b", b"1"), ("a", b"2")]
    await store.close()
