"""What a node does of itself when its acts do not get through."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest

from armslength.core.arrangement.bodies import Release
from armslength.engine import hand as hands
from armslength.engine.acts import Act
from armslength.engine.author import KIND
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.script import begin, perform
from tests.sim.virtual import play


@pytest.mark.parametrize("known", [True, False])
def test_a_refused_statement_waits_for_the_next_seal(tmp_path: Path, known: bool) -> None:
    """A node does not sign the same refused statement again and again, whoever knows better."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node = world.nodes["A"].running.node
            asked = AsyncMock(return_value=[("T2", Act.RELEASE)])
            release = AsyncMock(return_value=Release(tranche="T2", wrapped="0" * 64))
            blind = {} if known else {"_after": lambda held, state, body: state}
            with (
                patch.object(node.hand, "open_acts", asked),
                patch.dict(hands._STATEMENTS, {Act.RELEASE: release}),
                patch.multiple(node, **(blind or {"wake": node.wake})),
            ):
                node.wake()
                await asyncio.sleep(30)
                written = await world.nodes["A"].store.find(KIND, f"{world.arrangement}/refused")
                assert len(written) == (0 if known else 1)
                assert "T2" in node.hand.troubles(world.arrangement)

    play(story())


def test_an_unexpected_error_is_not_tried_at_once(tmp_path: Path) -> None:
    """Whatever a peer makes an act fail with, the act is tried again after a while, and the others go on."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node = world.nodes["A"].running.node
            asked = AsyncMock(return_value=[("T2", Act.RELEASE), ("T3", Act.DOWNLOAD)])
            broken = AsyncMock(side_effect=ValueError("Invalid IPv6 URL"))
            with (
                patch.object(node.hand, "open_acts", asked),
                patch.object(hands, "plan", lambda *_: [("T3", Act.DOWNLOAD)]),
                patch.dict(hands._STATEMENTS, {Act.RELEASE: broken}),
                patch.dict(hands._DEEDS, {Act.DOWNLOAD: broken}),
            ):
                node.wake()
                await asyncio.sleep(20)
                assert (
                    16 <= broken.call_count <= 28
                )  # four acts (three nodes try to download), after 0, 0.5, 1, 2, 4 … s

    play(story())
