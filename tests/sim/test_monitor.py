"""A monitor without a node: what it has said waits in its journal until it has seen the proof of a seal."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any
from unittest.mock import patch

from armslength.core.arrangement.bodies import Attest
from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import entry_hash
from armslength.engine.journal import KIND
from armslength.engine.monitor import ARRANGEMENT
from armslength.engine.recorder import Recorder
from armslength.ports import Batch, Put
from armslength.wire.own import Proposal, SealedHead, decode_written
from armslength.wire.terms_json import encode_terms
from tests.golden.terms import at
from tests.sim.evil import begun
from tests.sim.harness import World, ring, world_terms
from tests.sim.virtual import play

FALSE = Attest(claim="k2", period=0, value=False)
LATER = Attest(claim="k1a", period=0, value=False)


async def pending(world: World) -> int:
    """How many entries of m1 wait."""
    return len(await world.stores["m1"].find(KIND, f"{world.arrangement}/pending"))


async def say(world: World, *bodies: Attest) -> list[str]:
    """What m1 is told."""
    return [said.status for said in (await world.monitor("m1").say(world.arrangement, bodies, ())).said]


def test_what_everyone_dropped_is_sent_again(tmp_path: Path) -> None:
    """An entry that was placed, and dropped before a seal, is sent again with the next command."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            assert await say(world, FALSE) == ["placed"]
            for node in world.nodes.values():
                live = await node.live()
                async with live.lock:
                    for leaf in list(live.record.tail):
                        live.record.drop(entry_hash(leaf.entry))
            await asyncio.sleep(5)
            assert (await world.state()).claims["k2"].open == {}
            assert await say(world, LATER) == ["placed"]
            await asyncio.sleep(5)
            assert await say(world) == []
            assert await pending(world) == 0
            claims = (await world.state()).claims
            assert {claim for claim in ("k2", "k1a") if "m1" in claims[claim].open.get("0", {})} == {"k2", "k1a"}
            await world.check()

    play(story())


def test_what_is_said_and_read_at_once_at_a_console_is_done_in_turn(tmp_path: Path) -> None:
    """Several pages of one console use one monitor: each statement gets a number of its own, a form that was sent twice
    says one thing once, and nobody is told to try again."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            monitor = world.monitor("m1")
            third = dataclasses.replace(LATER, claim="k1b")
            asked = [say(world, FALSE), monitor.records(), say(world, LATER), say(world, FALSE), monitor.records()]
            said = await asyncio.gather(*asked, say(world, third))
            assert [said[0], said[2], said[3], said[5]] == [["placed"]] * 4
            rows = await world.stores["m1"].find(KIND)
            assert sorted(decode_written(row.body).entry.author_seq for row in rows) == [0, 1, 2]
            await world.rest()
            assert not (await world.state()).arrangement.excluded
            await world.check()

    play(story())


def test_what_cannot_be_read_stands_in_no_other_s_way(tmp_path: Path) -> None:
    """A node that is away, and terms that name a monitor with another key than its own, are told of; what waits for the
    monitor elsewhere is shown."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            monitor = world.monitor("m1")
            terms = world_terms()
            own = terms.actors["m1"].keys
            assert own is not None
            keys = dataclasses.replace(own, entries=ring("m9")["entries"].text)
            actors = terms.actors | {"m1": dataclasses.replace(terms.actors["m1"], keys=keys)}
            document = encode_terms(dataclasses.replace(terms, title="Other", actors=actors))
            other = Proposal(document=document.decode(), texts={})
            await world.stores["m1"].commit(Batch(puts=[Put(ARRANGEMENT, digest(document), 0, canonical(other))]))
            await world.nodes["B"].crash()
            found, troubles = await monitor.records()
            assert [each.arrangement for each in found] == [world.arrangement]
            told = {(each.whom, each.what): each.reason for each in troubles}
            assert "do not name us with our current key" in told["", f"the reading of {digest(document)[:12]}"]
            assert [whom for whom, what in told if whom] == [world.nodes["B"].config.address]

    play(story())


def test_only_proof_of_a_seal_ends_the_waiting(tmp_path: Path) -> None:
    """A head with a false proof, or one of another leaf, leaves an entry pending; the true one does not."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            assert await say(world, FALSE) == ["placed"]
            assert await pending(world) == 1
            await asyncio.sleep(5)
            true = Recorder.sealed_head

            async def spoilt(self: Recorder, arrangement: str, entries: Any = (), author: str = "") -> SealedHead:
                sealed = await true(self, arrangement, entries, author)
                (shown,) = sealed.included
                other = shown.leaf.replace('"value":false', '"value":true')
                lies = (
                    dataclasses.replace(shown, path=(*shown.path[:-1], "A" * 43 + "=")),
                    dataclasses.replace(shown, index=shown.index - 1),
                    dataclasses.replace(shown, leaf=other),
                )
                return dataclasses.replace(sealed, included=lies)

            with patch.object(Recorder, "sealed_head", spoilt):
                assert await say(world) == []
                assert await pending(world) == 1
            assert await say(world) == []
            assert await pending(world) == 0

    play(story())


def test_a_monitor_that_has_lost_its_journal_goes_on_from_the_record(tmp_path: Path) -> None:
    """With nothing but its keys, a monitor takes up its numbers where the record shows that they end: it does not sign
    a number twice, and is not taken for one that speaks with two tongues (rule 8.3a)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            assert await say(world, FALSE, LATER) == ["placed", "placed"]
            await world.rest()
            del world._monitors["m1"]  # and with it its folder
            assert await say(world, dataclasses.replace(LATER, claim="k1b")) == ["placed"]
            await world.rest()
            state = await world.state()
            assert not state.arrangement.excluded
            assert "m1" in state.claims["k1b"].open["0"]

    play(story())


def test_one_node_that_hides_entries_does_not_make_a_monitor_sign_a_number_twice(tmp_path: Path) -> None:
    """The keeper shows a monitor that has lost its journal none of its entries: the other nodes do, and that counts."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            assert await say(world, FALSE, LATER) == ["placed", "placed"]
            await world.rest()
            del world._monitors["m1"]
            true, keeper = Recorder.sealed_head, world.nodes["m5"].running.node.recorder

            async def hiding(self: Recorder, arrangement: str, entries: Any = (), author: str = "") -> SealedHead:
                return await true(self, arrangement, entries, "" if self is keeper else author)

            with patch.object(Recorder, "sealed_head", hiding):
                assert await say(world, dataclasses.replace(LATER, claim="k1b")) == ["placed"]
            await world.rest()
            assert not (await world.state()).arrangement.excluded
            await world.check()

    play(story())
