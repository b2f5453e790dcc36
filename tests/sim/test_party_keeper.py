"""A party keeps the record, and the neutral body is a timekeeper like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.terms import at
from tests.sim.harness import World, shown, world_terms
from tests.sim.script import FILES, begin, perform
from tests.sim.virtual import play


@pytest.mark.parametrize("keeper", ["A", "B"])
def test_late_release_and_excuse(tmp_path: Path, keeper: str) -> None:
    """The script's first ten days: T1 settled, T2 late and cured, the notified flight excused; all nodes agree."""

    async def story() -> None:
        async with World(tmp_path, world_terms(keeper)) as world:
            await begin(world)
            await perform(world, at(10, 1))
            state = shown(await world.state())
            assert (state["T2"], state["T2.release"], state["C2"]) == ("SETTLED", "CURED", "ACTIVE")
            assert await world.received("T2") == FILES["T2"]
            verdict = await world.check()
            assert verdict.terms is not None
            assert verdict.terms.keeper == keeper

    play(story())
