"""A peer that cannot be reached costs one attempt now and then, however many arrangements wait for it."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Attest, Sign, Withdraw
from armslength.core.canonical import digest
from armslength.engine import repository
from armslength.errors import Unavailable
from armslength.wire.own import BASE, Proposal
from armslength.wire.terms_json import encode_terms
from tests.record_builder import clause_texts
from tests.sim.evil import begun
from tests.sim.harness import World
from tests.sim.virtual import play

MANY = 10


async def _many(world: World) -> list[str]:
    """Arrangements between the same three, signed and sealed."""
    await begun(world, publish=False)
    found = []
    for number in range(MANY):
        document = encode_terms(dataclasses.replace(world.terms, title=f"number {number}")).decode()
        found.append(digest(document.encode()))
        await world.propose(Proposal(document=document, texts=clause_texts()))
        await world.engage("B", "m5", arrangement=found[-1])
        for party in ("A", "B"):
            node = world.nodes[party].running.node
            await node.writer.say(await node.repository.open(found[-1]), [Sign()])
    await asyncio.sleep(30)
    return found


async def _says(world: World, who: str, arrangements: list[str]) -> None:
    node = world.nodes[who].running.node
    for name in arrangements:
        await node.writer.say(await node.repository.open(name), [Withdraw()])


async def _sizes(world: World, name: str, arrangements: list[str]) -> list[int]:
    opened = world.nodes[name].running.node.repository
    return [(await opened.open(each)).record.sealed.size for each in arrangements]


def _counted(world: World, sender: str, whom: str, asked: list[float]) -> Any:
    """A patch: when `sender` asks `whom` something about a record."""
    carry, address = world.network.carry, world.nodes[whom].config.address + BASE

    async def counted(by: str, method: str, url: str, body: bytes, headers: Any) -> Any:
        if by == sender and url.startswith(address) and "/own/" not in url:
            asked.append(asyncio.get_running_loop().time())
        return await carry(by, method, url, body, headers)

    return patch.object(world.network, "carry", counted)


def _stuck(world: World, whom: str) -> Any:
    """A patch: `whom` takes connections, and answers nothing."""

    async def stuck(*asked: Any) -> Any:
        await asyncio.sleep(30)
        raise Unavailable("timeout", "did not answer in time")

    return patch.object(world.nodes[whom].host, "answer", stuck)


@pytest.mark.parametrize("again", [False, True])
def test_a_party_that_is_away_costs_the_keeper_one_attempt_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Its seals wait in many arrangements, none of which stays open; it is told in `status` once; and when it is back,
    everything reaches it within seconds, also where the keeper was started anew meanwhile (rules 11.2c, 11.3a)."""
    monkeypatch.setattr(repository, "KEPT_OPEN", 0)

    async def story() -> None:
        async with World(tmp_path) as world:
            many, asked = await _many(world), list[float]()
            node = world.nodes["m5"]
            before = await _sizes(world, "B", many)
            await world.nodes["B"].crash()
            await _says(world, "A", many)
            await asyncio.sleep(60)
            if again:
                await node.crash()
                await node.start()
                await asyncio.sleep(60)
            with _counted(world, "m5", "B", asked):
                turns = node.running.node.turns
                await asyncio.sleep(600)
            assert 8 <= len(asked) <= 40
            assert node.running.node.turns - turns < 20 * len(asked)
            assert len(node.running.node.repository._open) <= 1
            view = await node.manage("view", arrangement=many[0])
            told = [each for each in view["troubles"] if each["what"] == "what is sent to its node"]
            assert [(each["whom"], each["arrangement"]) for each in told] == [(world.nodes["B"].config.did, "")]
            await world.nodes["B"].start()
            await asyncio.sleep(10)
            assert all(size > old for size, old in zip(await _sizes(world, "B", many), before, strict=True))
            assert await _sizes(world, "B", many) == await _sizes(world, "m5", many)
            await asyncio.sleep(30)
            assert not node.running.node.repository.schedule.unfinished()
            assert not node.running.node.repository.schedule.waited_for()

    play(story())


def test_a_keeper_that_is_away_costs_a_party_one_attempt_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has written waits in many arrangements; all of it is sent within seconds once the keeper is back."""
    monkeypatch.setattr(repository, "KEPT_OPEN", 0)

    async def story() -> None:
        async with World(tmp_path) as world:
            many, asked = await _many(world), list[float]()
            node = world.nodes["A"]
            await world.nodes["m5"].crash()
            await _says(world, "A", many)
            await asyncio.sleep(120)
            with _counted(world, "A", "m5", asked):
                await asyncio.sleep(600)
            assert 8 <= len(asked) <= 40
            assert len(node.running.node.repository._open) <= 1
            await world.nodes["m5"].start()
            await asyncio.sleep(15)
            for name in many:
                live = await world.nodes["B"].running.node.repository.open(name)
                assert live.record.sealed.state.arrangement.withdrawals

    play(story())


def test_what_is_said_meanwhile_and_what_is_due_does_not_wait(tmp_path: Path) -> None:
    """An arrangement that waits for a party goes on with the others: a new entry is sealed at once."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            keeper = world.nodes["m5"]
            await world.nodes["B"].crash()
            await world.say("A", Withdraw())
            await asyncio.sleep(60)
            assert keeper.running.node.repository.schedule.waited_for() == [world.nodes["B"].config.did]
            assert world.arrangement not in keeper.running.node._working
            size = (await keeper.live()).record.sealed.size
            await world.say("m1", Attest(claim="k2", period=0, value=False))
            await asyncio.sleep(3)
            assert (await keeper.live()).record.sealed.size > size

    play(story())


def test_one_answer_that_is_refused_silences_no_other_arrangement(tmp_path: Path) -> None:
    """Only what keeps the node as a whole from being reached is shared."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            live = await world.nodes["m5"].live()
            pause = live.backoffs.of("B")
            pause.fail(Unavailable("restored", "it says nothing yet"))
            assert (pause.is_over, pause.is_silent) == (False, False)
            pause.fail(Unavailable("unreachable", "nobody there"))
            pause.fail(Unavailable("unreachable", "nobody there"))  # another arrangement's, at the same moment
            assert pause.is_silent
            assert pause.left <= 1
            assert live.backoffs.answered("B")
            assert pause.is_over

    play(story())


def test_a_party_that_takes_connections_and_answers_nothing_is_tried_in_one_arrangement_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stuck as a whole: as of one that is away, all arrangements find out together (rules 11.2c, 11.3a)."""
    monkeypatch.setattr(repository, "KEPT_OPEN", 0)

    async def story() -> None:
        async with World(tmp_path) as world:
            many, asked = await _many(world), list[float]()
            node = world.nodes["m5"]
            before = await _sizes(world, "B", many)
            with _stuck(world, "B"):
                await _says(world, "A", many)
                await asyncio.sleep(120)
                with _counted(world, "m5", "B", asked):
                    await asyncio.sleep(600)
                view = await node.manage("view", arrangement=many[0])
            assert 6 <= len(asked) <= 40
            told = [each for each in view["troubles"] if each["what"] == "what is sent to its node"]
            assert [each["reason"] for each in told if each["whom"] == world.nodes["B"].config.did] == [
                "takes connections, and answers nothing"
            ]
            await asyncio.sleep(120)
            assert all(size > old for size, old in zip(await _sizes(world, "B", many), before, strict=True))

    play(story())


def test_a_party_that_is_slow_in_one_arrangement_is_left_alone_in_that_one(tmp_path: Path) -> None:
    """Whoever has answered something meanwhile is not stuck as a whole."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            pause = (await world.nodes["m5"].live()).backoffs.of("B")
            pause.late("it is slow", 4.0)
            assert (pause.is_over, pause.is_silent) == (False, False)
            await asyncio.sleep(3)
            pause.heard()
            pause.late("it is slow", 4.0)
            assert not pause.is_silent
            await asyncio.sleep(3)
            pause.late("it is slow", 1.0)
            assert pause.is_silent

    play(story())
