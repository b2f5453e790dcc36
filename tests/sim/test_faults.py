"""The same script on bad networks, with partitions, and with nodes that die at random moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from armslength.ports import Store
from armslength.store.sqlite import SqliteStore
from tests.golden.terms import at
from tests.sim.harness import NODES, World, shown, world_terms
from tests.sim.network import Network
from tests.sim.script import FILES, begin, perform
from tests.sim.virtual import play

BAD = {"lost": 0.05, "answer lost": 0.05, "twice": 0.1, "slow": 0.1, "broken": 0.3}
END = at(2, 1)


@pytest.mark.parametrize(("seed", "keeper"), [(1, "m5"), (2, "m5"), (3, "A"), (4, "B")])
def test_bad_network(tmp_path: Path, seed: int, keeper: str) -> None:
    """Loss, repeats, delay and disorder change no state."""

    async def story() -> None:
        network = Network(seed, dict(BAD))
        async with World(tmp_path, world_terms(keeper), network=network) as world:
            await begin(world)
            await perform(world, END)
            network.calm()
            await world.rest()
            await world.check()
            assert await world.received("T1") == FILES["T1"]
        assert set(network.happened) >= BAD.keys() - {"broken"}

    play(story())


@pytest.mark.parametrize("cut", ["A", "B", "m5"])
def test_partition(tmp_path: Path, cut: str) -> None:
    """Who is cut off makes nobody late: what was said meanwhile is placed afterwards, and the states are the same."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            world.network.apart = {cut}
            healing = asyncio.create_task(_heal(world, 30))
            await perform(world, END)
            await healing
            await world.check()

    play(story())


async def _heal(world: World, after: float) -> None:
    await asyncio.sleep(after)
    world.network.apart = set()


async def _trouble(world: World, random: Random, lives: list[str]) -> None:
    """Crashes at random moments, of one node or of several at once, each back after a while."""
    while len(lives) < 25:
        await asyncio.sleep(random.choice([0.001, 0.01, 0.1]) * random.uniform(0.5, 10))
        victims = random.sample(NODES, random.choice([1, 1, 1, 2, 3]))
        for name in victims:
            await world.nodes[name].crash()
        lives += victims
        await asyncio.sleep(random.uniform(0, 2))
        for name in victims:
            await world.nodes[name].start()


def _sqlite(path: Path) -> Store:
    return SqliteStore.open(path)


@pytest.mark.parametrize(
    ("seed", "keeper", "store"), [(1, "m5", None), (2, "A", None), (3, "m5", _sqlite), (4, "B", None), (5, "m5", None)]
)
def test_crashes(tmp_path: Path, seed: int, keeper: str, store: Callable[[Path], Store] | None) -> None:
    """Nodes that die at any moment lose nothing that they have answered, and never sign two entries with one number
    (rule 6.3a)."""
    lives: list[str] = []

    async def story() -> None:
        random = Random(seed)
        async with World(tmp_path, world_terms(keeper), network=Network(seed, {"lost": 0.02}), store=store) as world:
            await world.clock(at(-3))
            trouble = asyncio.create_task(_trouble(world, random, lives))
            await begin(world)
            await perform(world, END)
            trouble.cancel()
            await asyncio.gather(trouble, return_exceptions=True)
            for node in world.nodes.values():
                if not node.host.is_up:
                    await node.start()
            await world.rest()
            await world.check()
            assert await world.received("T1") == FILES["T1"]
            assert shown(await world.state())["T1"] == "SETTLED"

    play(story())
    assert lives
