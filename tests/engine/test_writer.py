"""Writing statements of our own: what is judged, and against what."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from armslength.core.arrangement.bodies import Body, Notice, Withdraw
from armslength.core.arrangement.state import State
from armslength.core.arrangement.terms import Quorum
from armslength.engine.repository import LiveArrangement
from armslength.engine.writer import Writer
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World, world_terms
from tests.sim.virtual import play


def test_what_waits_is_counted_once(tmp_path: Path) -> None:
    """A statement is judged by the state after those that wait, and each of these is worked out once, however many
    follow; what the record brings meanwhile counts too."""

    async def story() -> None:
        terms = world_terms(timekeepers=Quorum(of=("A", "m5"), count=2, groups={}, including=()))
        async with World(tmp_path, terms) as world:
            await begun(world, publish=False)
            node, true = world.nodes["B"], Writer._applied
            writer, live = node.running.node.writer, await node.live()
            await world.nodes["m5"].crash()
            applied = list[Body]()

            def counted(self: Writer, live: LiveArrangement, state: State, body: Body, entry: str = "") -> State:
                applied.append(body)
                return true(self, live, state, body, entry)

            notices = [Notice(claim="k2", start=at(day), end=at(day, 2), text="") for day in range(4, 9)]
            with patch.object(Writer, "_applied", counted):
                for notice in notices:
                    (said,) = await writer.say(live, [notice])
                    assert said.status == "pending"
                assert len(applied) == 2 * len(notices) - 1  # each when it was judged, and once as one that waits
            await writer.say(live, [Withdraw()])
            assert await writer.write(live, Withdraw()) is not None  # by what waits it is not valid twice
            await world.nodes["m5"].start()
            await world.rest()
            assert (await world.state()).arrangement.withdrawals.keys() == {"B"}
            await writer.say(live, [Notice(claim="k2", start=at(9), end=at(9, 2), text="")])
            await world.rest()
            await world.check()

    play(story())
