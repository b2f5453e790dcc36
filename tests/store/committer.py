"""A process to be killed: commits numbered batches in four queues and prints each number once `commit` has returned.

    python committer.py DATABASE

Batch n of queue l: a document "l/n", the next leaf of record l, a send in queue l, and the queue's counter (with a
version guard). It never stops by itself.
"""

import asyncio
import sys
from pathlib import Path

from armslength.ports import Batch, Put, Send
from armslength.store.sqlite import SqliteStore

LANES = 4


async def queue(store: SqliteStore, name: str) -> None:
    """Commit for ever, from where the database says the queue stands."""
    counter = await store.get("counter", name)
    done = counter.version if counter else 0
    while True:
        body = b"%d" % done * (1 + done % 900)
        batch = Batch(
            puts=[Put("counter", name, done, b""), Put("step", f"{name}/{done}", 0, body)],
            leaves=[(name, done, body)],
            sends=[Send(name, "peer", "url", body)],
        )
        assert await store.commit(batch)
        print(name, done, flush=True)
        done += 1


async def main(path: Path) -> None:
    """Run all queues at once."""
    store = SqliteStore.open(path)
    await asyncio.gather(*(queue(store, str(number)) for number in range(LANES)))


asyncio.run(main(Path(sys.argv[1])))
