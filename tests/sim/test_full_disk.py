"""A disk that fails for a while: nothing is promised that is not stored, and all goes on afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import Attest
from armslength.wire.own import BASE, encode_leaves
from tests.golden.terms import at
from tests.sim.evil import begun, code, entry, post, signed, submit
from tests.sim.harness import World
from tests.sim.virtual import play


@pytest.mark.parametrize("who", ["m5", "A"])
def test_answers_rest_on_the_store(tmp_path: Path, who: str) -> None:
    """A stamp is answered only once it is stored, also when the first attempt to store it failed (rule 8.1c)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            leaf = signed(await entry(world, "m1", Attest(claim="k1a", period=0, value=True)))
            node = world.nodes[who]
            before = len(await node.store.leaves(world.arrangement, 0))
            node.disk.full = True
            for _ in range(2):
                reply = await post(world, who, f"{BASE}/submit/{world.arrangement}", encode_leaves([leaf]))
                assert (reply.status, code(reply)) == (503, "store-failed")
            assert len(await node.store.leaves(world.arrangement, 0)) == before
            node.disk.full = False
            (answer,) = await submit(world, who, leaf)
            assert answer.stamp is not None
            assert len(await node.store.leaves(world.arrangement, 0)) == before + 1
            await world.rest()
            await world.check()

    play(story())
