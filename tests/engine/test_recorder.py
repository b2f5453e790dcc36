"""What a timekeeper and an author hold on to when others do not play fair, between whole nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest

from armslength.core.arrangement.bodies import Attest, Notice
from armslength.core.record.entry import Leaf, entry_hash
from armslength.engine import local_record
from armslength.engine.clearance import Clearance
from armslength.errors import Unavailable
from armslength.wire.own import BASE
from armslength.wire.record import decode_leaf
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.network import ask
from tests.sim.script import begin, perform
from tests.sim.virtual import play

NOTICE = Notice(claim="k2", start=at(5), end=at(6), text="")


def test_an_entry_that_the_keeper_refused_is_not_owed(tmp_path: Path) -> None:
    """A timekeeper that stamped what the keeper has refused asks for the refusal, and goes on cosigning (rule 2.2d)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            await world.say("m1", Attest(claim="k2", period=0, value=True))  # too early
            await world.rest()
            refused = next(leaf for leaf in map(decode_leaf, world.network.submitted) if leaf.entry.author == "m1")
            await world.clock(at(1, 1))
            node = world.nodes["A"].running.node
            answers = await node.recorder.submit(
                world.arrangement, [Leaf(entry=refused.entry, sig=refused.sig, stamps=())]
            )
            assert answers[0].stamp is not None
            await world.clock(at(1, 3))
            await world.say("B", NOTICE)
            await world.rest()
            live = await world.nodes["A"].live()
            assert live.witness.size == live.record.sealed.sealed_size - 1
            assert not live.record.tail
            await world.check()

    play(story())


def test_only_what_a_seal_covers_is_sealed(tmp_path: Path) -> None:
    """An author sends again what the keeper has shown behind its last seal: that may still be dropped."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            world.network.apart = {"B"}
            await world.say("m1", Attest(claim="k2", period=0, value=False))
            await world.rest("A", "m5")
            keeper, author = await world.nodes["m5"].live(), await world.nodes["B"].live()
            [name] = await author.journal.write(Clearance((NOTICE,)), author.seen)
            leaf = (await author.journal.pending())[-1]
            submitted = Leaf(entry=leaf.submission.entry, sig=leaf.submission.sig, stamps=())
            await world.nodes["m5"].running.node.recorder.submit(world.arrangement, [submitted])
            start = author.record.sealed.size
            sealed = await world.nodes["m5"].store.leaves(world.arrangement, start, keeper.record.sealed.size)
            leaves = [*map(decode_leaf, sealed), *keeper.record.tail]
            assert entry_hash(leaves[-1].entry) == name
            did = world.terms.actors["m5"].did or ""
            await world.nodes["B"].running.node.recorder.sync(world.arrangement, did, start, leaves)
            assert author.record.sealed.size == keeper.record.sealed.size
            assert [entry_hash(each.entry) for each in await author.journal.pending()] == [name]
            world.network.apart = set()
            await world.rest()
            await world.check()

    play(story())


def test_a_crash_between_seal_and_journal_is_made_good(tmp_path: Path) -> None:
    """Entries that are sealed are pending no more, wherever the node died."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            for name, body in (("B", NOTICE), ("m5", Attest(claim="k2", period=0, value=False))):
                author = (await world.nodes[name].live()).journal
                lost = AsyncMock(side_effect=Unavailable("store-failed", "nothing was written"))
                with patch.object(type(author), "sealed", lost):
                    await world.say(name, body)
                    await asyncio.sleep(2)
                assert lost.called
            await world.rest()
            await world.check()

    play(story())


def test_the_loop_outlives_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    """A node whose arrangements cannot be read for a while goes on afterwards."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            repository = world.nodes["m5"].running.node.repository
            broken = AsyncMock(side_effect=Unavailable("store-failed", "cannot be read"))
            with patch.object(repository, "open", broken):
                world.nodes["m5"].running.node.repository.schedule.call()
                await asyncio.sleep(2)
            assert broken.called
            await world.say("B", NOTICE)
            await world.rest()

    play(story())


def test_a_clock_that_lags_and_answers_first_does_not_hold_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper waits for the third timekeeper where the first to answer would hold time back."""
    monkeypatch.setattr(local_record, "AHEAD", 10**9)  # B cosigns whatever its clock shows

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(0))
            host = world.nodes["A"].host
            answer = host.answer

            async def slow(method: str, url: str, *rest: Any) -> Any:
                await asyncio.sleep(1 if "add-checkpoint" in url else 0)
                return await answer(method, url, *rest)

            with patch.object(host, "answer", slow):
                await world.clock(at(0) + 7200, "A", "m5")
                await world.say("m1", Attest(claim="k2", period=0, value=False))
                await world.rest("A", "m5")
                assert (await world.state("m5")).clock.tau == at(0) + 7200

    play(story())


def test_a_stranger_s_bytes_are_not_read(tmp_path: Path) -> None:
    """A submission to an arrangement that is not here is answered before its body is looked at."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            node = world.nodes["A"]
            url = f"{node.config.address}{BASE}/submit/{'0' * 64}"
            reply = await ask(node.running.app, "POST", url, b"no leaves")  # type: ignore[arg-type]
            assert reply.status == 404

    play(story())
