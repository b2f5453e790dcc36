"""A transfer that the other side suspends stays so until that side resumes it, whatever the plan of the node says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from armslength.core.process import Role
from armslength.core.transfer import TransferState
from armslength.engine.contents import dataset_id
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.script import begin, perform
from tests.sim.virtual import play


def test_a_recipient_s_suspension_is_the_recipient_s_to_end(tmp_path: Path) -> None:
    """B suspends a running transfer: A's node waits, says who it was, and its token is dead; B resumes, and A's node
    gives it a new address."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(7, 1))
            a, b = (world.nodes[name].running for name in ("A", "B"))
            dataset = dataset_id(world.arrangement, "T2")
            ours = await b.exchange.transfer_for(dataset)
            assert ours is not None
            assert ours.state is TransferState.STARTED
            before = ours.data_address
            assert before is not None
            assert await a.access.authorise(f"{world.arrangement}.T2", before.authorization or "") is not None
            await b.exchange.suspend(ours.pid, "1", "our disk is full")
            await asyncio.sleep(600)
            theirs = await a.exchange.transfer_for(dataset)
            assert theirs is not None
            assert (theirs.state, theirs.suspended_by) == (TransferState.SUSPENDED, Role.CONSUMER)
            seen = await world.nodes["A"].manage("view", arrangement=world.arrangement)
            assert seen["suspended"] == {"T2": {"by": "B", "reason": "our disk is full"}}
            assert await a.access.authorise(f"{world.arrangement}.T2", before.authorization or "") is None
            await world.rest()
            await b.exchange.start(ours.pid)
            await asyncio.sleep(60)
            resumed = await b.exchange.transfer_for(dataset)
            assert resumed is not None
            assert resumed.state is TransferState.STARTED
            after = resumed.data_address
            assert after is not None
            assert after.authorization != before.authorization
            assert await a.access.authorise(f"{world.arrangement}.T2", after.authorization or "") is not None

    play(story())
