"""A keeper that lies: what its followers answer, and what proof is left.

The keeper's node is down; in its place the test signs with its keys whatever suits it.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import Attest, Body, Evidence, Perform, Seal, Sign
from armslength.core.canonical import canonical
from armslength.core.record import evidence
from armslength.core.record.entry import entry_hash, leaf_of, refuse
from armslength.core.record.replica import Replica
from armslength.engine.contents import PUBLICATION, Publication
from armslength.errors import Refused
from armslength.ports import Batch, Put
from armslength.wire.record import decode_leaf
from tests.golden.terms import HOUR, at, commit, deliver, give
from tests.sim.evil import EvilKeeper, code, leave_identity_only, post, signed, stamped, submit
from tests.sim.harness import World
from tests.sim.virtual import play

TRUE = Attest(claim="k1a", period=0, value=True)
Story = Callable[[World, EvilKeeper], Awaitable[None]]


def run(folder: Path, story: Story) -> None:
    """Play a story in which the keeper's node is down and the test is the keeper. EFFECTIVE at D."""

    async def whole() -> None:
        async with World(folder) as world:
            await world.clock(at(-3))
            await world.until("the proposal", world.propose)
            await world.engage("B")
            await leave_identity_only(world, "m5")
            keeper = EvilKeeper(world)
            for party in ("A", "B"):
                keeper.enter(party, Sign(), at(-3))
            keeper.seal(at(-3))
            await world.clock(at(0), "A", "B")
            keeper.seal(at(0))
            for party in ("A", "B"):
                assert (await keeper.synced(party)).sealed == 4
            await story(world, keeper)

    play(whole())


async def _stands(world: World, size: int) -> None:
    for name in ("A", "B"):
        assert (await world.nodes[name].live()).record.sealed.size == size


def test_drops_an_entry(tmp_path: Path) -> None:
    """An entry that a timekeeper stamped may be late in the record by grace; then no head without it is cosigned
    (rule 2.2d)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        await world.clock(at(1, 1), "A", "B")
        made = keeper.entry("m1", TRUE)
        (answer,) = await submit(world, "A", signed(made))
        assert answer.stamp is not None
        keeper.enter("m2", TRUE, at(1, 1))
        synced = await keeper.synced("A", 4)
        assert [decode_leaf(line.encode()).entry for line in synced.missing] == [made]
        reply = await keeper.ask("A")
        assert reply.status == 200
        await world.clock(at(1, 1) + HOUR, "A", "B")
        reply = await keeper.ask("A", keeper.request(keeper.replica.size))
        assert (reply.status, code(reply)) == (422, "entry-missing")
        keeper.place(signed(made, stamps=[answer.stamp]))
        await keeper.synced("A", 4)
        reply = await keeper.ask("A", keeper.request(keeper.replica.size - 1))
        assert reply.status == 200

    run(tmp_path, story)


def test_drops_a_stamp(tmp_path: Path) -> None:
    """No head is cosigned whose leaf lacks the timekeeper's own stamp, where that is the earliest (rule 2.2e)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        await world.clock(at(1, 1), "A", "B")
        made = keeper.entry("m1", TRUE)
        await submit(world, "A", signed(made))
        keeper.place(signed(made, stamps=[stamped(made, "m5", at(1, 1) + 1)]))
        await keeper.synced("A", 4)
        reply = await keeper.ask("A")
        assert (reply.status, code(reply)) == (422, "stamp-missing")
        await _stands(world, 4)

    run(tmp_path, story)


def test_drops_ones_own_entry(tmp_path: Path) -> None:
    """A timekeeper cosigns no head that leaves out what it wrote itself, though another stamped it."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        await world.clock(at(1, 1), "A", "B")
        (said,) = await world.say("A", Perform(duty="C1.A"))
        assert said.status == "pending"
        keeper.enter("m2", TRUE, at(1, 1))
        await keeper.synced("A", 4)
        assert (await keeper.ask("A")).status == 200
        await world.clock(at(1, 1) + HOUR, "A", "B")
        reply = await keeper.ask("A", keeper.request(keeper.replica.size))
        assert (reply.status, code(reply)) == (422, "entry-missing")

    run(tmp_path, story)


def test_exact_instant(tmp_path: Path) -> None:
    """At the end of the term, which fires without grace, an entry stamped before it must be there at once
    (rule 2.2d)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        end = world.terms.end
        await world.clock(end - 60, "A", "B")
        keeper.seal(end - 120)
        await keeper.synced("A", 4)
        await keeper.synced("B", 4)
        made = keeper.entry("B", Perform(duty="C2"))
        await submit(world, "A", signed(made))
        keeper.enter("A", Perform(duty="C1.A"), end - 60)
        await keeper.synced("A", 5)
        assert (await keeper.ask("A")).status == 200
        await world.clock(end, "A", "B")
        reply = await keeper.ask("A", keeper.request(keeper.replica.size))
        assert (reply.status, code(reply)) == (422, "entry-missing")

    run(tmp_path, story)


def test_invalid_leaf(tmp_path: Path) -> None:
    """A record that holds an invalid entry is not taken, from the first invalid leaf on, and not cosigned
    (rule 1.3a)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        await world.clock(at(1, 1), "A", "B")
        forged = keeper.entry("m1", TRUE)
        good = keeper.leaf(forged, at(1, 1))
        keeper.leaves.append(canonical(dataclasses.replace(good, sig=signed(forged, by="m2").sig)))
        reply = await keeper.sync("A", 4)
        assert (reply.status, code(reply)) == (409, "bad-signature")
        await _stands(world, 4)

    run(tmp_path, story)


@pytest.mark.parametrize(("times", "wanted"), [({"m5": 0}, "bad-seal-quorum"), ({}, "bad-seal-quorum")])
def test_too_few_cosignatures(tmp_path: Path, times: dict[str, int], wanted: str) -> None:
    """A seal without a quorum of cosignatures is no seal."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        note = keeper.cosigned({name: at(0, 1) for name in times})
        body = Seal(checkpoint=note.encode(), state_root=keeper.replica.state_root)
        keeper.leaves.append(canonical(leaf_of(keeper.submit(keeper.entry("m5", body)), ())))
        reply = await keeper.sync("A", 4)
        assert (reply.status, code(reply)) == (409, wanted)
        await _stands(world, 4)

    run(tmp_path, story)


def test_seal_from_the_future(tmp_path: Path) -> None:
    """A seal whose time lies more than a minute ahead of a timekeeper's clock is not taken as sealed ground
    (rule 2.1e)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        keeper.seal(at(0) + 61)
        reply = await keeper.sync("A", 4)
        assert (reply.status, code(reply)) == (409, "ahead")
        await _stands(world, 4)
        await world.clock(at(0) + 1, "A")
        assert (await keeper.synced("A", 4)).sealed == 5

    run(tmp_path, story)


def test_refuses_a_valid_entry(tmp_path: Path) -> None:
    """A keeper that refuses a valid entry has signed the proof: at the head that it names, the entry is valid."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        made = keeper.entry("m1", Attest(claim="k1a", period=0, value=False))
        refusal = keeper.refusal(made, "late", "no reason")
        known = Replica.start(world.terms)
        for line in keeper.leaves[: refusal.head.size]:
            known.place(decode_leaf(line))
        assert known.head == refusal.head
        assert known.preview(keeper.submit(made), at(0)).at == at(0)
        roster = (await world.nodes["A"].live()).record.sealed.roster
        assert evidence.refuses(roster, refusal, entry_hash(made))
        assert not evidence.refuses(roster, dataclasses.replace(refusal, code="early"), entry_hash(made))
        forged = refuse(dataclasses.replace(refusal, by="A"), keeper.signer("A"))
        assert not evidence.refuses(roster, forged, entry_hash(made))

    run(tmp_path, story)


def test_two_histories(tmp_path: Path) -> None:
    """Who has cosigned one history cosigns no other; and where the keeper shows different ones to two parties, the key
    stops, and the two heads are evidence against the keeper (rule 6.3c)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        other = EvilKeeper(world)
        for line in keeper.leaves:
            other.replica.place(decode_leaf(line))
        other.leaves, other.seen = list(keeper.leaves), keeper.seen
        for author, body in [*commit("T1"), *deliver("T1"), *give("T1")[:1]]:
            keeper.enter(author, body, at(0))
            other.enter(author, body, at(0))
        other.enter("m1", Attest(claim="k1a", period=0, value=False), at(0))
        keeper.enter("m2", Attest(claim="k1a", period=0, value=False), at(0))
        assert keeper.replica.size == other.replica.size
        await _hold(world)
        await keeper.synced("A", 4)
        await other.synced("B", 4)
        await keeper.seal_with("A", at(0))
        await other.seal_with("B", at(0))
        reply = await other.ask("A", other.request(keeper.replica.size - 1))
        assert (reply.status, code(reply)) == (422, "bad-proof")
        assert (await keeper.synced("A", 4)).sealed == keeper.replica.size
        assert (await other.synced("B", 4)).sealed == other.replica.size
        assert (await world.state("A")).tranches["T1"].key_due is not None
        await _key_stops(world, keeper)

    run(tmp_path, story)


async def _hold(world: World) -> None:
    """A has the key of T1 that the script's release names."""
    wrapped = hashlib.sha256(b"T1 wrapped").digest()
    live = Publication(
        path="none",
        media_type="text/markdown",
        key="",
        size=1,
        plain_root="",
        cipher_size=1,
        cipher_root="",
        header="",
        wrapped=base64.b64encode(wrapped).decode(),
    )
    put = Put(PUBLICATION, f"{world.arrangement}/T1", 0, canonical(live), world.arrangement)
    assert await world.nodes["A"].store.commit(Batch(puts=[put]))


async def _key_stops(world: World, keeper: EvilKeeper) -> None:
    """A's node has put the two heads into evidence, once, and keeps the key."""
    node = world.nodes["A"]
    await world.until("evidence", lambda: _written(world))
    await asyncio.sleep(20)
    live, tranches = await node.live(), node.running.node.tranches
    (found,) = await _written(world)
    assert isinstance(found, Evidence)
    assert evidence.culprit(keeper.replica.roster, found) == "m5"
    assert "another history" in tranches.troubles(live)["T1"]
    assert live.record.view.state.tranches["T1"].key_at is None
    with pytest.raises(Refused):
        evidence.culprit(keeper.replica.roster, dataclasses.replace(found, second=found.first))


async def _written(world: World) -> list[Body]:
    """What A's node has written of itself."""
    return [each.entry.body for each in await (await world.nodes["A"].live()).journal.pending()]


def test_stranger_cannot_sync(tmp_path: Path) -> None:
    """Leaves that follow nothing the follower has are answered with where it stands, and change nothing."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        reply = await post(world, "A", f"/armslength/1/sync/{world.arrangement}?start=99", b"", token="m5")
        assert (reply.status, reply.body) == (200, b'{"missing":[],"sealed":4,"size":4}')

    run(tmp_path, story)
