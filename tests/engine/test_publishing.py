"""A provider's own embargo: when it makes no sense, and how it is changed after the content is committed to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from armslength.core.canonical import canonical
from armslength.engine.contents import PUBLICATION, Publication
from armslength.engine.publishing import PublishRequest
from armslength.errors import Misuse
from armslength.ports import Batch, Put
from armslength.wire.strict import convert, parse
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
            node, live = world.nodes["A"], await world.nodes["A"].live()
            publisher, file, other = node.running.node.tranches.publisher, tmp_path / "T2.in", tmp_path / "other"
            other.write_bytes(bytes(len(file.read_bytes())))
            assert live.record.view.state.tranches["T2"].commit is not None
            before = await node.store.find(PUBLICATION)
            for path, tranche, after, code in (
                (other, "T2", at(12), "committed"),
                (tmp_path, "T2", at(12), "no-file"),
                (file, "T2", live.terms.end, "too-late"),
                (tmp_path / "T1.in", "T1", at(12), "released"),
            ):
                with pytest.raises(Misuse) as caught:
                    await publisher.publish(live, tranche, PublishRequest(path, "text/markdown", after)).result()
                assert caught.value.code == code
            assert await node.store.find(PUBLICATION) == before
            old = await publisher._contents.need_publication(live, "T2")
            new = await publisher.publish(live, "T2", PublishRequest(file, "text/markdown", at(12))).result()
            assert new.release_after == at(12) != old.release_after
            assert (new.plain_root, new.cipher_root, new.path) == (old.plain_root, old.cipher_root, old.path)
            await asyncio.sleep(1)
            await world.rest()

    play(story())


def test_a_new_embargo_loses_nothing_that_is_stored_meanwhile(tmp_path: Path) -> None:
    """Where an act stores a wrapped key while the embargo is changed, the key stays, and the embargo is refused."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            node, live = world.nodes["A"], await world.nodes["A"].live()
            publisher, key = node.running.node.tranches.publisher, f"{world.arrangement}/T2"
            commit, once = node.store.commit, [True]

            async def meanwhile(batch: Batch) -> bool:
                row = await node.store.get(PUBLICATION, key)
                if once and row is not None:
                    once.clear()
                    wrapped = replace(convert(Publication, parse(row.body)), wrapped="AAAA")
                    assert await commit(Batch(puts=[Put(PUBLICATION, key, row.version, canonical(wrapped))]))
                return await commit(batch)

            slow = SimpleNamespace(get=node.store.get, commit=meanwhile)
            request = PublishRequest(tmp_path / "T2.in", "text/markdown", at(12))
            with patch.object(publisher._contents, "store", slow), pytest.raises(Misuse, match="already released"):
                await publisher.publish(live, "T2", request).result()
            assert not once
            assert (await publisher._contents.need_publication(live, "T2")).wrapped == "AAAA"

    play(story())
