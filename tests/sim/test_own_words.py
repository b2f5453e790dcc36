"""A keeper that has something to say itself, and whose words others keep it from placing: it seals all the same."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Attest, Sign
from armslength.core.record import evidence
from armslength.core.record.entry import Leaf, Submission, entry_hash
from armslength.engine import local_record, tail_bounds
from armslength.engine.recorder import Recorder
from armslength.views.today import outline
from armslength.wire.own import MAX_LEAVES, SyncAnswer
from armslength.wire.record import encode
from tests.golden.terms import at
from tests.sim.evil import begun, entry, leave_identity_only, signed, submit
from tests.sim.harness import World
from tests.sim.virtual import play

YES = Attest(claim="k1a", period=0, value=True)
OTHER = Attest(claim="k1b", period=0, value=True)


def test_what_others_know_and_the_keeper_does_not(tmp_path: Path) -> None:
    """Two monitors let every timekeeper but the keeper know what makes the keeper's own next entry a repetition: the
    keeper learns of it from them, drops its entry, and the record goes on."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            one, two = signed(await entry(world, "m2", YES)), signed(await entry(world, "m2", OTHER))
            proof = evidence.equivocation(*(Submission(entry=each.entry, sig=each.sig) for each in (one, two)))
            accusation = signed(await entry(world, "m1", proof))
            for name in ("A", "B"):
                (answer,) = await submit(world, name, accusation)
                assert answer.stamp is not None
            for leaf in (one, two):
                await submit(world, "A", leaf)
                await submit(world, "m5", leaf)
            await asyncio.sleep(5)
            await world.rest()
            await world.agreed_root()
            sealed = (await world.nodes["m5"].live()).record.sealed
            assert sealed.index_of(entry_hash(accusation.entry)) is not None
            assert sealed.state.arrangement.excluded.keys() == {"m2"}

    play(story())


def test_full_timekeepers_have_room_for_the_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Monitors fill what may wait at a timekeeper and tell the keeper nothing: the keeper's own words are stamped."""
    limit = 12

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            await leave_identity_only(world, "A")
            for name in ("m1", "m2", "m3"):
                last, leaves = None, list[Leaf]()
                for _ in range(limit // 3):
                    body = Attest(claim="k1a", period=0, value=True, supersedes=last)
                    changes = {"author_seq": len(leaves), "author_prev": last or ""}
                    leaves.append(signed(await entry(world, name, body, **changes)))
                    last = entry_hash(leaves[-1].entry)
                answers = await submit(world, "B", *leaves)
                assert all(answer.stamp for answer in answers), answers
            await world.say("m5", YES)
            await world.rest("B", "m5")
            sealed = (await world.nodes["m5"].live()).record.sealed
            assert sealed.next_link("m1")[0] == limit // 3
            assert not (await world.nodes["B"].live()).record.tail

    monkeypatch.setattr(tail_bounds, "ALL", limit)
    play(story())


def test_a_timekeeper_that_misses_more_than_there_can_be(tmp_path: Path) -> None:
    """Thousands of entries that nobody wrote, reported as missing: the keeper looks at no more of them than one message
    may hold, and seals."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            made = await entry(world, "m2", OTHER)
            line = encode(signed(made, by="m3")).decode()
            true, looked = Recorder.sync, list[int]()

            async def missing(
                self: Recorder, arrangement: str, caller: str, start: int, leaves: list[Leaf]
            ) -> SyncAnswer:
                synced = await true(self, arrangement, caller, start, leaves)
                return dataclasses.replace(synced, missing=(line,) * 3000)

            def merge(self: local_record.LocalRecord, leaves: list[Leaf], now: int) -> None:
                looked.append(len(leaves))

            with patch.object(Recorder, "sync", missing), patch.object(local_record.LocalRecord, "merge", merge):
                await world.say("m1", YES)
                await asyncio.sleep(30)
            assert 0 < max(looked) <= 2 * MAX_LEAVES  # two timekeepers
            await world.rest()

    play(story())


def test_what_was_just_said_is_not_asked_again(tmp_path: Path) -> None:
    """A party signs while the keeper is away: its node holds that for its word, shows the record as it is, and what it
    asks of its owner takes the word for said."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.until("the proposal", world.propose)
            await world.engage("B", "m5")
            await world.rest()
            live = await world.nodes["A"].live()
            before = outline(live.arrangement, live.terms, live.record.view.state, "A", at(-3)).asked
            assert [each.kind for each in before] == ["sign"]
            await leave_identity_only(world, "m5")
            (said,) = await world.say("A", Sign())
            assert said.status == "pending"
            view = await world.nodes["A"].manage("view", arrangement=world.arrangement)
            assert view["state"]["arrangement"]["signed"] == {}
            assert list(view["ahead"]["arrangement"]["signed"]) == ["A"]
            ahead = await world.nodes["A"].running.node.writer.ahead(live)
            assert outline(live.arrangement, live.terms, ahead, "A", at(-3)).asked == ()

    play(story())
