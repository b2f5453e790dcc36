"""A provider's own embargo: when it makes no sense, and how it is changed after the content is committed to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from armslength.engine.hand import PUBLICATION, Publication
from armslength.errors import Misuse
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.script import begin, perform
from tests.sim.virtual import play


def test_the_embargo_changes_until_the_release_and_the_content_does_not(tmp_path: Path) -> None:
    """The very same bytes again change when the key may leave; other bytes, or a released tranche, change nothing."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node, held = world.nodes["A"], await world.nodes["A"].held()
            hand, file, other = node.running.node.hand, tmp_path / "T2.in", tmp_path / "other"
            other.write_bytes(bytes(len(file.read_bytes())))
            assert held.book.view.state.tranches["T2"].commit is not None
            before = await node.store.find(PUBLICATION)
            for path, tranche, after, code in (
                (other, "T2", at(12), "committed"),
                (tmp_path, "T2", at(12), "no-file"),
                (file, "T2", held.terms.end, "too-late"),
                (tmp_path / "T1.in", "T1", at(12), "released"),
            ):
                with pytest.raises(Misuse) as caught:
                    await hand.publish(held, tranche, path, "text/markdown", after)
                assert caught.value.code == code
            assert await node.store.find(PUBLICATION) == before
            old = await hand._need(PUBLICATION, held, "T2", Publication)
            new = await hand.publish(held, "T2", file, "text/markdown", at(12))
            assert new.release_after == at(12) != old.release_after
            assert (new.plain_root, new.cipher_root, new.path) == (old.plain_root, old.cipher_root, old.path)
            await asyncio.sleep(1)
            await world.rest()

    play(story())
