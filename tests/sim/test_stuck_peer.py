"""A peer that takes every request and answers late, or never, delays nobody but itself."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Attest, Sign
from armslength.core.canonical import digest
from armslength.engine.repository import LiveArrangement
from armslength.wire.own import Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.record_builder import clause_texts
from tests.sim.evil import begun
from tests.sim.harness import SimNode, World
from tests.sim.virtual import play

NEVER = 10_000_000.0
FALSE = Attest(claim="k2", period=0, value=False)


def slow(node: SimNode, delay: float, about: str = "") -> Any:
    """Let a node answer whatever speaks of `about` after `delay` seconds only."""
    answer = node.host.answer

    async def late(method: str, url: str, body: bytes, headers: Any) -> Any:
        if about in url:
            await asyncio.sleep(delay)
        return await answer(method, url, body, headers)

    return patch.object(node.host, "answer", late)


async def took(within: float, done: Callable[[], bool]) -> float:
    """How long it took until this was so; fails if it takes longer than `within`."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not done():
        assert loop.time() - start < within, "too slow"
        await asyncio.sleep(0.01)
    return loop.time() - start


async def another(world: World, title: str) -> str:
    """A second arrangement between the same nodes, signed by nobody yet."""
    terms = dataclasses.replace(world.terms, title=title)
    proposal = Proposal(document=encode_terms(terms).decode(), texts=clause_texts())
    assert await world.propose(proposal)
    found = digest(proposal.document.encode())
    await world.engage("B", "m5", arrangement=found)
    return found


async def at_node(world: World, name: str, arrangement: str) -> LiveArrangement:
    """An arrangement at a node."""
    return await world.nodes[name].running.node.repository.open(arrangement)


@pytest.mark.parametrize("delay", [14.0, NEVER])
def test_one_arrangement_s_stuck_peer_leaves_the_others_alone(tmp_path: Path, delay: float) -> None:
    """While a party is stuck in one arrangement, another of the same keeper is signed and sealed as ever."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            second = await another(world, "A second one")
            keeper = await at_node(world, "m5", second)
            with slow(world.nodes["B"], delay, world.arrangement):
                await world.say("m1", FALSE)
                await asyncio.sleep(0.5)
                for party in ("A", "B"):
                    node = world.nodes[party].running.node
                    await node.writer.say(await at_node(world, party, second), [Sign()])
                await took(3, lambda: keeper.record.sealed.state.arrangement.phase == "EFFECTIVE")

    play(story())


@pytest.mark.parametrize("delay", [14.0, NEVER])
def test_a_stuck_follower_does_not_hold_up_seals(tmp_path: Path, delay: float) -> None:
    """With a party that never answers the others seal what is said, again and again; afterwards it catches up."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            keeper = await world.nodes["m5"].live()
            with slow(world.nodes["B"], delay):
                for monitor in ("m1", "m2", "m3"):
                    size = keeper.record.sealed.size
                    await world.say(monitor, FALSE)
                    await took(3, lambda size=size: keeper.record.sealed.size > size)  # type: ignore[misc]
            await world.rest()
            await world.check()

    play(story())


def test_heads_are_compared_beside_the_turn(tmp_path: Path) -> None:
    """A timekeeper that shows no head keeps the key back, and nothing else of that provider."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            with slow(world.nodes["B"], NEVER, "/cosigned/"):
                await world.publish("T1", b"invented" * 100)
                party = await world.nodes["A"].live()
                await took(60, lambda: party.record.sealed.state.tranches["T1"].stage == "RELEASED")
                await asyncio.sleep(1)
                second = await another(world, "A second one")
                node = world.nodes["A"].running.node
                before = party.record.sealed.size
                await world.say("m1", FALSE)
                await took(3, lambda: party.record.sealed.size > before)
                await node.writer.say(await at_node(world, "A", second), [Sign()])
                await took(3, lambda: node.repository._open[second].record.sealed.size > 0)
                assert party.record.sealed.state.tranches["T1"].key_at is None
            await world.clock(at(0, 1))
            await world.rest()
            assert (await world.state()).tranches["T1"].stage == "SETTLED"

    play(story())
