"""An author that signs two entries with one number: the proof is put on record by whichever node has seen both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import patch

import pytest

from armslength.core.arrangement.bodies import Attest, Perform
from armslength.core.record.entry import entry_hash
from tests.golden.terms import at
from tests.sim.evil import begun, entry, leave_identity_only, signed, stamped, submit
from tests.sim.harness import World
from tests.sim.virtual import play

YES = Attest(claim="k1a", period=0, value=True)
OTHER = Attest(claim="k1b", period=0, value=True)


async def excluded(world: World) -> dict[str, list[str]]:
    """Whom each node holds excluded, once all are at rest."""
    await world.rest()
    await world.agreed_root()
    found = {}
    for name, node in world.nodes.items():
        live = await node.live()
        found[name] = sorted(live.record.sealed.state.arrangement.excluded)
    return found


@pytest.mark.parametrize("first", ["m5", "A"])
def test_two_entries_with_one_number(tmp_path: Path, first: str) -> None:
    """m2 shows one statement to one timekeeper and another to the next: its votes count no more, at any node."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            one, two = await entry(world, "m2", YES), await entry(world, "m2", OTHER)
            stamps = [stamped(one, "B", at(1, 1))]
            (answer,) = await submit(world, first, signed(one, stamps=stamps))
            assert answer.code is None
            (answer,) = await submit(world, "A" if first == "m5" else "m5", signed(two))
            await world.rest()
            await submit(world, first, signed(two))
            assert await excluded(world) == {"A": ["m2"], "B": ["m2"], "m5": ["m2"]}

    play(story())


def test_an_entry_in_place_of_a_refused_one_accuses_nobody(tmp_path: Path) -> None:
    """m2's first statement is refused, its next one takes the number; whoever brings the first one back proves nothing,
    however often."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            wrong = await entry(world, "m2", Perform(duty="C1.A"))
            (answer,) = await submit(world, "m5", signed(wrong))
            assert answer.refusal is not None
            right = await entry(world, "m2", YES, refused=(answer.refusal,))
            (answer,) = await submit(world, "m5", signed(right))
            assert answer.code is None
            await world.rest()
            for _ in range(3):
                for to in ("m5", "A", "B"):
                    await submit(world, to, signed(wrong))
                assert await excluded(world) == {"A": [], "B": [], "m5": []}
            live = await world.nodes["A"].live()
            assert live.record.cleared == {entry_hash(wrong)}
            assert live.record.sealed.index_of(entry_hash(right)) is not None

    play(story())


def test_a_proof_is_long_in_coming_and_comes(tmp_path: Path) -> None:
    """The number was taken and sealed long ago: the other entry with it convicts its author all the same."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            one, two = await entry(world, "m2", YES), await entry(world, "m2", OTHER)
            await submit(world, "m5", signed(one, stamps=[stamped(one, "B", at(1, 1))]))
            await world.rest()
            for number in range(1, 4):
                await world.clock(at(1 + number, 1))
                await world.rest()
                later = await entry(world, "m2", Attest(claim="k1a", period=number, value=True))
                await submit(world, "m5", signed(later))
            await world.rest()
            await submit(world, "B", signed(two))
            assert await excluded(world) == {"A": ["m2"], "B": ["m2"], "m5": ["m2"]}

    play(story())


def test_one_accusation_is_enough(tmp_path: Path) -> None:
    """While the keeper is away m2 shows ever more entries with one number: that is accused once, and whatever anybody
    else has signed in its name, never. Once m2 counts no more, nobody looks for its entries any more."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begun(world, publish=False)
            await world.clock(at(1, 1))
            await world.rest()
            await submit(world, "m5", signed(await entry(world, "m2", YES)))
            await world.rest()
            node, conflicts = world.nodes["A"].running.node, []
            for period in range(1, 8):
                body = Attest(claim="k1a", period=period, value=True)
                conflicts.append(await entry(world, "m2", body, author_seq=0, author_prev=""))
            live = await world.nodes["A"].live()
            await leave_identity_only(world, "m5")
            for each in conflicts[:5]:
                await submit(world, "A", signed(each))
                await asyncio.sleep(30)
            assert len(await live.journal.pending()) == 1
            await world.nodes["m5"].start()
            assert await excluded(world) == {"A": ["m2"], "B": ["m2"], "m5": ["m2"]}
            with patch.object(node.recorder, "last_entry", side_effect=AssertionError):
                live.record.accused.clear()
                await submit(world, "A", signed(conflicts[5]))
                assert not live.record.conflicts
                live.record.merge([signed(await entry(world, "m3", OTHER, author_seq=-1), by="m2")], at(1, 1))
                assert not live.record.conflicts

    play(story())
