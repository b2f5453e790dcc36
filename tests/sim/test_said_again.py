"""A statement that is made again, because nobody heard what became of it: nothing new is signed, nothing is refused."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import (
    Allege,
    Attest,
    Body,
    Determine,
    Notice,
    Perform,
    Respond,
    Resume,
    Waive,
    Withdraw,
)
from armslength.engine.journal import KIND as JOURNAL
from armslength.errors import Refused
from armslength.wire.own import decode_written
from tests.golden.terms import DAY, at
from tests.sim.evil import begun
from tests.sim.harness import SimNode, World, world_terms
from tests.sim.virtual import play

WORDS = tuple(Attest(claim=claim, period=0, value=False) for claim in ("k1a", "k1b", "k2"))


async def written(node: SimNode) -> list[str]:
    """The entries in a node's journal, seals not among them."""
    rows = await node.store.find(JOURNAL)
    found = [decode_written(row.body).entry.type for row in sorted(rows, key=lambda row: row.key)]
    return [kind for kind in found if kind != "seal"]


async def say(world: World, name: str, *bodies: Body) -> list[tuple[str, str, str | None]]:
    """Entry, status and note of each statement, made once."""
    node = world.nodes[name]
    return [
        (each.entry, each.status, each.note) for each in await node.running.node.writer.say(await node.live(), bodies)
    ]


@pytest.mark.parametrize("placed", [False, True])
def test_a_keeper_that_ended_before_it_answered(tmp_path: Path, placed: bool) -> None:
    """Killed when its owner's words are signed, or placed, and not answered: made again as soon as it is up, they are
    the entries that stand, whatever else is said with them."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            await world.rest()
            keeper = world.nodes["m5"]
            before, leaves = len(await written(keeper)), len(await keeper.store.leaves(world.arrangement, 0))
            making = asyncio.create_task(say(world, "m5", *WORDS))
            while len(await written(keeper)) == before:
                await asyncio.sleep(0.0001)
            while placed and len(await keeper.store.leaves(world.arrangement, 0)) == leaves:
                await asyncio.sleep(0.0001)
            assert not making.done()
            await keeper.crash()
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
            await keeper.start()
            await world.clock(world.now, "m5")
            other = Attest(claim="k5a", period=0, value=False)
            again = await say(world, "m5", WORDS[0], other, *WORDS[1:])
            assert [status for _, status, _ in again] == ["placed"] * 4
            assert [note for _, _, note in again] == ["said before", None, "said before", "said before"]
            assert len(await written(keeper)) == before + 4
            await world.rest()
            assert await say(world, "m5", *WORDS) == [again[0], again[2], again[3]]
            await world.check()

    play(story())


def test_what_stands_is_the_answer_and_other_words_are_refused(tmp_path: Path) -> None:
    """Every kind of statement, made again by a party that does not keep the record, before and after a seal; what says
    something else of the same subject is refused as before (rule 8.4e)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            await world.rest()
            lead = world.terms.claims["k2"].excuse
            assert lead is not None
            notice = Notice(claim="k2", start=at(0, 1) + lead.lead + DAY, end=at(0, 2) + lead.lead + DAY, text="repair")
            alleged = Allege(claim="k2", period=0, text="they were late")
            for who, body, different in (
                ("B", notice, None),
                ("A", alleged, dataclasses.replace(alleged, text="they were early")),
                ("B", Respond(allegation="A/k2/0", answer="DENIED"), Respond(allegation="A/k2/0", answer="ADMITTED")),
                ("B", Perform(duty="C2"), None),
                ("A", Waive(duty="C2"), None),  # by its only creditor: it is discharged, and refused in another way
                ("A", Withdraw(text="enough"), Withdraw(text="more than enough")),
            ):
                ((entry, status, note),) = await say(world, who, body)
                assert (status, note) == ("placed", None), body
                count = len(await written(world.nodes[who]))
                for _ in range(2):
                    assert await say(world, who, body) == [(entry, "placed", "said before")]
                    await world.rest()
                assert len(await written(world.nodes[who])) == count
                if different is not None:
                    with pytest.raises(Refused) as refused:
                        await say(world, who, different)
                    assert refused.value.code == "repeat"
            await world.check()

    play(story())


def test_who_has_agreed_to_resume_agrees_once(tmp_path: Path) -> None:
    """While the arrangement is suspended, and after it was resumed by both."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            for day in range(3):
                await world.clock(at(day, 1))
                for who in ("m1", "m2", "m3", "m5"):
                    await world.say(who, Attest(claim="k1a", period=day, value=False))
                await world.rest()
            assert (await world.state()).shown == "SUSPENDED"
            ((entry, _, _),) = await say(world, "A", Resume())
            assert await say(world, "A", Resume()) == [(entry, "placed", "said before")]
            await say(world, "B", Resume())
            for day in (3, 4):  # and the breach is remedied
                await world.clock(at(day + 1, 1))
                for who in ("m1", "m2", "m3", "m5"):
                    await world.say(who, Attest(claim="k1a", period=day, value=True))
            await world.rest()
            assert (await world.state()).shown == "EFFECTIVE"
            assert await say(world, "A", Resume()) == [(entry, "placed", "said before")]
            await world.check()

    play(story())


def test_a_changed_word_stands_no_more(tmp_path: Path) -> None:
    """An attestation that a later one has replaced is no longer what stands: made again, it is refused."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            ((entry, _, _),) = await say(world, "m5", WORDS[0])
            changed = Attest(claim="k1a", period=0, value=True, supersedes=entry)
            ((later, _, _),) = await say(world, "m5", changed)
            assert await say(world, "m5", changed) == [(later, "placed", "said before")]
            with pytest.raises(Refused, match="has attested"):
                await say(world, "m5", WORDS[0])

    play(story())


def test_a_word_that_is_on_its_way_may_be_replaced(tmp_path: Path) -> None:
    """Where the keeper is down, an attestation is replaced by the next one as if it stood on record."""

    async def story() -> None:
        async with World(tmp_path, world_terms("A")) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.nodes["A"].crash()
            ((entry, status, _),) = await say(world, "m5", WORDS[0])
            assert status == "pending"
            changed = Attest(claim="k1a", period=0, value=True, supersedes=entry)
            ((_, status, note),) = await say(world, "m5", changed)
            assert (status, note) == ("pending", None)
            await world.nodes["A"].start()
            await world.clock(world.now, "A")
            await world.rest()
            assert (await world.state()).claims["k1a"].open["0"]["m5"].value
            await world.check()

    play(story())


def test_a_node_that_was_put_back_finds_its_words_in_the_record(tmp_path: Path) -> None:
    """Its journal is older than what it has said, and a seal covers that: made again, it is what stands."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            await world.rest()
            older, alleged = world.nodes["A"].copy(), Allege(claim="k2", period=0, text="late")
            ((entry, _, _),) = await say(world, "A", alleged)
            await world.rest()
            await world.nodes["A"].put_back(older, noticed=True)
            await world.clock(world.now, "A")
            await world.rest()
            assert await say(world, "A", alleged) == [(entry, "placed", "said before")]
            with pytest.raises(Refused, match="has alleged"):
                await say(world, "A", dataclasses.replace(alleged, text="early"))
            await world.check()

    play(story())


def test_a_monitor_without_a_node(tmp_path: Path) -> None:
    """From its journal alone: on its way, placed and sealed. One refused statement leaves no gap for the others."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            monitor = world.monitor("m1")
            keeper = world.nodes["m5"]
            await keeper.crash()
            first = (await monitor.say(world.arrangement, WORDS[:1])).said
            assert {each.status for each in first} == {"pending"}
            again = (await monitor.say(world.arrangement, WORDS[:1])).said
            assert [(each.entry, each.status) for each in again] == [(each.entry, "pending") for each in first]
            assert {each.note for each in again} == {"said before"}
            await keeper.start()
            await world.clock(world.now, "m5")
            for _ in range(2):
                said = (await monitor.say(world.arrangement, WORDS[:1])).said
                assert [each.entry for each in said] == [each.entry for each in first]
                assert {(each.status, each.note) for each in said} == {("placed", "said before")}
                await world.rest()
            early, late = (Attest(claim=claim, period=9, value=True) for claim in ("k1a", "k1b"))
            said = (await monitor.say(world.arrangement, [early, WORDS[1], late, WORDS[2]])).said
            assert [(each.status, each.code) for each in said] == [
                ("refused", "early"), ("placed", None), ("refused", "early"), ("placed", None)
            ]  # fmt: skip
            await world.rest()
            await world.check()

    play(story())


def test_determiners_vote_once(tmp_path: Path) -> None:
    """A vote made again is the vote that stands."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(0, 1))
            await say(world, "A", Allege(claim="k2", period=0))
            await world.rest()
            (who,) = [name for name in world.terms.allegations.determiners.of if name in world.nodes][:1]
            ((entry, _, _),) = await say(world, who, Determine(uphold=True, allegation="A/k2/0"))
            assert await say(world, who, Determine(uphold=True, allegation="A/k2/0")) == [
                (entry, "placed", "said before")
            ]

    play(story())
