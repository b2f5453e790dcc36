"""Our add-checkpoint endpoint as any client of c2sp.org/tlog-witness@v1.0.0 sees it, and as our keeper uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

from armslength.core.record.checkpoint import Checkpoint
from armslength.core.record.note import Note, sign_note
from armslength.core.record.seal import open_cosignature
from armslength.net.client import HttpReply
from armslength.wire.own import BASE
from armslength.wire.witness import AddCheckpoint, parse_cosignatures
from tests.golden.terms import at
from tests.record_builder import public, signer
from tests.sim.evil import EvilKeeper, code, post
from tests.sim.harness import World
from tests.sim.test_evil_keeper import run
from tests.sim.virtual import play

Story = Callable[[World, EvilKeeper], Awaitable[None]]
PATH = f"{BASE}/add-checkpoint"


async def _ask(world: World, request: AddCheckpoint | str) -> HttpReply:
    body = request if isinstance(request, str) else request.encode()
    return await post(world, "A", PATH, body.encode())


def test_first_growth_and_again(tmp_path: Path) -> None:
    """A first head, a longer one and the same one again are cosigned, with times that never decrease (rule 8.1a)."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        roster, times = keeper.replica.roster, []
        reply = await _ask(world, keeper.request(0))
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        note = keeper.cosigned({})
        (line,) = parse_cosignatures(reply.body.decode())
        who, time = open_cosignature(roster, note.text, line)
        assert who == "A"
        times.append(time)
        await world.clock(at(0, 1), "A")
        keeper.seal(at(0, 1))
        await keeper.synced("A", 4)
        for old in (4, 5):
            reply = await _ask(world, keeper.request(old))
            assert reply.status == 200, reply.body
            (line,) = parse_cosignatures(reply.body.decode())
            times.append(open_cosignature(roster, keeper.cosigned({}).text, line)[1])
        assert times == sorted(times)
        assert times[-1] == at(0, 1)

    run(tmp_path, story)


def test_unknown_log(tmp_path: Path) -> None:
    """404: a record that we do not cosign."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        known = keeper.replica.checkpoint_now()
        key = public("m5", "checkpoints"), signer("m5", "checkpoints")
        for origin in (known.origin[:-1] + "0", "example.com/log", "armslength/1/"):
            text = Checkpoint(origin, known.size, known.root).text
            note = Note(text, (sign_note(text, origin, *key),))
            assert (await _ask(world, AddCheckpoint(0, (), note))).status == 404

    run(tmp_path, story)


def test_bad_signature(tmp_path: Path) -> None:
    """403: not signed by the record's keeper."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        note = keeper.cosigned({})
        other = sign_note(
            note.text, keeper.replica.roster.origin, public("A", "checkpoints"), signer("A", "checkpoints")
        )
        spoilt = dataclasses.replace(note.signatures[0], blob=bytes(64))
        for line in (other, spoilt):
            reply = await _ask(world, AddCheckpoint(0, (), Note(note.text, (line,))))
            assert (reply.status, code(reply)) == (403, "bad-log-signature")
        both = Note(note.text, (other, note.signatures[0]))  # unknown lines are passed over
        assert (await _ask(world, AddCheckpoint(0, (), both))).status == 200

    run(tmp_path, story)


def test_malformed(tmp_path: Path) -> None:
    """400: no request, more than 63 hashes, an old size beyond the checkpoint's."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        good = keeper.request(0)
        proof = (b"\0" * 32,) * 64
        for request in ("", "old 0\n", "new 0\n\n" + good.checkpoint.encode(), good.encode() + "\n"):
            assert (await _ask(world, request)).status == 400
        for bad in (dataclasses.replace(good, old=5), dataclasses.replace(good, proof=proof)):
            assert (await _ask(world, bad)).status == 400
        assert (await _ask(world, good)).status == 200

    run(tmp_path, story)


def test_stale(tmp_path: Path) -> None:
    """409: the old size is not that of the head cosigned last, which the body says."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        assert (await _ask(world, keeper.request(0))).status == 200
        keeper.seal(at(0))
        await keeper.synced("A", 4)
        for old in (0, 3):
            reply = await _ask(world, keeper.request(old))
            assert (reply.status, reply.headers["content-type"], reply.body) == (409, "text/x.tlog.size", b"4\n")
        assert (await _ask(world, keeper.request(4))).status == 200

    run(tmp_path, story)


def test_bad_proof(tmp_path: Path) -> None:
    """422: a proof that is wrong, missing or to spare, another root of the same size, leaves that we do not have."""

    async def story(world: World, keeper: EvilKeeper) -> None:
        assert (await _ask(world, keeper.request(0))).status == 200
        same = keeper.replica.checkpoint_now()
        text = Checkpoint(same.origin, same.size, bytes(32)).text
        note = Note(text, (sign_note(text, same.origin, public("m5", "checkpoints"), signer("m5", "checkpoints")),))
        keeper.seal(at(0))
        good = keeper.request(4)
        bad = [
            dataclasses.replace(good, proof=(bytes(32), *good.proof[1:])),
            dataclasses.replace(good, proof=good.proof[:-1]),
            dataclasses.replace(good, proof=(*good.proof, bytes(32))),
            AddCheckpoint(4, (), note),
        ]
        for request in bad:
            reply = await _ask(world, request)
            assert (reply.status, code(reply)) == (422, "bad-proof")
        reply = await _ask(world, good)
        assert (reply.status, code(reply)) == (422, "unknown-head")
        await keeper.synced("A", 4)
        assert (await _ask(world, good)).status == 200

    run(tmp_path, story)


def test_keeper_that_forgot(tmp_path: Path) -> None:
    """A keeper that does not know what a timekeeper cosigned last learns it, and seals."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await world.clock(at(-3))
            await world.agree()
            await world.rest()
            await world.nodes["m5"].crash()
            await world.nodes["m5"].start()
            await world.clock(at(0))
            await world.rest()
            assert (await world.state()).shown == "EFFECTIVE"
            assert {who for who, _, _ in world.network.cosigned} == {"A", "B"}
            followers = world.nodes["m5"].running.node.keeper.followers(await world.nodes["m5"].live())
            assert followers["A"].cosigned == (await world.nodes["A"].live()).witness.size
            await world.check()

    play(story())
