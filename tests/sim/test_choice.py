"""A monitor without a node, and terms that take the place of others: of which it speaks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import Attest
from armslength.core.canonical import digest
from armslength.errors import Misuse, Unavailable
from armslength.wire.own import Proposal
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import NODES, World
from tests.sim.virtual import play

FALSE = Attest(claim="k2", period=0, value=False)


async def _counter(world: World, replaces: str | None, *whom: str) -> str:
    """Other terms that A proposes, in which A is engaged, and others (the keeper, if none is named); their hash."""
    terms = dataclasses.replace(world.terms, title="The other terms")
    document = encode_terms(terms)
    proposal = Proposal(document=document.decode(), texts=world.proposal.texts, replaces=replaces)
    await world.propose(proposal)
    await world.engage(*(whom or (world.terms.keeper,)), arrangement=digest(document))
    return digest(document)


def test_a_monitor_follows_a_counter_proposal_until_it_has_spoken(tmp_path: Path) -> None:
    """What it has learned first it does not speak of for ever: without a hash it learns again, and what was replaced is
    left. Once a statement of its own stands, no proposal of others takes it elsewhere (rule 10.1c)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            monitor = world.monitor("m1")
            assert digest((await monitor.arrangement("")).document.encode()) == world.arrangement
            other = await _counter(world, replaces=world.arrangement)
            assert digest((await monitor.arrangement("")).document.encode()) == other
            assert [said.status for said in (await monitor.say(world.arrangement[:12], [FALSE])).said] == ["placed"]
            await world.rest()
            assert not (await monitor.say(world.arrangement, [])).said  # and sees the seal
            assert digest((await monitor.arrangement("")).document.encode()) == world.arrangement

    play(story())


def test_no_node_decides_alone_what_a_new_monitor_learns(tmp_path: Path) -> None:
    """Those who are asked later are engaged in other terms beside the keeper's: a monitor that knows nothing yet is
    shown both, and signs nothing; a node that is down hides nothing."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            other = await _counter(world, None, "B")
            for down in ((), ("B",)):
                for name in down:
                    await world.nodes[name].crash()
                with pytest.raises(Misuse) as caught:
                    await world.monitor("m1").say("", [FALSE])
                for words in (world.arrangement[:12], other[:12]):
                    assert words in caught.value.reason
                del world._monitors["m1"]  # and with it what it has learned

    play(story())


def test_a_monitor_asks_which_of_two_arrangements(tmp_path: Path) -> None:
    """Terms that replace nothing are another arrangement: the monitor is told of both, and signs nothing."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            monitor = world.monitor("m1")
            assert [said.status for said in (await monitor.say("", [FALSE])).said] == ["placed"]
            other = await _counter(world, replaces=None)
            with pytest.raises(Misuse) as caught:
                await monitor.say("", [FALSE])
            for words in (world.arrangement[:12], other[:12], "(The other terms)"):
                assert words in caught.value.reason

    play(story())


def test_a_monitor_that_cannot_ask_again_goes_on_with_what_it_knows(tmp_path: Path) -> None:
    """Nodes that do not answer take from a monitor nothing that it has learned."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            monitor = world.monitor("m1")
            known = await monitor.arrangement("")
            world.network.apart |= set(NODES)
            assert await monitor.arrangement("") == known
            fresh = world.monitor("m2")
            with pytest.raises(Unavailable):
                await fresh.arrangement("")

    play(story())
