"""Any history of calls means the same to every store."""

import asyncio
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from armslength.ports import Batch, Put, Send
from armslength.store.memory import MemoryStore
from armslength.store.sqlite import SqliteStore

T = TypeVar("T")
keys = st.sampled_from(["a", "b", "ü"])
bodies = st.binary(max_size=3)
seen = st.integers(0, 3) | st.none()
puts = st.builds(Put, st.sampled_from(["x", "y"]), keys, seen, bodies, st.sampled_from(["", "t"]))
sends = st.builds(Send, keys, st.just("peer"), st.just("url"), bodies)
ids = st.integers(1, 8)
batches = st.builds(
    Batch,
    puts=st.lists(puts, max_size=2),
    deletes=st.lists(st.tuples(st.sampled_from(["x", "y"]), keys), max_size=1),
    leaves=st.lists(st.tuples(st.sampled_from(["r", "s"]), st.integers(0, 4), bodies), max_size=3),
    sends=st.lists(sends, max_size=3),
    delivered=st.lists(ids, max_size=2),
    retries=st.lists(st.tuples(ids, st.integers(0, 4).map(float)), max_size=2),
)


class Stores(RuleBasedStateMachine):
    """Drives a store in memory and one on disk with the same calls and compares every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = MemoryStore()
        self.disk = self.open()

    def open(self) -> SqliteStore:
        """Open, or open again, the store on disk."""
        return SqliteStore.open(Path(self.folder.name) / "node.db")

    def run(self, call: Awaitable[T]) -> T | str:
        """The call's answer, or the name of its error."""

        async def answer() -> T | str:
            try:
                return await call
            except ValueError as error:
                return str(error)

        return self.runner.run(answer())

    @rule(batch=batches)
    def commit(self, batch: Batch) -> None:
        """One batch."""
        assert self.run(self.memory.commit(batch)) == self.run(self.disk.commit(batch))

    @rule(several=st.lists(batches, max_size=4))
    def commit_together(self, several: list[Batch]) -> None:
        """Several batches in one group."""

        async def together() -> list[Any]:
            return await asyncio.gather(*(self.disk.commit(batch) for batch in several), return_exceptions=True)

        expected = [self.run(self.memory.commit(batch)) for batch in several]
        got = [str(one) if isinstance(one, ValueError) else one for one in self.runner.run(together())]
        assert got == expected

    @rule()
    def reopen(self) -> None:
        """Closing and opening again changes nothing."""
        self.run(self.disk.close())
        self.disk = self.open()

    @invariant()
    def same(self) -> None:
        """Every read gives the same."""
        for one, other in zip(self.reads(self.memory), self.reads(self.disk), strict=True):
            assert self.run(one) == self.run(other)

    def reads(self, store: MemoryStore | SqliteStore) -> list[Awaitable[Any]]:
        """One of each read."""
        return [
            store.get("x", "a"),
            store.find("x"),
            store.find("y", "t"),
            store.leaves("r", 0),
            store.leaves("s", 1, 3),
            store.due(2.0, 10),
            store.due(9.0, 2),
        ]

    def teardown(self) -> None:
        """Close everything."""
        self.run(self.disk.close())
        self.runner.close()
        self.folder.cleanup()


Stores.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestStores = Stores.TestCase
