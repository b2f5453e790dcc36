"""What every store promises, run over each of them (`ports.Store`)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from armslength.errors import Misuse, Unavailable
from armslength.ports import Batch, Put, Row, Send, Store
from armslength.store.memory import MemoryStore
from armslength.store.sqlite import SqliteStore


def note(key: str, seen: int = 0, body: bytes = b"{}", tag: str = "") -> Batch:
    """A batch with one document."""
    return Batch(puts=[Put("note", key, seen, body, tag)])


def send(queue: str, body: bytes = b"hello") -> Send:
    """A message in a queue."""
    return Send(queue, "did:web:peer", "https://peer/inbox", body)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """One store after another."""
    opened: Store = MemoryStore() if request.param == "memory" else SqliteStore.open(tmp_path / "node.db")
    yield opened
    await opened.close()


class TestDocuments:
    async def test_absent(self, store: Store) -> None:
        """What was never written is not there."""
        assert await store.get("note", "a") is None
        assert await store.find("note") == []

    async def test_read_back(self, store: Store) -> None:
        """A document is read back as it was written, with version 1."""
        assert await store.commit(note("a", body=b"\x00\xff", tag="t"))
        assert await store.get("note", "a") == Row("note", "a", 1, b"\x00\xff", "t")

    async def test_versions_count(self, store: Store) -> None:
        """Each write that saw the current version raises it by one."""
        for seen in range(3):
            assert await store.commit(note("a", seen, b"%d" % seen))
        assert await store.get("note", "a") == Row("note", "a", 3, b"2")

    async def test_order_of_arrival(self, store: Store) -> None:
        """Documents are numbered in the order of their first writes, those of one batch too; later writes change
        nothing about it."""
        puts = [Put("note", key, 0, b"{}", "t") for key in ("c", "a", "d")]
        assert await store.commit(Batch(puts=puts))
        assert await store.commit(note("b", tag="t"))
        assert await store.commit(note("c", 1, b"again", tag="t"))
        for rows in (await store.find("note"), await store.find("note", "t")):
            assert [row.key for row in rows] == ["a", "b", "c", "d"]
            assert [row.key for row in sorted(rows, key=lambda row: row.order)] == ["c", "a", "d", "b"]
            assert len({row.order for row in rows}) == 4

    @pytest.mark.parametrize("seen", [0, 1, 3, -1])
    async def test_stale_version(self, store: Store, seen: int) -> None:
        """A write that saw any other version than the current one is not done."""
        await store.commit(note("a"))
        await store.commit(note("a", 1, b"two"))
        assert await store.commit(note("a", seen, b"stale")) is False
        assert await store.get("note", "a") == Row("note", "a", 2, b"two")

    async def test_update_of_nothing(self, store: Store) -> None:
        """A version seen of a document that does not exist is a stale one."""
        assert await store.commit(note("a", 1)) is False

    async def test_twice_in_one_batch(self, store: Store) -> None:
        """A batch sees its own writes."""
        assert await store.commit(Batch(puts=[Put("note", "a", 0, b"1"), Put("note", "a", 1, b"2")]))
        assert await store.get("note", "a") == Row("note", "a", 2, b"2")
        assert not await store.commit(Batch(puts=[Put("note", "b", 0, b"1"), Put("note", "b", 0, b"2")]))
        assert await store.get("note", "b") is None

    async def test_kinds_apart(self, store: Store) -> None:
        """The same key under two kinds names two documents."""
        await store.commit(Batch(puts=[Put("x", "a", 0, b"x"), Put("y", "a", 0, b"y")]))
        assert await store.find("x") == [Row("x", "a", 1, b"x")]

    async def test_delete(self, store: Store) -> None:
        """A deleted document is gone, may be made again from version 1, and deleting nothing is no error."""
        await store.commit(note("a"))
        assert await store.commit(Batch(deletes=[("note", "a"), ("note", "b")]))
        assert await store.get("note", "a") is None
        assert await store.commit(note("a"))

    async def test_find_sorted(self, store: Store) -> None:
        """`find` gives documents by key, in code-point order."""
        for key in ("b", "a", "Z", "ä", "10", "9"):
            await store.commit(note(key))
        assert [row.key for row in await store.find("note")] == ["10", "9", "Z", "a", "b", "ä"]

    async def test_find_by_tag(self, store: Store) -> None:
        """`find` with a tag gives the documents whose latest write carried it."""
        await store.commit(note("a", tag="old"))
        await store.commit(note("b", tag="old"))
        await store.commit(note("a", 1, tag="new"))
        assert [row.key for row in await store.find("note", "old")] == ["b"]
        assert [row.key for row in await store.find("note", "new")] == ["a"]
        assert await store.find("note", "") == []

    async def test_write_whatever_there_is(self, store: Store) -> None:
        """A write that saw nothing in particular is always done, and counts like any other."""
        assert await store.commit(
            Batch(puts=[Put("note", "a", None, b"1", "old"), Put("note", "a", None, b"2", "new")])
        )
        assert await store.get("note", "a") == Row("note", "a", 2, b"2", "new")
        assert await store.find("note", "old") == []
        assert await store.commit(note("a", 2))

    async def test_find_a_part(self, store: Store) -> None:
        """`find` gives the first documents from a key on, with and without a tag; the key need not be there."""
        for key in ("a", "b", "b/1", "b/2", "c"):
            await store.commit(note(key, tag="t" if "/" in key else ""))
        assert [row.key for row in await store.find("note", start="b/", limit=2)] == ["b/1", "b/2"]
        assert [row.key for row in await store.find("note", start="b")] == ["b", "b/1", "b/2", "c"]
        assert [row.key for row in await store.find("note", "t", start="b/1\0", limit=5)] == ["b/2"]
        assert await store.find("note", limit=0) == await store.find("note", start="d") == []


class TestBatches:
    async def test_all_or_nothing(self, store: Store) -> None:
        """A stale version anywhere undoes the whole batch: documents, deletions, leaves and sends."""
        await store.commit(Batch(puts=[Put("note", "kept", 0, b"1")], leaves=[("r", 0, b"zero")], sends=[send("l")]))
        (waiting,) = await store.due(0, 10)
        refused = Batch(
            puts=[Put("note", "new", 0, b""), Put("note", "kept", 7, b"")],
            deletes=[("note", "kept")],
            leaves=[("r", 0, b"other"), ("r", 1, b"one")],
            sends=[send("m")],
            delivered=[waiting.id],
            retries=[(waiting.id, 9.0)],
        )
        assert await store.commit(refused) is False
        assert await store.find("note") == [Row("note", "kept", 1, b"1")]
        assert await store.leaves("r", 0) == [b"zero"]
        assert await store.due(0, 10) == [waiting]

    async def test_error_undoes_everything(self, store: Store) -> None:
        """A batch that cannot be carried out raises, changes nothing, and spoils no other."""
        broken = Batch(puts=[Put("note", "a", 0, b"")], leaves=[("r", 1, b"gap")], sends=[send("l")])
        results = await asyncio.gather(
            store.commit(note("before")), store.commit(broken), store.commit(note("after")), return_exceptions=True
        )
        assert results[0] is True
        assert results[2] is True
        assert isinstance(results[1], ValueError)
        assert [row.key for row in await store.find("note")] == ["after", "before"]
        assert await store.leaves("r", 0) == []
        assert await store.due(0, 10) == []

    async def test_empty(self, store: Store) -> None:
        """A batch of nothing is done."""
        assert await store.commit(Batch()) is True

    async def test_one_winner(self, store: Store) -> None:
        """Of many writers that saw the same version, exactly one gets through."""
        await store.commit(note("a"))
        results = await asyncio.gather(*(store.commit(note("a", 1, b"%d" % i)) for i in range(50)))
        assert sorted(results) == [False] * 49 + [True]
        row = await store.get("note", "a")
        assert row == Row("note", "a", 2, b"%d" % results.index(True))

    async def test_in_order(self, store: Store) -> None:
        """Commits asked for one after the other happen in that order, even when nobody waited between them."""
        results = await asyncio.gather(*(store.commit(note("a", seen)) for seen in range(200)))
        assert all(results)

    async def test_reads_follow_commits(self, store: Store) -> None:
        """Every read sees every commit that has returned, by each way of reading."""

        async def one(i: int) -> None:
            arrangement, key = f"r{i}", f"k{i}"
            await store.commit(
                Batch(puts=[Put("note", key, 0, b"", key)], leaves=[(arrangement, 0, b"")], sends=[send(key)])
            )
            assert await store.get("note", key)
            assert len(await store.find("note", key)) == 1
            assert await store.leaves(arrangement, 0) == [b""]
            assert key in {due.queue for due in await store.due(0, 1000)}

        await asyncio.gather(*(one(i) for i in range(100)))

    async def test_more_than_the_queue_holds(self, store: Store) -> None:
        """Callers beyond the queue's bound wait; none is lost or refused."""
        assert all(await asyncio.gather(*(store.commit(note(f"{i:05}")) for i in range(3000))))
        assert len(await store.find("note")) == 3000

    async def test_cancelled_caller(self, store: Store) -> None:
        """A caller that gives up does not disturb the others."""
        task = asyncio.create_task(store.commit(note("a")))
        await asyncio.sleep(0)
        task.cancel()
        assert await store.commit(note("b")) is True


class TestLeaves:
    async def fill(self, store: Store, count: int = 5) -> None:
        """A record of `count` leaves."""
        await store.commit(Batch(leaves=[("r", i, b"%d" % i) for i in range(count)]))

    async def test_ranges(self, store: Store) -> None:
        """Leaves come in order, from `start` up to but without `stop`."""
        await self.fill(store)
        assert await store.leaves("r", 0) == [b"0", b"1", b"2", b"3", b"4"]
        assert await store.leaves("r", 1, 3) == [b"1", b"2"]
        assert await store.leaves("r", 4, 99) == [b"4"]
        assert await store.leaves("r", 5) == []
        assert await store.leaves("r", 3, 2) == []
        assert await store.leaves("other", 0) == []

    async def test_truncate(self, store: Store) -> None:
        """A leaf written in the middle replaces that one and cuts off all that followed."""
        await self.fill(store)
        await store.commit(Batch(leaves=[("r", 2, b"two")]))
        assert await store.leaves("r", 0) == [b"0", b"1", b"two"]

    async def test_replace_tail(self, store: Store) -> None:
        """A new tail replaces the old one, whether longer or shorter, and leaves other records alone."""
        await self.fill(store)
        await store.commit(Batch(leaves=[("s", 0, b"s")]))
        await store.commit(Batch(leaves=[("r", 1, b"a"), ("r", 2, b"b")]))
        assert await store.leaves("r", 0) == [b"0", b"a", b"b"]
        await store.commit(Batch(leaves=[("r", i, b"c") for i in range(2, 6)]))
        assert await store.leaves("r", 0) == [b"0", b"a", b"c", b"c", b"c", b"c"]
        assert await store.leaves("s", 0) == [b"s"]

    @pytest.mark.parametrize("index", [-1, 6])
    async def test_no_gaps(self, store: Store, index: int) -> None:
        """A leaf that would leave a gap is an error of the caller."""
        await self.fill(store)
        with pytest.raises(ValueError, match="gap"):
            await store.commit(Batch(leaves=[("r", index, b"")]))


class TestSends:
    async def test_order_and_fields(self, store: Store) -> None:
        """Sends come back as they were given, with ids that rise, oldest first and no more than asked for."""
        await store.commit(Batch(sends=[send("a", b"1"), send("b", b"2")]))
        await store.commit(Batch(sends=[send("c", b"3")]))
        found = await store.due(0, 10)
        assert [(one.queue, one.body, one.peer, one.url, one.attempts) for one in found] == [
            (queue, body, "did:web:peer", "https://peer/inbox", 0)
            for queue, body in (("a", b"1"), ("b", b"2"), ("c", b"3"))
        ]
        assert 0 < found[0].id < found[1].id < found[2].id
        assert await store.due(0, 2) == found[:2]

    async def test_head_of_line(self, store: Store) -> None:
        """Only the first of a queue is due; the next one is when that is delivered."""
        await store.commit(Batch(sends=[send("a", b"1"), send("a", b"2"), send("b", b"3"), send("a", b"4")]))
        first, other = await store.due(0, 10)
        assert (first.body, other.body) == (b"1", b"3")
        await store.commit(Batch(delivered=[first.id]))
        assert [one.body for one in await store.due(0, 10)] == [b"2", b"3"]

    async def test_retry_waits(self, store: Store) -> None:
        """A send to be tried again is not due before its time, counts its attempts, and holds its queue back."""
        await store.commit(Batch(sends=[send("a", b"1"), send("a", b"2"), send("b", b"3")]))
        first, _ = await store.due(0, 10)
        await store.commit(Batch(retries=[(first.id, 100.5)]))
        assert [one.body for one in await store.due(100.4, 10)] == [b"3"]
        again = (await store.due(100.5, 10))[-1]
        assert (again.id, again.attempts) == (first.id, 1)

    async def test_delivered_in_one_batch(self, store: Store) -> None:
        """Several sends of a queue may be forgotten at once, in any order, and new ones added in the same batch."""
        await store.commit(Batch(sends=[send("a", b"%d" % i) for i in range(4)]))
        ids = [(await store.due(0, 1))[0].id + i for i in range(3)]
        await store.commit(Batch(delivered=[ids[1], ids[0], ids[2]], sends=[send("a", b"last")]))
        assert [one.body for one in await store.due(0, 10)] == [b"3"]

    async def test_queue_empty_again(self, store: Store) -> None:
        """A queue whose sends are all delivered takes new ones at once."""
        await store.commit(Batch(sends=[send("a", b"1")]))
        (first,) = await store.due(0, 10)
        await store.commit(Batch(delivered=[first.id]))
        assert await store.due(0, 10) == []
        await store.commit(Batch(sends=[send("a", b"2")]))
        (second,) = await store.due(0, 10)
        assert second.id > first.id

    async def test_unknown_ids(self, store: Store) -> None:
        """Forgetting or postponing what is already gone changes nothing: deliveries are reported more than once."""
        await store.commit(Batch(sends=[send("a")]))
        before = await store.due(0, 10)
        assert await store.commit(Batch(delivered=[99], retries=[(98, 5.0)]))
        assert await store.due(0, 10) == before


class TestSqlite:
    async def test_survives_closing(self, tmp_path: Path) -> None:
        """Documents, leaves, sends, attempts and ids outlive the process."""
        path = tmp_path / "node.db"
        store = SqliteStore.open(path)
        await store.commit(
            Batch(puts=[Put("note", "a", 0, b"1")], leaves=[("r", 0, b"leaf")], sends=[send("a"), send("a"), send("b")])
        )
        first = (await store.due(0, 1))[0]
        await store.commit(Batch(retries=[(first.id, 50.0)]))
        await store.close()
        store = SqliteStore.open(path)
        assert await store.get("note", "a") == Row("note", "a", 1, b"1")
        assert await store.leaves("r", 0) == [b"leaf"]
        assert [(one.queue, one.attempts) for one in await store.due(50, 9)] == [("b", 0), ("a", 1)]
        assert [one.queue for one in await store.due(49, 9)] == ["b"]
        await store.close()

    async def test_closing_finishes_the_queue(self, tmp_path: Path) -> None:
        """What was asked for before `close` is done; what is asked for afterwards is refused."""
        path = tmp_path / "node.db"
        store = SqliteStore.open(path)
        asked = [asyncio.create_task(store.commit(note(f"{i:03}"))) for i in range(100)]
        await asyncio.sleep(0)
        await store.close()
        await store.close()
        assert all(await asyncio.gather(*asked))
        for ask in (store.commit(note("late")), store.get("note", "000"), store.find("note")):
            with pytest.raises(Unavailable):
                await ask
        store = SqliteStore.open(path)
        assert len(await store.find("note")) == 100
        await store.close()

    async def test_modes(self, tmp_path: Path) -> None:
        """No file of the store can be read by anyone but its owner, even one that was looser before."""
        path = tmp_path / "node.db"
        path.touch(0o644)
        store = SqliteStore.open(path)
        await store.commit(note("a"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        await store.close()
        assert {"node.db", "node.db-wal", "node.db.lock"} <= modes.keys()
        assert set(modes.values()) == {0o600}

    async def test_durability_settings(self, tmp_path: Path) -> None:
        """The writing connection flushes every commit: write-ahead log, synchronous FULL (2)."""
        store = SqliteStore.open(tmp_path / "node.db")
        connection = store._writer.connection
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2
        await store.close()

    async def test_one_process(self, tmp_path: Path) -> None:
        """A second opening of the same database is refused until the first is closed."""
        path = tmp_path / "node.db"
        store = SqliteStore.open(path)
        with pytest.raises(Misuse, match="another process") as refused:
            SqliteStore.open(path)
        assert refused.value.code == "store-in-use"
        assert await store.commit(note("a"))
        await store.close()
        await SqliteStore.open(path).close()

    async def test_newer_schema(self, tmp_path: Path) -> None:
        """A database that a newer version wrote is refused, and not touched."""
        path = tmp_path / "node.db"
        store = SqliteStore.open(path)
        store._writer.connection.pragma("user_version", 99)
        await store.close()
        before = path.read_bytes()
        with pytest.raises(Misuse, match="newer version") as refused:
            SqliteStore.open(path)
        assert refused.value.code == "store-newer"
        assert path.read_bytes() == before

    async def test_not_ours(self, tmp_path: Path) -> None:
        """A file that is no database, or another program's, is refused with its name."""
        import apsw

        text, foreign = tmp_path / "text.db", tmp_path / "foreign.db"
        text.write_text("not a database " * 100)
        connection = apsw.Connection(str(foreign))
        connection.execute("CREATE TABLE t (a)")
        connection.close()
        for path, code in ((text, "store-corrupt"), (foreign, "store-foreign"), (tmp_path / "no" / "x", None)):
            with pytest.raises(Misuse, match=path.name) as refused:
                SqliteStore.open(path)
            assert refused.value.code == (code or "store-unusable")

    async def test_full_disk(self, tmp_path: Path) -> None:
        """Where the disk takes no more, commits are refused as ours to solve, and work again when there is room."""
        store = SqliteStore.open(tmp_path / "node.db")
        store._writer.connection.pragma("max_page_count", 20)
        with pytest.raises(Unavailable, match="full"):
            await store.commit(note("big", body=b"x" * 200_000))
        assert await store.get("note", "big") is None
        store._writer.connection.pragma("max_page_count", 100_000)
        assert await store.commit(note("big", body=b"x" * 200_000))
        await store.close()

    async def test_waiting_sends_cost_nothing(self, tmp_path: Path) -> None:
        """What is due is found by the index of queue heads, without looking at what waits behind them."""
        from armslength.store.sqlite import _queries

        store = SqliteStore.open(tmp_path / "node.db")
        for name, asked, times in (("few", (1,), 1), ("waiting", (), 3), ("heads", ("did:p",), 1)):
            plan = store._near.execute("EXPLAIN QUERY PLAN " + _queries()[name], asked).fetchall()
            assert sum("sends_by_peer" in str(row) for row in plan) == times
            assert not any(str(row[-1]) == "SCAN sends" or "TEMP B-TREE" in str(row) for row in plan)
        await store.close()

    async def test_what_waits_for_one_peer_hides_no_other(self, store: Store) -> None:
        """Of each peer at most so many are due, those first that have not been tried; those of some not at all."""
        for number in range(300):
            await store.commit(Batch(sends=[Send(f"many{number}", "did:many", "https://m/", b"many")]))
        await store.commit(Batch(sends=[Send("one", "did:one", "https://o/", b"one")]))
        await store.commit(Batch(sends=[Send("few", "did:few", "https://f/", b"few")]))
        three, few = lambda _: 3, {"did:many": 0, "did:one": 0, "did:few": 3}
        assert [one.peer for one in await store.due(0, 10, three)] == ["did:many"] * 3 + ["did:one", "did:few"]
        assert [one.peer for one in await store.due(0, 10, few.__getitem__)] == ["did:few"]
        assert [one.peer for one in await store.due(0, 4, three)] == ["did:many"] * 3 + ["did:one"]
        tried = await store.due(0, 2, lambda _: 2)
        await store.commit(Batch(retries=[(one.id, 5.0) for one in tried]))
        again = await store.due(9.0, 10, three)
        assert not {one.queue for one in tried} & {one.queue for one in again}
        assert len(again) == 5
