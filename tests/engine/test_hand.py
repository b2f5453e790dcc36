"""What a node does of itself when its acts do not get through."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest

from armslength.core.arrangement.bodies import Release
from armslength.delivery import sealing
from armslength.engine import hand as hands
from armslength.engine.actions import Action
from armslength.engine.journal import KIND
from tests.golden.terms import at
from tests.sim.harness import World, shown
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
            asked = AsyncMock(return_value=[("T2", Action.RELEASE)])
            release = AsyncMock(return_value=Release(tranche="T2", wrapped="0" * 64))
            blind = {} if known else {"_after": lambda live, state, body: state}
            with (
                patch.object(node.hand, "open_acts", asked),
                patch.dict(hands._STATEMENTS, {Action.RELEASE: release}),
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
            asked = AsyncMock(return_value=[("T2", Action.RELEASE), ("T3", Action.DOWNLOAD)])
            broken = AsyncMock(side_effect=ValueError("Invalid IPv6 URL"))
            with (
                patch.object(node.hand, "open_acts", asked),
                patch.object(hands, "plan", lambda *_: [("T3", Action.DOWNLOAD)]),
                patch.dict(hands._STATEMENTS, {Action.RELEASE: broken}),
                patch.dict(hands._DEEDS, {Action.DOWNLOAD: broken}),
            ):
                node.wake()
                await asyncio.sleep(20)
                assert (
                    16 <= broken.call_count <= 28
                )  # four acts (three nodes try to download), after 0, 0.5, 1, 2, 4 … s

    play(story())


def test_a_full_disk_while_opening(tmp_path: Path) -> None:
    """The disk takes no opened file for a while: it is said, nothing is complained of, and it goes on by itself."""
    true, fails = sealing.unseal, [OSError(errno.ENOSPC, "No space left on device")] * 3

    def full(*args: Any, **more: Any) -> None:
        if fails:
            raise fails.pop()
        true(*args, **more)

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            with patch.object(sealing, "unseal", full):
                await world.clock(at(0))
                hand = world.nodes["B"].running.node.hand
                await world.until("trouble", lambda: _said(world))
                await world.rest()
            assert not fails
            assert shown(await world.state())["T1"] == "SETTLED"
            assert hand.troubles(world.arrangement) == {}

    async def _said(world: World) -> bool:
        return "no space left" in str(world.nodes["B"].running.node.hand.troubles(world.arrangement))

    play(story())
