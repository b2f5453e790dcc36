"""Messages of the largest size: while one is judged everybody else has their turn, and an end in the middle loses
nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from armslength.core.arrangement.bodies import Notice
from armslength.core.record.entry import Leaf, entry_hash, leaf_of, sign_entry
from armslength.core.record.replica import Replica
from armslength.engine.local_record import LocalRecord
from armslength.wire.own import BASE, MAX_LEAVES, PORTION, encode_leaves
from armslength.wire.record import decode_leaf
from tests.golden.terms import at
from tests.record_builder import signer
from tests.sim.evil import begun, entry, post
from tests.sim.harness import World
from tests.sim.virtual import play


async def notices(world: World, count: int, *, good: bool) -> list[Leaf]:
    """So many entries of B in a row; those that are not good have a signature of another one."""
    first = await entry(world, "B", Notice(claim="k2", start=at(5), end=at(6), text=""))
    found: list[Leaf] = []
    for number in range(count):
        made = replace(
            first,
            author_seq=first.author_seq + number,
            author_prev=entry_hash(found[-1].entry) if found else first.author_prev,
            body=Notice(claim="k2", start=at(5), end=at(6) + number, text=""),
        )
        found.append(leaf_of(sign_entry(made, signer("B")), ()))
    return found if good else [replace(leaf, sig=found[0].sig) for leaf in found]


async def turns_during(work: asyncio.Task[object]) -> int:
    """How often another one has its turn meanwhile."""
    count = 0
    while not work.done():
        await asyncio.sleep(0)
        count += 1
        if count % 1000 == 0:
            await asyncio.sleep(0.001)  # it waits for the clock, which stands still while anybody is at work
    await work
    return count


def test_others_have_their_turn_while_submissions_are_judged(tmp_path: Path) -> None:
    """A thousand entries with signatures that are not good, in one message to the keeper (rule 11.1i)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            body = encode_leaves(await notices(world, MAX_LEAVES, good=False))
            path = f"{BASE}/submit/{world.arrangement}"
            work: asyncio.Task[object] = asyncio.create_task(post(world, "m5", path, body, "B"))
            assert await turns_during(work) > MAX_LEAVES // PORTION

    play(story())


def test_others_have_their_turn_while_a_record_is_taken_in(tmp_path: Path) -> None:
    """A follower stops after each leaf, and has changed nothing before the last one."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world)
            live = await world.nodes["A"].live()
            lines = await world.nodes["A"].store.leaves(world.arrangement, 0, live.record.sealed.size)
            leaves = [decode_leaf(line) for line in lines]
            empty = LocalRecord(live.record.me, Replica.start(live.terms))
            steps = empty.offering(0, leaves, world.now)
            for _ in leaves:
                next(steps)
                assert empty.sealed.size == 0
            assert next(steps, None) is None
            assert empty.sealed.size == len(leaves) > 5

    play(story())


def test_what_was_placed_before_an_end_is_stored_with_the_next_word(tmp_path: Path) -> None:
    """A submission is broken off in the middle: the record has no gap, before a crash and after it."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            node, leaves = world.nodes["m5"], await notices(world, 60, good=True)
            before = (await node.live()).record.sealed.size
            work = asyncio.create_task(node.running.node.recorder.submit(world.arrangement, leaves))
            while (await node.live()).record.view.size < before + PORTION:
                await asyncio.sleep(0)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            assert before < (await node.live()).record.view.size < before + 60
            await asyncio.sleep(60)
            sealed = (await node.live()).record.sealed.size
            assert sealed > before + PORTION
            await node.crash()
            await node.start()
            await asyncio.sleep(60)
            assert (await node.live()).record.sealed.size >= sealed
            answers = await node.running.node.recorder.submit(world.arrangement, leaves)
            assert all(answer.refusal is None for answer in answers)

    play(story())
