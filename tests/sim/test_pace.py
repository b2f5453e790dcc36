"""How soon what was said is sealed."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest
from armslength.engine.keeper import QUIET_S
from armslength.engine.node import LOOK_S
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World
from tests.sim.virtual import play

FALSE = Attest(claim="k2", period=0, value=False)


def test_a_turn_that_takes_a_while_delays_no_seal(tmp_path: Path) -> None:
    """Where the wait for further entries runs out during a turn, the seal comes with the next turn, at once."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            await world.rest()
            keeper = world.nodes["m5"]
            true = keeper.running.node.tranches.turn

            async def long(*arguments: Any) -> Any:
                await asyncio.sleep(1.2 * QUIET_S)
                return await true(*arguments)

            keeper.running.node.tranches.turn = long  # type: ignore[method-assign]
            live = await keeper.live()
            sealed = live.record.sealed.size
            await world.monitor("m1").say(world.arrangement, [FALSE], ())
            said = asyncio.get_running_loop().time()
            while live.record.sealed.size == sealed:
                await asyncio.sleep(0.001)
            assert asyncio.get_running_loop().time() - said < LOOK_S / 2

    play(story())


def test_large_terms_are_checked_beside_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking what others propose may take long: it never runs in the node's own loop, and one at a time."""
    threads, running = list[int](), list[int]()

    def slow(*_: object) -> list[Any]:
        threads.append(threading.get_ident())
        running.append(1)
        assert len(running) == 1
        time.sleep(0.01)
        running.pop()
        return []

    async def work() -> None:
        async with World(tmp_path) as world:
            monkeypatch.setattr("armslength.analysis.check.check_well_formed", slow)
            proposals = world.nodes["A"].running.node.proposals
            await asyncio.gather(*(proposals.propose(world.proposal) for _ in range(3)))

    asyncio.run(work())
    assert len(threads) == 3
    assert threading.get_ident() not in threads
