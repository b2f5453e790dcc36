"""What a monitor reads of a record: each leaf verified once, and nothing kept of what does not hold."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from armslength.core.canonical import canonical
from armslength.core.record.entry import Leaf
from armslength.core.record.replica import Placed, Replica
from armslength.engine.monitor_record import RecordReader
from armslength.errors import Refused, Unavailable
from armslength.store.memory import MemoryStore
from armslength.wire.own import IdleReport
from tests.record_builder import golden_record

PAGE = 50  # leaves
NOW = 1_468_000_000


class Shown:
    """Nodes that show the first `size` leaves of the golden record, those of `broken` with one leaf twice."""

    def __init__(self, size: int, broken: int | None = None) -> None:
        self.size = size
        self.broken = broken
        self.down = False
        self.asked: list[int] = []  # from which leaf on

    async def get(self, did: str, address: str, path: str) -> bytes:
        if self.down:
            raise Unavailable("down", "nobody is there", address)
        if "/rest/" in path:
            return canonical(IdleReport(sealed=self.size, now=NOW, pending_work=None))
        start = int(parse_qs(urlsplit(path).query)["start"][0])
        self.asked.append(start)
        lines = golden_record().leaves[start : min(start + PAGE, self.size)]
        if self.broken is not None and start <= self.broken < start + len(lines):
            lines[self.broken - start] = lines[self.broken - start - 1]
        return b"".join(line + b"\n" for line in lines)

    async def post(self, did: str, address: str, path: str, body: bytes) -> bytes:
        raise NotImplementedError


async def test_a_leaf_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks again reads and places what is new, and nothing else; another process reads what is kept."""
    record, shown, store, placed = golden_record(), Shown(120), MemoryStore(), list[int]()
    place = Replica.place

    def counted(replica: Replica, leaf: Leaf) -> Placed:
        placed.append(replica.size)
        return place(replica, leaf)

    monkeypatch.setattr(Replica, "place", counted)
    reader = RecordReader(store, shown)
    name = record.replica.arrangement
    state, now, last = await reader.read(name, record.terms, "m1", NOW)
    assert placed == list(range(120))
    assert (now, last is not None) == (NOW, True)
    assert (await reader.read(name, record.terms, "m1", NOW))[0] is state
    assert len(placed) == 120
    shown.size = 150
    await reader.read(name, record.terms, "m1", NOW)
    assert placed == list(range(150))
    assert await store.leaves(name, 0) == record.leaves[:150]
    again = await RecordReader(store, shown).read(name, record.terms, "m1", NOW)
    assert again == await reader.read(name, record.terms, "m1", NOW)
    assert shown.asked.count(0) == 1


async def test_what_does_not_hold_is_neither_kept_nor_believed() -> None:
    """The leaves before it of the same answer may be placed already: they are read anew."""
    record, shown, store = golden_record(), Shown(120, broken=70), MemoryStore()
    reader, name = RecordReader(store, shown), record.replica.arrangement
    for _ in range(2):
        with pytest.raises(Refused, match="does not hold") as refused:
            await reader.read(name, record.terms, "m1", NOW)
        assert refused.value.place == "leaf 70"
    assert await store.leaves(name, 0) == record.leaves[:50]
    assert max(shown.asked) == 50  # nothing is asked for beyond what is verified
    shown.broken = None
    assert (await reader.read(name, record.terms, "m1", NOW))[2] is not None
    assert await store.leaves(name, 0) == record.leaves[:120]


async def test_nodes_that_do_not_answer_take_nothing_away() -> None:
    """What was read stays, and is read on from when one answers again."""
    record, shown, store = golden_record(), Shown(60), MemoryStore()
    reader, name = RecordReader(store, shown), record.replica.arrangement
    await reader.read(name, record.terms, "m1", NOW)
    shown.down = True
    with pytest.raises(Unavailable, match="nobody is there"):
        await reader.read(name, record.terms, "m1", NOW)
    shown.down, shown.size = False, 90
    await reader.read(name, record.terms, "m1", NOW)
    assert await store.leaves(name, 0) == record.leaves[:90]
    assert min(shown.asked[2:]) >= 50
