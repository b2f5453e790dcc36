"""A node in which nothing is to be done does nothing; and what is due, or comes, it does not miss for that."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest, Sign
from armslength.core.canonical import digest
from armslength.engine import repository
from armslength.engine.name_index import NAMED
from armslength.engine.repository import INDEX, Repository
from armslength.engine.schedule import SCHEDULE
from armslength.ports import Batch
from armslength.store.memory import MemoryStore
from armslength.wire.own import Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.evil import begun
from tests.sim.harness import NODES, World, world_terms
from tests.sim.script import begin, perform
from tests.sim.virtual import play

HOURS = 3600
CALM = 60  # seconds after which nothing is left to do


class Counting(MemoryStore):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    def __getattribute__(self, name: str) -> Any:
        if name in {"get", "find", "leaves", "due", "commit"}:
            self.asked[name] += 1
        return super().__getattribute__(name)


async def crash_and_start(world: World, *whom: str) -> None:
    """Another life of these nodes, or of all."""
    for name in whom or NODES:
        await world.nodes[name].crash()
        await world.nodes[name].start()


def test_an_idle_node_does_nothing(tmp_path: Path) -> None:
    """Over ten hours no arrangement is looked at, and the store is asked nothing; nor is it after a restart
    (rules 2.5c, 11.2c)."""

    async def story() -> None:
        async with World(tmp_path, store=lambda _: Counting()) as world:
            await begun(world, publish=False)
            for life in range(2):
                await asyncio.sleep(CALM)
                nodes: list[Any] = [world.nodes[name] for name in NODES]
                before = [(node.running.node.turns, dict(node.store.asked)) for node in nodes]
                assert all((turns == 0) == (life > 0) for turns, _ in before)
                await asyncio.sleep(10 * HOURS)
                assert [(node.running.node.turns, dict(node.store.asked)) for node in nodes] == before
                await crash_and_start(world)
            await world.clock(at(0, 2))  # the cure of nothing: still everything works
            await world.rest()

    play(story())


def test_everything_works_with_nothing_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an arrangement is closed as soon as nobody holds it, and nodes start anew, the script ends the same."""
    monkeypatch.setattr(repository, "KEPT_OPEN", 0)

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(7, 1))
            await asyncio.sleep(CALM)
            for name in NODES:
                assert not world.nodes[name].running.node.repository._open
            await crash_and_start(world)
            await asyncio.sleep(CALM)
            await world.clock(at(9, 2))  # T2's release is late, though nobody says a word
            await world.rest()
            assert (await world.state()).duties["T2.release"].state == "OVERDUE"
            await world.check()

    play(story())


def test_opening_replays_from_the_last_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the record is, no more leaves are read than lie behind a snapshot (rule 11.2b)."""
    monkeypatch.setattr(repository, "SNAPSHOT_EVERY", 16)
    monkeypatch.setattr(repository, "LEAF_BYTES", 2**30)
    read: list[int] = []

    class Read(MemoryStore):
        async def leaves(self, arrangement: str, start: int, stop: int | None = None) -> list[bytes]:
            found = await super().leaves(arrangement, start, stop)
            read.append(len(found))
            return found

    async def story() -> None:
        async with World(tmp_path, store=lambda _: Read()) as world:
            await begin(world)
            await perform(world, at(4))
            await world.rest()
            size = (await world.nodes["B"].live()).record.sealed.size
            await world.nodes["B"].crash()
            await world.nodes["B"].start()
            read.clear()
            assert (await world.nodes["B"].live()).record.sealed.size == size > 64
            assert max(read) < 32  # those of one seal beside the 16

    play(story())


@pytest.mark.parametrize("leap", [False, True])
def test_deadlines_by_the_machine_s_clock_fire(tmp_path: Path, leap: bool) -> None:
    """A keeper that has started anew, and looks at nothing, seals when the arrangement starts; soon where the clocks of
    all machines leap past that."""

    async def story() -> None:
        world = World(tmp_path, world_terms(clock="utc"))
        world.dawn = float(at(-3))
        async with world:
            await world.agree()
            await world.rest()
            await asyncio.sleep(CALM)
            await crash_and_start(world)
            await asyncio.sleep(CALM)
            assert world.nodes["m5"].running.node.turns == 0
            if leap:
                for node in world.nodes.values():
                    node.skew += at(0, 0, 1) - node.clock()
                await asyncio.sleep(CALM)
            else:
                await asyncio.sleep(at(0, 0, 1) - world.nodes["m5"].clock())
            for name in NODES:
                assert (await world.state(name)).shown == "EFFECTIVE"
            assert world.nodes["m5"].running.node.turns < 30

    play(story())


def test_a_message_opens_one_arrangement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many, an attestation opens the one that it is about, at each node; and the owner's look at one opens one."""
    opened: list[tuple[str, str]] = []
    load = Repository._load

    async def counted(self: Repository, arrangement: str) -> Any:
        opened.append((self.did, arrangement))
        return await load(self, arrangement)

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            for number in range(12):
                document = encode_terms(dataclasses.replace(world.terms, title=f"number {number}")).decode()
                name = digest(document.encode())
                await world.propose(Proposal(document=document, texts=clause_texts()))
                await world.engage("B", "m5", arrangement=name)
                for party in ("A", "B"):
                    node = world.nodes[party].running.node
                    await node.writer.say(await node.repository.open(name), [Sign()])
            await asyncio.sleep(CALM)
            await crash_and_start(world)
            await asyncio.sleep(CALM)
            assert len(world.nodes["m5"].running.node.repository.schedule) == 13
            monkeypatch.setattr(Repository, "_load", counted)
            await world.clock(at(0, 2))
            await world.rest()
            opened.clear()
            await crash_and_start(world)
            await asyncio.sleep(CALM)
            assert opened == []
            await world.monitor("m1").say(world.arrangement, [Attest(claim="k2", period=0, value=False)], ())
            await world.rest()
            assert {name for _, name in opened} == {world.arrangement}
            assert len(opened) == len(set(opened)) == len(NODES)
            opened.clear()
            await crash_and_start(world, "A")
            view = await world.nodes["A"].manage("view", arrangement=world.arrangement[:20])
            assert view["arrangements"] == 13
            assert len(view["others"]) >= 10
            assert [name for _, name in opened] == [world.arrangement]

    play(story())


def test_a_database_without_indexes_gets_them(tmp_path: Path) -> None:
    """What an earlier version has written is looked at once, and found by whom it names."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await asyncio.sleep(CALM)
            node = world.nodes["m5"]
            await node.crash()
            rows = [row for kind in (SCHEDULE, NAMED, INDEX) for row in await node.store.find(kind)]
            assert await node.store.commit(Batch(deletes=[(row.kind, row.key) for row in rows]))
            await node.start()
            await asyncio.sleep(CALM)
            assert node.running.node.turns > 0
            after = [row for kind in (SCHEDULE, NAMED, INDEX) for row in await node.store.find(kind)]
            assert [(row.key, row.body) for row in after] == [(row.key, row.body) for row in rows]

    play(story())
