"""What is asked by no record: proposals and drafts, each told once; strangers make nobody's mail."""

from __future__ import annotations

from pathlib import Path

from armslength.engine.approvals import Approvals
from armslength.notify.door import SELDOM_S, Door
from armslength.notify.notification import Notification
from armslength.ports import Batch
from tests.engine.test_proposals import other
from tests.sim.harness import World
from tests.sim.script import begin
from tests.sim.virtual import play

NOON = 1785585600


def test_proposals_are_told_once_and_strangers_are_counted(tmp_path: Path) -> None:
    """A counterparty's by its title; of strangers' that there are some, and that seldom."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            node = world.nodes["B"].running.node
            store, approvals = (
                world.nodes["B"].store,
                await Approvals.opened(world.nodes["B"].store, world.nodes["B"].running.clock),
            )
            door = Door(store, node.repository, node.proposals, approvals)

            async def look(now: int) -> list[Notification]:
                said, puts = await door.look(now)
                await store.commit(Batch(puts=puts))
                return said

            assert await look(NOON) == []
            _, proposal = other(world)
            await node.proposals.receive(proposal, world.terms.actors["A"].did or "")
            (said,) = await look(NOON)
            assert said.title == "The other terms"
            assert said.event == "sign"
            assert await look(NOON + 60) == []
            assert await Door(store, node.repository, node.proposals, approvals).look(NOON) == ([], [])

            for number in range(3):
                _, strange = other(world, f"BUY NOW {number}")
                await node.proposals.receive(strange, f"did:web:s{number}.example")
            (said,) = await look(NOON + 60)
            assert "3 arrangements" in said.text
            assert "BUY" not in said.text
            _, strange = other(world, "BUY NOW 4")
            await node.proposals.receive(strange, "did:web:s4.example")
            assert await look(NOON + 3600) == []
            (said,) = await look(NOON + 60 + SELDOM_S)
            assert "4 arrangements" in said.text
            assert await look(NOON + 10 * SELDOM_S) == []

    play(story())
