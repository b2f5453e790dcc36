"""The golden scenario between whole nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.script import FILES, begin, perform
from tests.sim.virtual import play

pytestmark = pytest.mark.slow("every node signs, sends and stores the whole golden scenario")


def test_whole(tmp_path: Path) -> None:
    """The whole script leads to the script's states on every node, to one root, and to six files."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(76))
            verdict = await world.check()
            assert verdict.replica is not None
            assert verdict.replica.state.shown == "COMPLETED"
            for tranche, content in FILES.items():
                assert await world.received(tranche) == content

    play(story())
