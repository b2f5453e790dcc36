"""Statements that are refused again and again: nobody is kept from saying the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Attest
from armslength.engine.journal import AT_ONCE
from armslength.errors import Refused
from armslength.net.client import HttpReply
from armslength.wire import dsp
from armslength.wire.record import decode_leaf
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World
from tests.sim.virtual import play

GOOD = Attest(claim="k1a", period=0, value=True)


@pytest.mark.slow("hundreds of statements, each signed, sent, judged and refused by whole nodes")
@pytest.mark.parametrize("batch", [1, 150])
def test_after_200_refused_statements_a_good_one_is_placed(tmp_path: Path, batch: int) -> None:
    """A monitor that is refused hundreds of times in a row, one by one or many at once, is placed when it is right."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            monitor = world.monitor("m1")
            for number in range(200 if batch == 1 else 4):
                early = [Attest(claim="k1a", period=(number + each) % 40 + 1, value=True) for each in range(batch)]
                said = (await monitor.say(world.arrangement, early, ())).said
                assert {each.status for each in said} == {"refused"}
                assert len(said) == batch
                if batch > 1:
                    await world.rest()
            await world.rest()
            await world.clock(at(1, 1))
            (said_now,) = (await monitor.say(world.arrangement, [GOOD], ())).said
            assert said_now.status == "placed"
            await world.rest()
            assert (await world.state()).claims["k1a"].open["0"].keys() == {"m1"}
            await world.check()
            leaves = [decode_leaf(line) for line in await world.nodes["B"].store.leaves(world.arrangement, 0)]
            kinds = [leaf.entry.type for leaf in leaves if leaf.entry.author == "m1"]
            assert kinds[-1] == "attest"
            assert 1 <= kinds.count("evidence") <= 10

    play(story())


def test_too_much_at_once_is_refused_before_it_is_stored(tmp_path: Path) -> None:
    """More statements than may wait, or one that is too large, are turned away as a whole; the next one is not."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            monitor = world.monitor("m1")
            with pytest.raises(Refused, match="at most 200"):
                await monitor.say(world.arrangement, [GOOD] * (AT_ONCE + 1), ())
            (said,) = (await monitor.say(world.arrangement, [GOOD], ())).said
            assert said.status == "placed"

    play(story())


def test_a_transfer_that_is_refused_again_and_again_is_told_and_waited_for_no_more(tmp_path: Path) -> None:
    """The provider's node refuses every request: at first its counterpart waits, then it is idle, and its owner reads
    what is refused by whom. It goes on asking: once the provider takes a request, everything goes its way."""

    async def story() -> None:
        async with World(tmp_path) as world:
            answer, asked = world.nodes["A"].host.answer, list[str]()

            async def refusing(method: str, url: str, body: bytes, headers: Any) -> HttpReply:
                if url.endswith("/transfers/request"):
                    asked.append(url)
                    return HttpReply(400, {}, dsp.write_error("TransferError", "x", ["not to you"], ("c", "p")))
                return await answer(method, url, body, headers)

            node = world.nodes["B"].running.node
            with patch.object(world.nodes["A"].host, "answer", refusing):
                await world.clock(at(-3))
                await world.agree()
                await asyncio.sleep(2)
                live = await world.nodes["B"].live()
                assert "request of " in (await node.pending_work(live) or "")
                await world.rest()
                assert len(asked) >= 5
                told = [each for each in node.troubles(live) if each.what == "the transfer of T1"]
                assert ["not to you" in each.reason for each in told] == [True]
            await asyncio.sleep(600)
            await world.publish("T1", b"as agreed" * 10)
            await world.clock(at(0))
            await world.rest()
            assert (await world.state()).tranches["T1"].stage == "SETTLED"

    play(story())
