"""A machine's clock that leaps: the leap never enters what a node has stored, and stops the record no longer than it
lasts; where all clocks say the same, it is followed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import Attest, Notice
from tests.golden.terms import at
from tests.sim.evil import entry, signed, submit
from tests.sim.harness import World, world_terms
from tests.sim.script import FILES
from tests.sim.virtual import play

DAY = 86400.0
BEFORE = 30.0  # seconds of the world before D


async def _begun(world: World) -> None:
    """Real time; signed and EFFECTIVE at D."""
    world.dawn = at(0) - BEFORE
    await world.agree()
    await world.publish("T1", FILES["T1"])
    await asyncio.sleep(60)
    await world.rest()
    assert (await world.state()).arrangement.phase == "EFFECTIVE"


def _notice(day: int) -> Notice:
    return Notice(claim="k2", start=at(day, 9), end=at(day, 12), text="a flight")


async def _is_sealed_soon(world: World, day: int, within: float = 15) -> None:
    """B says something, and all have it under a seal."""
    (said,) = await world.say("B", _notice(day))

    async def sealed() -> bool:
        return all([(await n.live()).record.sealed.index_of(said.entry) is not None for n in world.nodes.values()])

    await world.until(f"notice {day} is sealed", sealed, within)


def _world(folder: Path) -> World:
    world = World(folder, world_terms(clock="utc"))
    world.dawn = at(0) - BEFORE
    return world


@pytest.mark.parametrize("leap", [DAY, -DAY, 300.0])
@pytest.mark.parametrize("name", ["m5", "A", "B"])
def test_one_clock_leaps_for_a_while(tmp_path: Path, name: str, leap: float) -> None:
    """Keeper, timekeeper or author: the record goes on during the leap and after it, and times stay true
    (rule 11.4d)."""

    async def story() -> None:
        async with _world(tmp_path) as world:
            await _begun(world)
            node = world.nodes[name]
            await _is_sealed_soon(world, 9)
            node.skew = leap
            await _is_sealed_soon(world, 10)
            view = await node.manage("view", arrangement=world.arrangement)
            assert any(each["what"] == "our clock" for each in view["troubles"])
            node.skew = 0.0
            await _is_sealed_soon(world, 11)
            for each in world.nodes.values():
                true = world.dawn + asyncio.get_running_loop().time()
                assert (await each.live()).witness.time <= true + 60
            assert (await world.state()).clock.tau <= true + 60
            assert "our clock" not in [each.what for each in node.running.node.troubles(await node.live())]
            await world.check()

    play(story())


def test_times_that_were_given_never_decrease(tmp_path: Path) -> None:
    """A clock that is set back by less than a leap: the next stamp is no earlier than the last one (rule 2.1d)."""

    async def story() -> None:
        async with _world(tmp_path) as world:
            await _begun(world)
            times = []
            for monitor, skew in (("m1", 15.0), ("m2", 0.0)):
                world.nodes["A"].skew = skew
                made = await entry(world, monitor, Attest(claim="k1a", period=0, value=False))
                (answer,) = await submit(world, "A", signed(made))
                assert answer.stamp is not None
                times.append(answer.stamp.time)
            assert times[0] <= times[1]
            assert times[1] > world.dawn + asyncio.get_running_loop().time() + 5

    play(story())


@pytest.mark.parametrize("name", ["m5", "A"])
def test_a_node_that_starts_during_a_leap(tmp_path: Path, name: str) -> None:
    """It has nothing to compare its clock with but the others: it says nothing, and goes on when the leap is over."""

    async def story() -> None:
        async with _world(tmp_path) as world:
            await _begun(world)
            node = world.nodes[name]
            await node.crash()
            node.skew = DAY
            await node.start()
            node.running.node.repository.schedule.call(world.arrangement)  # else it has nothing to say, and asks nobody
            await asyncio.sleep(15)
            live = await node.live()
            assert live.silence is None or "clock is wrong: it is 86400 s ahead" in live.silence
            node.skew = 0.0
            await _is_sealed_soon(world, 9, 60)
            assert live.witness.time <= world.dawn + asyncio.get_running_loop().time() + 60
            await world.check()

    play(story())


def test_all_clocks_leap_together(tmp_path: Path) -> None:
    """Machines that slept for an hour agree that it is an hour later, and it is."""

    async def story() -> None:
        async with _world(tmp_path) as world:
            await _begun(world)
            await _is_sealed_soon(world, 9)
            for node in world.nodes.values():
                node.skew = 3600.0
            await _is_sealed_soon(world, 10, 60)
            await _is_sealed_soon(world, 11, 60)
            assert (await world.state()).clock.tau >= at(0, 1)
            await world.check()

    play(story())
