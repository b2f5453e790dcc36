"""How many durable commits a second the store takes, beside plain SQLite with one commit for each.

Both write the same: update a document that was seen at its version, append to the record, queue a message (0.6, 0.6
and 2 KB), flushed to disk before it counts. The peer is the standard library's sqlite3 in a loop: no threads, no
queue, no event loop. Runs alternate; figures are medians.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from armslength.ports import Batch, Put, Send
from armslength.store.sqlite import SqliteStore

ROUNDS, OPERATIONS = 3, 1600
BODY, MESSAGE = b"b" * 600, b"m" * 2000


def figures() -> list[dict[str, object]]:
    """One dict per figure: name, value, unit, n, peer, ratio."""
    ours: dict[int, list[float]] = {1: [], 8: [], 32: []}
    peer: list[float] = []
    for _ in range(ROUNDS):
        for tasks, found in ours.items():
            with tempfile.TemporaryDirectory() as folder:
                found.append(asyncio.run(_ours(Path(folder), tasks)))
        with tempfile.TemporaryDirectory() as folder:
            peer.append(_peer(Path(folder)))
    base = statistics.median(peer)
    return [
        {
            "name": f"store.commits.{tasks}-callers",
            "value": round(statistics.median(found)),
            "unit": "1/s",
            "n": ROUNDS * OPERATIONS,
            "peer": {"name": "sqlite3, one commit per operation", "value": round(base)},
            "ratio": round(statistics.median(found) / base, 2),
        }
        for tasks, found in ours.items()
    ]


async def _ours(folder: Path, tasks: int) -> float:
    store = SqliteStore.open(folder / "node.db")

    async def caller(name: str) -> None:
        for seen in range(OPERATIONS // tasks):
            done = await store.commit(
                Batch(
                    puts=[Put("process", name, seen, BODY)],
                    leaves=[(name, seen, BODY)],
                    sends=[Send(name, "did:web:peer", "https://peer/", MESSAGE)],
                )
            )
            assert done

    start = time.perf_counter()
    await asyncio.gather(*(caller(str(number)) for number in range(tasks)))
    taken = time.perf_counter() - start
    await store.close()
    return OPERATIONS / taken


def _peer(folder: Path) -> float:
    database = sqlite3.connect(folder / "peer.db", isolation_level=None)
    database.executescript(
        """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE documents (key TEXT PRIMARY KEY, version INTEGER, body BLOB);
        CREATE TABLE leaves (record TEXT, position INTEGER, leaf BLOB, PRIMARY KEY (record, position));
        CREATE TABLE sends (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT, url TEXT, body BLOB);
        INSERT INTO documents VALUES ('a', 0, x'');"""
    )
    start = time.perf_counter()
    for seen in range(OPERATIONS):
        database.execute("BEGIN IMMEDIATE")
        update = "UPDATE documents SET version = version + 1, body = ? WHERE key = 'a' AND version = ?"
        assert database.execute(update, (BODY, seen)).rowcount == 1
        database.execute("INSERT INTO leaves VALUES ('a', ?, ?)", (seen, BODY))
        database.execute("INSERT INTO sends (queue, url, body) VALUES ('a', 'https://peer/', ?)", (MESSAGE,))
        database.execute("COMMIT")
    taken = time.perf_counter() - start
    database.close()
    return OPERATIONS / taken
